//! What can go wrong on the way: the report ends with a message, the old table stays.

use crate::support::fleet::{self, Parts, fleet, fleet_reading, get};
use crate::support::platform::{Call, Platform};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const REPORT: &str = "5f0000000000000000000002";
const TABLE: &str = "5f0000000000000000000002_general";

/// The registry's message once the report has ended in `error`.
fn failure(fleet: &fleet::Fleet, platform: &Platform) -> String {
    let told = fleet.wait("the platform to be told", || {
        let mut notices = platform.calls("/reports").into_iter().map(|call| call.body["body"][0].clone());
        notices.find(|record| record["status"] == "error")
    });
    told["msg"].as_str().unwrap().to_owned()
}

/// A Data API that first gives two good rows and, once `broken`, answers with `fault`.
fn data_api(broken: &Arc<AtomicBool>, fault: fn() -> HttpResponse) -> Platform {
    let broken = Arc::clone(broken);
    Platform::start(move |call: &Call| {
        match call.path.as_str() {
        "/servers" if broken.load(Ordering::SeqCst) => fault(),
        "/servers" => HttpResponse::Ok().json(json!({"found": 2, "items": [
            {"_id": "5c00000000000000000000a1", "hostname": "one"}, {"_id": "5c00000000000000000000a2", "hostname": "two"},
        ]})),
        _ => HttpResponse::Ok().json(json!({})),
    }
    })
}

/// Runs a good report, then a failing one; its message. The old rows must be readable all along.
fn second_run_fails(fault: fn() -> HttpResponse) -> String {
    let broken = Arc::new(AtomicBool::new(false));
    let platform = data_api(&broken, fault);
    let fleet = fleet_reading(Parts::Embedded, &platform.address).unwrap();
    let _worker = fleet.worker();
    fleet.request(REPORT, "general", "Servers", &json!([]));
    fleet.wait("the first run", || (fleet_rows(&fleet) == 2).then_some(()));
    broken.store(true, Ordering::SeqCst);
    fleet.request(REPORT, "general", "Servers", &json!([]));
    let message = failure(&fleet, &platform);
    assert_eq!(fleet_rows(&fleet), 2, "the old table stays readable");
    let ws = fleet.wait("the browser's notice", || {
        fleet.platform.calls("/api").into_iter().find(|call| call.body["params"]["data"]["notify"]["type"] == "error")
    });
    assert_eq!(ws.method, "POST");
    message
}

fn fleet_rows(fleet: &fleet::Fleet) -> usize {
    get(&format!("{}/reports/{TABLE}", fleet.api.url()))["items"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_data_api_that_fails_ends_the_report_in_error() {
    let message =
        second_run_fails(|| HttpResponse::InternalServerError().json(json!({"error": {"msg": "database is gone"}})));
    assert!(message.contains("the Data API") && message.contains("500: database is gone"), "{message}");
}

#[test]
fn a_page_of_html_ends_the_report_in_error() {
    let message = second_run_fails(|| HttpResponse::Ok().content_type("text/html").body("<h1>maintenance</h1>"));
    assert!(message.contains("not understood"), "{message}");
}

#[test]
fn a_cut_answer_ends_the_report_in_error() {
    let message = second_run_fails(|| {
        HttpResponse::Ok().content_type("application/json").body(r#"{"found": 2, "items": [{"_id": "5c0000"#)
    });
    assert!(message.contains("broke off"), "{message}");
}

#[test]
fn rows_announced_and_not_delivered_end_the_report_in_error() {
    let message = second_run_fails(|| HttpResponse::Ok().json(json!({"found": 9, "items": []})));
    assert!(message.contains("announced 9 rows and delivered 0"), "{message}");
}

#[test]
fn a_refused_query_is_not_tried_again() {
    let message = second_run_fails(|| {
        HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY).json(json!({"error": {"msg": "no such field"}}))
    });
    assert!(message.contains("422: no such field"), "{message}");
}

#[test]
fn a_data_api_that_is_down_ends_the_report_in_error() {
    let mut fleet = fleet(Parts::Embedded, 20).unwrap();
    let _worker = fleet.worker();
    fleet.stop_inventory();
    fleet.request(REPORT, "general", "Servers", &json!([]));
    let record: Value = fleet.wait("the browser's notice", || {
        fleet
            .platform
            .calls("/api")
            .into_iter()
            .find(|call| call.body["params"]["data"]["notify"]["type"] == "error")
            .map(|call| call.body)
    });
    assert!(record.to_string().contains(REPORT));
}
