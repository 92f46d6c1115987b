use super::*;
use crate::schedule::due::tests::at;
use serde_json::json;

const ID: &str = "5c0000000000000000000001";
const REPORT: &str = "5c00000000000000000000a1";
const OWNER: &str = "5c00000000000000000000aa";

fn record(fields: Value) -> Map<String, Value> {
    let mut record = json!({
        "_id": ID, "name": "nightly", "task": "reports", "endpoint": "reports/general", "method": "PATCH",
        "args": [{"key": "report_id", "value": REPORT}, {"key": "owner_user", "value": OWNER}],
        "period_type": "interval", "interval": {"every": 1, "period": "days"}, "enabled": true, "active": true,
        "roles": [{"_id": OWNER}], "total_run_count": 3, "msg": "",
    });
    record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record.as_object().unwrap().clone()
}

fn read(fields: Value) -> Schedule {
    read_record(&record(fields), Tz::Europe__Berlin).unwrap()
}

#[test]
fn an_interval_counts_from_when_the_record_was_made() {
    let daily = read(json!({}));
    assert_eq!((daily.name.as_str(), daily.title.as_str(), daily.enabled), (ID, "nightly", true));
    assert_eq!((daily.report_id.to_string(), daily.owner_user.to_string()), (REPORT.to_owned(), OWNER.to_owned()));
    // The first four bytes of the id are its second: 0x5c000000.
    let made = at("2018-11-29T15:04:32Z");
    assert_eq!(daily.record.as_ref().unwrap().made_at, made);
    assert_eq!(daily.next_run(at("2026-11-25T15:04:31Z")), Some(at("2026-11-25T15:04:32Z")));
    assert_eq!(daily.latest_due(at("2026-11-25T15:04:31Z")), Some(at("2026-11-24T15:04:32Z")));
    for (period, seconds) in PERIODS {
        let schedule = read(json!({"interval": {"every": "2", "period": period}}));
        assert_eq!(schedule.when, When::Every(Duration::from_secs(2 * seconds)), "{period}");
    }
}

#[test]
fn cron_has_all_its_fields_in_the_zone_of_the_setting_or_its_own() {
    let cron = |fields: Value| read(json!({"period_type": "cron", "cron": fields}));
    let weekly = cron(json!({"minute": "30", "hour": "7", "day_of_week": "0", "day": "", "month": null}));
    assert_eq!(weekly.next_run(at("2026-11-24T00:00:00Z")), Some(at("2026-11-30T06:30:00Z")), "0 is Monday");
    let own = cron(json!({"hour": 7, "timezone": "Asia/Kolkata"}));
    assert_eq!(own.next_run(at("2026-11-24T00:00:00Z")), Some(at("2026-11-24T01:30:00Z")));
    let all = cron(json!({
        "second": "*/20", "minute": "5", "hour": "1-3", "day": "last", "week": "53", "month": "dec", "year": "2026",
        "day_of_week": "thu",
    }));
    assert_eq!(all.next_run(at("2026-01-01T00:00:00Z")), Some(at("2026-12-31T00:05:00Z")));
}

#[test]
fn it_runs_where_it_is_enabled_and_active_alone() {
    for (enabled, active) in [(true, false), (false, true), (false, false)] {
        assert!(!read(json!({"enabled": enabled, "active": active})).enabled);
    }
    assert!(!read(json!({"enabled": null})).enabled);
}

#[test]
fn what_it_asks_for_besides_is_read() {
    let asking = read(json!({
        "endpoint": "/reports/pivot/", "run_immediately": true,
        "chain": [{"_id": ID, "countdown": 60}, {"_id": OWNER, "countdown": "5"}, {"_id": REPORT}],
    }));
    let record = asking.record.unwrap();
    assert_eq!((asking.kind, record.run_immediately), (ReportType::Pivot, true));
    let link = |name: &str, seconds| Link { name: name.to_owned(), countdown: Duration::from_secs(seconds) };
    assert_eq!(record.chain, [link(ID, 60), link(OWNER, 5), link(REPORT, 0)]);
    assert!(!asking.fields.contains_key("roles"));
}

#[test]
fn each_wrong_field_is_named_with_what_was_expected() {
    let wrong = |fields: Value| -> Vec<String> {
        let wrong = read_record(&record(fields), Tz::UTC).unwrap_err();
        wrong.into_iter().map(|wrong| format!("{}: {}", wrong.field, wrong.expected)).collect()
    };
    let all = wrong(json!({
        "_id": "x", "name": 5, "method": "GET", "endpoint": "http://elsewhere/reports/general",
        "args": [{"key": "report_id", "value": 7}], "interval": {"every": 0, "period": "months"},
        "chain": [{"countdown": 1}, {"_id": ID, "countdown": -1}],
    }));
    insta::assert_snapshot!(all.join("\n"));
    assert_eq!(wrong(json!({"period_type": "date"})), ["period_type: expected interval or cron"]);
    let zone = json!({"hour": 1, "timezone": "Mars"});
    assert_eq!(
        wrong(json!({"period_type": "cron", "cron": zone})),
        ["cron.timezone: expected a time zone such as Europe/Berlin"]
    );
    let minute = json!({"minute": "60"});
    assert!(wrong(json!({"period_type": "cron", "cron": minute}))[0].starts_with("cron.minute: expected 0-59"));
    assert_eq!(
        wrong(json!({"interval": {"every": 9999, "period": "weeks"}})),
        ["interval.every: expected at most a hundred years"]
    );
}
