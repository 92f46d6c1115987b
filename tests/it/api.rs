//! The Reports API of the built program, over every store.

mod artifacts;
mod batch;
mod charts;
mod limits;
mod rate;
mod request;
mod rows;
mod schedules;
mod service;
mod slow;
mod webhook;

use crate::support::http::{self, Answer};
use crate::support::mongo::{self, Database};
use crate::support::program::Program;
use maestro_reports::auth;
use maestro_reports::config::Auth;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// The report and the table of most tests.
const REPORT: &str = "5c00000000000000000000a1";
const TABLE: &str = "5c00000000000000000000a1_general";
const KEY: &str = "key of the tests";
const PASS: &str = "pass of the tests";

/// A running `serve` with a store of its own.
struct Api {
    program: Program,
    token: String,
    data: TempDir,
    _database: Option<Database>,
}

impl Api {
    /// With the embedded store and queue, and these variables besides.
    fn start_with(env: &[(&str, &str)]) -> Self {
        Self::start(env, None)
    }

    fn embedded() -> Self {
        Self::start_with(&[])
    }

    fn start(env: &[(&str, &str)], database: Option<Database>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut all = vec![
            ("MAESTRO_DATA_DIR", data.path().to_str().unwrap()),
            ("MAESTRO_SECRETJWT_PRIVATE", KEY),
            ("MAESTRO_NOAUTH", PASS),
        ];
        if let Some(database) = &database {
            all.push(("MAESTRO_MONGO_URI", &database.uri));
            all.push(("MAESTRO_MONGO_DATABASE", &database.name));
        }
        all.extend_from_slice(env);
        if database.is_some() {
            let migrated = Program::output(&["migrate"], &all);
            assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        }
        let token = auth::sign(&Auth::new(KEY, PASS)).unwrap();
        Self { program: Program::listening(&["serve"], &all), token, data, _database: database }
    }

    /// Calls with a good token; `path` begins with a slash.
    fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let authorization = format!("JWT {}", self.token);
        let headers = [&[("Authorization", authorization.as_str())], headers].concat();
        let answer = http::send(method, &format!("{}{path}", self.program.url()), &headers, body);
        assert!(answer.header("x-request-id").is_some(), "{method} {path}: no request id");
        answer
    }

    fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], b"")
    }

    fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call(method, path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// Posts a batch that must be taken; how many rows were new.
    fn post(&self, batch: &Value) -> u64 {
        let answer = self.send_json("POST", "/reports", batch);
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["nUpserted"].as_u64().unwrap()
    }

    /// Rows of the table, in the order asked for.
    fn items(&self, query: &[(&str, &str)]) -> Vec<Value> {
        let answer = self.get(&rows_path(query));
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// One field of each row, in the order asked for.
    fn names(&self, query: &[(&str, &str)]) -> Vec<String> {
        self.items(query).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// The address of the table's rows with this query string.
fn rows_path(query: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(query);
    format!("/reports/{TABLE}?{}", text.finish())
}

/// Runs a test on the embedded store, and on MongoDB where there is one.
fn on_every_store(test: impl Fn(&Api)) {
    test(&Api::embedded());
    if let Some(database) = mongo::database() {
        test(&Api::start(&[], Some(database)));
    }
}

/// Three servers, the newest in the middle.
fn servers() -> Value {
    json!([
        {"_id": "5c0000000000000000000001", "name": "web1", "cpu": 4, "active": true, "updated_at": "2018-11-28T02:00:00",
         "datacenters": {"_id": "5c00000000000000000000d1", "provider": "AWS"}, "roles": [{"_id": "5c00000000000000000000e1"}]},
        {"_id": "5c0000000000000000000002", "name": "web2", "cpu": 16, "active": true, "updated_at": "2020-05-01T12:30:00.250",
         "datacenters": {"_id": "5c00000000000000000000d1", "provider": "AWS"}},
        {"_id": "5c0000000000000000000003", "name": "db.1", "cpu": 8, "active": false, "updated_at": "2019-01-01T00:00:00Z",
         "datacenters": {"_id": "5c00000000000000000000d2", "provider": "Azure"}},
    ])
}

/// Puts the three servers into the table.
fn fill(api: &Api) {
    assert_eq!(api.post(&json!({"colname": TABLE, "results": servers()})), 3);
}

/// Rows numbered from `from`.
fn numbered(from: usize, to: usize) -> Vec<Value> {
    (from..to).map(|n| json!({"_id": format!("5c{n:022x}"), "name": format!("n{n}")})).collect()
}

/// Compares answers, by name, with a snapshot; on every store with the same.
fn snapshot<'a>(name: &str, answers: impl IntoIterator<Item = (&'a str, Answer)>) {
    let shown: Map<_, _> = answers.into_iter().map(|(name, answer)| (name.to_owned(), shown(&answer))).collect();
    insta::allow_duplicates!(insta::assert_json_snapshot!(name, shown));
}

/// Status, body, and the headers that clients read, for a snapshot; the task's random id is masked.
fn shown(answer: &Answer) -> Value {
    let mut shown = Map::new();
    shown.insert("status".to_owned(), answer.status.into());
    for name in ["allow", "link", "retry-after", "www-authenticate", "x-row-count", "x-total-count"] {
        if let Some(value) = answer.header(name) {
            shown.insert(name.to_owned(), value.into());
        }
    }
    let mut body = answer.json();
    for name in ["general-id", "pivot-id"] {
        if let Some(id) = body.get_mut(name) {
            assert!(uuid::Uuid::parse_str(id.as_str().unwrap()).is_ok());
            *id = "<uuid>".into();
        }
    }
    shown.insert("body".to_owned(), body);
    shown.into()
}
