//! `POST|PATCH /reports/general` and `/reports/pivot`.

use super::{Api, REPORT, TABLE, on_every_store, rows_path, shown, snapshot};
use serde_json::{Value, json};

const OWNER: &str = "5c00000000000000000000f1";

fn general() -> Value {
    json!({
        "report_id": REPORT, "owner_user": OWNER, "component": "Servers", "name": "All servers",
        "filters": [{"field": "active", "filter": "true", "comparer": "equal", "typ": "boolean"}],
    })
}

fn pivot() -> Value {
    json!({"report_id": REPORT, "owner_user": OWNER, "filters": {
        "clients": {"title": "Clients", "icon": "x", "enabled": false, "filters": []},
        "systems": {"title": "Systems", "icon": "x", "enabled": true, "filters": []},
        "applications": {"title": "Applications", "icon": "x", "enabled": true, "filters": []},
        "servers": {"title": "Servers", "icon": "x", "enabled": false, "filters": []},
    }})
}

fn as_text(mut args: Value) -> Value {
    args["filters"] = args["filters"].to_string().into();
    args
}

#[test]
fn a_report_is_requested_with_filters_as_json_or_as_text() {
    on_every_store(|api| {
        for (method, slash) in [("POST", ""), ("PATCH", "/")] {
            let (one, other) = (format!("/reports/general{slash}"), format!("/reports/pivot{slash}"));
            let answers = [
                ("general", api.send_json(method, &one, &general())),
                ("general, filters as text", api.send_json(method, &one, &as_text(general()))),
                ("pivot, filters as text", api.send_json(method, &other, &as_text(pivot()))),
                // Known from now on, without rows yet.
                ("its rows", api.get(&rows_path(&[]))),
            ];
            snapshot("requested", answers);
        }
    });
}

#[test]
fn arguments_come_as_form_or_query_string_too_and_the_body_wins() {
    let api = Api::embedded();
    let args = as_text(general());
    let pairs = args.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let from_json = shown(&api.send_json("POST", "/reports/general", &args));
    let wrong = format!("/reports/general?{}", text.replace("Servers", "Wrong"));
    for answer in [
        api.call("POST", "/reports/general", &form, text.as_bytes()),
        api.call("POST", &format!("/reports/general?{text}"), &[], b""),
        api.call("POST", &wrong, &form, text.as_bytes()),
    ] {
        assert_eq!(shown(&answer), from_json);
    }
}

#[test]
fn all_wrong_arguments_are_told_at_once() {
    let api = Api::embedded();
    let wrong = json!({"report_id": "5c", "owner_user": 7, "component": "../adminer", "filters": null, "name": "a\nb"});
    let answers = [
        ("nothing given", api.call("POST", "/reports/general", &[], b"")),
        ("nothing given for a pivot", api.send_json("POST", "/reports/pivot", &json!({}))),
        ("everything wrong", api.send_json("POST", "/reports/general", &wrong)),
    ];
    snapshot("wrong_arguments", answers);
}

#[test]
fn a_bad_filter_is_the_callers_fault() {
    let api = Api::embedded();
    let cases = [
        ("no JSON", "general", json!("[{")),
        ("no list", "general", json!({})),
        ("unknown comparer", "general", json!([{"field": "name", "filter": "x", "comparer": "like", "typ": "string"}])),
        ("no plain path", "general", json!([{"field": "$where", "filter": "x", "comparer": "equal", "typ": "string"}])),
        ("list for a pivot", "pivot", json!([])),
        ("gap in a pivot", "pivot", {
            let mut gap = pivot()["filters"].clone();
            gap["applications"]["enabled"] = false.into();
            gap["servers"]["enabled"] = true.into();
            gap
        }),
    ];
    let answers = cases.into_iter().map(|(name, kind, filters)| {
        let mut args = general();
        args["filters"] = filters;
        (name, api.send_json("POST", &format!("/reports/{kind}"), &args))
    });
    snapshot("bad_filter", answers);
    // Nothing of it was recorded.
    assert_eq!(api.get(&format!("/reports/{TABLE}")).status, 404);
}

#[test]
fn a_refused_report_does_not_stay_in_process() {
    let api = Api::embedded();
    let mut args = general();
    args["filters"] = json!([{"field": "$where"}]);
    assert_eq!(api.send_json("POST", "/reports/general", &args).status, 400);
    let queue = rusqlite::Connection::open(api.data.path().join("queue.sqlite3")).unwrap();
    let body: Vec<u8> = queue.query_row("SELECT CAST(body AS BLOB) FROM messages", [], |row| row.get(0)).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((body[0][0].as_str(), body[0][2].as_str()), (Some(REPORT), Some("error")));
    assert!(body[0][1].as_str().unwrap().starts_with("filters[0]"), "{body}");
}
