use super::*;
use crate::schedule::read;
use serde_json::{Value, json};

/// A schedule with these fields.
pub(in crate::schedule) fn schedule(fields: Value) -> Schedule {
    let mut table = json!({
        "name": "s", "report_id": "5c0000000000000000000001", "owner_user": "5c0000000000000000000002",
        "type": "general", "component": "Servers",
    });
    table.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    read(table.as_object().unwrap()).unwrap()
}

pub(in crate::schedule) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn intervals_are_due_on_the_clock() {
    let latest = |every: &str, now: &str| schedule(json!({ "every": every })).latest_due(at(now)).unwrap();
    let now = "2026-11-23T21:37:49Z";
    assert_eq!(latest("1h", now), at("2026-11-23T21:00:00Z"));
    assert_eq!(latest("1d", now), at("2026-11-23T00:00:00Z"));
    assert_eq!(latest("15m", "2026-11-23T21:45:00Z"), at("2026-11-23T21:45:00Z"));
    assert_eq!(schedule(json!({"every": "1h"})).next_run(at(now)), Some(at("2026-11-23T22:00:00Z")));
    assert_eq!(schedule(json!({"every": "1h"})).next_run(at("2026-11-23T22:00:00Z")), Some(at("2026-11-23T23:00:00Z")));
}

#[test]
fn a_cron_schedule_is_due_in_its_zone() {
    let kolkata = schedule(json!({"cron": "30 9 * * *", "timezone": "Asia/Kolkata"}));
    assert_eq!(kolkata.next_run(at("2026-06-01T00:00:00Z")), Some(at("2026-06-01T04:00:00Z")));
    assert_eq!(kolkata.latest_due(at("2026-06-01T03:59:59Z")), Some(at("2026-05-31T04:00:00Z")));
}

#[test]
fn jitter_follows_from_schedule_and_due_time() {
    let jittered = |name: &str| schedule(json!({"every": "1m", "jitter": "40s", "name": name}));
    let dues: Vec<_> = (0..50).map(|n| at("2026-01-01T00:00:00Z") + TimeDelta::minutes(n)).collect();
    let late = |name: &str| -> Vec<i64> {
        dues.iter().map(|due| (jittered(name).runs_at(*due) - *due).num_milliseconds()).collect()
    };
    assert_eq!(late("a"), late("a"));
    assert_ne!(late("a"), late("b"));
    assert!(late("a").iter().all(|late| (0..40_000).contains(late)), "{:?}", late("a"));
    assert!(late("a").iter().any(|late| *late > 20_000) && late("a").iter().any(|late| *late < 20_000));
    let schedule = jittered("a");
    for due in dues {
        let runs = schedule.runs_at(due);
        assert_eq!(schedule.latest_due(runs), Some(due));
        assert_ne!(schedule.latest_due(runs - TimeDelta::milliseconds(1)), Some(due));
        assert_eq!(schedule.next_run(runs - TimeDelta::milliseconds(1)), Some(runs));
    }
}

#[test]
fn nothing_is_due_after_the_end_or_while_disabled() {
    let ending = schedule(json!({"every": "1h", "enabled_until": "2026-01-01T12:30:00+01:00"}));
    assert_eq!(ending.next_run(at("2026-01-01T10:30:00Z")), Some(at("2026-01-01T11:00:00Z")));
    assert_eq!(ending.next_run(at("2026-01-01T11:00:00Z")), None);
    assert_eq!(ending.latest_due(at("2026-01-09T00:00:00Z")), Some(at("2026-01-01T11:00:00Z")));
    assert_eq!(schedule(json!({"every": "1h", "enabled": false})).next_run(at("2026-01-01T10:30:00Z")), None);
}
