//! One delivery, from its message to its settlement.

mod answer;
mod cancel;
mod limit;
mod outcome;
mod refuse;
mod tell;

use super::failure::{Ended, Failure, catch, policy, with_causes};
use super::hold::{Hold, Start};
use super::node::Node;
use super::settle::until_taken;
use super::slots::Slot;
use super::tasks::Ticket;
use crate::app::App;
use crate::broker::{BrokerError, Consumer, Delivery};
use crate::logging;
use crate::stages::{self, StageError};
use crate::store::{Kept, Verdict};
use crate::task::{Answer, Deliver, Envelope, Fault, Task};
use chrono::{TimeDelta, Utc};
use outcome::Outcome;
use std::cell::Cell;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The pause before a task that was overtaken is looked at again.
const AFTER_OVERTAKEN: Duration = Duration::from_secs(1);

/// The pause before a task whose failure could not be told is run again.
const END_AGAIN: Duration = Duration::from_secs(10);

/// The pause between attempts to settle while the broker does not take it.
const SETTLE_PAUSE: Duration = Duration::from_secs(2);

/// A delivery and what it takes to work on it.
pub(super) struct Job {
    pub(super) app: App,
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) delivery: Delivery,
    /// The worker's own runtime: it is never kept busy by a task.
    pub(super) runtime: Handle,
    /// The worker, which tells of its tasks and may be asked to cancel one.
    pub(super) node: Arc<Node>,
    /// The slot, left to the next task as soon as this one's work is done.
    pub(super) slot: Cell<Option<Slot>>,
}

impl Job {
    /// Sees the delivery through, or gives it back when `interrupted` is there first.
    pub(super) async fn run(mut self, ticket: Option<Ticket>, interrupted: impl Future<Output = ()>) {
        let is_upgraded = self.upgrade();
        match Envelope::from_message(&self.delivery.message) {
            // The broker knows nothing of times in a body.
            Ok(_) if is_upgraded && self.delivery.message.eta().is_some_and(|eta| eta > Utc::now()) => {
                let message = &self.delivery.message;
                if let Err(error) = self.settle((), || self.consumer.retry(&self.delivery, message)).await {
                    log::warn!("a message of protocol 1 could not be put back for its time: {}", with_causes(&error));
                }
            }
            Ok(envelope) => {
                let id = envelope.id.clone();
                let receive = || self.node.receive(&self.delivery, &envelope.id, envelope.task.name());
                let ticket = ticket.unwrap_or_else(receive);
                logging::about(logging::TASK_ID, id, self.attempt(&envelope, &ticket, interrupted)).await;
            }
            Err(error) => self.refuse(&error).await,
        }
    }

    /// Makes a message of protocol 1 one of protocol 2; whether it was one.
    fn upgrade(&mut self) -> bool {
        let message = std::mem::take(&mut self.delivery.message);
        let was_bare = !message.headers.contains_key("task");
        self.delivery.message = Envelope::upgraded(message);
        was_bare && self.delivery.message.headers.contains_key("task")
    }

    async fn attempt(&self, envelope: &Envelope, ticket: &Ticket, interrupted: impl Future<Output = ()>) {
        let started = Instant::now();
        let mut held = None;
        let settled = tokio::select! {
            settled = self.see_through(envelope, ticket, &mut held) => settled,
            () = interrupted => {
                leave(held.take(), Duration::ZERO).await;
                self.settle(Outcome::GivenBack, || self.consumer.give_back(&self.delivery)).await
            }
        };
        let took = started.elapsed();
        if let Ok(outcome) = &settled {
            let step = tell::step(outcome, &envelope.task.result(), took);
            step.into_iter().for_each(|step| ticket.tell(step));
        }
        self.log(envelope, took, settled);
    }

