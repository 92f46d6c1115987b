//! What can go wrong on the way is the business of `tests/faults`; here is the one that needs no more than a second.

use crate::support::fleet::{Parts, fleet};
use serde_json::json;

#[test]
fn a_data_api_that_is_down_ends_the_report_in_error() {
    let report = "5f0000000000000000000002";
    let mut fleet = fleet(Parts::Embedded, 20).unwrap();
    let _worker = fleet.worker();
    fleet.stop_inventory();
    fleet.request(report, "general", "Servers", &json!([]));
    let told = fleet.wait("the browser's notice", || {
        let mut calls = fleet.platform.calls("/api").into_iter();
        calls.find(|call| call.body["params"]["data"]["notify"]["type"] == "error")
    });
    assert!(told.body.to_string().contains(report));
}
