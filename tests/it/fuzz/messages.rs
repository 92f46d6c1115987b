//! Celery messages: those that were captured, with headers and bodies changed.

use super::fuzz;
use super::inputs::{altered, damaged, json, text};
use crate::support::program::Program;
use chrono::Utc;
use maestro_reports::broker::{self, Message};
use maestro_reports::task::Envelope;
use maestro_reports::{config, tls};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

const REPORT: &str = "5c0000000000000000000001";
const OWNER: &str = "5c0000000000000000000002";
const QUEUE: &str = "report";
/// Messages for the real worker: each costs it a write or two.
const MESSAGES: usize = 300;
const PATIENCE: Duration = Duration::from_secs(60);

/// The messages that Celery's producers were seen to send, and the tasks of the platform.
fn good() -> Vec<(Value, Value)> {
    let lines = include_str!("../../fixtures/celery/task.jsonl").lines();
    let seen: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let headers = |task: &str| {
        let mut headers = seen[0]["properties"]["headers"].clone();
        headers["task"] = task.into();
        headers
    };
    let task = |task: &str, arguments: Value| {
        (headers(task), json!([arguments, {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]))
    };
    let mut all: Vec<(Value, Value)> =
        seen.iter().map(|one| (one["properties"]["headers"].clone(), one["body"].clone())).collect();
    let ours = [
        task("qgeneral.api", json!([OWNER, REPORT, "Servers", {"cpu": {"$gte": 4}}])),
        task("qpivot.api", json!([OWNER, REPORT, "servers", [{"$match": {"roles._id": OWNER}}]])),
        task("upload.api", json!([REPORT, OWNER, "general", [{"_id": REPORT, "name": "x"}], "general"])),
        task("webhook.api", json!([format!("{REPORT}_general"), [{"_id": REPORT}], REPORT])),
        task("notification.api", json!([REPORT, "text", "finished", {"columns": ["a"]}])),
        task("audit.api", json!([REPORT, {"aggr": {}}])),
        task("ws.api", json!(["general", REPORT, OWNER, "success"])),
        task("deliver.api", json!([delivery()])),
    ];
    // Most of those that were seen are other applications'.
    (0..seen.len()).step_by(ours.len()).for_each(|_| all.extend(ours.clone()));
    all
}

/// What is sent to the endpoint of a report.
fn delivery() -> Value {
    let rows = json!({"generation": 1, "count": 1, "batch_rows": 500, "batch_bytes": 1024});
    json!({"table": format!("{REPORT}_general"), "run": "r", "endpoint": "report", "host": "h", "status": "finished",
           "message": "", "ended_at": "2026-01-02T03:04:05Z", "rows": rows, "batch": 0, "sent": 0})
}

fn messages() -> impl Strategy<Value = Message> {
    let one = select(good()).prop_flat_map(|(headers, body)| {
        let headers = prop_oneof![1 => Just(headers.clone()), 2 => altered(vec![headers])];
        let body = damaged(altered(vec![body]).prop_map(|body| body.to_string().into_bytes()));
        let kind = prop_oneof![9 => Just("application/json".to_owned()), 1 => text()];
        let encoding = prop_oneof![9 => Just("utf-8".to_owned()), 1 => text()];
        let more = prop_oneof![9 => Just(None), 1 => (select(vec!["compression", "eta", "expires", "retries", "maestro_residual", "maestro_requested_at"]), json()).prop_map(Some)];
        (headers, body, kind, encoding, more)
    });
    one.prop_map(|(headers, body, content_type, content_encoding, more)| {
        let mut headers: Map<String, Value> = headers.as_object().cloned().unwrap_or_default();
        headers.extend(more.map(|(name, value)| (name.to_owned(), value)));
        Message { headers, body, content_type, content_encoding, correlation_id: None, reply_to: None, priority: 0 }
    })
}

#[test]
fn envelopes() {
    fuzz(&messages(), &["a task", "no task"], |message| {
        let _ = (Envelope::report_of(&message), Envelope::first_attempt(&message), message.eta());
        let Ok(envelope) = Envelope::from_message(&message) else { return Ok("no task") };
        let next = envelope.next_attempt(&message, Utc::now(), Duration::MAX);
        prop_assert_eq!(next.headers["retries"].as_u64(), Some(u64::from(envelope.retries.saturating_add(1))));
        let again = Envelope::from_message(&envelope.to_message()).map_err(|error| error.to_string());
        prop_assert_eq!(again, Ok(envelope));
        Ok("a task")
    });
}

/// The real worker settles every one of them, and goes on working.
#[test]
fn a_worker_settles_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let env = [
        ("MAESTRO_DATA_DIR", folder.path().to_str().unwrap()),
        ("MAESTRO_DATA_URI", "http://127.0.0.1:9"),
        ("MAESTRO_AUDIT_URI", "http://127.0.0.1:9"),
        ("MAESTRO_WEBSOCKET_URI", "http://127.0.0.1:9"),
        ("MAESTRO_TASK_RETRIES", "0"),
        ("MAESTRO_NOTICE_RETRIES", "0"),
    ];
    let get = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let config = config::load(&get, None, &[]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let broker = runtime.block_on(broker::open(&config, &tls::client(None).unwrap())).unwrap();
    let worker = Program::spawn(&["worker"], &env);
    let mut runner = TestRunner::new_with_rng(Default::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let messages = messages();
    for _ in 0..MESSAGES {
        let mut message = messages.new_tree(&mut runner).unwrap().current();
        // One that waits for its time is not settled before it.
        message.headers.remove("eta");
        runtime.block_on(broker.publish(QUEUE, &message)).unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    while runtime.block_on(broker.state(QUEUE)).unwrap().waiting > 0 {
        assert!(
            Instant::now() < deadline,
            "left: {:?}\n{}",
            runtime.block_on(broker.state(QUEUE)).unwrap(),
            worker.log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(runtime.block_on(broker.state(QUEUE)).unwrap().dead > MESSAGES as u64 / 4);
    assert!(!worker.log().contains("panicked"), "{}", worker.log());
}
