//! Messages that are for whoever listens now: events, requests to workers, and their answers (celery.md §1, §5, §6).
//!
//! They are not stored for those who come later, nobody acknowledges them, and they may be lost with a connection.

use super::BrokerError;
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The exchange of events; the key is the event's type with dots for hyphens.
pub const EVENTS: &str = "celeryev";

/// The exchange of requests: every worker gets each of them.
pub const CONTROL: &str = "celery.pidbox";

/// The exchange of answers; the key is the asker's.
pub const REPLIES: &str = "reply.celery.pidbox";

/// Notes that may wait for a listener that is slow; then the sender waits.
const MAX_WAITING: usize = 1024;

/// What a broker can do besides its queues. Both brokers pass the same conformance suite (`tests/it/broker`).
#[async_trait]
pub trait Broadcast: Send + Sync {
    /// Sends these to whoever listens, in their order; back when the broker has them all.
    async fn post(&self, posts: Vec<Post>) -> Result<(), BrokerError>;

    /// Listens from now on, through reconnects. A broker that is not there is waited for.
    async fn listen(&self, mailbox: Mailbox) -> Result<Listener, BrokerError>;
}

/// A message on its way to listeners.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// One of [`EVENTS`], [`CONTROL`], [`REPLIES`].
    pub exchange: &'static str,
    /// The routing key.
    pub key: String,
    /// The headers.
    pub headers: Map<String, Value>,
    /// The body, sent as JSON.
    pub body: Value,
}

/// What a listener wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailbox {
    /// Every event.
    Events,
    /// The requests to workers, for the worker of this node name. RabbitMQ takes one of a name.
    Control {
        /// Its name.
        node: String,
    },
    /// The answers to an asker.
    Replies {
        /// The asker's key.
        key: String,
    },
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// The mailbox is there: what is posted from now on is heard. Comes again after each reconnect.
    Listening,
    /// A message.
    Note(Note),
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The headers.
    pub headers: Map<String, Value>,
    /// The body, not yet read.
    pub body: Vec<u8>,
}

/// One listener. Dropping it ends the listening.
pub struct Listener {
    heard: mpsc::Receiver<Heard>,
    /// Closed with the listener, which tells its thread to end.
    _open: crossbeam_channel::Sender<()>,
}

/// The half of a listener's thread.
pub(super) struct Ear {
    /// Where it hands over what it hears.
    pub(super) hand: mpsc::Sender<Heard>,
    /// Closed when the listener was dropped.
    pub(super) closed: crossbeam_channel::Receiver<()>,
}

impl Listener {
    /// Both halves.
    pub(super) fn pair() -> (Self, Ear) {
        let (hand, heard) = mpsc::channel(MAX_WAITING);
        let (open, closed) = crossbeam_channel::bounded(0);
        (Self { heard, _open: open }, Ear { hand, closed })
    }

    /// What comes next; `None` where the listening has ended by itself. Safe to drop while it waits.
    pub async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    /// Waits until the mailbox is there; false where it is not within `limit`.
    pub async fn is_there(&mut self, limit: Duration) -> bool {
        matches!(timeout(limit, self.next()).await, Ok(Some(Heard::Listening)))
    }
}

impl Ear {
    /// Hands something over; false where nobody listens any more. Blocks while the listener is slow.
    pub(super) fn hand(&self, heard: Heard) -> bool {
        self.hand.blocking_send(heard).is_ok()
    }

    /// Waits; true where the listener was dropped meanwhile.
    pub(super) fn is_closed_within(&self, pause: Duration) -> bool {
        matches!(self.closed.recv_timeout(pause), Err(crossbeam_channel::RecvTimeoutError::Disconnected))
    }
}

impl Mailbox {
    /// The exchange to listen to.
    pub(super) fn exchange(&self) -> &'static str {
        match self {
            Self::Events => EVENTS,
            Self::Control { .. } => CONTROL,
            Self::Replies { .. } => REPLIES,
        }
    }
}
