//! The leading beat is killed (SIGKILL) while a schedule is due every second.

use crate::data_api::whole;
use crate::scenario::{Account, Scenario};
use crate::site::{REPORT, Site, TABLE};
use crate::support::fleet::{OWNER, Parts};
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "beat_killed_beside_another_embedded", run: |account| beside_another(account, Parts::Embedded) },
    Scenario { name: "beat_killed_beside_another_servers", run: |account| beside_another(account, Parts::Servers) },
];

const NAME: &str = "often";
const BEFORE: Duration = Duration::from_secs(20);
const AFTER: Duration = Duration::from_secs(40);
/// The longest time without a run, in seconds; another beat leads 15 seconds after the first has died.
const GAP: u64 = 20;

fn beside_another(account: &Account, parts: Parts) {
    let mut site = Site::start(account, parts, &[]).expect("the servers that make test-services installs");
    site.data_api.answer(whole(0..100));
    // What is enqueued is counted while it waits.
    drop(site.workers.remove(0));
    let file = site.fleet.folder().join("schedules.toml");
    let schedule = format!(
        "[[schedule]]\nname = \"{NAME}\"\nevery = \"1s\"\nreport_id = \"{REPORT}\"\nowner_user = \"{OWNER}\"\n\
         type = \"general\"\ncomponent = \"Servers\"\n"
    );
    std::fs::write(&file, schedule).unwrap();
    let beat = || site.fleet.spawn(&["beat"], &[("MAESTRO_SCHEDULES_FILE", file.to_str().unwrap())]);
    let first = beat();
    first.wait_for("leads now");
    let mut second = beat();
    let began = seconds();
    account.requested();
    sleep(BEFORE);
    let logged = first.log();
    site.kill(first);
    sleep(AFTER);
    second.terminate();
    assert!(second.end().success());

    let runs = runs(&[logged, second.log()], began);
    let doubled: Vec<_> = runs.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "fired twice: {doubled:?}");
    let mut last = began;
    for at in runs.keys().copied().chain([seconds()]) {
        assert!(at.saturating_sub(last) <= GAP, "no run from {last} to {at}: {runs:?}");
        last = at;
    }
    // Only what was enqueued when it was killed, and not noted yet, may be there without a line in a log, or again.
    let (logged, queued) = (runs.len() as u64, site.inside.queued());
    assert!((logged..=logged + 1).contains(&queued), "{logged} runs are logged, {queued} messages wait");

    site.workers.push(site.fleet.worker());
    site.fleet.wait("the last run to end", || (site.inside.record(TABLE)?.status == "finished").then_some(()));
    account.ended();
    site.holds_numbers(0..100);
    site.close();
}

/// The due times of the runs in the logs, in seconds, and how often each was enqueued.
fn runs(logs: &[String], began: u64) -> BTreeMap<u64, usize> {
    let due: BTreeMap<String, u64> = (began - 60..seconds() + 1).map(|at| (task_id(at), at)).collect();
    let lines = logs.iter().flat_map(|log| log.lines());
    let mut runs = BTreeMap::new();
    for task in lines.filter_map(|line| line.split("requested as task ").nth(1)) {
        *runs.entry(due[task.trim()]).or_default() += 1;
    }
    runs
}

/// As beat makes them: the same for every beat.
fn task_id(second: u64) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{NAME}/{}", second * 1000).as_bytes()).to_string()
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
