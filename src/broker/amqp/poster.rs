//! Sends what is for listeners, over a connection of its own: a thread that reconnects when there is something to send.

use super::dial::Dialer;
use super::{link, mailbox, wire};
use crate::broker::BrokerError;
use crate::broker::broadcast::Post;
use amiquip::{Channel, Connection, Error, Publish};
use crossbeam_channel::{Receiver, Sender};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The longest time until RabbitMQ has taken what was sent.
const LIMIT: Duration = Duration::from_secs(10);

/// Jobs that may wait for the thread; while RabbitMQ takes nothing, further ones are refused.
const MAX_WAITING: usize = 64;

/// The async half.
pub(super) struct Poster {
    jobs: Sender<Job>,
}

struct Job {
    posts: Vec<Post>,
    reply: oneshot::Sender<Result<(), BrokerError>>,
}

/// One connection.
struct Line {
    channel: Channel,
    // After the channel: fields are dropped in order, and the channel is closed first.
    _connection: Connection,
}

impl Poster {
    /// Starts the thread; it connects when there is something to send.
    pub(super) fn start(dialer: Dialer) -> Result<Self, BrokerError> {
        let (jobs, work) = crossbeam_channel::bounded(MAX_WAITING);
        let thread = std::thread::Builder::new().name("amqp-poster".to_owned());
        thread.spawn(move || run(&dialer, &work)).map_err(|error| unavailable(error.into()))?;
        Ok(Self { jobs })
    }

    /// Sends these; back when RabbitMQ has them.
    pub(super) async fn post(&self, posts: Vec<Post>) -> Result<(), BrokerError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { posts, reply }).map_err(|_| unavailable("too many wait to be sent".into()))?;
        match timeout(LIMIT, answer).await {
            Ok(answer) => answer.unwrap_or(Err(BrokerError::Stale)),
            Err(_) => Err(BrokerError::Unconfirmed(LIMIT)),
        }
    }
}

fn unavailable(source: Box<dyn std::error::Error + Send + Sync>) -> BrokerError {
    BrokerError::Unavailable { what: "sending to listeners".to_owned(), source }
}

/// Sends until the async half is dropped.
fn run(dialer: &Dialer, jobs: &Receiver<Job>) {
    let mut line = None;
    for Job { posts, reply } in jobs {
        // A connection that has been idle may be lost without anybody having seen it.
        let sent = match line.take().map(|line| send(line, &posts)) {
            Some(Ok(line)) => Ok(line),
            Some(Err(_)) | None => Line::open(dialer).and_then(|line| send(line, &posts)),
        };
        // Nobody waits any more: the time was up.
        reply.send(sent.map(|open| line = Some(open))).ok();
    }
}

/// Sends all; gives the connection back where it is still good.
fn send(line: Line, posts: &[Post]) -> Result<Line, BrokerError> {
    for post in posts {
        let (key, properties) = (wire::check_key(&post.key)?, wire::transient(&post.headers)?);
        let body = post.body.to_string();
        let publish = Publish::with_properties(body.as_bytes(), key, properties);
        line.channel.basic_publish(post.exchange, publish).map_err(|error| link::broker_error("sending", error))?;
    }
    // A message has no answer of its own. The answer to a request after it says that it has arrived, so that a process
    // may end right after sending.
    line.channel.qos(0, 0, false).map_err(|error| link::broker_error("sending", error))?;
    Ok(line)
}

impl Line {
    fn open(dialer: &Dialer) -> Result<Self, BrokerError> {
        let mut connection = dialer.connect()?;
        let error = |error: Error| link::broker_error("opening a channel", error);
        let channel = connection.open_channel(None).map_err(error)?;
        mailbox::declare_exchanges(&channel).map_err(error)?;
        Ok(Self { channel, _connection: connection })
    }
}
