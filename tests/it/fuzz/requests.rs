//! Every route of the API with any query string, body and headers.

use super::inputs::{altered, conditions, damaged, general, json_text, pivot, rows, text};
use super::{Outcome, fuzz};
use crate::support::http::{self, Answer};
use crate::support::program::Program;
use maestro_reports::auth;
use maestro_reports::config::Auth;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tempfile::TempDir;

const ID: &str = "5c00000000000000000000a1";
const TABLE: &str = "5c00000000000000000000a1_general";
const KEY: &str = "key of the tests";
const PASS: &str = "pass of the tests";

/// A `serve` of the built program that holds a table.
pub(super) struct Target {
    program: Program,
    authorization: String,
    _data: TempDir,
}

impl Target {
    pub(super) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let env = [
            ("MAESTRO_DATA_DIR", data.path().to_str().unwrap()),
            ("MAESTRO_SECRETJWT_PRIVATE", KEY),
            ("MAESTRO_NOAUTH", PASS),
            ("MAESTRO_MAX_BODY_BYTES", "100000"),
            ("MAESTRO_RATE", "0"),
            ("MAESTRO_REFUSED_RATE", "0"),
        ];
        let program = Program::listening(&["serve"], &env);
        let authorization = format!("JWT {}", auth::sign(&Auth::new(KEY, PASS)).unwrap());
        let target = Self { program, authorization, _data: data };
        target.fill();
        target
    }

    /// Puts rows into the table, wherever they have gone.
    fn fill(&self) {
        let batch = json!({"colname": TABLE, "results": rows()[1]}).to_string();
        assert_eq!(self.send("POST", "/reports", "application/json", "*/*", batch.as_bytes()).status, 200);
    }

    pub(super) fn raw(&self, request: &[u8]) -> Answer {
        http::raw(self.program.url(), request)
    }

    fn send(&self, method: &str, path: &str, kind: &str, accept: &str, body: &[u8]) -> Answer {
        let headers = [("Authorization", self.authorization.as_str()), ("Content-Type", kind), ("Accept", accept)];
        http::send(method, &format!("{}{path}", self.program.url()), &headers, body)
    }

    /// Sends it; whatever it is, it is no failure of ours.
    fn check(&self, method: &str, path: &str, kind: &str, accept: &str, body: &[u8]) -> Outcome {
        let answer = self.send(method, path, kind, accept, body);
        let said = String::from_utf8_lossy(&answer.body);
        prop_assert!(answer.status < 500, "{} {said}", answer.status);
        // What is no HTTP is refused before it becomes a request, without a body.
        let is_told = answer.header("x-request-id").is_none() || serde_json::from_str::<Value>(&said).is_ok();
        prop_assert!(answer.status < 400 || is_told, "{} {said}", answer.status);
        if method == "DELETE" && answer.status == 200 {
            self.fill();
        }
        Ok(if answer.status < 400 { "done" } else { "refused" })
    }

    /// Nothing was logged as a failure, and it still answers.
    pub(super) fn is_well(&self) {
        let log = self.program.log();
        let bad = log.lines().find(|line| line.contains("panicked") || line.contains("ERROR"));
        assert_eq!(bad, None);
        assert_eq!(self.send("GET", &format!("/reports/{TABLE}"), "", "*/*", b"").status, 200);
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn values(good: Vec<Value>) -> BoxedStrategy<String> {
    altered(good).prop_map(|value| value.to_string()).boxed()
}

/// A value for an argument: one that it takes, one close to that, or anything.
fn argument(name: &'static str) -> BoxedStrategy<String> {
    let words = |words: &[&'static str]| select(words.to_vec()).prop_map(str::to_owned).boxed();
    let numbers = words(&["0", "-1", "100001", "18446744073709551615", "99999999999999999999", "1.5"]);
    let (good, close) = match name {
        "limit" | "page" | "batch" => (words(&["1", "2", "1500"]), numbers),
        "orderBy" => (words(&["name", "updated_at", "_id", "tags.key", "a.b.c"]), words(&["$where", "a..b", "é"])),
        "ascending" => (words(&["1", "0", "-1"]), numbers),
        "format" => (words(&["json", "csv", "ndjson"]), words(&["CSV", "../csv", "gif"])),
        "columns" => (words(&["name", "tags.key,_id", "a, b"]), words(&["$a", ",,", "a..b"])),
        "last" => (words(&["true", "false"]), numbers),
        "query" => (values(conditions()), numbers),
        "report_id" | "owner_user" => (Just(ID.to_owned()).boxed(), words(&["5c", "5C00000000000000000000A1"])),
        "component" => (words(&["Servers", "systems"]), words(&["../x", "Reports"])),
        "filters" => (prop_oneof![values(general()), values(pivot())].boxed(), values(conditions())),
        "colname" => (Just(TABLE.to_owned()).boxed(), words(&["5c00000000000000000000a1", "x_general"])),
        "results" => (values(rows()), values(conditions())),
        "run_id" | "name" => ("[a-z]{1,8}".boxed(), text().boxed()),
        "run" => (values(vec![run()]), values(vec![run()])),
        "url" => (
            words(&["https://203.0.113.9/x?y=z"]),
            words(&["http://x", "https://127.1/", "https://[::1]", "file:///x"]),
        ),
        "secret" => (words(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]), values(vec![json!(["whsec_AAAA", 1])])),
        _ => (text().boxed(), text().boxed()),
    };
    prop_oneof![20 => good, 2 => close, 1 => text(), 1 => json_text()].boxed()
}

/// How a run ended.
fn run() -> Value {
    json!({"status": "finished", "message": "x", "rows": 2, "columns": ["name"], "aggr": {}, "stages": {}})
}

/// Arguments as they come: some of those that a route knows, each perhaps twice.
fn arguments(names: &[&'static str]) -> impl Strategy<Value = Vec<(&'static str, String)>> + use<> {
    let each: Vec<BoxedStrategy<Option<(&'static str, String)>>> = names
        .iter()
        .map(|name| {
            let name = *name;
            prop::option::weighted(0.95, argument(name).prop_map(move |value| (name, value))).boxed()
        })
        .collect();
    each.prop_map(|arguments| arguments.into_iter().flatten().collect())
}

fn form(arguments: &[(&str, String)]) -> String {
    let pairs: Vec<String> = arguments.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

/// A body with these arguments: JSON whose values are JSON where they can be, or a form; perhaps damaged.
fn body(names: &[&'static str]) -> impl Strategy<Value = (&'static str, Vec<u8>)> + use<> {
    let json = (arguments(names), any::<bool>()).prop_map(|(arguments, texts)| {
        let fields = arguments.into_iter().map(|(name, value)| {
            let value = if texts || serde_json::from_str::<Value>(&value).is_err() {
                Value::from(value).to_string()
            } else {
                value
            };
            format!("\"{name}\":{value}")
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(",")).into_bytes()
    });
    let form = arguments(names).prop_map(|arguments| form(&arguments).into_bytes());
    let any_kind = select(vec![
        "application/json",
        "application/x-www-form-urlencoded",
        "",
        "/;=",
        "text/plain",
        "application/json; charset=x",
    ]);
    let bytes = prop_oneof![json_text().prop_map(String::into_bytes), vec(any::<u8>(), 0..60)];
    prop_oneof![
        5 => damaged(json).prop_map(|body| ("application/json", body)),
        2 => damaged(form).prop_map(|body| ("application/x-www-form-urlencoded", body)),
        1 => (any_kind, bytes),
    ]
}

const REPORT: [&str; 6] = ["report_id", "owner_user", "component", "filters", "name", "other"];

#[test]
fn rows_are_asked_for() {
    let target = Target::start();
    let accept =
        prop_oneof![4 => Just("*/*".to_owned()), 1 => "[!-~]{0,12}", 1 => Just("a/b;q=9, */*;q=0.1".to_owned())];
    let query = arguments(&["limit", "page", "orderBy", "ascending", "query", "format", "columns"]);
    fuzz(&(query, accept, any::<bool>()), &["done", "refused"], |(query, accept, wild)| {
        let query = if wild { form(&query).replace('%', "") } else { form(&query) };
        target.check("GET", &format!("/reports/{TABLE}?{query}"), "", &accept, b"")
    });
    target.is_well();
}

#[test]
fn reports_are_requested() {
    let target = Target::start();
    let place = select(vec!["/reports/general", "/reports/pivot/"]);
    let query = prop_oneof![3 => Just(Vec::new()), 1 => arguments(&REPORT)];
    fuzz(&(place, query, body(&REPORT)), &["done", "refused"], |(path, query, (kind, body))| {
        target.check("POST", &format!("{path}?{}", form(&query)), kind, "*/*", &body)
    });
    target.is_well();
}

#[test]
fn batches_are_posted() {
    let target = Target::start();
    fuzz(&body(&["colname", "results", "run_id", "batch", "last", "run"]), &["done", "refused"], |(kind, body)| {
        target.check("POST", "/reports", kind, "*/*", &body)
    });
    target.is_well();
}

#[test]
fn anything_is_asked_of_any_address() {
    let target = Target::start();
    let method = select(vec!["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"]);
    let known = select(vec![
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/reports",
        "/reports/general",
        "/reports/pivot",
        "/aggregation/",
    ]);
    let path = prop_oneof![
        2 => known.prop_map(str::to_owned),
        2 => select(vec![TABLE, "5c00000000000000000000a1_pivot", "..", "%2e%2e%2f", "%00", "general%0d%0aX:y"]).prop_map(|table| format!("/reports/{table}")),
        1 => Just(format!("/aggregation/{TABLE}")),
        2 => Just(format!("/reports/{TABLE}/webhook")),
        1 => "/[ -~&&[^ ?#]]{0,30}",
    ];
    let body = prop_oneof![2 => body(&REPORT), 1 => body(&["url", "secret"])];
    fuzz(&(method, path, body), &["done", "refused"], |(method, path, (kind, body))| {
        target.check(method, &path, kind, "*/*", &body)
    });
    target.is_well();
}
