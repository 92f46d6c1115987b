//! Task messages both ways, with a real Celery as the other side.

use super::{run, site};
use crate::support::fleet::{self, OWNER};
use crate::support::python::python;
use crate::support::rabbit;
use maestro_reports::broker;
use maestro_reports::config;
use maestro_reports::domain::{ReportType, Status, TableName};
use maestro_reports::task::{Envelope, Notice, Task};
use maestro_reports::tls;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const REPORT: &str = "5c0000000000000000000001";
const REPORTS: usize = 200;

#[test]
fn python_sends_tasks_and_gets_their_results() {
    let Some(site) = site(&[]) else { return };
    let Some(seen) = run(concat!(include_str!("app.py"), include_str!("messages.py")), &site) else { return };
    let made = json!({"name": "webhook.api", "report_id": REPORT, "colname": format!("{REPORT}_general")});
    for name in ["success", "countdown", "gzip", "bzip2", "linked"] {
        assert_eq!((&seen[name]["state"], &seen[name]["value"]), (&json!("SUCCESS"), &made), "{name}");
    }
    assert!(seen["countdown"]["took"].as_f64().unwrap() > 1.4, "{}", seen["countdown"]);
    for (name, state, kind, value) in [
        ("wrong", "FAILURE", "ValueError", "webhook.api: argument colname: "),
        ("unknown", "FAILURE", "NotRegistered", "no.such.task"),
        ("nan", "FAILURE", "ValueError", "body: expected JSON"),
        ("failure", "FAILURE", "ReportError", "cannot be reached"),
        ("broken", "FAILURE", "ReportError", "cannot be reached"),
        ("unlinked", "FAILURE", "ReportError", "the tasks that follow cannot be sent"),
        ("expired", "REVOKED", "TaskRevokedError", "expired"),
        ("terminated", "REVOKED", "TaskRevokedError", "terminated"),
        ("revoked", "REVOKED", "TaskRevokedError", "revoked"),
    ] {
        let end = &seen[name];
        assert_eq!((&end["state"], &end["kind"]), (&json!(state), &json!(kind)), "{name}: {end}");
        assert!(end["value"].as_str().unwrap().contains(value), "{name}: {end}");
    }
    assert_eq!(seen["states"], json!([["STARTED", "SUCCESS"], ["STARTED", "RETRY", "STARTED", "FAILURE"]]));
    let (linked, broken) = (&seen["linked"], &seen["broken"]);
    assert_eq!(linked["children"], json!(["link-1", "link-2"]));
    for note in linked["after"].as_array().unwrap() {
        assert_eq!((&note["args"], &note["parent"], &note["root"]), (&json!([made]), &linked["id"], &linked["id"]));
        assert!(note["group"].is_string() && note["group"] == linked["after"][0]["group"], "{note}");
    }
    assert_eq!(
        (&broken["after"][0]["args"], &seen["silent"]),
        (&json!([broken["id"]]), &json!(["PENDING", "PENDING"]))
    );
}

#[test]
fn a_python_chain_goes_through_our_worker() {
    let Some(site) = site(&[]) else { return };
    let Some(seen) = run(concat!(include_str!("app.py"), include_str!("chain.py")), &site) else { return };
    let made = json!({"name": "webhook.api", "report_id": REPORT, "colname": format!("{REPORT}_general")});
    let (first, middle, last) = (&seen["first"], &seen["middle"], &seen["last"]);
    assert_eq!((&middle["state"], &middle["value"]), (&json!("SUCCESS"), &made));
    assert_eq!((&first["children"], &middle["children"]), (&json!([middle["id"]]), &json!([last["id"]])));
    let expected = json!({"args": [made], "parent": middle["id"], "root": first["id"], "group": null});
    assert_eq!(last["value"], expected);
    let notes = seen["group"]["values"].as_array().unwrap();
    assert!(
        notes.iter().all(|note| note["args"] == json!([made]) && note["group"] == seen["group"]["id"]),
        "{notes:?}"
    );
    assert_eq!(notes.len(), 2);
}

