//! How a task ended, and when to try it again.

use crate::config::Config;
use crate::stages::{Progress, StageError};
use crate::store::{StoreError, Verdict};
use crate::task::{Deliver, RetryPolicy, Task};
use futures_util::FutureExt;
use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The same for a delivery to an endpoint, which may be away for a night.
const LONGEST_DELIVERY_PAUSE: Duration = Duration::from_secs(4 * 3600);

/// How the work on a task ended.
#[derive(Debug, PartialEq)]
pub(super) enum Ended {
    Done,
    /// It makes way for others and goes on from here.
    MadeWay(Box<Deliver>),
    /// A newer run has replaced what it was to send.
    Replaced,
    /// What it was for was removed.
    Removed,
    /// Another run has taken the report over, or its table was removed.
    Overtaken,
    /// An operator has ended it.
    Cancelled,
    /// It ran for longer than it may, which is so long.
    TooLong(Duration),
    Failed(Failure),
}

/// Why a task is not done.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) verdict: Verdict,
    /// For the report's owner.
    pub(super) message: String,
    /// For the log and the dead letters: the message with its causes.
    pub(super) detail: String,
    /// Where a delivery goes on, and the pause that its endpoint asks for.
    pub(super) delivery: Option<(Box<Deliver>, Duration)>,
}

impl Failure {
    /// One that will happen again, told by its message alone.
    pub(super) fn for_good(message: String) -> Self {
        Self { verdict: Verdict::GiveUp, detail: message.clone(), message, delivery: None }
    }
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        let (verdict, message, detail) = (error.verdict(), error.to_string(), with_causes(&error));
        let mut delivery = None;
        if let StageError::Delivery { at, source } = error {
            delivery = Some((at, source.retry_after().unwrap_or_default()));
        }
        Self { verdict, message, detail, delivery }
    }
}

/// Notices are tried more often than reports: a peer that is away for an hour should not miss one. Deliveries are tried for
/// a day.
pub(super) fn policy(config: &Config, task: &Task) -> RetryPolicy {
    let (worker, webhooks) = (&config.worker, &config.webhooks);
    let max_retries = match task {
        Task::Deliver(_) => {
            let (max_retries, base) = (webhooks.retries, webhooks.retry_pause);
            return RetryPolicy { max_retries, base, cap: LONGEST_DELIVERY_PAUSE };
        }
        Task::General { .. } | Task::Pivot { .. } | Task::Upload { .. } | Task::Webhook { .. } => worker.task_retries,
        Task::Notification { .. } | Task::Audit { .. } | Task::Ws { .. } | Task::Ping => worker.notice_retries,
    };
    RetryPolicy { max_retries, base: worker.retry_pause, cap: LONGEST_PAUSE }
}

/// Sees a task to its end, or its panic. The task's state is dropped with it: nothing of a broken run is kept.
pub(super) async fn catch(task: impl Future<Output = Result<Progress, StageError>>) -> Ended {
    match AssertUnwindSafe(task).catch_unwind().await {
        Ok(Ok(Progress::Done)) => Ended::Done,
        Ok(Ok(Progress::More(deliver))) => Ended::MadeWay(deliver),
        Ok(Ok(Progress::Replaced)) => Ended::Replaced,
        Ok(Ok(Progress::Removed)) => Ended::Removed,
        Ok(Err(StageError::Store(StoreError::Superseded { .. }))) => Ended::Overtaken,
        Ok(Err(error)) => Ended::Failed(error.into()),
        Err(panic) => Ended::Failed(Failure::for_good(format!("the task broke down: {}", panic_text(panic.as_ref())))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

/// An error's text followed by those of its causes, as far as it does not repeat them itself.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::BrokerError;

    #[actix_rt::test]
    async fn a_panic_becomes_a_failure_with_its_reason() {
        let number = 7;
        for (task, reason) in [
            (async { panic!("no reason needed") }.boxed_local(), "no reason needed"),
            (async move { panic!("row {number}") }.boxed_local(), "row 7"),
            (async { std::panic::panic_any(5) }.boxed_local(), "no reason given"),
        ] {
            assert_eq!(catch(task).await, Ended::Failed(Failure::for_good(format!("the task broke down: {reason}"))));
        }
        assert_eq!(catch(async { Ok(Progress::Done) }).await, Ended::Done);
    }

    #[test]
    fn a_delivery_is_tried_for_more_than_a_day_in_growing_pauses() {
        let config = crate::config::load(&|_| None, None, &[]).unwrap();
        let deliver = r#"{"table": "5c0000000000000000000001_general", "run": "r", "endpoint": "report", "host": "h",
            "status": "error", "message": "", "ended_at": "2026-11-25T08:00:00Z", "rows": null, "batch": 0, "sent": 0}"#;
        let policy = policy(&config, &Task::Deliver(serde_json::from_str(deliver).unwrap()));
        // Jitter takes away at most half.
        for (jitter, hours) in [(0.0, 24..30), (1.0, 48..60)] {
            let pauses: Vec<Duration> = (0..).map_while(|retries| policy.pause(retries, jitter)).collect();
            assert!(pauses.is_sorted() && pauses.len() == 24 && pauses[0] <= Duration::from_secs(5), "{pauses:?}");
            let total = pauses.iter().sum::<Duration>().as_secs() / 3600;
            assert!(hours.contains(&total), "{total} h");
        }
    }

    #[test]
    fn a_notice_outlasts_a_peer_that_is_away_for_more_than_an_hour() {
        let config = crate::config::load(&|_| None, None, &[]).unwrap();
        let report = "5c0000000000000000000001".parse().unwrap();
        let policy = policy(&config, &Task::Audit { report, record: serde_json::json!({}) });
        let shortest: Duration = (0..).map_while(|retries| policy.pause(retries, 0.0)).sum();
        assert!(shortest > Duration::from_secs(5400), "{shortest:?}");
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let cause = std::io::Error::other("disk full");
        let error = BrokerError::Unavailable { what: "storing a message".to_owned(), source: cause.into() };
        assert_eq!(with_causes(&error), "the broker cannot be reached: storing a message: disk full");
    }
}