    /// Takes the report, runs the task, leaves the report and settles; the hold is in `held` meanwhile.
    async fn see_through(
        &self,
        envelope: &Envelope,
        ticket: &Ticket,
        held: &mut Option<Hold>,
    ) -> Result<Outcome, BrokerError> {
        match Hold::take(&self.app, &self.runtime, envelope).await {
            Ok(Start::Run(hold)) => *held = hold,
            Ok(Start::Wait(_)) if envelope.has_expired(Utc::now()) => {}
            Ok(Start::Wait(pause)) => return self.put_back(pause).await,
            Ok(Start::Replaced) => return self.conclude(envelope, Outcome::Replaced).await,
            Err(error) => return self.fail(envelope, StageError::from(error).into(), held).await,
        }
        if ticket.is_revoked() && !self.is_made(envelope).await {
            return self.cancel(envelope, false, held).await;
        }
        if envelope.has_expired(Utc::now()) {
            return self.expire(envelope, held).await;
        }
        let crashes = self.app.config.runs.crashes;
        if held.as_ref().is_some_and(|hold| hold.attempt > crashes) {
            let message = format!(
                "making this report ended the worker {crashes} times in a row, perhaps for want of memory: it is not \
                 tried again; narrow its filters or give the workers more memory"
            );
            return self.fail(envelope, Failure::for_good(message), held).await;
        }
        match self.work(envelope, ticket, held.as_ref()).await {
            Ended::Done => {
                leave(held.take(), Duration::ZERO).await;
                self.slot.take();
                self.conclude(envelope, Outcome::Done).await
            }
            Ended::MadeWay(deliver) => self.make_way(envelope, deliver).await,
            Ended::Replaced => self.conclude(envelope, Outcome::Replaced).await,
            Ended::Removed => self.conclude(envelope, Outcome::Removed).await,
            Ended::Overtaken => self.step_aside(envelope, held).await,
            Ended::Cancelled => self.cancel(envelope, true, held).await,
            Ended::TooLong(limit) => self.end_long(envelope, limit, held).await,
            Ended::Failed(failure) => self.fail(envelope, failure, held).await,
        }
    }

    async fn work(&self, envelope: &Envelope, ticket: &Ticket, hold: Option<&Hold>) -> Ended {
        ticket.start();
        if self.app.config.worker.track_started {
            self.tell_caller(&Answer::Started { node: self.node.name.clone() }).await;
        }
        let work = catch(stages::watched(ticket.watcher(), stages::run(&self.app, envelope)));
        let lost = async {
            match hold {
                Some(hold) => hold.lost().await,
                None => pending().await,
            }
        };
        let stopped = async {
            let ended = tokio::select! {
                () = ticket.terminated() => Ended::Cancelled,
                limit = self.past_its_time(envelope) => Ended::TooLong(limit),
            };
            ticket.may_be_left().await;
            ended
        };
        tokio::select! {
            ended = work => ended,
            _ = lost => Ended::Overtaken,
            ended = stopped => ended,
        }
    }

    /// Puts the message back in its queue as it is, to come again after the pause.
    async fn put_back(&self, pause: Duration) -> Result<Outcome, BrokerError> {
        let later = Envelope::postponed(&self.delivery.message, Utc::now(), pause);
        self.settle(Outcome::Waits(pause), || self.consumer.retry(&self.delivery, &later)).await
    }

    /// Puts a delivery behind those that wait, with what it has sent by now.
    async fn make_way(&self, envelope: &Envelope, deliver: Box<Deliver>) -> Result<Outcome, BrokerError> {
        let next = envelope.moved_on(Task::Deliver(deliver)).to_message();
        self.settle(Outcome::MadeWay, || self.consumer.retry(&self.delivery, &next)).await
    }

    /// Ends quietly: whoever has the report now tells of it. The message comes again, unless the report was removed:
    /// it may be that only this worker was cut off for a while.
    async fn step_aside(&self, envelope: &Envelope, held: &mut Option<Hold>) -> Result<Outcome, BrokerError> {
        let kept = match held.as_ref() {
            Some(hold) => hold.look().await,
            None => Kept::Gone,
        };
        leave(held.take(), AFTER_OVERTAKEN).await;
        if kept == Kept::Gone {
            return self.conclude(envelope, Outcome::Removed).await;
        }
        self.put_back(AFTER_OVERTAKEN).await
    }

