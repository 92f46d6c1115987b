use super::*;
use serde_json::json;

fn mistakes(table: Value) -> Vec<(String, String)> {
    let wrong = read(table.as_object().unwrap()).err().unwrap_or_default();
    wrong.into_iter().map(|wrong| (wrong.field, wrong.expected)).collect()
}

fn good() -> Value {
    json!({
        "name": "n", "cron": {"minute": 5}, "timezone": "Europe/Berlin", "jitter": "1m", "enabled": false,
        "enabled_until": "2027-01-01T00:00:00Z", "misfire": "skip", "grace": "1h", "pause_after": 3,
        "max_duration": "10m", "report_id": "5c0000000000000000000001", "owner_user": "5c0000000000000000000002",
        "type": "general", "component": "Servers", "filters": "[]",
    })
}

#[test]
fn all_fields_are_read() {
    let schedule = read(good().as_object().unwrap()).unwrap();
    assert_eq!(schedule.shown(), "minute=5 Europe/Berlin");
    assert_eq!((schedule.misfire, schedule.grace, schedule.enabled), (Misfire::Skip, Duration::from_secs(3600), false));
    assert_eq!((schedule.pause_after, schedule.max_duration), (Some(3), Some(Duration::from_secs(600))));
    assert_eq!(schedule.enabled_until.unwrap().to_rfc3339(), "2027-01-01T00:00:00+00:00");
    assert_eq!((schedule.jitter, schedule.filters), (Duration::from_secs(60), json!([])));
}

#[test]
fn each_wrong_field_is_named_with_what_was_expected() {
    let wrong = json!({
        "name": "a\nb", "every": "0s", "timezone": "Berlin", "jitter": "2h", "enabled": "yes", "enabled_until": "soon",
        "misfire": "never", "grace": -1, "pause_after": 0, "max_duration": "0s", "report_id": "x", "owner_user": null,
        "type": "Pivot!", "component": "../x", "retries": 1,
    });
    let fields: Vec<String> = mistakes(wrong).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "retries",
        "name",
        "every",
        "timezone",
        "jitter",
        "enabled",
        "enabled_until",
        "misfire",
        "grace",
        "pause_after",
        "max_duration",
        "report_id",
        "owner_user",
        "type",
        "component",
    ];
    assert_eq!(fields, expected);
    let mut both = good();
    both["every"] = json!("1h");
    assert_eq!(mistakes(both), [("every".to_owned(), "expected either every or cron, got both".to_owned())]);
    let mut cron = good();
    cron["cron"] = json!("61 * * * *");
    let expected = "expected 0-59, *, */a, a-b, a-b/c, or a list of these with commas";
    assert_eq!(mistakes(cron), [("cron.minute".to_owned(), expected.to_owned())]);
    let mut often = good();
    (often["every"], often["jitter"]) = (json!("30s"), json!("1m"));
    often.as_object_mut().unwrap().remove("cron");
    assert_eq!(mistakes(often), [("jitter".to_owned(), "expected no more than the interval of `every`".to_owned())]);
    let mut filters = good();
    filters["filters"] = json!([{"field": 1}]);
    assert!(mistakes(filters)[0].0.starts_with("filters"), "the filter's own path");
}
