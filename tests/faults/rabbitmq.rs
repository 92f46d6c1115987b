//! RabbitMQ fails in the middle of reports.

use crate::data_api::{Gate, held};
use crate::one_run::{LIMIT, LIMITS, loses_its_message};
use crate::proxy::From;
use crate::scenario::{Account, Scenario};
use crate::site::{Run, Site, TABLE};
use crate::support::fleet::{OWNER, Parts, token};
use crate::support::http;
use crate::support::rabbit::Rabbit;
use crate::workers_killed::{OLD, ROWS, with_table};
use serde_json::json;
use std::sync::Arc;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "rabbitmq_restarted", run: restarted },
    Scenario { name: "rabbitmq_killed", run: killed },
    Scenario { name: "rabbitmq_short_of_memory", run: short_of_memory },
    Scenario { name: "rabbitmq_silent", run: silent },
    Scenario { name: "rabbitmq_queue_deleted", run: queue_deleted },
    Scenario { name: "rabbitmq_cut_at_an_acknowledgement", run: cut_at_an_acknowledgement },
];

/// The frame of AMQP's `basic.ack` after its channel: 13 bytes, class 60, method 80 (AMQP 0-9-1, section 1.8.3.13).
const ACK: &[u8] = &[0, 0, 0, 13, 0, 60, 0, 80];

/// A site with a readable table on a RabbitMQ of its own.
pub(crate) fn on_its_own<'a>(
    account: &'a Account,
    query: &str,
    more: &[(&'static str, &str)],
) -> (Arc<Rabbit>, Site<'a>) {
    let rabbit = Arc::new(Rabbit::start().expect("the servers that make test-services installs"));
    let url = format!("{}{query}", rabbit.url("t0"));
    let settings = [&[("CELERY_BROKER_URL", url.as_str())], more].concat();
    let mut site = with_table(account, Parts::Servers, &settings);
    site.inside.use_rabbit(&rabbit);
    (rabbit, site)
}

/// Has the report get into the middle, and gives the gate at which it waits.
fn in_the_middle(site: &Site<'_>, rows: std::ops::Range<u64>) -> (Run, Gate) {
    let gate = Gate::default();
    site.data_api.answer(held(rows.clone(), (rows.end - rows.start) / 2, gate.clone()));
    let run = site.request();
    gate.reached();
    (run, gate)
}

/// A request must be refused, and say when to come again.
fn refuses(site: &Site<'_>) {
    let body = json!({
        "report_id": "5f0000000000000000000008", "owner_user": OWNER, "component": "Servers", "filters": "[]",
    });
    let headers = [("Authorization", &*token()), ("Content-Type", "application/json")];
    let url = format!("{}/reports/general", site.fleet.api.url());
    let answer = http::send("POST", &url, &headers, body.to_string().as_bytes());
    let retry_after: Option<u64> = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
    assert!(answer.status == 503 && retry_after.is_some(), "{answer:?}");
}

/// Stopped in good order and started again, twice, in the middle of a report each time.
fn restarted(account: &Account) {
    let (rabbit, site) = on_its_own(account, "", &[]);
    for new in [0..5_000, 0..6_000] {
        let old = if new.end == 5_000 { OLD } else { 0..5_000 };
        let watch = site.watch_change(old, new.clone());
        let (run, gate) = in_the_middle(&site, new.clone());
        account.fault();
        rabbit.end("-TERM");
        refuses(&site);
        gate.open();
        rabbit.start_again();
        site.finished(&run, new);
        watch.always();
    }
    site.close();
}

fn killed(account: &Account) {
    let (rabbit, site) = on_its_own(account, "", &[]);
    let watch = site.watch_change(OLD, ROWS);
    let (run, gate) = in_the_middle(&site, ROWS);
    site.staged(10_000);
    account.fault();
    rabbit.end("-KILL");
    gate.open();
    rabbit.start_again();
    site.finished(&run, ROWS);
    watch.always();
    site.close();
}

/// Nothing can be published: neither a request nor what a report has to tell. Afterwards all goes on.
fn short_of_memory(account: &Account) {
    let (rabbit, site) = on_its_own(account, "", &[]);
    let new = 0..1_000;
    let watch = site.watch_change(OLD, new.clone());
    let (run, gate) = in_the_middle(&site, new.clone());
    account.fault();
    rabbit.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    refuses(&site);
    gate.open();
    // The rows are readable before anybody can be told.
    site.fleet.wait("the new rows", || (site.fleet.rows(TABLE).len() > 300).then_some(()));
    refuses(&site);
    rabbit.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    site.finished(&run, new);
    watch.always();
    site.close();
}

/// Waits until the worker has given its connection up.
fn loses_its_connection(site: &Site<'_>) {
    let lost = || site.workers[0].log().matches("connecting again in").count();
    let before = lost();
    site.fleet.wait("the connection to be given up", || (lost() > before).then_some(()));
}

/// Silent for longer than two heartbeats while its connections stay, then back: the server stopped, and the way blocked.
fn silent(account: &Account) {
    let (rabbit, site) = on_its_own(account, "?heartbeat=1", &[]);
    let new = 0..5_000;
    let watch = site.watch_change(OLD, new.clone());
    let (run, gate) = in_the_middle(&site, new.clone());
    account.fault();
    rabbit.signal("-STOP");
    loses_its_connection(&site);
    rabbit.signal("-CONT");
    gate.open();
    site.finished(&run, new.clone());

    let (run, gate) = in_the_middle(&site, new.clone());
    account.fault();
    let way = site.ways.rabbit.as_ref().unwrap();
    way.block();
    loses_its_connection(&site);
    way.mend();
    gate.open();
    site.finished(&run, new);
    watch.always();
    site.close();
}

/// Deleted in the middle of a report and while one waits: what is lost ends by itself, and what comes later is made.
fn queue_deleted(account: &Account) {
    let (_rabbit, mut site) = on_its_own(account, "", &LIMITS);
    let new = 0..5_000;
    let watch = site.watch_change(OLD, new.clone());
    let (run, gate) = in_the_middle(&site, new.clone());
    account.fault();
    site.inside.lose_messages();
    gate.open();
    site.finished(&run, new.clone());
    watch.always();
    site.finishes(new.clone());
    let run = loses_its_message(&mut site);
    let watch = site.watch(new.clone());
    site.ended_unworked(&run, LIMIT);
    site.finishes(new);
    watch.always();
    site.close();
}

/// The way is cut at the worker's acknowledgement of its report, before and after it arrives, and at RabbitMQ's of a
/// message.
fn cut_at_an_acknowledgement(account: &Account) {
    let mut site = with_table(account, Parts::Servers, &[]);
    let way = site.ways.rabbit.take().unwrap();
    let new = 0..3_000;
    let watch = site.watch_change(OLD, new.clone());
    for (from, arrive) in [(From::Client, false), (From::Client, true), (From::Server, false), (From::Server, true)] {
        let (run, gate) = in_the_middle(&site, new.clone());
        account.fault();
        way.cut_at(from, ACK, arrive);
        gate.open();
        way.was_cut();
        way.mend();
        site.finished(&run, new.clone());
    }
    watch.always();
    site.close();
}
