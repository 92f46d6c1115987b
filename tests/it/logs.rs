//! The log of the built program: its two formats, the ids on its lines, and what it never holds.

use crate::support::fleet::{OWNER, Parts, fleet};
use crate::support::http;
use crate::support::platform::Platform;
use crate::support::program::Program;
use crate::support::rabbit;
use actix_web::HttpResponse;
use serde_json::{Value, json};

const REPORT: &str = "5c00000000000000000000b1";

/// The lines of a log, each of which must be a JSON object.
fn lines(log: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let lines: Vec<Value> = log.lines().map(parse).collect();
    for line in &lines {
        for field in ["time", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
        let time = line["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
    }
    lines
}

/// A line without what differs from run to run.
fn masked(mut line: Value) -> Value {
    for field in ["time", "task.id", "seconds"] {
        assert!(line.get(field).is_some_and(|value| !value.is_null()), "{field}: {line}");
        line[field] = "…".into();
    }
    line
}

#[test]
fn every_line_is_an_object_and_a_tasks_lines_carry_its_id() {
    let fleet = fleet(Parts::Embedded, 20).unwrap();
    let worker = fleet.spawn(&["worker", "-q", "report", "--log-format", "json"], &[]);
    let task = fleet.request(REPORT, "general", "Servers", &json!([]));
    fleet.ended(REPORT);
    worker.wait_for("task qgeneral.api: done");
    let lines = lines(&worker.log());
    let of_task: Vec<&Value> = lines.iter().filter(|line| line["task.id"] == *task).collect();
    let done = *of_task.last().unwrap();
    insta::assert_json_snapshot!(masked(done.clone()));
}

#[test]
fn a_line_of_text_reads_alone() {
    let fleet = fleet(Parts::Embedded, 20).unwrap();
    let worker = fleet.worker();
    fleet.request(REPORT, "general", "Servers", &json!([]));
    let line = worker.wait_for("task qgeneral.api: done");
    let varying = regex::Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z|[0-9a-f]{8}-[0-9a-f-]{27}|seconds=[0-9.]+").unwrap();
    insta::assert_snapshot!(varying.replace_all(&line, "…"));
}

#[test]
fn the_environment_chooses_the_format_too_and_an_error_is_a_line_of_it() {
    let env = [("MAESTRO_LOG_FORMAT", "json"), ("MAESTRO_PORT", "many")];
    let output = Program::output(&["serve"], &env);
    assert_eq!(output.status.code(), Some(2));
    let lines = lines(&String::from_utf8(output.stderr).unwrap());
    assert!(lines[0]["message"].as_str().unwrap().contains("MAESTRO_PORT"), "{lines:?}");
    let output = Program::output(&["config", "--log-format", "xml"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("MAESTRO_LOG_FORMAT (flag --log-format): expected text or json"), "{said}");
}

#[test]
fn a_requests_lines_carry_its_id_in_both_formats() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["text", "json"] {
        let data = folder.path().join(format);
        let env = [
            ("MAESTRO_DATA_DIR", data.to_str().unwrap()),
            ("CELERY_BROKER_URL", "amqp://127.0.0.1:1"),
            ("MAESTRO_LOG_FORMAT", format),
        ];
        let api = Program::listening(&["serve"], &env);
        let url = api.url().trim_end_matches("\"}");
        http::send("GET", &format!("{url}/readyz"), &[("X-Request-Id", "look-1")], b"");
        let line = api.wait_for("GET /readyz 503");
        let failed = api.wait_for("not ready: broker");
        for line in [line, failed] {
            assert!(line.contains("look-1"), "{line}");
        }
    }
}

/// Secrets of which none is part of another text.
const SECRETS: [(&str, &str); 3] = [
    ("MAESTRO_SECRETJWT_PRIVATE", "kingfisher-signs-5f3a"),
    ("MAESTRO_NOAUTH", "pelican-passes-77b1"),
    ("MAESTRO_WEBSOCKET_SECRET", "heron-publishes-c0de"),
];
const PASSWORD: &str = "cormorant-dives-91aa";

#[track_caller]
fn holds_no_secret(program: &Program, token: &str) {
    let log = program.log();
    assert!(log.contains("TRACE"), "nothing at this level:\n{log}");
    for secret in SECRETS.map(|(_, secret)| secret).into_iter().chain([PASSWORD, token]) {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn no_secret_is_in_the_log_at_any_level_whatever_fails() {
    let platform = Platform::start(|_| HttpResponse::Unauthorized().json(json!({"error": {"msg": "no"}})));
    let folder = tempfile::tempdir().unwrap();
    let broker = format!("amqp://gull:{PASSWORD}@127.0.0.1:1/v");
    let store = format!("mongodb://gull:{PASSWORD}@127.0.0.1:1/?serverSelectionTimeoutMS=500");
    let mut env = SECRETS.to_vec();
    env.extend([
        ("RUST_LOG", "trace"),
        ("MAESTRO_DATA_DIR", folder.path().to_str().unwrap()),
        ("MAESTRO_DATA_URI", platform.address.as_str()),
        ("MAESTRO_AUDIT_URI", platform.address.as_str()),
        ("MAESTRO_WEBSOCKET_URI", platform.address.as_str()),
        ("MAESTRO_NOTICE_RETRIES", "0"),
    ]);
    let token = String::from_utf8(Program::output(&["token"], &env).stdout).unwrap().trim().to_owned();
    let header = format!("JWT {token}");
    let headers = [("Authorization", header.as_str()), ("Content-Type", "application/json")];
    let body = json!({"report_id": REPORT, "owner_user": OWNER, "component": "Servers", "filters": "[]"}).to_string();
    let request =
        |api: &Program| http::send("POST", &format!("{}/reports/general", api.url()), &headers, body.as_bytes()).status;

    let away = [&env[..], &[("CELERY_BROKER_URL", broker.as_str())]].concat();
    let api = Program::listening(&["serve"], &away);
    assert_eq!(request(&api), 503);
    let refused = http::send("DELETE", &format!("{}/reports/x", api.url()), &[("Authorization", "JWT wrong")], b"");
    assert_eq!(refused.status, 401);
    http::send("GET", &format!("{}/metrics", api.url()), &[], b"");
    api.wait_for("GET /metrics 200");
    holds_no_secret(&api, &token);

    let lost = [&env[..], &[("MAESTRO_MONGO_URI", store.as_str())]].concat();
    let mut lost = Program::spawn(&["worker", "-l", "trace"], &lost);
    assert!(!lost.end().success());
    assert!(!lost.log().contains(PASSWORD), "{}", lost.log());

    let api = Program::listening(&["serve"], &env);
    let worker = Program::spawn(&["worker"], &env);
    assert_eq!(request(&api), 200);
    worker.wait_for("task ws.api: failed for good");
    holds_no_secret(&worker, &token);
}

#[test]
fn the_brokers_password_is_not_in_the_log_while_it_is_sent() {
    let Some(url) = rabbit::url() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = url.replace("guest:guest", &format!("guest:{PASSWORD}"));
    for (url, said, password) in [(&wrong, "cannot take from its queues", PASSWORD), (&url, "takes from", "guest")] {
        let env = [
            ("MAESTRO_DATA_DIR", folder.path().to_str().unwrap()),
            ("CELERY_BROKER_URL", url.as_str()),
            ("RUST_LOG", "trace,amiquip::io_loop=trace"),
        ];
        let worker = Program::spawn(&["worker"], &env);
        worker.wait_for(said);
        let log = worker.log();
        assert!(log.contains("TRACE") && !log.contains(password), "{log}");
    }
}
