//! `POST /aggregate`: stages, joins, refusals.

use super::{Inventory, OWNER};
use serde_json::{Value, json};

const OTHER: &str = "5c0000000000000000000002";

fn small() -> Inventory {
    let clients = json!([
        {"_id": "5c0000000000000000000c01", "name": "acme", "roles": [{"_id": OWNER}]},
        {"_id": "5c0000000000000000000c02", "name": "idle", "roles": [{"_id": OWNER}], "tags": ["x", "y"]},
        {"_id": "5c0000000000000000000c03", "name": "other", "roles": [{"_id": OTHER}]},
    ]);
    let systems = json!([
        {"_id": "5c0000000000000000000501", "name": "shop", "clients": [{"_id": "5c0000000000000000000c01"}, {"_id": "5c0000000000000000000c03"}],
         "roles": [{"_id": OWNER}], "updated_at": "2018-11-28T02:00:00"},
        {"_id": "5c0000000000000000000502", "name": "bank", "clients": [{"_id": "5c0000000000000000000c01"}],
         "roles": [{"_id": OTHER}], "updated_at": "2018-11-29T02:00:00"},
    ]);
    Inventory::of(&[("clients.json", &clients.to_string()), ("systems.json", &systems.to_string())])
}

fn lookup() -> Value {
    json!({"$lookup": {"from": "systems", "localField": "_id", "foreignField": "clients._id", "as": "systems"}})
}

/// Client and system of each row.
fn pairs(rows: &[Value]) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    rows.iter().map(|row| (text(&row["name"]).unwrap(), text(&row["systems"]["name"]))).collect()
}

fn pair(client: &str, system: Option<&str>) -> (String, Option<String>) {
    (client.to_owned(), system.map(str::to_owned))
}

#[test]
fn a_join_unwinds_to_a_row_for_each_partner() {
    let inventory = small();
    let mine = json!({"$match": {"roles._id": OWNER}});
    let unwind = |keep: bool| json!({"$unwind": {"path": "$systems", "preserveNullAndEmptyArrays": keep}});
    let kept = inventory.aggregate("Clients", &json!([mine, lookup(), unwind(true)]));
    assert_eq!(pairs(&kept), [pair("acme", Some("shop")), pair("acme", Some("bank")), pair("idle", None)]);
    assert!(kept[2].get("systems").is_none());
    let dropped = inventory.aggregate("clients", &json!([mine, lookup(), {"$unwind": "$systems"}]));
    assert_eq!(pairs(&dropped), [pair("acme", Some("shop")), pair("acme", Some("bank"))]);
    let whole = inventory.aggregate("Clients", &json!([mine, lookup()]));
    assert_eq!(whole[0]["systems"].as_array().unwrap().len(), 2);
    assert_eq!(whole[1]["systems"], json!([]));
    let mine_only =
        json!({"$match": {"systems.roles._id": OWNER, "systems.updated_at": {"$gte": "2018-11-28T02:00:00.000000Z"}}});
    let rows = inventory.aggregate("Clients", &json!([mine, lookup(), unwind(true), mine_only]));
    assert_eq!(pairs(&rows), [pair("acme", Some("shop"))]);
    assert_eq!(rows[0]["systems"]["updated_at"], "2018-11-28T02:00:00");
}

#[test]
fn short_dates_stay_texts_as_on_the_platform() {
    let pipeline = |date: &str| json!([{"$match": {"roles._id": OWNER, "updated_at": {"$gte": date}}}]);
    let inventory = small();
    assert_eq!(inventory.aggregate("Systems", &pipeline("2018-11-28T02:00:00.000000Z")).len(), 1);
    assert_eq!(inventory.aggregate("Systems", &pipeline("2018-11-28T02:00:00.000Z")).len(), 0);
}

