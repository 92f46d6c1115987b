//! Workers are killed (SIGKILL) in the middle of reports.

use crate::data_api::{Gate, held, whole};
use crate::scenario::{Account, Scenario};
use crate::site::{REPORT, Run, Site, TABLE};
use crate::support::fleet::Parts;
use std::ops::Range;
use std::time::Duration;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "worker_killed_beside_another_embedded", run: |account| beside_another(account, Parts::Embedded) },
    Scenario { name: "worker_killed_beside_another_servers", run: |account| beside_another(account, Parts::Servers) },
    Scenario { name: "worker_killed_alone_embedded", run: |account| alone(account, Parts::Embedded) },
    Scenario { name: "worker_killed_alone_servers", run: |account| alone(account, Parts::Servers) },
    Scenario { name: "worker_killed_and_none_comes", run: none_comes },
    Scenario { name: "worker_killed_by_its_report", run: again_and_again },
    Scenario { name: "workers_killed_at_random_embedded", run: |account| at_random(account, Parts::Embedded) },
    Scenario { name: "workers_killed_at_random_servers", run: |account| at_random(account, Parts::Servers) },
];

/// The rows that are readable before, and those of the report.
pub(crate) const OLD: Range<u64> = 0..300;
pub(crate) const ROWS: Range<u64> = 0..50_000;

/// A site with a readable table.
pub(crate) fn with_table<'a>(account: &'a Account, parts: Parts, settings: &[(&'static str, &str)]) -> Site<'a> {
    let site = Site::start(account, parts, settings).expect("the servers that make test-services installs");
    site.data_api.answer(whole(OLD));
    site.finishes(OLD);
    site
}

/// As [`with_table`], with a report that is in the middle, and the gate at which it waits.
pub(crate) fn in_the_middle<'a>(
    account: &'a Account,
    parts: Parts,
    settings: &[(&'static str, &str)],
) -> (Site<'a>, Run, Gate) {
    let site = with_table(account, parts, settings);
    let gate = Gate::default();
    site.data_api.answer(held(ROWS, 30_000, gate.clone()));
    let run = site.request();
    gate.reached();
    site.staged(10_000);
    (site, run, gate)
}

fn beside_another(account: &Account, parts: Parts) {
    let (mut site, run, gate) = in_the_middle(account, parts, &[("MAESTRO_LEASE_SECONDS", "2")]);
    let watch = site.watch_change(OLD, ROWS);
    let other = site.fleet.worker();
    other.wait_for("takes from");
    site.workers.push(other);
    let first = site.workers.remove(0);
    site.kill(first);
    gate.open();
    site.finished(&run, ROWS);
    watch.always();
    site.close();
}

fn alone(account: &Account, parts: Parts) {
    let (mut site, run, gate) = in_the_middle(account, parts, &[("MAESTRO_LEASE_SECONDS", "2")]);
    let watch = site.watch_change(OLD, ROWS);
    let only = site.workers.remove(0);
    site.kill(only);
    gate.open();
    site.holds_numbers(OLD);
    site.workers.push(site.fleet.worker());
    site.finished(&run, ROWS);
    watch.always();
    site.close();
}

/// The report ends by itself, and is repaired by the worker that comes in the end.
fn none_comes(account: &Account) {
    let limits = [("MAESTRO_LEASE_SECONDS", "1"), ("MAESTRO_LOST_SECONDS", "2")];
    let (mut site, run, gate) = in_the_middle(account, Parts::Embedded, &limits);
    let watch = site.watch_change(OLD, ROWS);
    let only = site.workers.remove(0);
    site.kill(only);
    gate.open();
    let record = site.recorded(&run);
    let waited = record.message.strip_prefix("the worker maestro@").and_then(|text| text.split_once(" was lost "));
    let waited = waited.and_then(|(_, text)| text.split_once(" ago and no other has taken it over: start a worker"));
    let waited = waited.and_then(|(time, _)| time.strip_suffix('s')?.parse::<u64>().ok());
    assert!(waited.is_some_and(|seconds| (2..60).contains(&seconds)), "{record:?}");
    assert_eq!((record.status.as_str(), site.inside.staged(TABLE)), ("error", 0), "what was staged is gone");
    site.holds_numbers(OLD);
    site.workers.push(site.fleet.worker());
    site.fleet.wait("the platform to be told of both", || {
        let told = site.data_api.told(REPORT);
        let statuses: Vec<_> = told.iter().map(|told| told["status"].as_str().unwrap()).collect();
        let both = ["error", "finished"].iter().all(|status| statuses[1..].contains(status));
        both.then_some(())
    });
    account.ended();
    site.holds_numbers(ROWS);
    watch.always();
    site.close();
}

/// A report that takes one worker after the other with it is given up.
fn again_and_again(account: &Account) {
    let mut site = with_table(account, Parts::Embedded, &[("MAESTRO_LEASE_SECONDS", "1"), ("MAESTRO_CRASHES", "2")]);
    let watch = site.watch(OLD);
    let mut run = None;
    for _ in 0..2 {
        let gate = Gate::default();
        site.data_api.answer(held(ROWS, 10_000, gate.clone()));
        run = run.or_else(|| Some(site.request()));
        gate.reached();
        let worker = site.workers.remove(0);
        site.workers.push(site.fleet.worker());
        site.kill(worker);
        gate.open();
    }
    let message = site.failed(&run.unwrap());
    assert!(message.starts_with("making this report ended the worker 2 times in a row"), "{message}");
    watch.always();
    site.close();
}

/// At any moment: while the worker starts, reads, commits, tells, acknowledges or has nothing to do.
fn at_random(account: &Account, parts: Parts) {
    let settings = [("MAESTRO_LEASE_SECONDS", "1"), ("MAESTRO_CRASHES", "100")];
    let mut site = with_table(account, parts, &settings);
    let new = 0..5_000;
    site.data_api.answer(whole(new.clone()));
    let watch = site.watch_change(OLD, new.clone());
    let mut run = site.request();
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(rand::random_range(0..2500)));
        let worker = site.workers.remove(0);
        site.kill(worker);
        site.workers.push(site.fleet.worker());
        if site.has_ended(&run) {
            site.finished(&run, new.clone());
            run = site.request();
        }
    }
    site.finished(&run, new);
    watch.always();
    site.close();
}
