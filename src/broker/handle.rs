//! The async half of a consumer whose work is done by a thread of its own.
//!
//! Both brokers block (SQLite, amiquip), so each consumer is a thread that hands deliveries over and takes orders.
//! The thread ends when the handle is dropped: then there is nobody left to give it orders.

use super::{BrokerError, Change, Delivery, DeliveryTag, Postponed};
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

/// The longest time for the thread to settle a delivery or to stop taking.
const LIMIT: Duration = Duration::from_secs(15);

/// Where the thread says how an order went.
pub(super) type Reply = oneshot::Sender<Result<(), BrokerError>>;

/// What the thread is told to do; `S` are the broker's ways to settle a delivery.
pub(super) enum Order<S> {
    /// Settle a delivery.
    Settle { tag: DeliveryTag, how: S, reply: Reply },
    /// Take otherwise from now on.
    Change(Change, Reply),
    /// Tell what waits for its time.
    Postponed(oneshot::Sender<Result<Vec<Postponed>, BrokerError>>),
    /// Take nothing more and drop the sender of deliveries.
    Stop,
}

/// The async half.
pub(super) struct Handle<S> {
    orders: Sender<Order<S>>,
    deliveries: Mutex<mpsc::UnboundedReceiver<Delivery>>,
    session: Arc<AtomicU64>,
}

/// The thread's half.
pub(super) struct Desk<S> {
    /// Orders; closed when the consumer is dropped.
    pub(super) orders: Receiver<Order<S>>,
    /// Deliveries handed over, never more than the prefetch; `None` after `Stop`.
    pub(super) deliveries: Option<mpsc::UnboundedSender<Delivery>>,
    /// The connection's number; deliveries of an earlier one are stale.
    pub(super) session: Arc<AtomicU64>,
}

/// What a consumer takes.
pub(super) struct Plan {
    /// From these queues.
    pub(super) queues: Vec<String>,
    /// So many unacknowledged deliveries at a time.
    pub(super) prefetch: u16,
}

impl Plan {
    /// At least one at a time.
    pub(super) fn new(queues: Vec<String>, prefetch: u16) -> Self {
        Self { queues, prefetch: prefetch.max(1) }
    }

    /// As it is after the change.
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::Prefetch(prefetch) => self.prefetch = prefetch.max(1),
            Change::Add(queue) if self.queues.contains(&queue) => {}
            Change::Add(queue) => self.queues.push(queue),
            Change::Remove(queue) => self.queues.retain(|name| *name != queue),
        }
    }
}

/// The two halves.
pub(super) fn pair<S>() -> (Handle<S>, Desk<S>) {
    let (order, orders) = crossbeam_channel::unbounded();
    let (hand, deliveries) = mpsc::unbounded_channel();
    let session = Arc::new(AtomicU64::new(0));
    let handle = Handle { orders: order, deliveries: Mutex::new(deliveries), session: Arc::clone(&session) };
    (handle, Desk { orders, deliveries: Some(hand), session })
}

impl<S> Handle<S> {
    /// The next delivery that can still be settled; `None` after `stop`. Safe to drop while it waits.
    pub(super) async fn next(&self) -> Option<Delivery> {
        loop {
            let delivery = self.deliveries.lock().await.recv().await?;
            if self.is_current(delivery.tag) {
                return Some(delivery);
            }
        }
    }

    /// Has the thread settle a delivery.
    pub(super) async fn settle(&self, tag: DeliveryTag, how: S) -> Result<(), BrokerError> {
        self.check(tag)?;
        self.ask(|reply| Order::Settle { tag, how, reply }).await
    }

    /// Has the thread take otherwise.
    pub(super) async fn change(&self, change: Change) -> Result<(), BrokerError> {
        self.ask(|reply| Order::Change(change, reply)).await
    }

    /// Has the thread tell what waits for its time.
    pub(super) async fn postponed(&self) -> Result<Vec<Postponed>, BrokerError> {
        self.ask(Order::Postponed).await
    }

    /// Gives the thread an order, and waits for its answer.
    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, BrokerError>>) -> Order<S>,
    ) -> Result<T, BrokerError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| BrokerError::Stale)?;
        match timeout(LIMIT, answer).await {
            Ok(answer) => answer.unwrap_or(Err(BrokerError::Stale)),
            Err(_) => Err(BrokerError::Unconfirmed(LIMIT)),
        }
    }

    /// Fails where the delivery's connection is gone.
    pub(super) fn check(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        if self.is_current(tag) { Ok(()) } else { Err(BrokerError::Stale) }
    }

    /// Takes nothing more. What was handed over and not yet fetched by `next` goes back, `how` says in which words.
    pub(super) async fn stop(&self, how: impl Fn() -> S) {
        if self.orders.send(Order::Stop).is_err() {
            return;
        }
        let drained = timeout(LIMIT, async {
            let mut deliveries = self.deliveries.lock().await;
            while let Some(delivery) = deliveries.recv().await {
                // A delivery that cannot be given back comes again when its lease or connection ends.
                self.settle(delivery.tag, how()).await.ok();
            }
        });
        if drained.await.is_err() {
            log::warn!("the queue's reader did not stop within {LIMIT:?}");
        }
    }

    fn is_current(&self, tag: DeliveryTag) -> bool {
        tag.session == self.session.load(Ordering::Acquire)
    }
}
