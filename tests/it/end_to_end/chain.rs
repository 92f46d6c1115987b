//! The main job: request, rows, charts, notices.

use crate::support::fleet::{self, Fleet, OTHER_OWNER, OWNER, Parts, get};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const REPORT: &str = "5f0000000000000000000001";

/// The rows of the inventory that `keep` wants, by id, read from its files.
fn expected(fleet: &Fleet, component: &str, keep: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let file = fleet.folder().join("inventory").join(format!("{component}.ndjson"));
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| is_readable(row, OWNER) && keep(row)).map(|row| id(&row)).collect()
}

fn is_readable(row: &Value, owner: &str) -> bool {
    row["roles"].as_array().unwrap().iter().any(|role| id(role) == owner)
}

/// The `_id` of a row, plain or as Extended JSON.
fn id(row: &Value) -> String {
    let id = row["_id"].get("$oid").unwrap_or(&row["_id"]);
    id.as_str().unwrap_or_else(|| panic!("no id: {row}")).to_owned()
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(id).collect()
}

fn general(parts: Parts) {
    let Some(fleet) = fleet::fleet(parts, 1200) else { return };
    let _worker = fleet.worker();
    let filters = json!([{"field": "os", "typ": "object", "subfield": "base", "subfilter": "Linux"}]);
    fleet.request(REPORT, "general", "Servers", &filters);
    let record = fleet.ended(REPORT);
    assert_eq!(record["status"], "finished", "{record}");

    let rows = fleet.rows(&format!("{REPORT}_general"));
    let wanted = expected(&fleet, "servers", |row| row["os"]["base"] == "Linux");
    assert!(wanted.len() > 100, "the sample has Linux servers");
    assert_eq!(rows.len(), wanted.len(), "no row doubled");
    assert_eq!(ids(&rows), wanted, "the sources' ids are kept and none is missing");

    assert_eq!(record["columns"][0], "active");
    let total: u64 = counts(&record["aggr"]["os_base"]).iter().sum();
    assert_eq!(total, rows.len() as u64, "every row is counted");
    let charts = get(&format!("{}/aggregation/{REPORT}_general", fleet.api.url()));
    assert_eq!(charts["aggr"]["os_base"], json!({"Linux": rows.len()}));
    notices_arrive(&fleet, "success");
}

