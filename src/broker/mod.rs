//! The queue between `serve`, `worker` and `beat`.
//!
//! A message is a Celery task message (protocol 2) as headers and body; what it means is the business of `task`.
//! At least once: a delivery that is not acknowledged comes again, to this consumer or another.
//! `embedded` keeps the queue in a SQLite file, `amqp` speaks to RabbitMQ; `handle` is what their consumers share.
//! `broadcast` is for what is no work: events, and requests to workers with their answers.

mod amqp;
mod broadcast;
mod embedded;
mod handle;

pub use broadcast::{Broadcast, CONTROL, EVENTS, Heard, Listener, Mailbox, Note, Post, REPLIES};

use crate::config::Config;
use crate::sqlite::Copies;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rustls::ClientConfig;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// The embedded queue's file in the data folder.
pub const QUEUE_FILE: &str = "queue.sqlite3";

/// The file beside it for what is posted to listeners; nothing that a backup needs.
pub const BROADCAST_FILE: &str = "broadcast.sqlite3";

/// Copies and checks the embedded queue's file.
pub const QUEUE_COPIES: Copies = Copies { copy: embedded::copy::copy, check: embedded::copy::check };

/// Opens the broker that the configuration names: RabbitMQ where it has an address, else the embedded queue.
///
/// RabbitMQ need not be there yet: it is reached when it is needed. With `amqps` it must be one that `tls` trusts.
///
/// # Errors
/// `Refused` for an address that cannot be used, `Unavailable` where the queue's file cannot be opened.
pub async fn open(config: &Config, tls: &Arc<ClientConfig>) -> Result<Arc<dyn Broker>, BrokerError> {
    match &config.broker.url {
        Some(url) => Ok(Arc::new(amqp::Amqp::new(url.expose(), Arc::clone(tls), config.broker.max_priority)?)),
        None => {
            Ok(Arc::new(embedded::Embedded::open(&config.store.data_dir.join(QUEUE_FILE), config.runs.lease).await?))
        }
    }
}

/// A broker. Both implementations pass the same conformance suite (`tests/it/broker`).
#[async_trait]
pub trait Broker: Send + Sync {
    /// One line for people, without secrets: the kind of broker and where it is.
    fn describe(&self) -> String;

    /// Reaches the broker and comes back.
    async fn ping(&self) -> Result<(), BrokerError>;

    /// Stores a message durably in `queue` (declared if missing); back when the broker has confirmed it.
    /// A message with an `eta` header is not handed out before that time.
    async fn publish(&self, queue: &str, message: &Message) -> Result<(), BrokerError>;

    /// Starts taking from `queues` (declared if missing), at most `prefetch` unacknowledged deliveries at a time,
    /// not counting those that wait for their time.
    async fn consume(&self, queues: &[String], prefetch: u16) -> Result<Box<dyn Consumer>, BrokerError>;

    /// Messages waiting in `queue`, ready or for their time; 0 for a queue that is not there.
    async fn depth(&self, queue: &str) -> Result<u64, BrokerError>;

    /// Hands a message to whoever waits at `queue`: a caller of a task. It is not stored durably, nothing is declared, and
    /// where nobody waits it is lost. The embedded queue has no such callers and drops it.
    async fn answer(&self, queue: &str, message: &Message) -> Result<(), BrokerError>;

    /// What `queue` holds and who reads it. Nothing is declared: a queue that is not there is empty.
    async fn state(&self, queue: &str) -> Result<QueueState, BrokerError>;

    /// Declares `queue` as a consumer does; refused where it is there with other properties.
    async fn declare(&self, queue: &str) -> Result<(), BrokerError>;

    /// The oldest `limit` dead letters of `queue`, left where they are.
    async fn dead_letters(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, BrokerError>;

    /// Puts dead letters back in `queue` as at their first attempt; how many. A letter is stored there before it is
    /// removed here: none is lost whatever happens. Where the two are one step (embedded) none comes twice either;
    /// RabbitMQ may hold one letter in both places where this is interrupted.
    async fn resend(&self, queue: &str, which: &Letters) -> Result<u64, BrokerError>;

    /// Removes dead letters of `queue`; how many.
    async fn discard(&self, queue: &str, which: &Letters) -> Result<u64, BrokerError>;

    /// Drops what waits in `queue`, unless a consumer has it; how many messages that were.
    async fn purge(&self, queue: &str) -> Result<u64, BrokerError>;

    /// What it can do besides queues: messages for whoever listens.
    fn broadcast(&self) -> &dyn Broadcast;
}

/// One reader of queues. Dropping it gives back what is not acknowledged.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The next delivery. Waits until there is one, through reconnects; `None` after `stop`.
    async fn next(&self) -> Option<Delivery>;

    /// The work is done: the message is gone for good, or comes again where the connection ends before the broker has
    /// heard of it.
    async fn ack(&self, delivery: &Delivery) -> Result<(), BrokerError> {
        self.ack_with(delivery, &[]).await
    }

