//! What is too large, broken or of another kind is refused.

use super::{Api, TABLE, http, snapshot};

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
