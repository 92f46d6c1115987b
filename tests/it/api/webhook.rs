//! `PUT`, `GET` and `DELETE /reports/<table>/webhook`.

use super::{Api, TABLE, fill, on_every_store, snapshot};
use maestro_reports::domain::SigningSecret;
use serde_json::{Value, json};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

fn path() -> String {
    format!("/reports/{TABLE}/webhook")
}

#[test]
fn an_endpoint_is_set_shown_without_its_secret_and_removed() {
    on_every_store(|api| {
        let put = |body: Value| api.send_json("PUT", &path(), &body);
        let answers = [
            ("none yet", api.get(&path())),
            ("with a secret", put(json!({"url": "https://hooks.example.org/a?token=hunter2", "secret": SECRET}))),
            ("shown", api.get(&path())),
            ("two secrets", put(json!({"url": "https://hooks.example.org/b", "secret": [SECRET, SECRET]}))),
            ("no such table", api.get("/reports/users/webhook")),
        ];
        snapshot("webhook", answers);
        let removed = api.call("DELETE", &path(), &[], b"");
        assert_eq!((removed.status, removed.body.len()), (204, 0));
        snapshot("webhook_removed", [("again", api.call("DELETE", &path(), &[], b"")), ("shown", api.get(&path()))]);
    });
}

#[test]
fn a_secret_is_made_and_shown_once() {
    let api = Api::embedded();
    let made = || {
        let answer = api.send_json("PUT", &path(), &json!({"url": "https://hooks.example.org"})).json();
        answer["secret"].as_str().unwrap().parse::<SigningSecret>().unwrap()
    };
    assert_ne!(made(), made());
    let shown = api.get(&path()).json();
    assert_eq!((shown.get("secret"), &shown["secrets"]), (None, &json!(1)));
    assert!(!api.program.log().contains("whsec_"));
}

#[test]
fn a_wrong_endpoint_is_refused_at_once_and_not_quoted() {
    let api = Api::embedded();
    let put = |body: Value| api.send_json("PUT", &path(), &body);
    let answers = [
        ("nothing", put(json!({}))),
        ("no address", put(json!({"url": "hooks.example.org"}))),
        ("credentials", put(json!({"url": "https://u:hunter2@h", "secret": "hunter2"}))),
        ("in the clear", put(json!({"url": "http://h/hunter2"}))),
        ("loopback", put(json!({"url": "https://0x7f.1/hunter2"}))),
        ("metadata", put(json!({"url": "https://[::ffff:169.254.169.254]/", "secret": []}))),
    ];
    for (name, answer) in &answers {
        assert!(!answer.json().to_string().contains("hunter2"), "{name}");
    }
    snapshot("webhook_wrong", answers);
    assert_eq!(api.get(&path()).status, 404);
}

#[test]
fn an_endpoint_goes_with_its_table_and_needs_a_token() {
    let api = Api::embedded();
    fill(&api);
    api.send_json("PUT", &path(), &json!({"url": "https://h"}));
    let url = format!("{}{}", api.program.url(), path());
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(crate::support::http::send(method, &url, &[], b"{}").status, 401);
    }
    assert_eq!(api.get(&path()).status, 200);
    assert_eq!(api.call("DELETE", &format!("/reports/{TABLE}"), &[], b"").status, 200);
    assert_eq!(api.get(&path()).status, 404);
}

#[test]
fn the_operators_list_allows_what_is_not_public() {
    let api = Api::start_with(&[("MAESTRO_WEBHOOK_ALLOW", "10.0.0.0/8"), ("MAESTRO_WEBHOOK_HTTP", "allow")]);
    let put = |url: &str| api.send_json("PUT", &path(), &json!({"url": url})).status;
    assert_eq!([put("http://10.1.2.3/x"), put("http://h"), put("http://127.0.0.1")], [200, 200, 400]);
}