#[test]
fn lists_unwind_and_limits_stop() {
    let inventory = small();
    let mine = json!({"$match": {"roles._id": OWNER}});
    let unwound = inventory.aggregate("Clients", &json!([mine, {"$unwind": "$tags"}]));
    assert_eq!(unwound.iter().map(|row| row["tags"].clone()).collect::<Vec<_>>(), [json!("x"), json!("y")]);
    let limited = inventory.aggregate("Clients", &json!([mine, lookup(), {"$unwind": "$systems"}, {"$limit": 1}]));
    assert_eq!(pairs(&limited), [pair("acme", Some("shop"))]);
    let nobody = json!({"$lookup": {"from": "sorcerers", "localField": "_id", "foreignField": "x", "as": "partners"}});
    assert_eq!(inventory.aggregate("Clients", &json!([mine, nobody, {"$unwind": "$partners"}])).len(), 0);
}

#[test]
fn the_whole_chain_of_a_sample_joins_as_its_files_say() {
    let inventory = Inventory::sample(400);
    let read = |component: &str| -> Vec<Value> {
        let file = inventory.folder().join(format!("{component}.ndjson"));
        std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mine = |row: &Value| row["roles"].as_array().unwrap().iter().any(|role| role["_id"] == OWNER);
    let refers =
        |row: &Value, field: &str, to: &Value| row[field].as_array().unwrap().iter().any(|r| r["_id"] == to["_id"]);
    let chain = [("systems", "clients"), ("applications", "system"), ("servers", "applications")];
    let mut rows: Vec<Vec<Value>> = read("clients").into_iter().filter(mine).map(|client| vec![client]).collect();
    let mut pipeline = vec![json!({"$match": {"roles._id": OWNER}})];
    let mut local = "_id".to_owned();
    for (component, field) in chain {
        let records = read(component);
        rows = rows
            .iter()
            .flat_map(|row| {
                let partners =
                    records.iter().filter(|record| mine(record) && refers(record, field, row.last().unwrap()));
                partners.map(|record| [row.clone(), vec![record.clone()]].concat()).collect::<Vec<_>>()
            })
            .collect();
        pipeline.push(json!({"$lookup": {"from": component, "localField": local, "foreignField": format!("{field}._id"), "as": component}}));
        pipeline.push(json!({"$unwind": {"path": format!("${component}"), "preserveNullAndEmptyArrays": true}}));
        pipeline.push(json!({"$match": {format!("{component}.roles._id"): OWNER}}));
        local = format!("{component}._id");
    }
    let ids = |row: &Value| ["systems", "applications", "servers"].map(|part| row[part]["_id"].clone());
    let found: Vec<_> = inventory.aggregate("Clients", &json!(pipeline)).iter().map(ids).collect();
    let wanted: Vec<_> = rows.iter().map(|row| [1, 2, 3].map(|part| row[part]["_id"].clone())).collect();
    assert!(wanted.len() > 300, "{} rows", wanted.len());
    assert_eq!(found, wanted);
}

#[test]
fn pipelines_without_owner_or_with_other_stages_are_refused() {
    let inventory = small();
    let refused = |status: u16, pipeline: Value| {
        inventory.refused(status, "/aggregate", &json!({"entity": "Clients", "pipeline": pipeline.to_string()}))
    };
    let mine = json!({"$match": {"roles._id": OWNER}});
    for pipeline in [json!([]), json!([{"$match": {"name": "acme"}}]), json!([lookup(), mine]), json!([{"$limit": 1}])]
    {
        assert!(refused(422, pipeline).contains("roles._id"));
    }
    for (stage, name) in [
        (json!({"$group": {"_id": "$name"}}), "$group"),
        (json!({"$lookup": {"from": "systems", "pipeline": [], "as": "x"}}), "$lookup"),
        (json!({"$out": "servers"}), "$out"),
        (json!({"$limit": 0}), "$limit"),
        (json!({"$unwind": {"path": "tags"}}), "$unwind"),
        (json!({"$match": {"$where": "1"}}), "$match"),
    ] {
        let message = refused(500, json!([mine, stage]));
        assert!(message.starts_with("pipeline[1]") && message.contains(name), "{message}");
    }
    inventory.refused(404, "/aggregate", &json!({"entity": "Sorcerers", "pipeline": json!([mine]).to_string()}));
    inventory.refused(400, "/aggregate", &json!({"entity": "Clients"}));
}
