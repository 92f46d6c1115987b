//! No input is our failure: limits, broken requests, and anything at all.

use super::{Api, TABLE, fill, http, snapshot};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::time::{Duration, Instant};

#[test]
fn what_is_too_large_or_of_another_kind_is_refused() {
    let api = Api::start_with(&[("MAESTRO_MAX_BODY_BYTES", "2000")]);
    let json = [("Content-Type", "application/json")];
    let answer = |headers: &[(&str, &str)], body: &[u8]| api.call("POST", "/reports", headers, body);
    let long = format!("/reports/{TABLE}?query={}", "x".repeat(33_000));
    let answers = [
        ("body too large", answer(&json, &[b' '; 2001])),
        ("broken JSON", answer(&json, b"{\"colname\": ")),
        ("no object", answer(&json, b"[]")),
        ("another type", answer(&[("Content-Type", "text/xml")], b"<a/>")),
        ("query string too long", api.get(&long)),
    ];
    snapshot("limits", answers);
    let deep = format!("{{\"colname\": {}1{}}}", "[".repeat(900), "]".repeat(900));
    assert_eq!(answer(&json, deep.as_bytes()).status, 400);
}

#[test]
fn a_body_longer_than_said_or_in_chunks_is_held_to_the_limit() {
    let api = Api::start_with(&[("MAESTRO_MAX_BODY_BYTES", "2000")]);
    let head = format!(
        "POST /reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: JWT {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        api.token
    );
    let body = format!("7d1\r\n{}\r\n0\r\n\r\n", " ".repeat(0x7d1));
    assert_eq!(http::raw(api.program.url(), (head + &body).as_bytes()).status, 413);
}

#[test]
fn a_client_that_never_ends_its_head_is_let_go() {
    let api = Api::embedded();
    let began = Instant::now();
    let answer = http::raw(api.program.url(), b"GET / HTTP/1.1\r\nHost: x\r\n");
    assert_eq!(answer.status, 408);
    assert!(began.elapsed() < Duration::from_secs(30));
}

fn path() -> impl Strategy<Value = String> {
    let table = format!("/reports/{TABLE}");
    let aggregation = format!("/aggregation/{TABLE}");
    prop_oneof![
        Just("/reports/general".to_owned()),
        Just("/reports/pivot/".to_owned()),
        Just("/reports".to_owned()),
        Just(table),
        Just(aggregation),
        "/[ -~&&[^ ?#]]{0,30}",
    ]
}

fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("limit"),
        Just("page"),
        Just("orderBy"),
        Just("ascending"),
        Just("query"),
        Just("report_id"),
        Just("owner_user"),
        Just("component"),
        Just("filters"),
        Just("colname"),
        Just("results"),
        Just("run_id"),
    ];
    let value = prop_oneof![value(), "[!-~&&[^#]]{0,30}", ".{0,20}".prop_map(|text| encoded(&text))];
    prop::collection::vec((name, value), 0..5)
        .prop_map(|pairs| pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}

/// Values that come close to what is expected.
fn value() -> impl Strategy<Value = String> {
    let texts = [
        "1",
        "0",
        "-1",
        "99999999999999999999",
        "updated_at",
        "a.b",
        "5c00000000000000000000a1",
        TABLE,
        "Servers",
        "[]",
        "{}",
        "[{}]",
        r#"{"name":{"$regex":"(a+)+$"}}"#,
        r#"{"name":{"$regex":"[","$options":"i"}}"#,
        r#"{"_id":null}"#,
        r#"{"a_at":{"$gt":"2020"}}"#,
        r#"{"$and":[{"$or":[]}]}"#,
        r#"{"cpu":{"$in":[1,"a",null]}}"#,
        r#"[{"field":"a","filter":"b","comparer":"contain","typ":"string"}]"#,
        r#"[{"_id":1e400}]"#,
        r#"[{"_id":"\u0000"}]"#,
        r#"[{"_id":18446744073709551615,"a":-9223372036854775808}]"#,
        r#"{"clients":{"enabled":true,"filters":[]}}"#,
    ];
    prop::sample::select(texts.to_vec()).prop_map(encoded)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        query().prop_map(String::into_bytes),
        query().prop_map(|query| {
            let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
            let json = |text: String| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
            let args: serde_json::Map<_, _> = pairs.map(|(name, text)| (name, json(text))).collect();
            serde_json::to_vec(&args).unwrap()
        }),
    ]
}

#[test]
fn no_input_is_our_failure() {
    let api = Api::embedded();
    fill(&api);
    let method = prop::sample::select(vec!["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "BREW"]);
    let kind = prop::sample::select(vec![
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/json; charset=x",
        "",
        "/;=",
    ]);
    let accept = prop_oneof![Just("*/*".to_owned()), Just("a/b;q=9".to_owned()), "[!-~]{0,12}"];
    let requests = (method, path(), query(), kind, accept, body());
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let result = runner.run(&requests, |(method, path, query, kind, accept, body)| {
        let authorization = format!("JWT {}", api.token);
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", kind), ("Accept", &accept)];
        let url = format!("{}{path}?{query}", api.program.url());
        let answer = http::send(method, &url, &headers, &body);
        prop_assert!(answer.status < 500, "{}", String::from_utf8_lossy(&answer.body));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\n{}", api.program.log());
    }
    assert!(!api.program.log().contains("panicked"), "{}", api.program.log());
}
