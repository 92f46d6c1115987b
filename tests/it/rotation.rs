//! Secrets changed while the programs go on (docs/security.md): nobody is refused on the way.

use crate::support::http;
use crate::support::program::Program;
use maestro_reports::auth;
use maestro_reports::config::Auth;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OWNER: &str = "5c0000000000000000000001";
const REPORTS: [&str; 3] = ["5f0000000000000000000001", "5f0000000000000000000002", "5f0000000000000000000003"];
const OLD: (&str, &str) = ("old key", "old pass");
const NEW: (&str, &str) = ("new key", "new pass");
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings of one step: with which secrets a process signs, and which it accepts besides.
fn secrets<'a>(signs: (&'a str, &'a str), accepts: Option<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    let mut env = vec![("MAESTRO_SECRETJWT_PRIVATE", signs.0), ("MAESTRO_NOAUTH", signs.1)];
    if let Some((key, pass)) = accepts {
        env.extend([("MAESTRO_SECRETJWT_ACCEPTED", key), ("MAESTRO_NOAUTH_ACCEPTED", pass)]);
    }
    env
}

fn call(secrets: (&str, &str), method: &str, url: &str, body: &Value) -> (u16, Value) {
    let token = auth::sign(&Auth::new(secrets.0, secrets.1)).unwrap();
    let headers = [("Authorization", format!("JWT {token}")), ("Content-Type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = http::send(method, url, &headers, body.as_bytes());
    (answer.status, answer.json())
}

/// An API and a worker of one step on the shared folder.
struct Step {
    api: Program,
    _worker: Program,
}

impl Step {
    fn start(secrets: &[(&str, &str)], data_uri: &str, data: &TempDir) -> Self {
        let parts = [
            ("MAESTRO_DATA_DIR", data.path().to_str().unwrap()),
            ("MAESTRO_DATA_URI", data_uri),
            ("MAESTRO_AUDIT_URI", ""),
            ("MAESTRO_WEBSOCKET_URI", ""),
            // What does not go well at once ends in an error.
            ("MAESTRO_TASK_RETRIES", "0"),
        ];
        let env = [&parts, secrets].concat();
        let api = Program::listening(&["serve"], &env);
        let worker = Program::spawn(&["worker"], &env);
        worker.wait_for("takes from report,");
        Self { api, _worker: worker }
    }

    /// The status of a call with these secrets.
    fn answers(&self, secrets: (&str, &str)) -> u16 {
        let table = format!("{}/reports/{}_general", self.api.url(), REPORTS[0]);
        call(secrets, "GET", &table, &Value::Null).0
    }

    /// Makes a report whose Data API accepts `peer` alone.
    fn report(&self, report: &str, caller: (&str, &str), peer: (&str, &str), data_uri: &str) {
        let wanted = json!({"report_id": report, "owner_user": OWNER, "component": "Servers", "filters": []});
        let (status, answer) = call(caller, "POST", &format!("{}/reports/general", self.api.url()), &wanted);
        assert_eq!(status, 200, "{answer}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, record) = call(peer, "GET", &format!("{data_uri}/reports/{report}"), &Value::Null);
            match record["status"].as_str() {
                Some("finished") => return,
                Some("process") | None => assert!(Instant::now() < deadline, "{record}"),
                Some(_) => panic!("{record}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn inventory(secrets: (&str, &str), folder: &TempDir, sample: bool) -> Program {
    let dir = folder.path().to_str().unwrap();
    let mut args = vec!["inventory", "--port", "0", "--dir", dir];
    if sample {
        args.extend(["--sample", "20"]);
    }
    Program::listening(&args, &self::secrets(secrets, None))
}

#[test]
fn key_and_pass_are_changed_without_a_refused_call() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old_peer = inventory(OLD, &folder, true);

    let before = Step::start(&secrets(OLD, None), old_peer.url(), &data);
    assert_eq!((before.answers(OLD), before.answers(NEW)), (404, 401));
    drop(before);

    let accepting = Step::start(&secrets(OLD, Some(NEW)), old_peer.url(), &data);
    accepting.report(REPORTS[0], OLD, OLD, old_peer.url());
    assert_eq!((accepting.answers(OLD), accepting.answers(NEW)), (200, 200));
    drop((accepting, old_peer));

    // The platform's services know one secret: they change while this program accepts both, and is accepted by both.
    let new_peer = inventory(NEW, &folder, false);
    let between = Step::start(&secrets(OLD, Some(NEW)), new_peer.url(), &data);
    between.report(REPORTS[1], NEW, NEW, new_peer.url());
    drop(between);

    let signing = Step::start(&secrets(NEW, Some(OLD)), new_peer.url(), &data);
    assert_eq!((signing.answers(OLD), signing.answers(NEW)), (200, 200));
    drop(signing);

    let after = Step::start(&secrets(NEW, None), new_peer.url(), &data);
    after.report(REPORTS[2], NEW, NEW, new_peer.url());
    assert_eq!((after.answers(OLD), after.answers(NEW)), (401, 200));
}

#[test]
fn secrets_of_files_are_those_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, pass) = (path("key", "new key\n"), path("pass", "new pass"));
    let env = [("MAESTRO_SECRETJWT_PRIVATE_FILE", key.as_str()), ("MAESTRO_NOAUTH_FILE", pass.as_str())];
    let output = Program::output(&["token"], &env);
    let token = String::from_utf8(output.stdout).unwrap();
    assert!(auth::verify(&Auth::new(NEW.0, NEW.1), token.trim()).is_ok(), "{token}");
}
