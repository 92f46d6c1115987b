//! One delivery, from its message to its settlement.

use crate::app::App;
use crate::broker::{BrokerError, Consumer, Delivery};
use crate::config;
use crate::domain::Status;
use crate::logging;
use crate::metrics::{self, TaskOutcome};
use crate::request;
use crate::stages;
use crate::store::{End, Verdict};
use crate::task::{BadMessage, Envelope, RetryPolicy, Task};
use chrono::Utc;
use futures_util::FutureExt;
use log::Level;
use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How often a settlement is tried while the broker does not take it, and the pause between.
const SETTLE_ATTEMPTS: u32 = 5;
const SETTLE_PAUSE: Duration = Duration::from_secs(2);

/// A delivery and what it takes to work on it.
pub(super) struct Job {
    pub(super) app: App,
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) delivery: Delivery,
}

/// How a delivery ended.
enum Outcome {
    Done,
    Expired,
    /// Tried again after the pause; why.
    Retried(Duration, String),
    /// With the dead letters; why.
    Buried(String),
    GivenBack,
}

/// Why a task is not done.
#[derive(Debug, PartialEq)]
struct Failure {
    verdict: Verdict,
    /// For the report's owner.
    message: String,
    /// For the log and the dead letters: the message with its causes.
    detail: String,
}

impl Job {
    /// Sees the delivery through, or gives it back when `interrupted` is there first.
    pub(super) async fn run(self, interrupted: impl Future<Output = ()>) {
        match Envelope::from_message(&self.delivery.message) {
            Ok(envelope) => {
                let id = envelope.id.clone();
                logging::about(logging::TASK_ID, id, self.attempt(&envelope, interrupted)).await;
            }
            Err(error) => self.refuse(&error).await,
        }
    }

    async fn attempt(&self, envelope: &Envelope, interrupted: impl Future<Output = ()>) {
        let started = Instant::now();
        let work = async {
            if envelope.has_expired(Utc::now()) {
                return self.expire(envelope).await;
            }
            match catch(stages::run(&self.app, envelope)).await {
                Ok(()) => self.settle(Outcome::Done, || self.consumer.ack(&self.delivery)).await,
                Err(failure) => self.fail(envelope, failure).await,
            }
        };
        let settled = tokio::select! {
            settled = work => settled,
            () = interrupted => {
                self.settle(Outcome::GivenBack, || self.consumer.give_back(&self.delivery)).await
            }
        };
        self.log(envelope, started.elapsed(), settled);
    }

    async fn expire(&self, envelope: &Envelope) -> Result<Outcome, BrokerError> {
        let expired = envelope.expires.map(|at| at.to_rfc3339()).unwrap_or_default();
        let message = format!("the task expired at {expired}, before a worker took it");
        stages::failed(&self.app, envelope, &message, None).await;
        self.settle(Outcome::Expired, || self.consumer.ack(&self.delivery)).await
    }

    async fn fail(&self, envelope: &Envelope, failure: Failure) -> Result<Outcome, BrokerError> {
        let Failure { verdict, message, detail } = failure;
        let pause = match verdict {
            Verdict::Retry => policy(&self.app.config.worker, &envelope.task).pause(envelope.retries, rand::random()),
            Verdict::GiveUp => None,
        };
        stages::failed(&self.app, envelope, &message, pause).await;
        let Some(pause) = pause else {
            let outcome = Outcome::Buried(detail.clone());
            return self.settle(outcome, || self.consumer.bury(&self.delivery, &detail)).await;
        };
        let next = envelope.next_attempt(&self.delivery.message, Utc::now(), pause);
        self.settle(Outcome::Retried(pause, detail), || self.consumer.retry(&self.delivery, &next)).await
    }

    /// Buries a message that is no task; where its report can be made out, that ends in `error`.
    async fn refuse(&self, error: &BadMessage) {
        let reason = with_causes(error);
        let queue = &self.delivery.queue;
        log::error!("a message in queue {queue} goes to the dead letters: {reason}");
        if let Some((table, task_id)) = Envelope::report_of(&self.delivery.message) {
            let end =
                End { status: Status::Error, message: reason.clone(), stages: Default::default(), at: Utc::now() };
            if let Some(store) = &self.app.store
                && let Err(error) = store.end(&table, &task_id, &end).await
            {
                log::error!("report {}: its failure could not be recorded: {error}", table.report);
            }
            if let Err(error) = request::refuse(&self.app, table.report, &reason).await {
                log::error!("report {}: its failure could not be told: {error}", table.report);
            }
        }
        let settled = self.settle((), || self.consumer.bury(&self.delivery, &reason)).await;
        let outcome = if settled.is_ok() { TaskOutcome::Dead } else { TaskOutcome::Unsettled };
        metrics::task(metrics::NO_TASK, outcome, Duration::ZERO);
        if let Err(error) = settled {
            log::warn!("a message in queue {queue} could not be put with the dead letters: {}", with_causes(&error));
        }
    }

