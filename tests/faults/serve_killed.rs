//! The API is killed (SIGKILL): in the middle of a report, and in the middle of a request for one.

use crate::data_api::whole;
use crate::scenario::{Account, Scenario};
use crate::site::{REPORT, Site};
use crate::support::fleet::{OWNER, Parts, token};
use crate::workers_killed::{OLD, ROWS, in_the_middle, with_table};
use maestro_reports::broker::QUEUE_FILE;
use rusqlite::Connection;
use serde_json::json;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "serve_killed_during_a_report_embedded",
        run: |account| during_a_report(account, Parts::Embedded),
    },
    Scenario { name: "serve_killed_during_a_report_servers", run: |account| during_a_report(account, Parts::Servers) },
    Scenario { name: "serve_killed_before_publishing_embedded", run: before_publishing_to_a_file },
    Scenario { name: "serve_killed_before_publishing_servers", run: before_publishing_to_rabbitmq },
    Scenario { name: "serve_killed_at_random", run: at_random },
];

/// A report that nobody works on ends soon, and so does the lease of whoever looks for such reports.
const LIMITS: [(&str, &str); 2] = [("MAESTRO_WAIT_SECONDS", "3"), ("MAESTRO_LEASE_SECONDS", "2")];
const WAIT: &str = "3s";

fn during_a_report(account: &Account, parts: Parts) {
    let (mut site, run, gate) = in_the_middle(account, parts, &LIMITS);
    let mut other = site.fleet.serve();
    let watch = site.watch_by(&other, OLD, ROWS);
    kill(&mut site);
    site.fleet.restart_api();
    gate.open();
    site.finished(&run, ROWS);
    watch.always();
    other.terminate();
    assert!(other.end().success());
    close(site);
}

fn before_publishing_to_a_file(account: &Account) {
    let mut site = with_table(account, Parts::Embedded, &LIMITS);
    let queue = Connection::open(Path::new(site.fleet.setting("MAESTRO_DATA_DIR")).join(QUEUE_FILE)).unwrap();
    queue.execute_batch("BEGIN IMMEDIATE").unwrap();
    before_publishing(&mut site, || drop(queue));
    close(site);
}

fn before_publishing_to_rabbitmq(account: &Account) {
    let mut site = with_table(account, Parts::Servers, &LIMITS);
    site.ways.rabbit.as_ref().unwrap().block();
    let way = site.ways.rabbit.take().unwrap();
    before_publishing(&mut site, || {
        // What waits on the way is lost with its connection.
        way.cut();
        way.mend();
    });
    close(site);
}

/// Kills the API when it has recorded the report and cannot publish its task until `let_go`; the report ends by itself,
/// and the next one is made.
fn before_publishing(site: &mut Site<'_>, let_go: impl FnOnce()) {
    let last = site.last_run();
    let asked = ask(site);
    let run = site.fleet.wait("the report to be recorded", || site.requested_since(&last));
    kill(site);
    assert!(!asked.join().unwrap(), "it was answered");
    let_go();
    site.fleet.restart_api();
    let watch = site.watch(OLD);
    site.ended_unworked(&run, WAIT);
    watch.always();
    site.data_api.answer(whole(0..500));
    site.finishes(0..500);
}

/// Whatever the moment, a report that was recorded ends, and one that was answered for is made.
fn at_random(account: &Account) {
    let mut site = with_table(account, Parts::Embedded, &LIMITS);
    for _ in 0..8 {
        let last = site.last_run();
        let asked = ask(&site);
        std::thread::sleep(Duration::from_micros(rand::random_range(0..150_000)));
        kill(&mut site);
        let was_answered = asked.join().unwrap();
        site.fleet.restart_api();
        let Some(run) = site.requested_since(&last) else {
            assert!(!was_answered, "answered, and not recorded");
            continue;
        };
        if site.recorded(&run).status == "finished" {
            site.finished(&run, OLD);
        } else {
            assert!(!was_answered, "answered, and not made");
            site.ended_unworked(&run, WAIT);
        }
    }
    close(site);
}

fn kill(site: &mut Site<'_>) {
    site.account.fault();
    site.fleet.api.signal("-KILL");
    site.fleet.api.end();
}

/// Requests the report on a thread of its own; whether it was answered well.
fn ask(site: &Site<'_>) -> JoinHandle<bool> {
    let url = format!("{}/reports/general", site.fleet.api.url());
    std::thread::spawn(move || {
        let body = json!({"report_id": REPORT, "owner_user": OWNER, "component": "Servers", "filters": "[]"});
        let request = ureq::post(&url).header("Authorization", token()).content_type("application/json");
        request.send(body.to_string()).is_ok()
    })
}

/// As `Site::close`, once the lease that a killed process may have had is taken over, or renewed by another.
fn close(site: Site<'_>) {
    let leases = site.inside.leases();
    site.fleet.wait("the lease to be taken over", || (site.inside.leases() != leases).then_some(()));
    site.close();
}
