//! A reader of RabbitMQ's queues: a thread that opens session after session.

use super::dial::Dialer;
use super::letters::{dead_letter, dead_queue};
use super::publisher::Publisher;
use super::session::{End, How, Session};
use super::wire;
use crate::broker::handle::{self, Desk, Handle, Order, Plan};
use crate::broker::{BrokerError, Change, Consumer, Delivery, Message, Outgoing, Postponed};
use crate::task::RetryPolicy;
use async_trait::async_trait;
use chrono::Utc;
use crossbeam_channel::RecvTimeoutError;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The pauses between attempts to connect.
const RECONNECT: RetryPolicy =
    RetryPolicy { max_retries: u32::MAX, base: Duration::from_millis(500), cap: Duration::from_secs(30) };

/// How the first attempt to connect went.
type First = oneshot::Sender<Result<(), BrokerError>>;

/// The async half.
struct AmqpConsumer {
    handle: Handle<How>,
    publisher: Arc<Publisher>,
}

/// The thread's half.
struct Reader {
    dialer: Dialer,
    plan: Plan,
    desk: Desk<How>,
}

/// Starts a reader. A refusal of the first attempt is an error; a RabbitMQ that is not there is waited for.
pub(super) async fn start(
    dialer: Dialer,
    publisher: Arc<Publisher>,
    queues: Vec<String>,
    prefetch: u16,
) -> Result<Box<dyn Consumer>, BrokerError> {
    for queue in &queues {
        wire::check_queue(queue)?;
    }
    let (handle, desk) = handle::pair();
    let (first, result) = oneshot::channel();
    let reader = Reader { dialer, plan: Plan::new(queues, prefetch), desk };
    let thread = std::thread::Builder::new().name("amqp-consumer".to_owned());
    thread.spawn(move || reader.run(first)).map_err(|error| BrokerError::Unavailable {
        what: "starting the queue's reader".to_owned(),
        source: error.into(),
    })?;
    result.await.unwrap_or(Err(BrokerError::Stale))?;
    Ok(Box::new(AmqpConsumer { handle, publisher }))
}

#[async_trait]
impl Consumer for AmqpConsumer {
    async fn next(&self) -> Option<Delivery> {
        self.handle.next().await
    }

    async fn ack_with(&self, delivery: &Delivery, then: &[Outgoing]) -> Result<(), BrokerError> {
        self.send(delivery, then).await?;
        self.handle.settle(delivery.tag, How::Ack).await
    }

    async fn retry(&self, delivery: &Delivery, message: &Message) -> Result<(), BrokerError> {
        // A stale delivery is handed out again; publishing the next attempt too would double the task.
        self.handle.check(delivery.tag)?;
        self.publisher.publish(&delivery.queue, message.clone()).await?;
        self.ack(delivery).await
    }

    async fn bury_with(&self, delivery: &Delivery, reason: &str, then: &[Outgoing]) -> Result<(), BrokerError> {
        self.handle.check(delivery.tag)?;
        self.send(delivery, then).await?;
        let letter = dead_letter(&delivery.message, reason, Utc::now());
        self.publisher.publish(&dead_queue(&delivery.queue), letter).await?;
        self.ack(delivery).await
    }

    async fn give_back(&self, delivery: &Delivery) -> Result<(), BrokerError> {
        self.handle.settle(delivery.tag, How::GiveBack).await
    }

    async fn change(&self, change: Change) -> Result<(), BrokerError> {
        self.handle.change(change).await
    }

    async fn postponed(&self) -> Result<Vec<Postponed>, BrokerError> {
        self.handle.postponed().await
    }

    async fn stop(&self) {
        self.handle.stop(|| How::GiveBack).await;
    }
}

impl AmqpConsumer {
    /// Sends these, unless the delivery is stale: whoever gets it next sends them.
    async fn send(&self, delivery: &Delivery, messages: &[Outgoing]) -> Result<(), BrokerError> {
        for outgoing in messages {
            self.handle.check(delivery.tag)?;
            match outgoing {
                Outgoing::Task(queue, message) => self.publisher.publish(queue, message.clone()).await?,
                Outgoing::Answer(queue, message) => match self.publisher.answer(queue, message.clone()).await {
                    // It would be refused again, and the task is done.
                    Err(error @ BrokerError::Refused { .. }) => log::warn!("a result is lost: {error}"),
                    sent => sent?,
                },
            }
        }
        Ok(())
    }
}

impl Reader {
    fn run(mut self, first: First) {
        let mut first = Some(first);
        let mut failures = 0;
        loop {
            let error = match Session::open(&self.dialer, &self.plan.queues) {
                Ok(session) => {
                    failures = 0;
                    if let Some(first) = first.take() {
                        first.send(Ok(())).ok();
                    }
                    match self.serve(&session) {
                        End::Dropped => return,
                        End::Lost(error) => error,
                    }
                }
                Err(error @ BrokerError::Refused { .. }) if first.is_some() => {
                    first.take().map(|first| first.send(Err(error)));
                    return;
                }
                Err(error) => error,
            };
            if let Some(first) = first.take() {
                first.send(Ok(())).ok();
            }
            let pause = RECONNECT.pause(failures, rand::random()).unwrap_or(RECONNECT.cap);
            failures = failures.saturating_add(1);
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            log::warn!("{error}: {cause}; connecting again in {:.1} s", pause.as_secs_f64());
            if !self.rest(pause) {
                return;
            }
        }
    }

    fn serve(&mut self, session: &Session) -> End {
        let number = self.desk.session.load(Ordering::Acquire);
        log::debug!("taking from {}", self.plan.queues.join(", "));
        let end = session.run(&mut self.desk, &mut self.plan, number);
        // From here on the session's deliveries are stale.
        self.desk.session.fetch_add(1, Ordering::AcqRel);
        end
    }

    /// Waits for the next attempt and answers orders meanwhile; false when there is nothing left to read for.
    fn rest(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        // After a stop there is nothing to connect for: what was handed out comes again to somebody else.
        while self.desk.deliveries.is_some() {
            match self.desk.orders.recv_deadline(until) {
                Ok(Order::Stop) => self.desk.deliveries = None,
                Ok(Order::Settle { reply, .. }) => drop(reply.send(Err(BrokerError::Stale))),
                Ok(Order::Change(change, reply)) => {
                    self.plan.change(change);
                    reply.send(Ok(())).ok();
                }
                // RabbitMQ has taken them back.
                Ok(Order::Postponed(reply)) => drop(reply.send(Ok(Vec::new()))),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        false
    }
}
