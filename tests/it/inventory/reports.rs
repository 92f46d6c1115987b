//! `PUT /reports`: the records of reports.

use super::Inventory;
use awc::http::Method;
use serde_json::{Value, json};

const ID: &str = "5c00000000000000000000aa";

#[test]
fn what_is_put_can_be_read_and_found() {
    let known = json!([{"_id": ID, "name": "mine", "status": "process", "owner": {"_id": super::OWNER}}]);
    let inventory = Inventory::of(&[("reports.json", &known.to_string())]);
    let new = "5c00000000000000000000bb";
    let body = json!({"body": [
        {"_id": ID, "status": "finished", "columns": ["_id", "name"], "aggr": {"os_base": {"aggr": {"label": ["Linux"], "data": [3]}}}},
        {"_id": new, "status": "error", "msg": "no"},
    ]});
    let (status, _) = inventory.call(Method::PUT, "/reports", &body);
    assert_eq!(status, 200);
    let (status, record) = inventory.call(Method::GET, &format!("/reports/{ID}"), &Value::Null);
    assert_eq!(status, 200);
    let wanted = json!({
        "_id": ID, "name": "mine", "status": "finished", "owner": {"_id": super::OWNER}, "columns": ["_id", "name"],
        "aggr": {"os_base": {"aggr": {"label": ["Linux"], "data": [3]}}},
    });
    assert_eq!(record, wanted);
    assert_eq!(inventory.find("reports", &json!({"status": "error"}), 10, 1)["items"][0]["_id"], new);
    assert_eq!(inventory.find("reports", &json!({"owner._id": super::OWNER}), 10, 1)["found"], 1);
}

#[test]
fn a_folder_without_reports_takes_them_too() {
    let inventory = Inventory::of(&[("servers.json", "[]")]);
    assert_eq!(inventory.find("reports", &json!({}), 10, 1)["found"], 0);
    assert_eq!(inventory.call(Method::GET, &format!("/reports/{ID}"), &Value::Null).0, 404);
    let (status, _) = inventory.call(Method::PUT, "/reports", &json!({"body": [{"_id": ID, "status": "warning"}]}));
    assert_eq!(status, 200);
    assert_eq!(inventory.call(Method::GET, &format!("/reports/{ID}"), &Value::Null).1["status"], "warning");
    let (status, answer) = inventory.call(Method::PUT, "/reports", &json!({"body": [{"_id": "5c", "status": "x"}]}));
    assert_eq!(status, 400);
    assert!(answer["error"]["msg"].as_str().unwrap().starts_with("body[0]: _id"), "{answer}");
    assert_eq!(inventory.call(Method::PUT, "/reports", &json!({"status": "x"})).0, 400);
}
