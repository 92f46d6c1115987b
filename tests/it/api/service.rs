//! Addresses without a token, tokens, request ids, the end of the process.

use super::{Api, KEY, PASS, REPORT, TABLE, http, snapshot};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn who_answers_needs_no_token() {
    let api = Api::embedded();
    let paths = ["/", "/healthz", "/healthz/", "/readyz", "/readyz/"];
    snapshot("open", paths.map(|path| (path, http::send("GET", &format!("{}{path}", api.program.url()), &[], b""))));
}

#[test]
fn everything_else_needs_a_token() {
    let api = Api::embedded();
    let table = format!("/reports/{TABLE}");
    let aggregation = format!("/aggregation/{TABLE}");
    let calls = [
        ("POST", "/reports/general"),
        ("PATCH", "/reports/pivot/"),
        ("POST", "/reports"),
        ("GET", &table),
        ("DELETE", &table),
        ("GET", &aggregation),
    ];
    for (method, path) in calls {
        let url = format!("{}{path}", api.program.url());
        let answer = http::send(method, &url, &[], b"");
        snapshot("no_token", [("every address", answer)]);
        for bad in ["JWT", "JWT x.y.z", "x.y.z", "JWT  ", "JWT a b"] {
            let answer = http::send(method, &url, &[("Authorization", bad)], b"");
            assert_eq!(answer.status, 401, "{method} {path} {bad:?}");
            assert!(answer.json()["error"]["msg"].is_string());
        }
    }
}

#[test]
fn any_word_may_stand_before_the_token() {
    let api = Api::embedded();
    for scheme in ["JWT", "Bearer", "x"] {
        let header = format!("{scheme} {}", api.token);
        let url = format!("{}/reports/{TABLE}", api.program.url());
        assert_eq!(http::send("GET", &url, &[("Authorization", &header)], b"").status, 404);
    }
}

#[test]
fn an_address_that_is_not_served_is_not_found() {
    let api = Api::embedded();
    for path in ["/nothing", "/reports/a/b", "/aggregation", "/%ff%00", "/reports/%ff", "/..%2f..", "/reports/users"] {
        assert_eq!(api.get(path).status, 404, "{path}");
    }
    snapshot("not_found", ["/nothing", "/reports/users"].map(|path| (path, api.get(path))));
}

#[test]
fn a_wrong_method_names_the_right_ones() {
    let api = Api::embedded();
    let calls = [("PUT", "/reports/general"), ("GET", "/reports"), ("POST", "/aggregation/x"), ("POST", "/")];
    snapshot("wrong_method", calls.map(|(method, path)| (path, api.call(method, path, &[], b""))));
}

#[test]
fn a_sane_request_id_is_taken_over_also_into_the_log() {
    let api = Api::embedded();
    let answer = api.call("GET", "/", &[("X-Request-Id", "trace-77")], b"");
    assert_eq!(answer.header("x-request-id"), Some("trace-77"));
    assert!(api.program.wait_for("trace-77").contains("GET / 200"));
    let answer = api.call("GET", "/", &[("X-Request-Id", "bad id")], b"");
    assert!(uuid::Uuid::parse_str(answer.header("x-request-id").unwrap()).is_ok());
}

#[test]
fn the_log_holds_no_token_and_no_query_string() {
    let api = Api::embedded();
    api.call("GET", &format!("/reports/{TABLE}?query=confidential"), &[("X-Request-Id", "last-one")], b"");
    api.program.wait_for("last-one");
    for secret in [&api.token, KEY, PASS, "confidential"] {
        assert!(!api.program.log().contains(secret));
    }
}

#[test]
fn a_broker_that_is_away_is_told_and_leaves_nothing_half_done() {
    let api = Api::start_with(&[("CELERY_BROKER_URL", "amqp://guest:secret@127.0.0.1:1")]);
    let ready = api.get("/readyz");
    assert_eq!((ready.status, ready.json()["store"].as_str()), (503, Some("ok")));
    assert_ne!(ready.json()["broker"], "ok");
    assert!(ready.json()["error"]["msg"].as_str().unwrap().contains("broker"));
    assert_eq!(api.get("/healthz").status, 200);
    let args = json!({"report_id": REPORT, "owner_user": REPORT, "component": "Servers", "filters": []});
    snapshot("broker_away", [("request", api.send_json("POST", "/reports/general", &args))]);
    assert!(!api.program.log().contains("secret@"));
}

#[test]
fn sigterm_lets_a_request_end_and_exits_with_zero() {
    let mut api = Api::embedded();
    let body = json!({"colname": TABLE, "results": [{"_id": "a"}]}).to_string();
    let (first, rest) = body.split_at(10);
    let mut connection = TcpStream::connect(api.program.url().trim_start_matches("http://")).unwrap();
    let head = format!("POST /reports HTTP/1.1\r\nHost: x\r\nAuthorization: JWT {}\r\n", api.token);
    write!(connection, "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{first}", body.len())
        .unwrap();
    // Nothing tells when the server has read so much.
    std::thread::sleep(Duration::from_millis(300));
    api.program.terminate();
    api.program.wait_for("SIGTERM received");
    connection.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(api.program.end().success());
}
