use super::*;
use crate::schedule::Record;
use crate::schedule::due::tests::{at, schedule};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T21:37:49Z";

fn mark(schedule: &Schedule, due: &str) -> Mark {
    Mark::at(schedule, None, at(due), 1)
}

fn step(fields: Value, last: &str, now: &str) -> Step {
    let schedule = schedule(fields);
    Step::of(&schedule, Some(&mark(&schedule, last)), at(now))
}

#[test]
fn a_schedule_that_is_new_or_changed_waits_for_its_next_due_time() {
    let hourly = schedule(json!({"every": "1h"}));
    let passed = at("2026-11-23T21:00:00Z");
    assert_eq!(Step::of(&hourly, None, at(NOW)), Step::Begin(passed));
    let daily = mark(&schedule(json!({"every": "1d"})), "2026-11-23T00:00:00Z");
    assert_eq!(Step::of(&hourly, Some(&daily), at(NOW)), Step::Begin(passed));
    let disabled = mark(&schedule(json!({"every": "1h", "enabled": false})), "2026-11-20T00:00:00Z");
    assert_eq!(Step::of(&hourly, Some(&disabled), at(NOW)), Step::Begin(passed), "enabled again");
    let older = Mark { timing: None, ..mark(&hourly, "2026-11-23T20:00:00Z") };
    assert_eq!(Step::of(&hourly, Some(&older), at(NOW)), Step::Run(passed), "an older version's mark counts");
}

#[test]
fn however_many_were_missed_one_is_made_or_none() {
    let due = at("2026-11-23T21:37:00Z");
    let last = "2026-11-01T00:00:00Z";
    assert_eq!(step(json!({"every": "1m"}), last, NOW), Step::Run(due));
    assert_eq!(step(json!({"every": "1m", "misfire": "skip"}), last, NOW), Step::Skip(due), "49 s late");
    assert_eq!(step(json!({"every": "1m", "misfire": "skip", "grace": "1m"}), last, NOW), Step::Run(due));
    assert_eq!(step(json!({"every": "1m", "misfire": "skip"}), last, "2026-11-23T21:37:15Z"), Step::Run(due));
    assert_eq!(step(json!({"every": "1m"}), "2026-11-23T21:37:00Z", NOW), Step::Wait);
    assert_eq!(step(json!({"every": "1m"}), "2026-11-24T00:00:00Z", NOW), Step::Wait, "the clock was set back");
}

#[test]
fn a_run_that_was_claimed_and_not_enqueued_is_made_by_the_next_leader() {
    let hourly = schedule(json!({"every": "1h", "misfire": "skip"}));
    let due = at("2026-11-23T21:00:00Z");
    let claimed = Mark { pending: true, ..Mark::at(&hourly, None, due, 1) };
    assert_eq!(Step::of(&hourly, Some(&claimed), at(NOW)), Step::Run(due));
}

#[test]
fn failures_in_a_row_pause_it_with_a_message_until_it_is_resumed() {
    let hourly = schedule(json!({"every": "1h", "pause_after": 2}));
    let mut mark = mark(&hourly, "2026-11-23T20:00:00Z");
    let fail = |mark: &mut Mark, outcome| mark.ended(outcome, "no Data API", at(NOW), hourly.pause_after);
    fail(&mut mark, Outcome::Error);
    fail(&mut mark, Outcome::Finished);
    fail(&mut mark, Outcome::Error);
    assert_eq!(mark.paused, None);
    fail(&mut mark, Outcome::Replaced);
    fail(&mut mark, Outcome::Error);
    assert_eq!(mark.paused.as_deref(), Some("paused after 2 failures in a row, the last: no Data API"));
    assert_eq!(Step::of(&hourly, Some(&mark), at(NOW)), Step::Wait);
    mark.resume();
    assert_eq!(Step::of(&hourly, Some(&mark), at(NOW)), Step::Begin(at("2026-11-23T21:00:00Z")));
}

