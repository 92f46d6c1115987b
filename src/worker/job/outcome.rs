//! How a delivery ended, and how the log tells of it.

use super::super::failure::with_causes;
use super::{END_AGAIN, Job, limit};
use crate::broker::BrokerError;
use crate::metrics::{self, TaskOutcome};
use crate::task::Envelope;
use log::Level;
use std::time::Duration;

/// How a delivery ended.
pub(super) enum Outcome {
    Done,
    Expired,
    /// Revoked by an operator; whether it had begun.
    Revoked(bool),
    /// Tried again after the pause; why.
    Retried(Duration, String),
    /// With the dead letters; why.
    Buried(String),
    /// With the dead letters: it ran for longer than it may, which is so long.
    TooLong(Duration),
    GivenBack,
    /// Put back for the pause: another run has the report.
    Waits(Duration),
    /// Put back: its failure could not be told; why.
    Unended(String),
    /// Left to the newer request of its report.
    Replaced,
    /// Its report or its endpoint was removed.
    Removed,
    /// A delivery made way for others; it goes on later.
    MadeWay,
}

impl Job {
    /// Counts and logs the end.
    pub(super) fn log(&self, envelope: &Envelope, took: Duration, settled: Result<Outcome, BrokerError>) {
        use TaskOutcome::{
            Dead, Done, Expired, GivenBack, MadeWay, Removed, Replaced, Retried, Revoked, Unsettled, Waits,
        };
        let (level, counted, outcome, text) = match settled {
            Ok(Outcome::Done) => (Level::Info, Done, "done", String::new()),
            Ok(Outcome::Expired) => (Level::Warn, Expired, "expired", String::new()),
            Ok(Outcome::Revoked(_)) => (Level::Warn, Revoked, "cancelled by an operator", String::new()),
            Ok(Outcome::Retried(pause, why)) => {
                (Level::Warn, Retried, "failed", format!(", next attempt in {:.1} s: {why}", pause.as_secs_f64()))
            }
            Ok(Outcome::Buried(why)) => (Level::Error, Dead, "failed for good", format!(": {why}")),
            Ok(Outcome::TooLong(limit)) => {
                (Level::Error, Dead, "failed for good", format!(": {}", limit::too_long(limit)))
            }
            Ok(Outcome::GivenBack) => (Level::Info, GivenBack, "interrupted and given back", String::new()),
            Ok(Outcome::Waits(pause)) => {
                let pause = pause.as_secs_f64();
                (Level::Debug, Waits, "waits", format!(" {pause:.1} s: another run makes this report"))
            }
            Ok(Outcome::Unended(why)) => (
                Level::Warn,
                Retried,
                "failed",
                format!(", which cannot be told yet, so it is tried again in {:.0} s: {why}", END_AGAIN.as_secs_f64()),
            ),
            Ok(Outcome::Replaced) => (Level::Info, Replaced, "left to a newer request of the report", String::new()),
            Ok(Outcome::Removed) => {
                (Level::Info, Removed, "stopped: its report or endpoint was removed", String::new())
            }
            Ok(Outcome::MadeWay) => (Level::Info, MadeWay, "made way for others and goes on", String::new()),
            Err(error) => (Level::Warn, Unsettled, "not settled", format!(": {}", with_causes(&error))),
        };
        let (name, report) = (envelope.task.name(), envelope.task.report());
        metrics::task(name, counted, took);
        let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        log::log!(
            level, "task.id":% = envelope.id, "task.name" = name, "report.id" = report.map(|id| id.to_string()),
            attempt = envelope.retries, seconds = seconds, outcome = outcome; "task {name}: {outcome}{text}"
        );
    }
}
