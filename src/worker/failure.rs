//! How a task ended, and when to try it again.

use crate::config;
use crate::stages::StageError;
use crate::store::{StoreError, Verdict};
use crate::task::{RetryPolicy, Task};
use futures_util::FutureExt;
use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How the work on a task ended.
#[derive(Debug, PartialEq)]
pub(super) enum Ended {
    Done,
    /// Another run has taken the report over, or its table was removed.
    Overtaken,
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
}

impl Failure {
    /// One that will happen again, told by its message alone.
    pub(super) fn for_good(message: String) -> Self {
        Self { verdict: Verdict::GiveUp, detail: message.clone(), message }
    }
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        Self { verdict: error.verdict(), message: error.to_string(), detail: with_causes(&error) }
    }
}

/// Notices are tried more often than reports: a peer that is away for an hour should not miss one.
pub(super) fn policy(worker: &config::Worker, task: &Task) -> RetryPolicy {
    let max_retries = match task {
        Task::General { .. } | Task::Pivot { .. } | Task::Upload { .. } | Task::Webhook { .. } => worker.task_retries,
        Task::Notification { .. } | Task::Audit { .. } | Task::Ws { .. } => worker.notice_retries,
    };
    RetryPolicy { max_retries, base: worker.retry_pause, cap: LONGEST_PAUSE }
}

/// Sees a task to its end, or its panic. The task's state is dropped with it: nothing of a broken run is kept.
pub(super) async fn catch(task: impl Future<Output = Result<(), StageError>>) -> Ended {
    match AssertUnwindSafe(task).catch_unwind().await {
        Ok(Ok(())) => Ended::Done,
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
        assert_eq!(catch(async { Ok(()) }).await, Ended::Done);
    }

    #[test]
    fn a_notice_outlasts_a_peer_that_is_away_for_more_than_an_hour() {
        let worker = config::load(&|_| None, None, &[]).unwrap().worker;
        let report = "5c0000000000000000000001".parse().unwrap();
        let policy = policy(&worker, &Task::Audit { report, record: serde_json::json!({}) });
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
