//! Our worker as Celery's own tools see it, on RabbitMQ: the event receiver, `inspect`, a Python worker beside it, Flower.

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
    _folder: TempDir,
}

fn site(args: &[&str]) -> Option<Site> {
    let url = rabbit::url()?;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let closed = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let env = [
        ("CELERY_BROKER_URL", url.as_str()),
        ("MAESTRO_DATA_DIR", &data),
        ("MAESTRO_DATA_URI", &closed),
        ("MAESTRO_TASK_RETRIES", "0"),
    ];
    let all: Vec<&str> = ["worker", "-n", NODE, "-Q", "reports"].iter().chain(args).copied().collect();
    let worker = Program::spawn(&all, &env);
    worker.wait_for("takes from reports");
    Some(Site { url, worker, _folder: folder })
}

fn run(script: &str, site: &Site) -> Option<Value> {
    python(script, &[&site.url]).map(|printed| serde_json::from_str(&printed).unwrap())
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn celerys_event_receiver_follows_worker_and_tasks() {
    let Some(mut site) = site(&["-E"]) else { return };
    let Some(seen) = run(include_str!("celery/events.py"), &site) else { return };
    let good = &seen["tasks"]["good"];
    assert_eq!(
        (&good["state"], &good["name"], &good["worker"], &good["result"]),
        (&json!("SUCCESS"), &json!("webhook.api"), &json!(NODE), &json!("None")),
    );
    assert!(good["runtime"].as_f64().unwrap() > 0.0, "{good}");
    assert!(good["args"].as_str().unwrap().contains("_general"), "{good}");
    assert_eq!(seen["kinds"]["good"], json!(["task-received", "task-started", "task-succeeded"]));
    let bad = &seen["tasks"]["bad"];
    assert_eq!((&bad["state"], &seen["kinds"]["bad"]), (&json!("FAILURE"), &json!(["task-failed"])));
    assert!(bad["exception"].as_str().unwrap().contains("unknown task"), "{bad}");
    assert_eq!(seen["kinds"]["late"], json!(["task-received", "task-revoked"]));
    let worker = &seen["workers"][NODE];
    assert_eq!(
        (&worker["alive"], &worker["freq"], &worker["sw_ident"]),
        (&json!(true), &json!(2.0), &json!("maestro-reports"))
    );
    assert!(worker["processed"].as_u64().unwrap() >= 1, "{worker}");
    site.worker.terminate();
    assert!(site.worker.end().success());
}

#[test]
fn inspect_and_control_are_answered_as_by_a_python_worker_beside_us() {
    let Some(mut site) = site(&[]) else { return };
    let Some(answers) = run(include_str!("celery/control.py"), &site) else { return };
    let of = |command: &str| (&answers[command][NODE], &answers[command]["py@test"]);
    for command in [
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
    ] {
        let (ours, theirs) = of(command);
        assert_eq!(ours, theirs, "{command}");
    }
    for command in ["clock", "report", "hello"] {
        let (ours, theirs) = of(command);
        assert_eq!(keys(ours), keys(theirs), "{command}");
    }
    let (ours, theirs) = of("stats");
    assert!(keys(ours).is_superset(&keys(theirs)), "{ours} lacks some of {theirs}");
    assert_eq!(keys(&ours["broker"]), keys(&theirs["broker"]));
    for name in ["hostname", "port", "userid", "virtual_host", "transport", "ssl"] {
        assert_eq!(ours["broker"][name], theirs["broker"][name], "{name}");
    }
    let (ours, theirs) = of("active_queues");
    assert_eq!((&ours[0]["name"], keys(&ours[0])), (&json!("reports"), keys(&theirs[0])));
    assert_eq!(answers["registered"][NODE][3], "qgeneral.api");
    let conf = answers["conf"][NODE].to_string();
    assert!(conf.contains("task_default_queue") && !conf.contains("guest:guest"), "{conf}");
    assert_eq!(answers["patterns"], json!({"w*": [NODE], "py@": ["py@test"]}));
    assert_eq!(answers["python_is_alive"], true);
    // The script's last request.
    assert!(site.worker.end().success(), "{}", site.worker.log());
    assert!(site.worker.log().contains("somebody has asked for it"));
}

#[test]
fn flower_shows_our_worker_and_its_tasks() {
    let Some(site) = site(&[]) else { return };
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
}