    /// Sends what follows from the work, then does as `ack`: the embedded queue in one step, RabbitMQ in this order, so that
    /// a crash between the two sends it once more.
    async fn ack_with(&self, delivery: &Delivery, then: &[Outgoing]) -> Result<(), BrokerError>;

    /// Puts `message` (the next attempt, Celery's retry: same id, `retries` + 1, an `eta`) in the queue of the
    /// delivery and acknowledges the delivery, in this order.
    async fn retry(&self, delivery: &Delivery, message: &Message) -> Result<(), BrokerError>;

    /// Moves the message to the dead letters of its queue with the reason, then acknowledges it.
    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), BrokerError> {
        self.bury_with(delivery, reason, &[]).await
    }

    /// Sends what follows from the failure, then does as `bury`; the steps are those of `ack_with`.
    async fn bury_with(&self, delivery: &Delivery, reason: &str, then: &[Outgoing]) -> Result<(), BrokerError>;

    /// Gives the delivery back: it is handed out again, marked as redelivered.
    async fn give_back(&self, delivery: &Delivery) -> Result<(), BrokerError>;

    /// Takes otherwise from now on. A queue that is taken from must be declared.
    async fn change(&self, change: Change) -> Result<(), BrokerError>;

    /// The first [`MAX_POSTPONED`] messages that wait for their time: with RabbitMQ those that this consumer has, on the
    /// embedded queue all of its queues.
    async fn postponed(&self) -> Result<Vec<Postponed>, BrokerError>;

    /// Takes nothing more; deliveries already handed out can still be settled.
    async fn stop(&self);
}

/// What a consumer takes from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// So many unacknowledged deliveries at a time.
    Prefetch(u16),
    /// From this queue too.
    Add(String),
    /// From this queue no more.
    Remove(String),
}

/// The longest list of messages that wait for their time.
pub const MAX_POSTPONED: usize = 1000;

/// A message that waits for its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Postponed {
    /// Its time.
    pub due: DateTime<Utc>,
    /// Its queue.
    pub queue: String,
    /// The message.
    pub message: Message,
}

/// A task message: headers and body as on the wire (celery.md §2).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// The Celery headers, unknown ones included.
    pub headers: Map<String, Value>,
    /// The body, not yet read.
    pub body: Vec<u8>,
    /// The property `content_type`; `application/json` from every producer that we understand.
    pub content_type: String,
    /// The property `content_encoding`.
    pub content_encoding: String,
    /// The property `correlation_id`: the task id.
    pub correlation_id: Option<String>,
    /// The property `reply_to`: where a caller waits for the result.
    pub reply_to: Option<String>,
    /// The property `priority`; 0 when missing.
    pub priority: u8,
}

impl Message {
    /// The time before which the message must not be handed out: its header `eta`, where that reads as a date.
    #[must_use]
    pub fn eta(&self) -> Option<DateTime<Utc>> {
        self.headers.get("eta")?.as_str().and_then(crate::domain::parse_date)
    }
}

/// A message that goes out when a delivery is settled, and the queue that it goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// A task: as [`Broker::publish`].
    Task(String, Message),
    /// For a caller who waits: as [`Broker::answer`].
    Answer(String, Message),
}

/// A message handed out, to be settled by `ack`, `retry`, `bury` or `give_back`.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The queue that it came from.
    pub queue: String,
    /// Whether it was handed out before.
    pub redelivered: bool,
    /// The consumer's own mark of this delivery.
    pub tag: DeliveryTag,
}

/// Identifies a delivery at its consumer: which connection, which number. Marks of a lost connection settle nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryTag {
    /// The connection's number since the consumer began.
    pub session: u64,
    /// The delivery's number there.
    pub number: u64,
}

/// What a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueState {
    /// Messages that nobody works on, ready or waiting for their time.
    pub waiting: u64,
    /// Its dead letters.
    pub dead: u64,
    /// Its readers; `None` where the broker does not know.
    pub consumers: Option<u64>,
}

/// A message that could not be worked on.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The message as it came.
    pub message: Message,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A choice of dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letters {
    /// All of a queue.
    All,
    /// Those of these task ids.
    Of(Vec<String>),
}

impl Letters {
    /// Whether the message is one of them.
    fn includes(&self, message: &Message) -> bool {
        match self {
            Self::All => true,
            Self::Of(ids) => message.headers.get("id").is_some_and(|id| ids.iter().any(|chosen| id == chosen)),
        }
    }
}

/// Why the broker did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// It cannot be reached or did not answer in time.
    #[error("the broker cannot be reached: {what}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It answered that it cannot do this: a queue declared otherwise, no permission, disk full.
    #[error("the broker refused: {what}")]
    Refused {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It takes no messages for now: it is short of memory or disk.
    #[error("the broker takes no messages for now: {reason}")]
    Blocked {
        /// Why, in its own words.
        reason: String,
    },
    /// It did not confirm within the time.
    #[error("the broker did not confirm within {0:?}")]
    Unconfirmed(Duration),
    /// The connection that this delivery came over is gone; the broker hands it out again.
    #[error("the delivery's connection is gone; it will be handed out again")]
    Stale,
}
