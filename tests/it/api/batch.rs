//! `POST /reports`: rows appended, and runs of another host.

use super::{Api, TABLE, fill, numbered, on_every_store, servers, snapshot};
use serde_json::{Value, json};

fn batch(run_id: &str, batch: u64, rows: Vec<Value>) -> Value {
    json!({"colname": TABLE, "results": rows, "run_id": run_id, "batch": batch})
}

fn last(run_id: &str, batch_number: u64, status: &str, rows: u64) -> Value {
    let mut body = batch(run_id, batch_number, Vec::new());
    body["last"] = true.into();
    body["run"] = json!({
        "status": status, "message": "told by the other host", "rows": rows, "columns": ["name"],
        "aggr": {"active": {"aggr": {"label": ["true"], "data": [7]}, "opts": {}}}, "stages": {"upload": 0.5},
    });
    body
}

#[test]
fn rows_are_appended_and_replaced_by_their_id() {
    on_every_store(|api| {
        let body = json!({"colname": TABLE, "results": servers()});
        let appended = api.send_json("POST", "/reports", &body);
        let more = json!({"colname": TABLE, "results": [
            {"_id": "5c0000000000000000000001", "name": "renamed"}, {"_id": "x", "name": "new"}, {"name": "no id"},
        ]});
        let more = api.send_json("POST", "/reports/", &more);
        snapshot("append", [("three new", appended), ("one new, one known, one without id", more)]);
        assert_eq!(api.names(&[("orderBy", "name"), ("ascending", "1")]), ["db.1", "new", "renamed", "web2"]);
    });
}

#[test]
fn rows_keep_the_id_of_their_source() {
    on_every_store(|api| {
        fill(api);
        let id = |row: &Value| row["_id"].as_str().unwrap().to_owned();
        let ids: Vec<String> = api.items(&[("orderBy", "_id"), ("ascending", "1")]).iter().map(id).collect();
        let sent: Vec<String> = servers().as_array().unwrap().iter().map(id).collect();
        assert_eq!(ids, sent);
    });
}

#[test]
fn a_run_is_readable_only_when_its_last_batch_is_in() {
    on_every_store(|api| {
        fill(api);
        assert_eq!(api.post(&batch("run-1", 0, numbered(0, 5))), 5);
        assert_eq!(api.post(&batch("run-1", 1, numbered(5, 8))), 3);
        // The same batch again counts once.
        assert_eq!(api.post(&batch("run-1", 1, numbered(5, 8))), 0);
        assert_eq!(api.names(&[]), ["web2", "db.1", "web1"]);
        api.post(&last("run-1", 2, "finished", 8));
        assert_eq!(api.items(&[]).len(), 8);
        let counted = api.get(&format!("/aggregation/{TABLE}")).json();
        assert_eq!(counted["aggr"], json!({"active": {"true": 7}}));
    });
}

#[test]
fn a_run_that_begins_again_leaves_nothing_of_its_first_attempt() {
    on_every_store(|api| {
        api.post(&batch("run-1", 0, numbered(0, 5)));
        api.post(&batch("run-1", 0, numbered(10, 13)));
        api.post(&last("run-1", 1, "finished", 3));
        let mut names = api.names(&[]);
        names.sort();
        assert_eq!(names, ["n10", "n11", "n12"]);
    });
}

#[test]
fn a_batch_of_no_known_run_is_told_to_start_again() {
    on_every_store(|api| {
        let lost = api.send_json("POST", "/reports", &batch("run-1", 3, numbered(0, 2)));
        api.post(&batch("run-1", 0, numbered(0, 2)));
        let short = api.send_json("POST", "/reports", &last("run-1", 1, "finished", 5));
        snapshot("run_conflicts", [("no such run", lost), ("rows are missing", short)]);
    });
}

#[test]
fn a_failed_run_leaves_the_readable_rows() {
    on_every_store(|api| {
        fill(api);
        api.post(&batch("run-1", 0, numbered(0, 5)));
        assert_eq!(api.post(&last("run-1", 0, "error", 0)), 0);
        assert_eq!(api.names(&[]), ["web2", "db.1", "web1"]);
        let lost = api.send_json("POST", "/reports", &batch("run-1", 1, numbered(5, 8)));
        assert_eq!(lost.status, 409);
    });
}

#[test]
fn a_wrong_batch_is_refused_whole() {
    let api = Api::embedded();
    let cases = [
        ("nothing", json!({})),
        ("no such type", json!({"colname": "users", "results": {}})),
        ("operator as a name", json!({"colname": TABLE, "results": [{"_id": "a"}, {"_id": "b", "$set": 1}]})),
        ("list as an id", json!({"colname": TABLE, "results": [{"_id": [1]}]})),
        ("last without an outcome", json!({"colname": TABLE, "results": [], "run_id": "r", "last": true})),
        ("run that goes on", last("r", 0, "process", 0)),
    ];
    let answers = cases.into_iter().map(|(name, body)| (name, api.send_json("POST", "/reports", &body)));
    snapshot("wrong_batch", answers);
    assert_eq!(api.get(&format!("/reports/{TABLE}")).status, 404);
}
