//! The MongoDB server is killed (SIGKILL) in the middle of reports, and comes back with its data.

use crate::data_api::whole;
use crate::scenario::{Account, Scenario};
use crate::support::fleet::Parts;
use crate::support::mongo::DurableServer;
use crate::workers_killed::{OLD, ROWS, in_the_middle, with_table};
use std::time::Duration;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "mongodb_killed_during_a_report", run: during_a_report },
    Scenario { name: "mongodb_killed_at_random", run: at_random },
];

fn server() -> DurableServer {
    DurableServer::start().expect("the servers that make test-services installs")
}

fn during_a_report(account: &Account) {
    let server = server();
    let settings =
        [("MAESTRO_MONGO_URI", &*server.uri()), ("MAESTRO_TASK_RETRIES", "9"), ("MAESTRO_LEASE_SECONDS", "5")];
    let (site, run, gate) = in_the_middle(account, Parts::Servers, &settings);
    let watch = site.watch_change(OLD, ROWS);
    account.fault();
    server.kill();
    gate.open();
    site.workers[0].wait_for("failed, next attempt in");
    server.start_again();
    site.finished(&run, ROWS);
    watch.when_there();
    site.close();
}

fn at_random(account: &Account) {
    let server = server();
    let settings =
        [("MAESTRO_MONGO_URI", &*server.uri()), ("MAESTRO_TASK_RETRIES", "99"), ("MAESTRO_LEASE_SECONDS", "5")];
    let site = with_table(account, Parts::Servers, &settings);
    let new = 0..3_000;
    site.data_api.answer(whole(new.clone()));
    let watch = site.watch_change(OLD, new.clone());
    for _ in 0..4 {
        let run = site.request();
        std::thread::sleep(Duration::from_millis(rand::random_range(0..3000)));
        account.fault();
        server.kill();
        server.start_again();
        site.finished(&run, new.clone());
    }
    watch.when_there();
    site.close();
}
