//! What goes out when a delivery has ended: the tasks that follow, and the result for a caller who waits.
//!
//! The one place where an outcome becomes a result (celery.md §4) and follow-ups (§2). A task's callbacks go out before its
//! result, its errbacks after it, and both before the delivery is settled: a crash in between sends them again, with the same ids.

use super::limit::too_long;
use super::{Job, Outcome, SETTLE_PAUSE, until_taken};
use crate::broker::{BrokerError, Outgoing};
use crate::task::{Answer, BadMessage, Envelope, Fault, FollowUps, Origin};
use chrono::Utc;

impl Job {
    /// Ends a delivery that is not to come again. Where a queue refuses what follows, the task has failed.
    pub(super) async fn conclude(&self, envelope: &Envelope, outcome: Outcome) -> Result<Outcome, BrokerError> {
        let failed = match &outcome {
            Outcome::Buried(why) => Some((why.clone(), Fault::failed(why))),
            Outcome::TooLong(limit) => Some((too_long(*limit), Fault::too_long(*limit))),
            Outcome::Done
            | Outcome::Expired
            | Outcome::Revoked(_)
            | Outcome::Retried(..)
            | Outcome::GivenBack
            | Outcome::Waits(_)
            | Outcome::Unended(_)
            | Outcome::Replaced
            | Outcome::Removed
            | Outcome::MadeWay => None,
        };
        if let Some((why, fault)) = failed {
            let mut then: Vec<_> = self.answer(&Answer::Failure(fault)).into_iter().collect();
            then.extend(envelope.embed.on_failure(self.origin(envelope)).messages);
            self.bury(&why, &then).await?;
            return Ok(outcome);
        }
        let then = self.after(envelope, &outcome);
        match until_taken(SETTLE_PAUSE, || self.consumer.ack_with(&self.delivery, &then)).await {
            Ok(()) => Ok(outcome),
            Err(BrokerError::Refused { what, source }) if !then.is_empty() => {
                let why = format!("the tasks that follow cannot be sent: {what}: {source}");
                self.bury(&why, &self.answer(&Answer::Failure(Fault::failed(&why))).into_iter().collect::<Vec<_>>())
                    .await?;
                Ok(Outcome::Buried(why))
            }
            Err(error) => Err(error),
        }
    }

    /// What goes out with the end of a task that did not fail.
    fn after(&self, envelope: &Envelope, outcome: &Outcome) -> Vec<Outgoing> {
        let (mut then, answer) = match outcome {
            Outcome::Done => {
                let result = envelope.task.result();
                let FollowUps { messages, ids } = envelope.embed.on_success(self.origin(envelope), &result);
                (messages, Answer::Success { result, children: ids })
            }
            Outcome::Expired => (Vec::new(), Answer::Revoked("expired")),
            Outcome::Revoked(true) => (Vec::new(), Answer::Revoked("terminated")),
            Outcome::Revoked(false) => (Vec::new(), Answer::Revoked("revoked")),
            Outcome::Replaced => (Vec::new(), Answer::Revoked("left to a newer request of the report")),
            Outcome::Removed => (Vec::new(), Answer::Revoked("its report or endpoint was removed")),
            Outcome::Retried(..)
            | Outcome::Buried(_)
            | Outcome::TooLong(_)
            | Outcome::GivenBack
            | Outcome::Waits(_)
            | Outcome::Unended(_)
            | Outcome::MadeWay => return Vec::new(),
        };
        then.extend(self.answer(&answer));
        then
    }

    /// What goes out with a message that is no task of ours, and is buried.
    pub(super) fn after_refusal(&self, error: &BadMessage, reason: &str) -> Vec<Outgoing> {
        let message = &self.delivery.message;
        let fault =
            if let BadMessage::UnknownTask(name) = error { Fault::unknown(name) } else { Fault::bad_message(reason) };
        let mut then: Vec<_> = self.answer(&Answer::Failure(fault)).into_iter().collect();
        let header = |name: &str| message.headers.get(name).and_then(serde_json::Value::as_str);
        if let Some(id) = header("id") {
            let origin = self.origin_of(id, header("root_id").unwrap_or(id));
            then.extend(Envelope::embed_of(message).on_failure(origin).messages);
        }
        then
    }

    /// Tells a caller how its task stands meanwhile. That it ended is told anyway.
    pub(super) async fn tell_caller(&self, answer: &Answer) {
        if let Some(Outgoing::Answer(queue, message)) = self.answer(answer)
            && let Err(error) = self.app.broker.answer(&queue, &message).await
        {
            log::debug!("a caller is not told how its task stands: {error}");
        }
    }

    /// Puts the message with the dead letters; what follows goes out first.
    pub(super) async fn bury(&self, reason: &str, then: &[Outgoing]) -> Result<(), BrokerError> {
        match until_taken(SETTLE_PAUSE, || self.consumer.bury_with(&self.delivery, reason, then)).await {
            // What follows is lost; the task and why it failed are not.
            Err(BrokerError::Refused { what, source }) if !then.is_empty() => {
                log::error!("errbacks or the result of a failed task cannot be sent: {what}: {source}");
                until_taken(SETTLE_PAUSE, || self.consumer.bury(&self.delivery, reason)).await
            }
            settled => settled,
        }
    }

    fn answer(&self, answer: &Answer) -> Option<Outgoing> {
        answer.to(&self.delivery.message, Utc::now())
    }

    fn origin<'a>(&'a self, envelope: &'a Envelope) -> Origin<'a> {
        self.origin_of(&envelope.id, envelope.root())
    }

    fn origin_of<'a>(&'a self, id: &'a str, root: &'a str) -> Origin<'a> {
        Origin { id, root, own_queue: &self.app.config.broker.queue, now: Utc::now() }
    }
}