#[test]
fn runs_that_are_asked_for_come_after_those_that_are_due_and_once() {
    let mut hourly = schedule(json!({"every": "1h"}));
    let record = Record { made_at: at("1970-01-01T00:00:00Z"), run_immediately: true, chain: Vec::new() };
    hourly.record = Some(record);
    let mut mark = mark(&hourly, "2026-11-23T20:00:00Z");
    let step = |mark: &Mark| Step::of(&hourly, Some(mark), at(NOW));
    assert!(mark.ask("s", at("2026-11-23T21:37:00Z")) && mark.ask("s", at("2026-11-23T22:00:00Z")));
    assert_eq!(step(&mark), Step::Run(at("2026-11-23T21:00:00Z")));
    mark.last_due = at("2026-11-23T21:00:00Z");
    assert_eq!(step(&mark), Step::RunAsked(at("2026-11-23T21:37:00Z")));
    assert_eq!(step(&Mark { linking: true, ..mark.clone() }), Step::Link);
    assert_eq!(step(&Mark { paused: Some("why".into()), ..mark.clone() }), Step::Wait);
    mark.asked.pop_first();
    assert_eq!(step(&mark), Step::Ask, "the other is not to begin yet");
    mark.told.run_immediately = true;
    assert_eq!(step(&mark), Step::Wait);
    let made = LastRun { task_id: hourly.task_id(at("2026-11-23T23:00:00Z")), ..run(&hourly) };
    mark.requested(made);
    assert!(!mark.ask("s", at("2026-11-23T23:00:00Z")), "it was made");
    assert!(!mark.ask("s", at("2026-11-23T22:00:00Z")), "it is asked for");
    for second in 0..200 {
        mark.ask("s", at(NOW) + TimeDelta::seconds(second));
    }
    assert_eq!(mark.asked.len(), 100, "no end of them");
}

#[test]
fn a_record_that_somebody_changes_is_not_paused_and_owes_nothing() {
    let mut hourly = schedule(json!({"every": "1h", "pause_after": 1}));
    let mut mark = mark(&hourly, "2026-11-23T20:00:00Z");
    mark.ended(Outcome::Error, "no", at(NOW), hourly.pause_after);
    mark.ask("s", at(NOW));
    assert!(Mark::begun(&hourly, Some(mark.clone()), at(NOW), 1).paused.is_some(), "one of ours stays paused");
    hourly.record = Some(Record { made_at: at(NOW), run_immediately: false, chain: Vec::new() });
    mark.told.disabled = true;
    assert_eq!(Step::of(&hourly, Some(&mark), at(NOW)), Step::Begin(at("2026-11-23T21:37:49Z")), "enabled again");
    let begun = Mark::begun(&hourly, Some(mark), at(NOW), 1);
    assert_eq!((begun.paused, begun.failures, begun.asked.len()), (None, 0, 0));
}

fn run(schedule: &Schedule) -> LastRun {
    LastRun {
        task_id: "t".into(),
        table: schedule.table(),
        due: None,
        requested_at: at("2026-11-23T21:00:00Z"),
        outcome: Outcome::Process,
        message: String::new(),
        ended_at: None,
    }
}

#[test]
fn a_run_ends_as_its_report_does_or_when_it_takes_too_long() {
    let hourly = schedule(json!({"every": "1h"}));
    let run = run(&hourly);
    let report: Report = serde_json::from_value(json!({
        "table": run.table, "name": "", "component": "", "filters": [], "owner": null, "status": "process",
        "message": "", "rows": 0, "columns": [], "paths": null, "revision": 0, "aggr": null, "generation": null,
        "task_id": "t", "requested_at": run.requested_at, "started_at": "2026-11-23T21:00:10Z", "ended_at": null,
        "stages": {},
    }))
    .unwrap();
    let minute = Some(std::time::Duration::from_secs(60));
    let outcome = |report: &Report, now: &str| run.outcome(Some(report), minute, at(now)).map(|(outcome, ..)| outcome);
    assert_eq!(outcome(&report, "2026-11-23T21:01:10Z"), None);
    assert_eq!(outcome(&report, "2026-11-23T21:01:11Z"), Some(Outcome::Error));
    assert_eq!(run.outcome(Some(&report), None, at("2026-11-24T00:00:00Z")), None);
    let waiting = Report { started_at: None, ..report.clone() };
    assert_eq!(outcome(&waiting, "2026-11-24T00:00:00Z"), None, "no worker has taken it yet");
    for (status, expected) in
        [(Status::Finished, Outcome::Finished), (Status::Warning, Outcome::Warning), (Status::Error, Outcome::Error)]
    {
        assert_eq!(outcome(&Report { status, ..report.clone() }, NOW), Some(expected));
    }
    assert_eq!(outcome(&Report { task_id: "other".into(), ..report.clone() }, NOW), Some(Outcome::Replaced));
    assert_eq!(run.outcome(None, minute, at(NOW)).unwrap().0, Outcome::Replaced);
}
