//! `beat`: schedules of files and of requests.

use crate::support::fleet::{self, Fleet, OWNER, Parts, get, patch, post};
use crate::support::platform::Platform;
use crate::support::program::Program;
use maestro_reports::schedule::Mark;
use maestro_reports::{config, store};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const REPORT: &str = "5f0000000000000000000004";

fn table(name: &str, fields: &str) -> String {
    format!(
        "[[schedule]]\nname = \"{name}\"\nreport_id = \"{REPORT}\"\nowner_user = \"{OWNER}\"\ntype = \"general\"\n\
         component = \"Servers\"\n{fields}\n"
    )
}

/// A beat that follows a file of schedules, which is not there yet.
fn following(fleet: &Fleet) -> (Program, PathBuf) {
    let file = fleet.folder().join("schedules.toml");
    let beat = fleet.spawn(&["beat"], &[("MAESTRO_SCHEDULES_FILE", file.to_str().unwrap())]);
    (beat, file)
}

#[test]
fn two_timetables_request_each_due_report_once() {
    let fleet = fleet::fleet(Parts::Embedded, 50).unwrap();
    let file = fleet.folder().join("maestro.toml");
    fs::write(&file, table("often", "every = \"2s\"")).unwrap();
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

#[test]
fn a_file_of_schedules_is_followed_and_its_mistakes_are_named() {
    let fleet = fleet::fleet(Parts::Embedded, 1).unwrap();
    let (beat, file) = following(&fleet);
    beat.wait_for("leads now");
    fs::write(&file, table("by interval", "every = \"1s\"")).unwrap();
    beat.wait_for("the files have changed: 1 schedules");
    beat.wait_for("schedule by interval: ");
    fs::write(&file, table("by cron", "cron = { second = \"*\", minutes = 1 }")).unwrap();
    beat.wait_for("the schedules stay as they were");
    beat.wait_for("schedule[0].cron.minutes (file ");
    fs::write(&file, table("by cron", "cron = { second = \"*\" }\ntimezone = \"Asia/Kolkata\"")).unwrap();
    beat.wait_for("schedule by cron: ");
    fs::remove_file(&file).unwrap();
    beat.wait_for("the files have changed: 0 schedules");
}

fn tasks(log: &str) -> Vec<String> {
    log.lines().filter_map(|line| Some(line.split("requested as task ").nth(1)?.trim().to_owned())).collect()
}

#[test]
fn a_schedule_of_a_request_runs_counts_its_failures_and_pauses() {
    on_all_parts(|fleet| {
        let _worker = fleet.worker();
        let beat = fleet.spawn(&["beat"], &[]);
        beat.wait_for("leads now");
        let url = format!("{}/schedules", fleet.api.url());
        let schedule = json!({
            "name": "often", "every": "2s", "report_id": REPORT, "owner_user": OWNER, "type": "general",
            "component": "Servers", "timezone": "Europe/Berlin", "pause_after": 1,
        });
        assert_eq!(post(&url, &schedule)["total_run_count"], 0);
        let often = format!("{url}/often");
        fleet.wait("a run to be finished", || (get(&often)["last_run"]["outcome"] == "finished").then_some(()));
        let listed = fleet.run(&["beat", "--list"]);
        assert!(listed.contains("often     every 2s  ") && listed.contains(" CE"), "{listed}");
        // Long enough for a run to fail with its retry, before the report is requested again.
        patch(&often, &json!({"component": "Teapots", "every": "6s"}));
        let paused = fleet.wait("it to be paused", || get(&often)["paused"].as_str().map(str::to_owned));
        assert!(paused.starts_with("paused after a failure, the last: "), "{paused}");
        let shown = get(&often);
        assert_eq!((&shown["next_run"], &shown["last_run"]["outcome"]), (&Value::Null, &json!("error")));
        patch(&often, &json!({"paused": false, "component": "Servers", "every": "2s"}));
        fleet.wait("it to go on", || (get(&often)["last_run"]["outcome"] == "finished").then_some(()));
    });
}

#[test]
fn a_run_that_a_dying_leader_enqueued_and_did_not_note_is_made_once() {
    on_all_parts(|fleet| {
        let worker = fleet.worker();
        let (mut beat, file) = following(fleet);
        fs::write(&file, table("often", "every = \"2s\"")).unwrap();
        beat.wait_for("schedule often: finished");
        fs::write(&file, table("often", "every = \"2s\"\nenabled_until = 2020-01-01T00:00:00Z")).unwrap();
        beat.terminate();
        assert!(beat.end().success());
        let task = tasks(&beat.log()).pop().unwrap();
        worker.wait_for(&format!("task qgeneral.api: done task.id={task}"));
        // As if it had died between the two.
        claim_again(fleet);
        let next = fleet.spawn(&["beat"], &[("MAESTRO_SCHEDULES_FILE", file.to_str().unwrap())]);
        next.wait_for(&format!("schedule often: the task {task} was enqueued by a former leader"));
        assert_eq!(tasks(&next.log()), [""; 0]);
    });
}

/// Marks the last run of the schedule `often` as claimed and not enqueued yet.
fn claim_again(fleet: &Fleet) {
    let get = |name: &str| Some(fleet.setting(name)).filter(|value| !value.is_empty()).map(str::to_owned);
    let settings = config::load(&get, None, &[]).unwrap();
    actix_rt::System::new().block_on(async {
        let store = store::open(&settings).await.unwrap();
        let mark = store.mark("often").await.unwrap().unwrap();
        assert!(store.put_mark(&Mark { pending: true, ..mark }).await.unwrap());
    });
}

#[test]
fn a_run_that_takes_too_long_is_cancelled_and_has_failed() {
    for parts in [Parts::Embedded, Parts::Servers] {
        let silent = Platform::silent();
        let Some(fleet) = fleet::fleet_reading(parts, &silent.address) else { continue };
        let worker = fleet.worker();
        let (beat, file) = following(&fleet);
        fs::write(&file, table("long", "every = \"5s\"\nmax_duration = \"1s\"\npause_after = 1")).unwrap();
        beat.wait_for("schedule long: its run failed: took longer than 1s (max_duration)");
        let task = tasks(&beat.log()).pop().unwrap();
        worker.wait_for(&format!("cancelled: {task}"));
    }
}

fn on_all_parts(test: impl Fn(&Fleet)) {
    for parts in [Parts::Embedded, Parts::Servers] {
        if let Some(fleet) = fleet::fleet(parts, 20) {
            test(&fleet);
        }
    }
}
