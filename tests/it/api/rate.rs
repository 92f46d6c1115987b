//! How often a caller may ask, and an address be refused.

use super::{Api, KEY, PASS, TABLE, http, snapshot};
use crate::support::http::Answer;
use maestro_reports::auth;
use maestro_reports::config::Auth;

const PATH: &str = "/aggregation/5c00000000000000000000a1_general";

/// Asks with a token, as if a proxy had been asked from an address.
fn ask(api: &Api, token: &str, from: &str) -> Answer {
    let authorization = format!("JWT {token}");
    let headers = [("Authorization", authorization.as_str()), ("X-Forwarded-For", from)];
    http::send("GET", &format!("{}{PATH}", api.program.url()), &headers, b"")
}

fn token(name: &str) -> String {
    auth::sign_as(&Auth::new(KEY, PASS), name, None).unwrap()
}

/// What it answers to so many requests.
fn statuses(api: &Api, token: &str, from: &str, count: usize) -> Vec<u16> {
    (0..count).map(|_| ask(api, token, from).status).collect()
}

fn limited(api: &Api, limit: &str) -> bool {
    let text = String::from_utf8(api.get("/metrics").body).unwrap();
    !text.contains(&format!("maestro_reports_http_limited_total{{limit=\"{limit}\"}} 0"))
}

#[test]
fn a_caller_that_asks_too_much_is_told_when_to_come_again() {
    let api = Api::start_with(&[("MAESTRO_RATE", "1"), ("MAESTRO_RATE_BURST", "3")]);
    assert!(!limited(&api, "rate"));
    let (wild, other) = (token("wild"), token("other"));
    // There is no such table: what matters is who gets as far as that.
    assert_eq!(statuses(&api, &wild, "", 3), [404; 3]);
    let refused = ask(&api, &wild, "");
    assert!(limited(&api, "rate"));
    assert_eq!(ask(&api, &other, "").status, 404);
    // A header that no proxy of ours has written gives nobody a share of its own.
    assert_eq!(ask(&api, &wild, "203.0.113.9").status, 429);
    for open in ["/", "/healthz", "/readyz", "/metrics"] {
        assert!((0..10).all(|_| api.get(open).status == 200), "{open}");
    }
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(wait));
    assert_eq!(ask(&api, &wild, "").status, 404);
    snapshot("too_many_requests", [("too many requests", refused)]);
}

#[test]
fn every_address_behind_a_proxy_has_a_share_of_its_own() {
    let limits = [("MAESTRO_RATE", "1"), ("MAESTRO_RATE_BURST", "2"), ("MAESTRO_TRUSTED_PROXIES", "127.0.0.1")];
    let api = Api::start_with(&limits);
    let token = token("front");
    assert_eq!(statuses(&api, &token, "203.0.113.9", 3), [404, 404, 429]);
    // What the client wrote itself stands before what the proxy added.
    assert_eq!(ask(&api, &token, "198.51.100.1, 203.0.113.9").status, 429);
    assert_eq!(statuses(&api, &token, "203.0.113.10", 3), [404, 404, 429]);
    assert_eq!(statuses(&api, &token, "2001:db8::1", 2), [404, 404]);
    assert_eq!(ask(&api, &token, "2001:db8::2").status, 429, "one network of IPv6 is one address");
}

#[test]
fn whoever_guesses_tokens_is_blocked_and_nobody_else() {
    let api = Api::start_with(&[("MAESTRO_REFUSED_RATE", "3"), ("MAESTRO_TRUSTED_PROXIES", "127.0.0.0/8")]);
    assert!(!limited(&api, "refused"));
    let (good, bad) = (token("front"), auth::sign(&Auth::new("guessed", PASS)).unwrap());
    assert_eq!(statuses(&api, &bad, "203.0.113.9", 3), [401; 3]);
    let refused = ask(&api, &bad, "203.0.113.9");
    assert!(limited(&api, "refused"));
    // The right guess is not looked at any more.
    assert_eq!(ask(&api, &good, "203.0.113.9").status, 429);
    assert_eq!(ask(&api, &good, "203.0.113.10").status, 404);
    // An address from which good ones come is not blocked: it may be a proxy that nobody told us of.
    assert_eq!(statuses(&api, &bad, "203.0.113.10", 10), [401; 10]);
    assert_eq!(ask(&api, &good, "203.0.113.10").status, 404);
    api.program.wait_for("too many refused tokens from 203.0.113.9");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((15..=20).contains(&wait), "{wait}");
    assert_eq!(
        refused.json()["error"]["msg"],
        format!("too many refused tokens from this address; try again in {wait} s")
    );
}

#[test]
fn without_limits_nobody_is_held_back() {
    let api = Api::start_with(&[("MAESTRO_RATE", "0"), ("MAESTRO_RATE_BURST", "1"), ("MAESTRO_REFUSED_RATE", "0")]);
    assert_eq!(statuses(&api, &token("front"), "", 50), [404; 50]);
    assert_eq!(statuses(&api, "bad", "", 100), [401; 100]);
    assert!(api.get(&format!("/reports/{TABLE}")).status == 404);
}
