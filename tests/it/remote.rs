//! `inspect`, `control`, `status` and `events` as a user types them, on both brokers.

use crate::support::fleet::{Parts, fleet};
use crate::support::program::Program;
use crate::support::rabbit;
use serde_json::{Value, json};
use std::process::Output;
use tempfile::TempDir;

/// A worker and the environment to ask it in.
struct Site {
    worker: Program,
    data: String,
    url: String,
    _folder: TempDir,
}

impl Site {
    fn start(url: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display().to_string();
        let env = [("MAESTRO_DATA_DIR", data.as_str()), ("CELERY_BROKER_URL", &url)];
        let worker = Program::spawn(&["worker", "-n", "w1@test"], &env);
        worker.wait_for("takes from report");
        Self { worker, data, url, _folder: folder }
    }

    fn ask(&self, args: &[&str]) -> Output {
        Program::output(args, &[("MAESTRO_DATA_DIR", &self.data), ("CELERY_BROKER_URL", &self.url)])
    }

    fn said(&self, args: &[&str]) -> String {
        let output = self.ask(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn a_worker_is_asked_and_told(url: String) {
    let mut site = Site::start(url);
    let heartbeat = site.said(&["events", "--limit", "2"]);
    assert!(heartbeat.contains(" w1@test worker-heartbeat {\"freq\":2.0,"), "{heartbeat}");
    assert_eq!(site.said(&["status", "-d", "w1@test", "-t", "20"]), "w1@test: OK\n\n1 node online.\n");
    let ping = ["inspect", "ping", "-d", "w1@test", "-t", "20"];
    assert_eq!(site.said(&ping), "->  w1@test: OK\n    pong\n");
    let json = site.said(&[&ping[..], &["--json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["w1@test"]["ok"], "pong");
    let nobody = site.ask(&["inspect", "ping", "-d", "w2@test", "-t", "0.3"]);
    assert_eq!(nobody.status.code(), Some(69), "{nobody:?}");
    let mistake = site.ask(&["control", "revoke"]);
    assert_eq!(mistake.status.code(), Some(2), "{mistake:?}");
    let flagged = site.said(&["control", "revoke", "a", "-d", "w1@test", "-t", "20"]);
    assert_eq!(flagged, "->  w1@test: OK\n    tasks {'a'} flagged as revoked\n");
    site.said(&["control", "shutdown", "-t", "0.1"]);
    assert!(site.worker.end().success());
}

#[test]
fn a_worker_on_the_embedded_queue_is_asked_and_told() {
    a_worker_is_asked_and_told(String::new());
}

#[test]
fn a_worker_on_rabbitmq_is_asked_and_told() {
    if let Some(url) = rabbit::url() {
        a_worker_is_asked_and_told(url);
    }
}

#[test]
fn a_report_tells_how_far_it_is() {
    let Some(fleet) = fleet(Parts::Embedded, 2_000) else { return };
    let worker = fleet.spawn(&["worker", "-E", "-n", "w1@test"], &[]);
    let events = fleet.spawn(&["events"], &[]);
    events.wait_for("worker-heartbeat");
    fleet.request("5c0000000000000000000009", "general", "Servers", &json!([]));
    let line = events.wait_for(" w1@test task-progress ");
    let told: Value = serde_json::from_str(line.split_once("task-progress ").unwrap().1).unwrap();
    fleet.ended("5c0000000000000000000009");
    let all = fleet.rows("5c0000000000000000000009_general").len();
    assert_eq!((&told["stage"], &told["found"]), (&json!("webhook"), &json!(all)), "{told}");
    assert!((1..=all as u64).contains(&told["rows"].as_u64().unwrap()), "{told}");
    drop(worker);
}
