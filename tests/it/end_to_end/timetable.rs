//! `beat`: interval schedules of the configuration file.

use crate::support::fleet::{self, OWNER, Parts};
use std::collections::BTreeSet;
use std::fs;

const REPORT: &str = "5f0000000000000000000004";

#[test]
fn two_timetables_request_each_due_report_once() {
    let fleet = fleet::fleet(Parts::Embedded, 50).unwrap();
    let file = fleet.folder().join("maestro.toml");
    let schedule = format!(
        "[[schedule]]\nname = \"often\"\nevery = \"2s\"\nreport_id = \"{REPORT}\"\nowner_user = \"{OWNER}\"\n\
         type = \"general\"\ncomponent = \"Servers\"\nfilters = []\n"
    );
    fs::write(&file, schedule).unwrap();
    let config = file.to_str().unwrap();
    let _worker = fleet.worker();
    let mut first = fleet.spawn(&["--config", config, "beat"], &[]);
    first.wait_for("leads now");
    let second = fleet.spawn(&["--config", config, "beat"], &[]);
    first.wait_for("requested as task");
    assert_eq!(fleet.ended(REPORT)["status"], "finished");
    first.terminate();
    assert!(first.end().success());
    second.wait_for("requested as task");
    let tasks: Vec<String> = [first.log(), second.log()].iter().flat_map(|log| tasks(log)).collect();
    let distinct: BTreeSet<&String> = tasks.iter().collect();
    assert_eq!(distinct.len(), tasks.len(), "a due time was requested twice: {tasks:?}");
}

fn tasks(log: &str) -> Vec<String> {
    log.lines().filter_map(|line| Some(line.split("requested as task ").nth(1)?.trim().to_owned())).collect()
}
