//! How far a schedule has come, and what to do about it now.

use super::{Misfire, Schedule};
use crate::domain::{Report, Status, TableName};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Runs that may be asked for ahead.
const MOST_ASKED: usize = 100;

/// How far a schedule has come. The store keeps it; each change is made only where nobody else has made one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The schedule's name.
    pub name: String,
    /// How often it was changed; 0 before the store has it.
    pub revision: u64,
    /// The fencing token of the leader that changed it last. An earlier leader changes it no more.
    pub fence: u64,
    /// The last due time that was dealt with.
    pub last_due: DateTime<Utc>,
    /// Whether the run of `last_due` is still to be enqueued: a leader that dies in between leaves it so.
    #[serde(default)]
    pub pending: bool,
    /// The schedule's `timing` then; `None` where an older version dealt with it.
    #[serde(default)]
    pub timing: Option<String>,
    /// Runs enqueued so far.
    #[serde(default)]
    pub runs: u64,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// Why it is paused.
    #[serde(default)]
    pub paused: Option<String>,
    /// The last run.
    #[serde(default)]
    pub run: Option<LastRun>,
    /// Whether the runs that follow the last one are still to be asked for.
    #[serde(default)]
    pub linking: bool,
    /// Runs that were asked for, besides those that are due: when each is to begin.
    #[serde(default)]
    pub asked: BTreeSet<DateTime<Utc>>,
    /// What the platform was told.
    #[serde(default)]
    pub told: Told,
}

/// What the platform's record of a schedule was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Runs.
    pub runs: u64,
    /// The message: how the last run failed, or why it is paused.
    pub message: String,
    /// Whether the run that it asks for was taken up, until it asks no more.
    pub run_immediately: bool,
    /// That it is disabled; where it is enabled then, somebody has done so.
    #[serde(default)]
    pub disabled: bool,
}

/// The last run of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    /// Its task.
    pub task_id: String,
    /// The table that it fills.
    pub table: TableName,
    /// Its due time; `None` where somebody asked for it.
    pub due: Option<DateTime<Utc>>,
    /// When it was enqueued.
    pub requested_at: DateTime<Utc>,
    /// Where it stands.
    pub outcome: Outcome,
    /// Why, for people.
    pub message: String,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Enqueued or running.
    Process,
    /// The rows are complete.
    Finished,
    /// Nothing was found.
    Warning,
    /// It failed, or took too long.
    Error,
    /// The report was requested again before it ended, or removed.
    Replaced,
}

impl Outcome {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Finished => "finished",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Replaced => "replaced",
        }
    }
}

/// What to do about a schedule now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Wait,
    /// Note that this due time has passed: the schedule is new, or changed.
    Begin(DateTime<Utc>),
    /// Leave this due time out: it is too late for it.
    Skip(DateTime<Utc>),
    /// Enqueue the run of this due time.
    Run(DateTime<Utc>),
    /// Enqueue the run that was asked for, for this time.
    RunAsked(DateTime<Utc>),
    /// Ask for the runs that follow the last one.
    Link,
    /// Take up the run that the platform's record asks for.
    Ask,
}

impl Step {
    /// What is to be done about a schedule that has come as far as `mark` says. However long nobody looked, it is one
    /// run at most.
    #[must_use]
    pub fn of(schedule: &Schedule, mark: Option<&Mark>, now: DateTime<Utc>) -> Self {
        let due = schedule.latest_due(now);
        let is_as_before = |mark: &&Mark| {
            let is_enabled_again = mark.told.disabled && schedule.enabled;
            !is_enabled_again && mark.timing.as_ref().is_none_or(|timing| *timing == schedule.timing())
        };
        let Some(mark) = mark.filter(is_as_before) else { return Self::Begin(due.unwrap_or(now)) };
        if mark.linking {
            return Self::Link;
        }
        if !schedule.enabled || mark.paused.is_some() {
            return Self::Wait;
        }
        match due {
            Some(due) if due > mark.last_due => {
                let late = (now - schedule.runs_at(due)).to_std().unwrap_or_default();
                let is_missed = schedule.misfire == Misfire::Skip && late > schedule.grace;
                if is_missed { Self::Skip(due) } else { Self::Run(due) }
            }
            _ if mark.pending => Self::Run(mark.last_due),
            _ => match mark.asked.first() {
                Some(at) if *at <= now => Self::RunAsked(*at),
                _ if schedule.asks() && !mark.told.run_immediately => Self::Ask,
                _ => Self::Wait,
            },
        }
    }
}

