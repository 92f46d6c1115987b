//! Our worker as Celery's own tools see it, on RabbitMQ: the event receiver, `inspect`, a Python worker beside it, Flower.

mod messages;

use crate::support::program::Program;
use crate::support::python::python;
use crate::support::rabbit;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::TcpListener;
use tempfile::TempDir;

const NODE: &str = "w1@test";

/// A worker of ours that takes from the queue `reports`.
struct Site {
    url: String,
    worker: Program,
    _silent: TcpListener,
    _folder: TempDir,
}

fn site(args: &[&str]) -> Option<Site> {
    start(&[&["-n", NODE], args].concat())
}

fn start(args: &[&str]) -> Option<Site> {
    let url = rabbit::url()?;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    // It takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let data_uri = format!("http://{}", silent.local_addr().unwrap());
    let env = [
        ("CELERY_BROKER_URL", url.as_str()),
        ("MAESTRO_DATA_DIR", &data),
        ("MAESTRO_DATA_URI", &data_uri),
        // Nobody listens there.
        ("MAESTRO_AUDIT_URI", "http://127.0.0.1:9"),
        ("MAESTRO_TASK_RETRIES", "0"),
        ("MAESTRO_NOTICE_RETRIES", "1"),
        ("MAESTRO_RETRY_SECONDS", "1"),
        ("MAESTRO_TRACK_STARTED", "on"),
    ];
    let all: Vec<&str> = ["worker", "-Q", "reports"].iter().chain(args).copied().collect();
    let worker = Program::spawn(&all, &env);
    worker.wait_for("takes from reports");
    Some(Site { url, worker, _silent: silent, _folder: folder })
}

fn run(script: &str, site: &Site) -> Option<Value> {
    python(script, &[&site.url, env!("CARGO_BIN_EXE_maestro-reports")])
        .map(|printed| serde_json::from_str(&printed).unwrap())
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn workers_without_a_name_do_not_lock_each_other_out() {
    let Some(site) = start(&[]) else { return };
    let Some(nodes) = run(include_str!("celery/names.py"), &site) else { return };
    assert_eq!(nodes, json!(["celery", "maestro"]));
}

#[test]
fn celerys_event_receiver_follows_worker_and_tasks() {
    let Some(mut site) = site(&["-E"]) else { return };
    let Some(seen) = run(include_str!("celery/events.py"), &site) else { return };
    let good = &seen["tasks"]["good"];
    assert_eq!(
        (&good["state"], &good["name"], &good["worker"]),
        (&json!("SUCCESS"), &json!("webhook.api"), &json!(NODE))
    );
    assert!(good["result"].as_str().unwrap().contains("5c0000000000000000000001_general"), "{good}");
    assert!(good["runtime"].as_f64().unwrap() > 0.0, "{good}");
    assert!(good["args"].as_str().unwrap().contains("_general"), "{good}");
    assert_eq!(seen["kinds"]["good"], json!(["task-received", "task-started", "task-succeeded"]));
    let bad = &seen["tasks"]["bad"];
    assert_eq!((&bad["state"], &seen["kinds"]["bad"]), (&json!("FAILURE"), &json!(["task-failed"])));
    assert!(bad["exception"].as_str().unwrap().contains("unknown task"), "{bad}");
    assert_eq!(seen["kinds"]["late"], json!(["task-received", "task-revoked"]));
    // What Celery makes of the result is its own exception.
    assert_eq!(seen["slow"], "TimeLimitExceeded('0.5')");
    assert_eq!(seen["kinds"]["slow"], json!(["task-received", "task-started", "task-failed"]));
    let worker = &seen["workers"][NODE];
    assert_eq!(
        (&worker["alive"], &worker["freq"], &worker["sw_ident"]),
        (&json!(true), &json!(2.0), &json!("maestro-reports"))
    );
    assert!(worker["processed"].as_u64().unwrap() >= 1, "{worker}");
    site.worker.terminate();
    assert!(site.worker.end().success());
}

/// Commands that are answered by the same words.
const SAME: [&str; 26] = [
    "ping",
    "reserved",
    "scheduled",
    "active",
    "revoked",
    "enable_events",
    "again",
    "query_task",
    "nosuch",
    "revoke",
    "revoke_by_stamped_headers",
    "not terminated",
    "revoke waiting",
    "rate_limit",
    "no rate_limit",
    "rate of nothing",
    "time_limit",
    "time of nothing",
    "autoscale",
    "pool_restart",
    "pool_grow",
    "pool_shrink",
    "add_consumer",
    "cancel_consumer",
    "heartbeat",
    "disable_events",
];

/// The answers of our worker and of Python's.
fn of<'a>(answers: &'a Value, command: &str) -> (&'a Value, &'a Value) {
    (&answers[command][NODE], &answers[command]["py@test"])
}

#[test]
fn inspect_and_control_are_answered_as_by_a_python_worker_beside_us() {
    let Some(mut site) = site(&[]) else { return };
    let Some(answers) = run(include_str!("celery/control.py"), &site) else { return };
    for command in SAME {
        let (ours, theirs) = of(&answers, command);
        assert_eq!(ours, theirs, "{command}");
    }
    workers_are_described_alike(&answers);
    tasks_are_described_alike(&answers);
    assert_eq!(answers["registered"][NODE][3], "qgeneral.api");
    let conf = answers["conf"][NODE].to_string();
    assert!(conf.contains("task_default_queue") && !conf.contains("guest:guest"), "{conf}");
    assert_eq!(answers["patterns"], json!({"w*": [NODE], "py@": ["py@test"]}));
    our_commands_ask_python(&answers);
    assert_eq!(answers["python_is_alive"], true);
    // The script's last request.
    assert!(site.worker.end().success(), "{}", site.worker.log());
    assert!(site.worker.log().contains("somebody has asked for it"));
}

