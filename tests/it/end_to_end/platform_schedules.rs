//! `beat` in the place of the platform's Scheduler: its records are run, and told what became of them.

use crate::support::fleet::{self, Fleet, OTHER_OWNER, OWNER, Parts, Settings, get, patch, post, put};
use crate::support::platform::{Call, Platform};
use crate::support::program::Program;
use actix_web::HttpResponse;
use serde_json::{Value, json};
use std::fs;

const PLATFORM: &[(&str, &str)] = &[("MAESTRO_BEAT_SOURCE", "platform")];
const OFTEN: &str = "5c0000000000000000000a01";
const NEXT: &str = "5c0000000000000000000a02";
const ONCE: &str = "5c0000000000000000000a03";

/// The report of a schedule.
fn report_of(schedule: &str) -> String {
    schedule.replace("a0", "b0")
}

fn record(id: &str, every: u64, period: &str, more: &Value) -> Value {
    let mut record = json!({
        "_id": id, "name": format!("schedule {id}"), "task": "reports", "method": "PATCH", "endpoint": "reports/general",
        "args": [{"key": "report_id", "value": report_of(id)}, {"key": "owner_user", "value": OWNER}],
        "period_type": "interval", "interval": {"every": every, "period": period}, "enabled": true, "active": true,
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn report(schedule: &str, owner: &str) -> Value {
    json!({
        "_id": report_of(schedule), "owner": {"_id": owner}, "active": true, "component": "Servers",
        "filters": "[]",
    })
}

/// Puts records into the Data API of a fleet.
fn tell(fleet: &Fleet, component: &str, records: &[Value]) {
    let answer = put(&format!("{}/{component}", fleet.data_uri()), &json!({"body": records}));
    assert_eq!(answer["updated"], records.len(), "{answer}");
}

/// The record of a schedule as the Data API has it.
fn told(fleet: &Fleet, id: &str) -> Value {
    let query = json!({"query": json!({"_id": id}).to_string()});
    post(&format!("{}/schedulers", fleet.data_uri()), &query)["items"][0].clone()
}

fn wait_for(fleet: &Fleet, what: &str, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    fleet.wait(what, || Some(told(fleet, id)).filter(&is_so))
}

fn requests(beat: &Program, id: &str) -> usize {
    let named = format!("({id}): {}_general requested as task ", report_of(id));
    beat.log().lines().filter(|line| line.contains(&named)).count()
}

#[test]
fn the_platforms_schedules_are_run_counted_chained_and_changed() {
    for parts in [Parts::Embedded, Parts::Servers] {
        let Some(fleet) = fleet::fleet(parts, 20) else { continue };
        tell(&fleet, "reports", &[OFTEN, NEXT, ONCE].map(|id| report(id, OWNER)));
        let link = json!({"chain": [{"_id": NEXT, "countdown": 1}]});
        let records = [
            record(NEXT, 1000, "weeks", &json!({})),
            record(ONCE, 1000, "weeks", &json!({"run_immediately": true})),
            json!({"_id": "5c0000000000000000000a0f", "task": "webhook", "active": true}),
        ];
        tell(&fleet, "schedulers", &records);
        let _worker = fleet.worker();
        let beat = fleet.spawn(&["beat"], PLATFORM);
        wait_for(&fleet, "the run that is asked for", ONCE, |record| record["run_immediately"].is_null());
        assert_eq!(fleet.ended(&report_of(ONCE))["status"], "finished");
        wait_for(&fleet, "it to be counted", ONCE, |record| record["total_run_count"] == 1);
        tell(&fleet, "schedulers", &[record(OFTEN, 2, "seconds", &link)]);
        wait_for(&fleet, "a chained run", NEXT, |record| record["total_run_count"].as_u64() >= Some(1));
        wait_for(&fleet, "two runs", OFTEN, |record| record["total_run_count"].as_u64() >= Some(2));
        tell(&fleet, "schedulers", &[json!({"_id": OFTEN, "enabled": false})]);

        let mut list = fleet.spawn(&["beat", "--list"], PLATFORM);
        assert!(list.end().success());
        let listed = list.log();
        let line = |id: &str| listed.lines().find(|line| line.contains(id)).unwrap().to_owned();
        assert!(line(OFTEN).contains("every 2s") && line(OFTEN).contains("disabled"), "{listed}");
        assert!(line(ONCE).contains("finished"), "{listed}");
        assert_eq!(requests(&beat, ONCE), 1);
        assert!(requests(&beat, NEXT) <= requests(&beat, OFTEN));
    }
}

#[test]
fn a_schedule_whose_runs_fail_is_disabled_with_a_message_until_somebody_enables_it() {
    let fleet = fleet::fleet(Parts::Embedded, 20).unwrap();
    tell(&fleet, "reports", &[report(OFTEN, OTHER_OWNER)]);
    let broken = json!({"_id": NEXT, "task": "reports", "active": true, "name": "broken", "period_type": "date"});
    tell(&fleet, "schedulers", &[record(OFTEN, 1, "seconds", &json!({})), broken]);
    let _worker = fleet.worker();
    let beat = fleet.spawn(&["beat"], PLATFORM);
    beat.wait_for(&format!("schedule {NEXT} of the platform is left out: period_type: expected interval or cron"));
    wait_for(&fleet, "its mistakes to be told", NEXT, |record| {
        record["msg"].as_str().is_some_and(|msg| msg.starts_with("left out: period_type: expected interval or cron; "))
    });
    tell(&fleet, "schedulers", &[record(NEXT, 1000, "weeks", &json!({}))]);
    wait_for(&fleet, "it to be used", NEXT, |record| record["msg"] == "");
    let disabled = wait_for(&fleet, "it to be disabled", OFTEN, |record| record["enabled"] == false);
    let (report, why) =
        (report_of(OFTEN), "paused after 3 failures in a row, the last: the platform has no active report");
    assert_eq!(disabled["msg"], format!("{why} {report} of the owner {OWNER}"));
    assert_eq!(requests(&beat, OFTEN), 0);
    tell(&fleet, "reports", &[self::report(OFTEN, OWNER)]);
    tell(&fleet, "schedulers", &[json!({"_id": OFTEN, "enabled": true})]);
    wait_for(&fleet, "it to go on", OFTEN, |record| record["msg"] == "");
}

/// A Data API with one schedule, which takes every change and makes none.
fn forgetful(call: &Call) -> HttpResponse {
    let item = match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/schedulers") => record(ONCE, 1000, "weeks", &json!({"run_immediately": true})),
        ("POST", "/reports") => report(ONCE, OWNER),
        _ => return HttpResponse::Ok().json(json!({})),
    };
    HttpResponse::Ok().json(json!({"found": 1, "total_pages": 1, "page": 1, "limit": 200, "items": [item]}))
}

#[test]
fn the_wire_is_the_contracts_and_a_record_that_keeps_asking_is_run_once() {
    let data_api = Platform::start(forgetful);
    let change = |env: &mut Settings| env.extend([("MAESTRO_BEAT_SOURCE", "platform".to_owned())]);
    let fleet = fleet::fleet_with(Parts::Embedded, &data_api.address, change).unwrap();
    let beat = fleet.spawn(&["beat"], &[]);
    let changes = || {
        let calls = data_api.calls("/schedulers").into_iter().filter(|call| call.method == "PUT");
        calls.map(|call| call.body["body"][0].clone()).collect::<Vec<_>>()
    };
    let unset = json!({"_id": ONCE, "$unset": {"run_immediately": true}});
    let again = || changes().iter().filter(|change| **change == unset).count();
    fleet.wait("it to be told again and again", || (again() >= 3).then_some(()));
    assert_eq!(requests(&beat, ONCE), 1);
    let counted: Vec<_> = changes().into_iter().filter(|change| change.get("$inc").is_some()).collect();
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0]["$inc"], json!({"total_run_count": 1}));
    let asked = |path: &str| data_api.calls(path).into_iter().find(|call| call.method == "POST").unwrap();
    let body = |query: Value, limit: u64| json!({"query": query.to_string(), "limit": limit, "page": 1});
    assert_eq!(asked("/schedulers").body, body(json!({"task": "reports", "active": true}), 500));
    let wanted = json!({"_id": report_of(ONCE), "owner._id": OWNER, "active": true});
    assert_eq!(asked("/reports").body, body(wanted, 1));
    assert!(asked("/schedulers").authorization.starts_with("JWT "));

    let url = format!("{}/schedules/{ONCE}", fleet.api.url());
    let shown = get(&url);
    assert_eq!(
        (&shown["origin"], &shown["title"]),
        (&json!("platform"), &json!(format!("schedule {ONCE}"))),
        "{shown}"
    );
    let message = format!("the schedule {ONCE:?} is of the platform, and is changed there");
    assert_eq!(patch(&url, &json!({"paused": true}))["error"]["msg"], message);
    assert_eq!(post(&format!("{url}/run"), &json!({}))["table"], format!("{}_general", report_of(ONCE)));
    assert_eq!(get(&url)["total_run_count"], 2);
}

#[test]
fn a_platform_that_does_not_answer_holds_up_its_own_schedules_alone() {
    let silent = Platform::silent();
    let fleet = fleet::fleet_reading(Parts::Embedded, &silent.address).unwrap();
    let file = fleet.folder().join("schedules.toml");
    let own = format!(
        "[[schedule]]\nname = \"own\"\nevery = \"1s\"\nreport_id = \"{}\"\nowner_user = \"{OWNER}\"\ntype = \"general\"\n\
         component = \"Servers\"\n",
        report_of(OFTEN)
    );
    fs::write(&file, own).unwrap();
    let beat = fleet.spawn(&["beat"], &[PLATFORM[0], ("MAESTRO_SCHEDULES_FILE", file.to_str().unwrap())]);
    fleet.wait("three runs", || (beat.log().matches("schedule own: ").count() >= 3).then_some(()));
    assert_eq!(silent.calls("/schedulers").len(), 1);
}