impl Mark {
    /// The mark of which only this is known.
    #[must_use]
    pub fn of_last_due(name: String, last_due: DateTime<Utc>) -> Self {
        Self {
            name,
            revision: 0,
            fence: 0,
            last_due,
            pending: false,
            timing: None,
            runs: 0,
            failures: 0,
            paused: None,
            run: None,
            linking: false,
            asked: BTreeSet::new(),
            told: Told::default(),
        }
    }

    /// The mark of a schedule that has come to this due time, made by the leader with this token.
    #[must_use]
    pub fn at(schedule: &Schedule, before: Option<Self>, due: DateTime<Utc>, fence: u64) -> Self {
        let before = before.unwrap_or_else(|| Self::of_last_due(schedule.name.clone(), due));
        Self { last_due: due, pending: false, timing: Some(schedule.timing()), fence, ..before }
    }

    /// The mark of a schedule that is new, or changed.
    #[must_use]
    pub fn begun(schedule: &Schedule, before: Option<Self>, due: DateTime<Utc>, fence: u64) -> Self {
        let mut mark = Self { asked: BTreeSet::new(), ..Self::at(schedule, before, due, fence) };
        // Who pauses one of the platform's is its record, which somebody has changed.
        if schedule.record.is_some() {
            (mark.paused, mark.failures, mark.told.disabled) = (None, 0, false);
        }
        mark
    }

    /// Asks for a run at a time, unless it was made already or too many are asked for; whether it is asked for now.
    pub fn ask(&mut self, schedule: &str, at: DateTime<Utc>) -> bool {
        let is_made = self.run.as_ref().is_some_and(|run| run.task_id == super::task_id(schedule, at));
        !is_made && self.asked.len() < MOST_ASKED && self.asked.insert(at)
    }

    /// Notes that a run was enqueued.
    pub fn requested(&mut self, run: LastRun) {
        self.pending = false;
        self.runs = self.runs.saturating_add(1);
        self.run = Some(run);
    }

    /// Notes how the last run ended; after `pause_after` failures in a row the schedule is paused.
    pub fn ended(&mut self, outcome: Outcome, message: &str, at: DateTime<Utc>, pause_after: Option<u32>) {
        if let Some(run) = &mut self.run {
            (run.outcome, run.message, run.ended_at) = (outcome, message.to_owned(), Some(at));
        }
        self.failures = match outcome {
            Outcome::Error => self.failures.saturating_add(1),
            Outcome::Finished | Outcome::Warning => 0,
            Outcome::Process | Outcome::Replaced => self.failures,
        };
        if outcome == Outcome::Error && pause_after.is_some_and(|most| self.failures >= most) {
            let times = if self.failures == 1 { "a failure" } else { "failures in a row" };
            let count = if self.failures == 1 { String::new() } else { format!("{} ", self.failures) };
            self.paused = Some(format!("paused after {count}{times}, the last: {message}"));
        }
    }

    /// Lets a paused schedule go on; due times that have passed meanwhile are left out.
    pub fn resume(&mut self) {
        self.paused = None;
        self.failures = 0;
        self.timing = Some(String::new());
    }
}

impl LastRun {
    /// What has become of a run in process, by the record of its report; `None` while it goes on. A run over
    /// `longest` counts as failed.
    #[must_use]
    pub fn outcome(
        &self,
        report: Option<&Report>,
        longest: Option<std::time::Duration>,
        now: DateTime<Utc>,
    ) -> Option<(Outcome, String, DateTime<Utc>)> {
        let Some(report) = report else { return Some((Outcome::Replaced, "the report was removed".to_owned(), now)) };
        if report.task_id != self.task_id {
            return Some((Outcome::Replaced, "the report was requested again".to_owned(), now));
        }
        let ended = |outcome| Some((outcome, report.message.clone(), report.ended_at.unwrap_or(now)));
        match report.status {
            Status::Finished => ended(Outcome::Finished),
            Status::Warning => ended(Outcome::Warning),
            Status::Error => ended(Outcome::Error),
            Status::Process => {
                let (longest, began) = (longest?, report.started_at?);
                let is_over = now - began > TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX);
                let message = format!("took longer than {} (max_duration)", humantime::format_duration(longest));
                is_over.then_some((Outcome::Error, message, now))
            }
        }
    }
}

#[cfg(test)]
mod tests;