fn workers_are_described_alike(answers: &Value) {
    for command in ["clock", "report", "hello"] {
        let (ours, theirs) = of(answers, command);
        assert_eq!(keys(ours), keys(theirs), "{command}");
    }
    let (ours, theirs) = of(answers, "stats");
    assert!(keys(ours).is_superset(&keys(theirs)), "{ours} lacks some of {theirs}");
    assert_eq!(keys(&ours["broker"]), keys(&theirs["broker"]));
    for name in ["hostname", "port", "userid", "virtual_host", "transport", "ssl"] {
        assert_eq!(ours["broker"][name], theirs["broker"][name], "{name}");
    }
    let (ours, theirs) = of(answers, "active_queues");
    assert_eq!((&ours[0]["name"], keys(&ours[0])), (&json!("reports"), keys(&theirs[0])));
    let (ours, theirs) = of(answers, "queues");
    let names = |queues: &Value| -> Vec<String> {
        queues.as_array().unwrap().iter().map(|queue| queue["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(ours), ["reports", "q2", "report.webhooks"]);
    assert_eq!(keys(&ours[1]), keys(&theirs[1]));
}

fn tasks_are_described_alike(answers: &Value) {
    let (ours, theirs) = of(answers, "scheduled later");
    assert_eq!(keys(&ours[0]), keys(&theirs[0]));
    assert_eq!(ours[0]["priority"], theirs[0]["priority"]);
    assert_eq!(keys(&ours[0]["request"]), keys(&theirs[0]["request"]));
    for name in ["name", "type", "args", "kwargs", "time_start", "acknowledged", "worker_pid"] {
        assert_eq!(ours[0]["request"][name], theirs[0]["request"][name], "{name}");
    }
    let (ours, theirs) = of(answers, "query scheduled");
    assert_eq!((&ours["reports"][0], &theirs["others"][0]), (&json!("scheduled"), &json!("scheduled")));
    let (ours, theirs) = of(answers, "active now");
    assert_eq!(keys(&ours[0]), keys(&theirs[0]));
    for name in ["name", "type", "args", "kwargs"] {
        assert_eq!(ours[0][name], theirs[0][name], "{name}");
    }
    assert!(ours[0]["time_start"].is_f64() && theirs[0]["time_start"].is_f64(), "{ours} {theirs}");
    assert!(ours[0]["worker_pid"].is_u64() && theirs[0]["worker_pid"].is_u64(), "{ours} {theirs}");
    assert_eq!(keys(&ours[0]["delivery_info"]), keys(&theirs[0]["delivery_info"]));
    let (ours, theirs) = of(answers, "query active");
    assert_eq!((&ours["long reports"][0], &theirs["long others"][0]), (&json!("active"), &json!("active")));
    let (ours, theirs) = of(answers, "terminate");
    assert_eq!((&ours["ok"], &theirs["ok"]), (&json!("terminate: long reports"), &json!("terminate: long others")));
}

/// `maestro-reports status`, `inspect`, `control` and `events`.
fn our_commands_ask_python(answers: &Value) {
    let cli = |asked: &str| answers["ours"][asked].as_str().unwrap();
    assert_eq!(cli("status"), "py@test: OK\nw1@test: OK\n\n2 nodes online.\n");
    assert_eq!(keys(&answers["ours"]["stats"]["py@test"]), keys(&answers["stats"]["py@test"]));
    assert_eq!(cli("registered"), "->  py@test: OK\n    [\n      \"qgeneral.api\",\n      \"webhook.api\"\n    ]\n");
    assert_eq!(cli("time_limit"), "->  py@test: OK\n    time limits set successfully\n");
    assert_eq!(cli("unknown"), "->  py@test: ERROR\n    unknown task\n");
    assert!(cli("events").contains(" py@test worker-heartbeat {\"freq\":2.0,"), "{}", cli("events"));
}

#[test]
fn flower_shows_our_worker_and_its_tasks() {
    let Some(mut site) = site(&[]) else { return };
    let Some(seen) = run(include_str!("celery/flower.py"), &site) else { return };
    let worker = &seen["workers"][NODE];
    assert_eq!(worker["active_queues"][0]["name"], "reports");
    assert!(worker["registered"].to_string().contains("qgeneral.api"), "{worker}");
    assert_eq!(seen["page"], 200);
    let task = &seen["tasks"]["good"];
    assert_eq!(
        (&task["state"], &task["name"], &task["worker"]),
        (&json!("SUCCESS"), &json!("webhook.api"), &json!(NODE))
    );
    assert!(task["runtime"].as_f64().unwrap() > 0.0, "{task}");
    let bad = &seen["tasks"]["bad"];
    assert_eq!((&bad["state"], &bad["worker"]), (&json!("FAILURE"), &json!(NODE)));
    assert!(bad["exception"].as_str().unwrap().contains("unknown task"), "{bad}");
    for (button, status, message) in [
        ("grow", 200, "Growing 'w1@test' worker's pool by 2"),
        ("shrink", 200, "Shrinking 'w1@test' worker's pool by 1"),
        ("autoscale", 403, "Autoscale not enabled"),
        ("add", 200, "add consumer more"),
        ("cancel", 200, "no longer consuming from more"),
        ("revoke", 200, "Revoked 'id1'"),
    ] {
        let pressed = &seen["buttons"][button];
        assert_eq!(pressed[0], status, "{button}: {pressed}");
        assert!(pressed[1].as_str().unwrap().contains(message), "{button}: {pressed}");
    }
    assert_eq!(seen["shutdown"][0], 200);
    assert!(site.worker.end().success());
}
