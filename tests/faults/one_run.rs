//! One run at a time writes a report's table, whatever happens to its worker and its message.

use crate::data_api::{Gate, body, held, row, whole};
use crate::scenario::{Account, Scenario};
use crate::site::{REPORT, Run, Site, TABLE};
use crate::support::fleet::Parts;
use crate::workers_killed::{OLD, with_table};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "requested_twice_at_once_embedded", run: |account| twice_at_once(account, Parts::Embedded) },
    Scenario { name: "requested_twice_at_once_servers", run: |account| twice_at_once(account, Parts::Servers) },
    Scenario { name: "worker_stopped_past_its_lease_embedded", run: |account| stopped(account, Parts::Embedded) },
    Scenario { name: "worker_stopped_past_its_lease_servers", run: |account| stopped(account, Parts::Servers) },
    Scenario { name: "message_lost_embedded", run: |account| message_lost(account, Parts::Embedded) },
    Scenario { name: "message_lost_servers", run: |account| message_lost(account, Parts::Servers) },
];

/// Two requests in the same moment, over and over, for two workers of two threads each. Each answer of the Data API has
/// rows of its own: those of one answer must be the table.
fn twice_at_once(account: &Account, parts: Parts) {
    let mut site = with_table(account, parts, &[("MAESTRO_CONCURRENCY", "2")]);
    site.workers.push(site.fleet.worker());
    for _ in 0..4 {
        let (at_once, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (counted, seen) = (Arc::clone(&at_once), Arc::clone(&most));
        site.data_api.answer(move |ask, wire| {
            seen.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let rows: Vec<_> = numbers(ask.number).map(row).collect();
            let sent = wire.whole(200, "application/json", &body(rows.len() as u64, &rows));
            counted.fetch_sub(1, Ordering::SeqCst);
            sent
        });
        account.fault();
        let fleet = &site.fleet;
        let tasks = std::thread::scope(|scope| {
            let ask = || fleet.request(REPORT, "general", "Servers", &json!([]));
            [scope.spawn(ask), scope.spawn(ask)].map(|asked| asked.join().unwrap())
        });
        tasks.iter().for_each(|_| account.requested());
        fleet.wait("both to be worked off", || (site.inside.queued() == 0).then_some(()));
        let record = site.inside.record(TABLE).unwrap();
        assert!(record.status == "finished" && tasks.contains(&record.task), "{record:?}, {tasks:?}");
        tasks.iter().for_each(|_| account.ended());
        assert_eq!(most.load(Ordering::SeqCst), 1, "two runs at once");
        assert!((1..=2).contains(&site.data_api.asked()), "{} runs", site.data_api.asked());
        site.holds_numbers(numbers(site.data_api.asked()));
    }
    site.close();
}

/// The rows of an answer.
fn numbers(answer: u64) -> std::ops::Range<u64> {
    answer * 10_000..answer * 10_000 + 2_000
}

/// A worker that is stopped (SIGSTOP) until another has made its report writes nothing when it goes on (SIGCONT).
fn stopped(account: &Account, parts: Parts) {
    let mut site = with_table(account, parts, &[("MAESTRO_LEASE_SECONDS", "2")]);
    let (theirs, gate) = (100_000..105_000, Gate::default());
    let (late, good) = (held(theirs, 2_500, gate.clone()), whole(0..2_000));
    site.data_api.answer(move |ask, wire| if ask.number == 1 { late(ask, wire) } else { good(ask, wire) });
    let mut run = site.request();
    gate.reached();
    // In the middle of staging, but not while it has locked a file: that stops whoever writes to it.
    site.staged(if parts == Parts::Embedded { 2_500 } else { 500 });
    account.fault();
    site.workers[0].signal("-STOP");
    let watch = site.watch_change(OLD, 0..2_000);
    site.workers.push(site.fleet.worker());
    if parts == Parts::Servers {
        // RabbitMQ leaves the message with the stopped worker for longer: the report is requested again.
        account.ended();
        run = site.request();
    }
    site.finished(&run, 0..2_000);
    gate.open();
    site.workers[0].signal("-CONT");
    site.workers[0].wait_for("task qgeneral.api: ");
    site.holds_numbers(0..2_000);
    watch.always();
    site.close();
}

/// Its message is gone before a worker takes it: the report ends by itself.
fn message_lost(account: &Account, parts: Parts) {
    let mut site = with_table(account, parts, &LIMITS);
    let run = loses_its_message(&mut site);
    let watch = site.watch(OLD);
    site.ended_unworked(&run, LIMIT);
    site.finishes(OLD);
    watch.always();
    site.close();
}

/// How long a report may wait for a worker; longer than it takes to stop the API.
pub(crate) const LIMITS: [(&str, &str); 1] = [("MAESTRO_WAIT_SECONDS", "6")];
pub(crate) const LIMIT: &str = "6s";

/// Requests the report and loses its message while no process is there that could work on it, or give it up: then what
/// it has to tell would be lost with it.
pub(crate) fn loses_its_message(site: &mut Site<'_>) -> Run {
    for mut worker in site.workers.drain(..) {
        worker.terminate();
        assert!(worker.end().success());
    }
    let run = site.request();
    site.fleet.api.terminate();
    assert!(site.fleet.api.end().success());
    site.account.fault();
    site.inside.lose_messages();
    site.fleet.restart_api();
    site.workers.push(site.fleet.worker());
    run
}