    /// Settles the delivery, again and again while the broker is away. A stale delivery needs no settlement: the
    /// broker hands it out again.
    async fn settle<T, F>(&self, outcome: T, settle: impl Fn() -> F) -> Result<T, BrokerError>
    where
        F: Future<Output = Result<(), BrokerError>>,
    {
        let mut attempt = 1;
        loop {
            match settle().await {
                Ok(()) => return Ok(outcome),
                Err(error @ (BrokerError::Stale | BrokerError::Refused { .. })) => return Err(error),
                Err(error) if attempt == SETTLE_ATTEMPTS => return Err(error),
                Err(error) => log::warn!("{}; trying again in {SETTLE_PAUSE:?}", with_causes(&error)),
            }
            attempt += 1;
            sleep(SETTLE_PAUSE).await;
        }
    }

    fn log(&self, envelope: &Envelope, took: Duration, settled: Result<Outcome, BrokerError>) {
        use TaskOutcome::{Dead, Done, Expired, GivenBack, Retried, Unsettled};
        let (level, counted, outcome, text) = match settled {
            Ok(Outcome::Done) => (Level::Info, Done, "done", String::new()),
            Ok(Outcome::Expired) => (Level::Warn, Expired, "expired", String::new()),
            Ok(Outcome::Retried(pause, why)) => {
                (Level::Warn, Retried, "failed", format!(", next attempt in {:.1} s: {why}", pause.as_secs_f64()))
            }
            Ok(Outcome::Buried(why)) => (Level::Error, Dead, "failed for good", format!(": {why}")),
            Ok(Outcome::GivenBack) => (Level::Info, GivenBack, "interrupted and given back", String::new()),
            Err(error) => (Level::Warn, Unsettled, "not settled", format!(": {}", with_causes(&error))),
        };
        let (name, report) = (envelope.task.name(), envelope.task.report());
        metrics::task(name, counted, took);
        let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        log::log!(
            level, "task.id":% = envelope.id, "task.name" = name, "report.id":% = report, attempt = envelope.retries,
            seconds = seconds, outcome = outcome; "task {name}: {outcome}{text}"
        );
    }
}

/// Notices are tried more often than reports: a peer's restart should not lose one.
fn policy(worker: &config::Worker, task: &Task) -> RetryPolicy {
    let max_retries = match task {
        Task::General { .. } | Task::Pivot { .. } | Task::Upload { .. } | Task::Webhook { .. } => worker.task_retries,
        Task::Notification { .. } | Task::Audit { .. } | Task::Ws { .. } => worker.notice_retries,
    };
    RetryPolicy { max_retries, base: worker.retry_pause, cap: LONGEST_PAUSE }
}

/// Turns a failure or a panic into a failed task. The task's state is dropped with it: nothing of a broken run is kept.
async fn catch(task: impl Future<Output = Result<(), stages::StageError>>) -> Result<(), Failure> {
    match AssertUnwindSafe(task).catch_unwind().await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            Err(Failure { verdict: error.verdict(), message: error.to_string(), detail: with_causes(&error) })
        }
        Err(panic) => {
            let message = format!("the task broke down: {}", panic_text(panic.as_ref()));
            Err(Failure { verdict: Verdict::GiveUp, detail: message.clone(), message })
        }
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

    #[actix_rt::test]
    async fn a_panic_becomes_a_failure_with_its_reason() {
        let number = 7;
        for (task, reason) in [
            (async { panic!("no reason needed") }.boxed_local(), "no reason needed"),
            (async move { panic!("row {number}") }.boxed_local(), "row 7"),
            (async { std::panic::panic_any(5) }.boxed_local(), "no reason given"),
        ] {
            let failure = catch(task).await.unwrap_err();
            assert_eq!(failure.verdict, Verdict::GiveUp);
            assert_eq!(failure.message, format!("the task broke down: {reason}"));
        }
        assert!(catch(async { Ok(()) }).await.is_ok());
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let cause = std::io::Error::other("disk full");
        let error = BrokerError::Unavailable { what: "storing a message".to_owned(), source: cause.into() };
        assert_eq!(with_causes(&error), "the broker cannot be reached: storing a message: disk full");
    }
}