fn counts(chart: &Value) -> Vec<u64> {
    chart["aggr"]["data"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

fn notices_arrive(fleet: &Fleet, kind: &str) {
    let ws = fleet.wait("the browser's notice", || fleet.platform.calls("/api").pop());
    assert_eq!(ws.authorization, "apikey wsSecretKey");
    assert_eq!(ws.body["params"]["channel"], format!("maestro-{OWNER}"));
    assert_eq!(ws.body["params"]["data"]["notify"]["type"], kind);
    assert_eq!(ws.body["params"]["data"]["event"]["caller"][1], format!("reports-{REPORT}"));
    if kind == "success" {
        let audit = fleet.wait("the audit's record", || fleet.platform.calls("/audit/").pop());
        assert_eq!((audit.method.as_str(), audit.path), ("PUT", format!("/audit/reports/{REPORT}")));
        assert!(audit.authorization.starts_with("JWT "));
        assert!(audit.body["aggr"].is_object(), "{}", audit.body);
    }
}

#[test]
fn a_general_report_holds_exactly_the_rows_that_match() {
    general(Parts::Embedded);
}

#[test]
fn a_general_report_holds_exactly_the_rows_that_match_on_servers() {
    general(Parts::Servers);
}

fn pivot(parts: Parts) {
    let Some(fleet) = fleet::fleet(parts, 400) else { return };
    let _worker = fleet.worker();
    let filters = json!({
        "applications": {"enabled": true, "filters": []},
        "servers": {"enabled": true, "filters": [
            {"field": "created_at", "typ": "date", "comparer": "after", "filter": "2015-01-01T00:00:00.000Z"},
            {"field": "active", "typ": "boolean", "filter": "true"},
        ]},
    });
    fleet.request(REPORT, "pivot", "", &filters);
    let record = fleet.ended(REPORT);
    assert_eq!(record["status"], "finished", "{record}");
    let rows = fleet.rows(&format!("{REPORT}_pivot"));
    assert_eq!(ids(&rows).len(), rows.len(), "each joined row has an id of its own");
    let servers: BTreeSet<String> = rows.iter().map(|row| id(&row["servers"])).collect();
    let applications = expected(&fleet, "applications", |_| true);
    let wanted = expected(&fleet, "servers", |row| {
        let joined =
            row["applications"].as_array().is_some_and(|list| list.iter().any(|app| applications.contains(&id(app))));
        row["active"] == true && joined
    });
    assert_eq!(servers, wanted);
    notices_arrive(&fleet, "success");
}

#[test]
fn a_pivot_report_joins_what_the_owner_may_see() {
    pivot(Parts::Embedded);
}

#[test]
fn a_pivot_report_joins_what_the_owner_may_see_on_servers() {
    pivot(Parts::Servers);
}

#[test]
fn nothing_found_is_a_warning_and_an_empty_table() {
    let fleet = fleet::fleet(Parts::Embedded, 20).unwrap();
    let _worker = fleet.worker();
    let filters = json!([{"field": "hostname", "typ": "string", "filter": "no such host"}]);
    fleet.request(REPORT, "general", "Servers", &filters);
    let record = fleet.ended(REPORT);
    assert_eq!((&record["status"], &record["msg"]), (&json!("warning"), &json!("This report is empty")));
    assert!(fleet.rows(&format!("{REPORT}_general")).is_empty());
    notices_arrive(&fleet, "info");
}

#[test]
fn a_filter_never_shows_another_owners_rows() {
    let fleet = fleet::fleet(Parts::Embedded, 600).unwrap();
    let _worker = fleet.worker();
    let other = json!([{"field": "roles", "typ": "array", "subfield": "_id", "subfilter": OTHER_OWNER}]);
    fleet.request(REPORT, "general", "Servers", &other);
    let record = fleet.ended(REPORT);
    assert_ne!(record["status"], "error", "{record}");
    let rows = fleet.rows(&format!("{REPORT}_general"));
    let both = expected(&fleet, "servers", |row| is_readable(row, OTHER_OWNER));
    assert_eq!(ids(&rows), both, "only what both may read");
}

#[test]
fn several_filters_on_one_field_hold_together() {
    let fleet = fleet::fleet(Parts::Embedded, 600).unwrap();
    let _worker = fleet.worker();
    let filters = json!([
        {"field": "cpu", "typ": "number", "comparer": "greater", "filter": "4"},
        {"field": "cpu", "typ": "number", "comparer": "less", "filter": 8},
        {"field": "hostname", "typ": "string", "comparer": "contain", "filter": "-"},
        {"field": "hostname", "typ": "string", "comparer": "contain", "filter": "1"},
        {"field": "hostname", "typ": "string", "comparer": "not contain", "filter": "2"},
    ]);
    fleet.request(REPORT, "general", "Servers", &filters);
    fleet.ended(REPORT);
    let wanted = expected(&fleet, "servers", |row| {
        let (cpu, name) = (row["cpu"].as_f64().unwrap(), row["hostname"].as_str().unwrap());
        (4.0..=8.0).contains(&cpu) && name.contains('-') && name.contains('1') && !name.contains('2')
    });
    assert!(!wanted.is_empty());
    assert_eq!(ids(&fleet.rows(&format!("{REPORT}_general"))), wanted);
}

#[test]
fn pages_follow_until_every_row_found_is_there() {
    let fleet = fleet::fleet(Parts::Embedded, 500).unwrap();
    let _worker =
        fleet.spawn(&["worker", "-q", "report"], &[("MAESTRO_FETCH_QTD", "70"), ("MAESTRO_INSERT_QTD", "32")]);
    fleet.request(REPORT, "general", "Servers", &json!([]));
    fleet.ended(REPORT);
    assert_eq!(ids(&fleet.rows(&format!("{REPORT}_general"))), expected(&fleet, "servers", |_| true));
}
