//! Two hundred reports on their way, and workers or RabbitMQ that fail again and again meanwhile.

use crate::data_api::{self, whole};
use crate::rabbitmq::on_its_own;
use crate::scenario::{Account, Scenario};
use crate::site::Site;
use crate::support::fleet::Parts;
use crate::watch::ids;
use crate::workers_killed::with_table;
use serde_json::json;
use std::ops::Range;
use std::thread::sleep;
use std::time::Duration;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "workers_killed_during_200_reports_embedded", run: |account| killed(account, Parts::Embedded) },
    Scenario { name: "workers_killed_during_200_reports_servers", run: |account| killed(account, Parts::Servers) },
    Scenario { name: "rabbitmq_restarted_during_200_reports", run: restarted },
];

const REPORTS: usize = 200;
const ROWS: Range<u64> = 0..150;
const WORKERS: usize = 4;
const BETWEEN_KILLS: Duration = Duration::from_secs(2);
const RESTARTS: usize = 5;
/// Workers that are killed leave their reports to others soon, and as often as it takes.
const SETTINGS: [(&str, &str); 3] =
    [("MAESTRO_LEASE_SECONDS", "2"), ("MAESTRO_CRASHES", "100"), ("MAESTRO_TASK_RETRIES", "99")];

/// One of four workers, whichever, every two seconds.
fn killed(account: &Account, parts: Parts) {
    let mut site = with_table(account, parts, &SETTINGS);
    while site.workers.len() < WORKERS {
        site.workers.push(site.fleet.worker());
    }
    let reports = Reports::request(&site, Duration::from_millis(500));
    while reports.ended(&site) < REPORTS {
        sleep(BETWEEN_KILLS);
        let worker = site.workers.swap_remove(rand::random_range(0..WORKERS));
        site.kill(worker);
        site.workers.push(site.fleet.worker());
    }
    reports.close(site);
}

/// Stopped in good order and started again, while reports are made.
fn restarted(account: &Account) {
    let (rabbit, mut site) = on_its_own(account, "?heartbeat=2", &SETTINGS);
    site.workers.push(site.fleet.worker());
    let reports = Reports::request(&site, Duration::from_secs(1));
    for _ in 0..RESTARTS {
        sleep(Duration::from_millis(rand::random_range(1000..4000)));
        assert!(reports.ended(&site) < REPORTS, "all ended before RabbitMQ was restarted so often");
        account.fault();
        rabbit.end("-TERM");
        rabbit.start_again();
    }
    reports.close(site);
}

/// Reports that were requested.
struct Reports(Vec<String>);

impl Reports {
    /// Requests them; the Data API takes its time for each.
    fn request(site: &Site<'_>, pause: Duration) -> Self {
        site.data_api.answer(move |ask, wire| {
            sleep(pause);
            whole(ROWS)(ask, wire)
        });
        let ids: Vec<String> = (0..REPORTS).map(|number| format!("5d{number:022x}")).collect();
        for id in &ids {
            site.fleet.request(id, "general", "Servers", &json!([]));
            site.account.requested();
        }
        Self(ids)
    }

    /// How many have ended in the store.
    fn ended(&self, site: &Site<'_>) -> usize {
        self.0.iter().filter(|id| status(site, id).is_some_and(|status| status != "process")).count()
    }

    /// Waits for the end of all: each is `finished` with its rows, and the platform was told so and nothing else.
    fn close(self, site: Site<'_>) {
        for id in &self.0 {
            let status = site.fleet.wait("a report to end", || status(&site, id).filter(|status| status != "process"));
            assert_eq!(status, "finished", "report {id}");
            let told = site.fleet.wait("the platform to be told of the end", || {
                let told = site.data_api.told(id);
                told.iter().any(|told| told["status"] == "finished").then_some(told)
            });
            assert!(told.iter().all(|told| told["status"] == "finished" || told["status"] == "process"), "{told:?}");
            site.account.ended();
            let found = site.fleet.rows(&format!("{id}_general?limit=100000"));
            site.account.rows(ids(&ROWS.map(data_api::row).collect::<Vec<_>>()), ids(&found));
        }
        site.close();
    }
}

fn status(site: &Site<'_>, id: &str) -> Option<String> {
    site.inside.record(&format!("{id}_general")).map(|record| record.status)
}