/// The seven tasks, with arguments that tell where each belongs.
fn seven() -> Vec<Task> {
    let (report, owner) = (REPORT.parse().unwrap(), OWNER.parse().unwrap());
    let object = |value: Value| value.as_object().unwrap().clone();
    let rows = || vec![bson::rawdoc! {"_id": OWNER, "name": "a"}.into()];
    vec![
        Task::General {
            owner,
            report,
            component: "Servers".parse().unwrap(),
            query: object(json!({"active": true})),
            residual: None,
        },
        Task::Pivot {
            owner,
            report,
            entity: "Clients".parse().unwrap(),
            pipeline: vec![json!({"$match": {"roles._id": OWNER}})],
            residual: None,
        },
        Task::Upload { report, owner, kind: ReportType::Pivot, rows: rows() },
        Task::Webhook { table: TableName::new(report, ReportType::General), rows: rows() },
        Task::Notification {
            report,
            message: "é".to_owned(),
            status: Status::Warning,
            more: object(json!({"columns": ["name"]})),
        },
        Task::Audit { report, record: json!({"aggr": {}}) },
        Task::Ws { kind: ReportType::General, report, owner, notice: Notice::Info },
    ]
}

#[actix_rt::test]
async fn a_python_worker_runs_the_seven_tasks_that_we_send() {
    let Some(url) = rabbit::url() else { return };
    let config = config::load(&|name| (name == "CELERY_BROKER_URL").then(|| url.clone()), None, &[]).unwrap();
    let broker = broker::open(&config, &tls::client(None).unwrap()).await.unwrap();
    for task in seven() {
        broker.publish("upstream", &Envelope::new(task).to_message()).await.unwrap();
    }
    let Some(printed) = python(include_str!("upstream.py"), &[&url]) else { return };
    let seen: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let rows = json!([{"_id": OWNER, "name": "a"}]);
    let expected = json!({
        "qgeneral.api": {"owner_user": OWNER, "report_id": REPORT, "type": "Servers", "filters": {"active": true}},
        "qpivot.api": {"owner_user": OWNER, "report_id": REPORT, "entity": "Clients",
            "pipeline": [{"$match": {"roles._id": OWNER}}]},
        "upload.api": {"report_id": REPORT, "owner_user": OWNER, "name": "pivot", "result": rows},
        "webhook.api": {"colname": format!("{REPORT}_general"), "results": rows, "report_id": REPORT},
        "notification.api": {"report_id": REPORT, "msg": "é", "status": "warning", "more": {"columns": ["name"]}},
        "audit.api": {"entity_id": REPORT, "tmp": {"aggr": {}}},
        "ws.api": {"name": "general", "report_id": REPORT, "owner_id": OWNER, "status": "info"},
    });
    assert_eq!(seen, expected);
}

#[test]
fn a_python_worker_and_ours_share_200_reports() {
    let Some(url) = rabbit::url() else { return };
    let fleet = fleet::fleet_sharing(&url, 30);
    let worker = fleet.spawn(&["worker", "-Q", "reports", "-c", "1", "-n", "ours@test"], &[]);
    worker.wait_for("takes from reports");
    let platform = &*fleet.platform.address;
    let count = REPORTS.to_string();
    let args = [&*url, fleet.data_uri(), fleet.api.url(), platform, &fleet::token(), OWNER, &count];
    let Some(printed) = python(include_str!("shared.py"), &args) else { return };
    let theirs: BTreeMap<String, Vec<String>> = serde_json::from_str(printed.lines().last().unwrap()).unwrap();

    let all: BTreeSet<String> = (0..REPORTS).map(|number| format!("5e{number:022x}")).collect();
    let log = worker.log();
    let done = log.lines().filter(|line| line.contains("task qgeneral.api: done"));
    let ours = all
        .iter()
        .flat_map(|id| done.clone().filter(move |line| line.contains(&format!("task.id={id}"))).map(move |_| id));
    let runs: Vec<&String> = theirs["qgeneral.api"].iter().chain(ours).collect();
    assert!(theirs["qgeneral.api"].len() < runs.len(), "both have worked: {}", log);
    let once = |what: &str, seen: Vec<String>| {
        assert_eq!(seen.len(), REPORTS, "{what}: none is doubled");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all, "{what}: none is lost");
    };
    once("runs", runs.into_iter().cloned().collect());
    let last = |text: &str| text.rsplit(['/', '-']).next().unwrap().to_owned();
    once("audits", fleet.platform.calls("/audit").iter().map(|call| last(&call.path)).collect());
    let told = fleet.platform.calls("/api");
    once(
        "ends",
        told.iter().map(|call| last(call.body["params"]["data"]["event"]["caller"][1].as_str().unwrap())).collect(),
    );
    let expected = fleet.rows(&format!("5e{:022x}_general", 0)).len();
    assert!(expected > 10);
    for report in &all {
        assert_eq!(fleet.ended(report)["status"], "finished", "{report}");
        assert_eq!(fleet.rows(&format!("{report}_general")).len(), expected, "{report}");
    }
}
