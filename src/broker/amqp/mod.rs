//! RabbitMQ by amiquip. Its types stay in this folder.
//!
//! amiquip blocks and a channel belongs to one thread, so there is a thread with a connection of its own to publish
//! (`publisher`) and one for each consumer (`consumer`, which opens `session` after session). What is only looked at
//! goes over a short connection of its own, so that it works while RabbitMQ blocks publishers.

mod address;
mod consumer;
mod link;
mod publisher;
mod session;
mod waiting;
mod wire;

use super::{Broker, BrokerError, Consumer, DeadLetter, Message, QueueState};
use address::Addresses;
use amiquip::{Channel, Error};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use publisher::Publisher;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The longest time to look at something.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// Headers of a dead letter.
const REASON: &str = "maestro_reason";
const DIED_AT: &str = "maestro_died_at";

/// The longest reason in a header, in characters.
const REASON_CHARS: usize = 4000;

/// RabbitMQ.
pub(super) struct Amqp {
    addresses: Addresses,
    publisher: Arc<Publisher>,
}

impl Amqp {
    /// A broker at this address; nothing is connected yet.
    pub(super) fn new(url: &str) -> Result<Self, BrokerError> {
        let addresses = Addresses::parse(url).map_err(|error| BrokerError::Refused {
            what: "the address cannot be used".to_owned(),
            source: error.into(),
        })?;
        let publisher = Arc::new(Publisher::start(addresses.clone())?);
        Ok(Self { addresses, publisher })
    }

    /// Looks at something over a connection of its own.
    async fn look<T: Send + 'static>(
        &self,
        what: &'static str,
        look: impl FnOnce(&Channel) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, BrokerError> {
        self.look_at(what, move |channel| look(channel).map_err(|error| link::broker_error(what, error))).await
    }

    /// Messages and consumers of a queue; none where it is not there.
    async fn count(&self, queue: String) -> Result<(u64, u64), BrokerError> {
        let count = move |channel: &Channel| match channel.queue_declare_passive(queue) {
            Ok(queue) => {
                Ok((queue.declared_message_count().unwrap_or(0), queue.declared_consumer_count().unwrap_or(0)))
            }
            Err(Error::ServerClosedChannel { code: link::NOT_FOUND, .. }) => Ok((0, 0)),
            Err(error) => Err(error),
        };
        let (messages, consumers) = self.look("counting messages", count).await?;
        Ok((messages.into(), consumers.into()))
    }

    /// As [`Amqp::look`], for what tells its errors itself.
    async fn look_at<T: Send + 'static>(
        &self,
        what: &'static str,
        look: impl FnOnce(&Channel) -> Result<T, BrokerError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let addresses = self.addresses.clone();
        let job = move || {
            let mut connection = link::connect(&addresses)?;
            let channel = connection.open_channel(None).map_err(|error| link::broker_error(what, error))?;
            look(&channel)
        };
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| {
            Err(BrokerError::Unavailable { what: what.to_owned(), source })
        };
        match timeout(LOOK_LIMIT, tokio::task::spawn_blocking(job)).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => unavailable(error.into()),
            Err(error) => unavailable(error.into()),
        }
    }
}

#[async_trait]
impl Broker for Amqp {
    fn describe(&self) -> String {
        format!("RabbitMQ at {}", self.addresses.shown)
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.look("opening a channel", |_| Ok(())).await
    }

    async fn publish(&self, queue: &str, message: &Message) -> Result<(), BrokerError> {
        self.publisher.publish(queue, message.clone()).await
    }

    async fn consume(&self, queues: &[String], prefetch: u16) -> Result<Box<dyn Consumer>, BrokerError> {
        consumer::start(self.addresses.clone(), Arc::clone(&self.publisher), queues.to_vec(), prefetch).await
    }

    async fn depth(&self, queue: &str) -> Result<u64, BrokerError> {
        Ok(self.count(queue.to_owned()).await?.0)
    }

    async fn state(&self, queue: &str) -> Result<QueueState, BrokerError> {
        let (waiting, consumers) = self.count(queue.to_owned()).await?;
        let (dead, _) = self.count(dead_queue(queue)).await?;
        Ok(QueueState { waiting, dead, consumers: Some(consumers) })
    }

    async fn declare(&self, queue: &str) -> Result<(), BrokerError> {
        let queue = queue.to_owned();
        self.look_at("declaring a queue", move |channel| link::declare(channel, &queue)).await
    }

    async fn dead_letters(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        let queue = dead_queue(queue);
        self.look("reading dead letters", move |channel| read_dead_letters(channel, &queue, limit)).await
    }
}

/// The queue of the dead letters of a queue.
fn dead_queue(queue: &str) -> String {
    format!("{queue}.dead")
}

/// A message on its way to the dead letters.
fn dead_letter(message: &Message, reason: &str, at: DateTime<Utc>) -> Message {
    let mut letter = message.clone();
    letter.headers.insert(REASON.to_owned(), reason.chars().take(REASON_CHARS).collect::<String>().into());
    letter.headers.insert(DIED_AT.to_owned(), at.to_rfc3339_opts(SecondsFormat::Millis, true).into());
    letter
}

/// Fetches letters without acknowledging them: closing the channel puts them back where they were.
fn read_dead_letters(channel: &Channel, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, Error> {
    let mut letters = Vec::new();
    while letters.len() < limit {
        match channel.basic_get(queue, false) {
            Ok(Some(got)) => letters.push(from_dead_letter(wire::message(&got.delivery.properties, got.delivery.body))),
            Ok(None) | Err(Error::ServerClosedChannel { code: link::NOT_FOUND, .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(letters)
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

    #[test]
    fn an_address_that_cannot_be_used_is_refused_at_once() {
        assert!(matches!(Amqp::new("redis://localhost"), Err(BrokerError::Refused { .. })));
    }
}
