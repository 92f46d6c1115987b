//! Dead letters: a queue of their own beside each queue, because a dead-letter argument would not be what Celery declares.

use super::link::{self, MaxPriority};
use super::wire;
use crate::broker::{BrokerError, DeadLetter, Letters, Message};
use crate::task::Envelope;
use amiquip::{Channel, Confirm, Error, Publish};
use chrono::{DateTime, SecondsFormat, Utc};
use crossbeam_channel::Receiver;
use serde_json::Value;
use std::time::Duration;

/// Headers of a dead letter.
const REASON: &str = "maestro_reason";
const DIED_AT: &str = "maestro_died_at";

/// The longest reason in a header, in characters.
const REASON_CHARS: usize = 4000;

/// The longest time until a letter that is sent again is confirmed.
const CONFIRM: Duration = Duration::from_secs(15);

/// The queue of the dead letters of a queue.
pub(super) fn dead_queue(queue: &str) -> String {
    format!("{queue}.dead")
}

/// Whether a queue is one of dead letters.
pub(super) fn is_dead_queue(queue: &str) -> bool {
    queue.ends_with(".dead")
}

/// A message on its way to the dead letters.
pub(super) fn dead_letter(message: &Message, reason: &str, at: DateTime<Utc>) -> Message {
    let mut letter = message.clone();
    letter.headers.insert(REASON.to_owned(), reason.chars().take(REASON_CHARS).collect::<String>().into());
    letter.headers.insert(DIED_AT.to_owned(), at.to_rfc3339_opts(SecondsFormat::Millis, true).into());
    letter
}

/// Fetches letters without acknowledging them: closing the channel puts them back where they were.
pub(super) fn read(channel: &Channel, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, Error> {
    let queue = dead_queue(queue);
    let mut letters = Vec::new();
    while letters.len() < limit {
        match channel.basic_get(&queue, false) {
            Ok(Some(got)) => letters.push(from_dead_letter(wire::message(&got.delivery.properties, got.delivery.body))),
            Ok(None) | Err(Error::ServerClosedChannel { code: link::NOT_FOUND, .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(letters)
}

/// Removes the chosen letters of those that lie there now; how many. The others go back where they were when the channel
/// is closed.
pub(super) fn discard(channel: &Channel, queue: &str, which: &Letters) -> Result<u64, BrokerError> {
    for_each(channel, queue, which, |_| Ok(()))
}

/// Puts the chosen letters back in their queue, each stored there before it is removed here; how many. Whoever is
/// interrupted between the two leaves that one letter in both places.
pub(super) fn resend(
    channel: &Channel,
    queue: &str,
    highest: MaxPriority,
    which: &Letters,
) -> Result<u64, BrokerError> {
    let failed = |error| link::broker_error("sending a dead letter again", error);
    link::declare(channel, queue, highest)?;
    channel.enable_publisher_confirms().map_err(failed)?;
    let confirms = channel.listen_for_publisher_confirms().map_err(failed)?;
    for_each(channel, queue, which, |letter| {
        let message = Envelope::first_attempt(&letter.message);
        let properties = wire::properties(&message)?;
        channel.basic_publish("", Publish::with_properties(&message.body, queue, properties)).map_err(failed)?;
        confirmed(&confirms, queue)
    })
}

fn confirmed(confirms: &Receiver<Confirm>, queue: &str) -> Result<(), BrokerError> {
    match confirms.recv_timeout(CONFIRM) {
        Ok(Confirm::Ack(_)) => Ok(()),
        Ok(Confirm::Nack(_)) => Err(BrokerError::Refused {
            what: format!("storing a message in the queue {queue}"),
            source: "RabbitMQ did not accept it".into(),
        }),
        Err(_) => Err(BrokerError::Unconfirmed(CONFIRM)),
    }
}

/// Removes each of the chosen letters after `first` has dealt with it.
fn for_each(
    channel: &Channel,
    queue: &str,
    which: &Letters,
    first: impl Fn(&DeadLetter) -> Result<(), BrokerError>,
) -> Result<u64, BrokerError> {
    let failed = |error| link::broker_error("taking dead letters", error);
    let dead = dead_queue(queue);
    // A letter that is sent again may come back while this goes on: it must not go round for ever.
    let there = match channel.queue_declare_passive(&dead) {
        Ok(queue) => queue.declared_message_count().unwrap_or(0),
        Err(Error::ServerClosedChannel { code: link::NOT_FOUND, .. }) => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut done = 0;
    for _ in 0..there {
        let Some(mut got) = channel.basic_get(&dead, false).map_err(failed)? else { break };
        let body = std::mem::take(&mut got.delivery.body);
        let letter = from_dead_letter(wire::message(&got.delivery.properties, body));
        if which.includes(&letter.message) {
            first(&letter)?;
            got.delivery.ack(channel).map_err(failed)?;
            done += 1;
        }
    }
    // An acknowledgement has no answer of its own; the answer to a request after it says that it has arrived.
    channel.qos(0, 0, false).map_err(failed)?;
    Ok(done)
}

fn from_dead_letter(mut message: Message) -> DeadLetter {
    let mut take = |name: &str| match message.headers.remove(name) {
        Some(Value::String(text)) => text,
        Some(_) | None => String::new(),
    };
    let (reason, at) = (take(REASON), take(DIED_AT));
    DeadLetter { message, reason, at: crate::domain::parse_date(&at).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_gives_back_its_message_its_reason_and_its_time() {
        let at = "2026-11-23T19:25:10.285Z".parse().unwrap();
        let message = Message { body: b"x".to_vec(), ..Message::default() };
        let letter = from_dead_letter(dead_letter(&message, "why", at));
        assert_eq!(letter, DeadLetter { message, reason: "why".to_owned(), at });
    }
}