    async fn expire(&self, envelope: &Envelope, held: &mut Option<Hold>) -> Result<Outcome, BrokerError> {
        let expired = envelope.expires.map(|at| at.to_rfc3339()).unwrap_or_default();
        let message = format!("the task expired at {expired}, before a worker took it");
        self.end_in_error(envelope, &message, Outcome::Expired, held).await
    }

    /// Ends a task that is not tried again: its report is `error` with this message, and the old rows stay.
    async fn end_in_error(
        &self,
        envelope: &Envelope,
        message: &str,
        outcome: Outcome,
        held: &mut Option<Hold>,
    ) -> Result<Outcome, BrokerError> {
        if let Err(error) = stages::failed(&self.app, envelope, message, None).await {
            return self.postpone_end(error.into(), held).await;
        }
        leave_cleared(held.take(), envelope).await;
        self.conclude(envelope, outcome).await
    }

    async fn fail(
        &self,
        envelope: &Envelope,
        failure: Failure,
        held: &mut Option<Hold>,
    ) -> Result<Outcome, BrokerError> {
        let Failure { verdict, message, detail, delivery } = failure;
        let moved = delivery.and_then(|(at, asked)| Some((moved(envelope, at)?, asked)));
        let (envelope, sent, asked) = match &moved {
            Some((moved, asked)) => (moved, &moved.to_message(), *asked),
            None => (envelope, &self.delivery.message, Duration::ZERO),
        };
        let pause = match verdict {
            Verdict::Retry => policy(&self.app.config, &envelope.task).pause(envelope.retries, rand::random()),
            Verdict::GiveUp => None,
        };
        let pause = pause.map(|pause| pause.max(asked));
        let told = stages::failed(&self.app, envelope, &message, pause).await;
        if let (Err(error), None) = (told, pause) {
            return self.postpone_end(error.into(), held).await;
        }
        let Some(pause) = pause else {
            leave_cleared(held.take(), envelope).await;
            return self.conclude(envelope, Outcome::Buried(detail)).await;
        };
        leave(held.take(), pause).await;
        let next = envelope.next_attempt(sent, Utc::now(), pause);
        let answer = Answer::Retry(Fault::failed(&detail));
        let settled =
            self.settle(Outcome::Retried(pause, detail), || self.consumer.retry(&self.delivery, &next)).await?;
        self.tell_caller(&answer).await;
        Ok(settled)
    }

    /// Puts the message back, as the failure of its report could be neither recorded nor told: while store or queue are
    /// away no report ends without a word, and when they are back it may well be made.
    async fn postpone_end(&self, why: Failure, held: &mut Option<Hold>) -> Result<Outcome, BrokerError> {
        leave(held.take(), END_AGAIN).await;
        let later = Envelope::postponed(&self.delivery.message, Utc::now(), END_AGAIN);
        self.settle(Outcome::Unended(why.detail), || self.consumer.retry(&self.delivery, &later)).await
    }

    /// Settles the delivery, as soon as the broker takes it.
    async fn settle<T, F>(&self, outcome: T, settle: impl Fn() -> F) -> Result<T, BrokerError>
    where
        F: Future<Output = Result<(), BrokerError>>,
    {
        until_taken(SETTLE_PAUSE, settle).await.map(|()| outcome)
    }
}

/// The task with what a delivery has sent by now. Failures are counted anew where it has come further: each message has
/// all retries.
fn moved(envelope: &Envelope, at: Box<Deliver>) -> Option<Envelope> {
    let Task::Deliver(before) = &envelope.task else { return None };
    let retries = if before.batch == at.batch { envelope.retries } else { 0 };
    Some(Envelope { retries, ..envelope.moved_on(Task::Deliver(at)) })
}

/// Leaves the report that is held, if any; its next attempt begins after `pause`.
async fn leave(held: Option<Hold>, pause: Duration) {
    if let Some(hold) = held {
        hold.leave(Utc::now() + TimeDelta::from_std(pause).unwrap_or_default()).await;
    }
}

/// Leaves the report that has failed for good, if one is held.
async fn leave_cleared(held: Option<Hold>, envelope: &Envelope) {
    if let Some(hold) = &held {
        hold.clear(&envelope.id).await;
    }
    leave(held, Duration::ZERO).await;
}
