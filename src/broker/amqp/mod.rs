//! RabbitMQ by amiquip. Its types stay in this folder.
//!
//! amiquip blocks and a channel belongs to one thread, so there is a thread with a connection of its own to publish
//! (`publisher`) and one for each consumer (`consumer`, which opens `session` after session); so for what is no work,
//! with `poster` and `mailbox`. What is only looked at
//! goes over a short connection of its own, so that it works while RabbitMQ blocks publishers. All of them are made by
//! `dial`, over TLS (`stream`) where the address says so.

mod address;
mod alarm;
mod consumer;
mod dial;
mod letters;
mod link;
mod mailbox;
mod poster;
mod publisher;
mod session;
mod stream;
mod waiting;
mod wire;

use super::{
    Broadcast, Broker, BrokerError, Consumer, DeadLetter, Letters, Listener, Mailbox, Message, Post, QueueState,
};
use address::Addresses;
use amiquip::{Channel, Error};
use async_trait::async_trait;
use dial::Dialer;
use letters::dead_queue;
use poster::Poster;
use publisher::Publisher;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The longest time to look at something.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// The longest time to send dead letters again or to drop them.
const LETTERS_LIMIT: Duration = Duration::from_secs(600);

/// RabbitMQ.
pub(super) struct Amqp {
    dialer: Dialer,
    publisher: Arc<Publisher>,
    poster: Poster,
}

impl Amqp {
    /// A broker at this address, trusted as `tls` says, with queues of this priority; nothing is connected yet.
    pub(super) fn new(url: &str, tls: Arc<ClientConfig>, max_priority: Option<u8>) -> Result<Self, BrokerError> {
        let addresses = Addresses::parse(url).map_err(|error| BrokerError::Refused {
            what: "the address cannot be used".to_owned(),
            source: error.into(),
        })?;
        let dialer = Dialer::new(addresses, tls, max_priority);
        let publisher = Arc::new(Publisher::start(dialer.clone())?);
        let poster = Poster::start(dialer.clone())?;
        Ok(Self { dialer, publisher, poster })
    }

    /// Looks at something over a connection of its own.
    async fn look<T: Send + 'static>(
        &self,
        what: &'static str,
        look: impl FnOnce(&Channel) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let look = move |channel: &Channel| look(channel).map_err(|error| link::broker_error(what, error));
        self.work(what, LOOK_LIMIT, look).await
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

    /// As [`Amqp::look`], for what tells its errors itself and may take until the limit.
    async fn work<T: Send + 'static>(
        &self,
        what: &'static str,
        limit: Duration,
        work: impl FnOnce(&Channel) -> Result<T, BrokerError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let dialer = self.dialer.clone();
        let job = move || {
            let mut connection = dialer.connect()?;
            let channel = connection.open_channel(None).map_err(|error| link::broker_error(what, error))?;
            work(&channel)
        };
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| {
            Err(BrokerError::Unavailable { what: what.to_owned(), source })
        };
        match timeout(limit, tokio::task::spawn_blocking(job)).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => unavailable(error.into()),
            Err(error) => unavailable(error.into()),
        }
    }
}

#[async_trait]
impl Broker for Amqp {
    fn describe(&self) -> String {
        format!("RabbitMQ at {}", self.dialer.shown())
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.look("opening a channel", |_| Ok(())).await
    }

    async fn publish(&self, queue: &str, message: &Message) -> Result<(), BrokerError> {
        self.publisher.publish(queue, message.clone()).await
    }

    async fn answer(&self, queue: &str, message: &Message) -> Result<(), BrokerError> {
        self.publisher.answer(queue, message.clone()).await
    }

    async fn consume(&self, queues: &[String], prefetch: u16) -> Result<Box<dyn Consumer>, BrokerError> {
        consumer::start(self.dialer.clone(), Arc::clone(&self.publisher), queues.to_vec(), prefetch).await
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
        let (queue, highest) = (queue.to_owned(), self.dialer.max_priority);
        self.work("declaring a queue", LOOK_LIMIT, move |channel| link::declare(channel, &queue, highest)).await
    }

    async fn dead_letters(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        let queue = queue.to_owned();
        self.look("reading dead letters", move |channel| letters::read(channel, &queue, limit)).await
    }

    async fn resend(&self, queue: &str, which: &Letters) -> Result<u64, BrokerError> {
        let (queue, which, highest) = (queue.to_owned(), which.clone(), self.dialer.max_priority);
        let resend = move |channel: &Channel| letters::resend(channel, &queue, highest, &which);
        self.work("sending dead letters again", LETTERS_LIMIT, resend).await
    }

    async fn discard(&self, queue: &str, which: &Letters) -> Result<u64, BrokerError> {
        let (queue, which) = (queue.to_owned(), which.clone());
        let discard = move |channel: &Channel| letters::discard(channel, &queue, &which);
        self.work("dropping dead letters", LETTERS_LIMIT, discard).await
    }

    async fn purge(&self, queue: &str) -> Result<u64, BrokerError> {
        let (queue, highest) = (queue.to_owned(), self.dialer.max_priority);
        let purge = move |channel: &Channel| {
            link::try_declare(channel, &queue, highest)?;
            Ok(channel.queue_purge(&queue)?.into())
        };
        self.look("dropping messages", purge).await
    }

    fn broadcast(&self) -> &dyn Broadcast {
        self
    }
}

#[async_trait]
impl Broadcast for Amqp {
    async fn post(&self, posts: Vec<Post>) -> Result<(), BrokerError> {
        self.poster.post(posts).await
    }

    async fn listen(&self, mailbox: Mailbox) -> Result<Listener, BrokerError> {
        mailbox::listen(self.dialer.clone(), mailbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_refused_at_once() {
        let tls = crate::tls::client(None).unwrap();
        assert!(matches!(Amqp::new("redis://localhost", tls, None), Err(BrokerError::Refused { .. })));
    }
}
