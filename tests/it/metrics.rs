//! What the processes of an installation count while they work.

use crate::support::fleet::{Fleet, OWNER, Parts, fleet};
use crate::support::http;
use crate::support::program::Program;
use serde_json::json;
use std::collections::BTreeMap;

const REPORT: &str = "5c00000000000000000000c1";
const FAILING: &str = "5c00000000000000000000c2";

/// The metrics of a process: `name{labels}` and value.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn of(url: &str) -> Self {
        let answer = http::send("GET", &format!("{url}/metrics"), &[], b"");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
        let text = String::from_utf8(answer.body).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(|line| line.rsplit_once(' ')).map(|(k, v)| (k.to_owned(), v.parse().unwrap())).collect())
    }

    fn value(&self, name: &str) -> f64 {
        *self.0.get(&format!("maestro_reports_{name}")).unwrap_or_else(|| panic!("no {name} in {:#?}", self.0))
    }
}

/// A worker that listens for scrapes, and where.
fn monitored_worker(fleet: &Fleet) -> (Program, String) {
    let worker = fleet.spawn(&["worker", "-q", "report"], &[("MAESTRO_METRICS_BIND", "127.0.0.1:0")]);
    let line = worker.wait_for("metrics on http://");
    let url = line.split("metrics on ").nth(1).unwrap().trim_end_matches("/metrics").to_owned();
    (worker, url)
}

fn counts_what_it_did(parts: Parts) {
    let Some(fleet) = fleet(parts, 40) else { return };
    let (_worker, url) = monitored_worker(&fleet);
    assert_eq!(Scrape::of(&url).value(r#"reports_ended_total{status="finished",type="general"}"#), 0.0);
    fleet.request(REPORT, "general", "Servers", &json!([]));
    fleet.ended(REPORT);
    fleet.request(FAILING, "general", "Nothings", &json!([]));
    fleet.ended(FAILING);
    let rows = fleet.rows(&format!("{REPORT}_general")).len() as f64;
    // The notices of both reports, and the tasks themselves, which may be settled after their notices.
    let scrape = fleet.wait("all tasks to be settled", || {
        let scrape = Scrape::of(&url);
        let settled = |outcome, task| {
            let name = format!(r#"maestro_reports_tasks_total{{outcome="{outcome}",task="{task}"}}"#);
            scrape.0.get(&name).copied().unwrap_or_default()
        };
        let counts = [settled("done", "ws.api"), settled("done", "qgeneral.api"), settled("dead", "qgeneral.api")];
        (counts == [2.0, 1.0, 1.0]).then_some(scrape)
    });
    assert_eq!(scrape.value(r#"rows_stored_total{type="general"}"#), rows);
    assert_eq!(scrape.value(r#"reports_ended_total{status="finished",type="general"}"#), 1.0);
    assert_eq!(scrape.value(r#"reports_ended_total{status="error",type="general"}"#), 1.0);
    assert_eq!(scrape.value(r#"task_duration_seconds_count{task="qgeneral.api"}"#), 2.0);
    assert_eq!(scrape.value(r#"stage_duration_seconds_count{stage="webhook"}"#), 1.0);
    assert_eq!(scrape.value(r#"peer_requests_total{outcome="refused",peer="Data API"}"#), 1.0);
    assert!(scrape.value(r#"peer_requests_total{outcome="ok",peer="WebSocket service"}"#) >= 2.0);
    assert_eq!(scrape.value("broker_up"), 1.0);
    // The API counts its own, by the template of the address.
    let api = Scrape::of(fleet.api.url());
    assert_eq!(api.value(r#"http_requests_total{method="POST",route="/reports/general",status="2xx"}"#), 2.0);
    assert_eq!(api.value(r#"http_requests_total{method="GET",route="/reports/{table}",status="2xx"}"#), 1.0);
    assert_eq!(api.value(r#"queue_messages{queue="report",state="dead"}"#), 1.0);
    assert_eq!(api.value(r#"reports_ended_total{status="finished",type="general"}"#), 0.0);
    assert!(!api.0.keys().any(|name| name.contains(REPORT) || name.contains(OWNER)));
}

#[test]
fn processes_count_what_they_did_on_embedded_parts() {
    counts_what_it_did(Parts::Embedded);
}

#[test]
fn processes_count_what_they_did_on_servers() {
    counts_what_it_did(Parts::Servers);
}

#[test]
fn a_bind_address_of_their_own_takes_the_metrics_off_the_port_of_the_api() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("MAESTRO_DATA_DIR", folder.path().to_str().unwrap()), ("MAESTRO_METRICS_BIND", "127.0.0.1:0")];
    let api = Program::listening(&["serve"], &env);
    assert_eq!(http::send("GET", &format!("{}/metrics", api.url()), &[], b"").status, 404);
    let line = api.wait_for("metrics on http://");
    let url = line.split("metrics on ").nth(1).unwrap().trim_end_matches("/metrics");
    assert_eq!(Scrape::of(url).value(&format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    for path in ["healthz", "readyz"] {
        assert_eq!(http::send("GET", &format!("{url}/{path}"), &[], b"").status, 200);
    }
    assert_eq!(http::send("GET", &format!("{url}/reports/x"), &[], b"").status, 404);
}

#[test]
fn a_broker_that_is_away_is_shown_and_does_not_hold_up_the_scrape() {
    let folder = tempfile::tempdir().unwrap();
    let env = [
        ("MAESTRO_DATA_DIR", folder.path().to_str().unwrap()),
        ("CELERY_BROKER_URL", "amqp://guest:secret@127.0.0.1:1"),
    ];
    let api = Program::listening(&["serve"], &env);
    let scrape = Scrape::of(api.url());
    assert_eq!(scrape.value("broker_up"), 0.0);
    assert!(!scrape.0.keys().any(|name| name.contains("queue_messages")), "{:?}", scrape.0.keys());
}
