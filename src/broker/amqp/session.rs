//! One connection of a consumer, as long as it lasts: deliveries in, deliveries handed over, settlements out.

mod steer;

use super::dial::Dialer;
use super::link::{self, MaxPriority};
use super::waiting::Waiting;
use super::wire;
use crate::broker::handle::{Desk, Order, Plan, Reply};
use crate::broker::{BrokerError, Delivery, DeliveryTag};
use amiquip::{Channel, Connection, Consumer, ConsumerMessage, ConsumerOptions, Error};
use chrono::Utc;
use crossbeam_channel::{Select, TryRecvError};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Deliveries that may wait for their time. Further ones take up the prefetch, so that memory stays bounded.
const MAX_WAITING: usize = 1000;

/// The longest sleep without looking at the clock.
const TICK: Duration = Duration::from_secs(1);

/// How long a cancelled consumer is listened to.
pub(super) const LAST_WORD: Duration = Duration::from_secs(5);

/// The ways to settle a delivery over its channel.
pub(super) enum How {
    Ack,
    GiveBack,
}

/// Why a session ended.
pub(super) enum End {
    /// The consumer was dropped.
    Dropped,
    /// The connection or the channel is gone.
    Lost(BrokerError),
}

/// A delivery of amiquip (its body moved away) and ours.
type Pair = (amiquip::Delivery, Delivery);

/// One connection with its channel.
pub(super) struct Session {
    channel: Channel,
    max_priority: MaxPriority,
    // After the channel: fields are dropped in order, and the channel is closed first.
    _connection: Connection,
}

/// What goes on over a channel.
struct Traffic<'a> {
    channel: &'a Channel,
    max_priority: MaxPriority,
    desk: &'a mut Desk<How>,
    consumers: Vec<(String, Consumer<'a>)>,
    plan: &'a mut Plan,
    /// The prefetch that RabbitMQ knows.
    granted: u16,
    waiting: Waiting<Pair>,
    /// Due and not handed over: the reader has as many as it wants.
    ready: VecDeque<Pair>,
    /// In the reader's hands, by number.
    handed: HashMap<u64, amiquip::Delivery>,
    /// Settlements sent, to be confirmed.
    settled: Vec<Reply>,
    session: u64,
}

impl Session {
    /// Connects, declares the queues.
    pub(super) fn open(dialer: &Dialer, queues: &[String]) -> Result<Self, BrokerError> {
        let mut connection = dialer.connect()?;
        let channel = connection.open_channel(None).map_err(|error| link::broker_error("opening a channel", error))?;
        for queue in queues {
            link::declare(&channel, queue, dialer.max_priority)?;
        }
        Ok(Self { channel, max_priority: dialer.max_priority, _connection: connection })
    }

    /// Takes deliveries and orders until the session ends.
    pub(super) fn run(&self, desk: &mut Desk<How>, plan: &mut Plan, session: u64) -> End {
        let mut traffic = Traffic {
            channel: &self.channel,
            max_priority: self.max_priority,
            desk,
            consumers: Vec::new(),
            plan,
            granted: 0,
            waiting: Waiting::new(),
            ready: VecDeque::new(),
            handed: HashMap::new(),
            settled: Vec::new(),
            session,
        };
        let end = traffic.begin().and_then(|()| {
            loop {
                if !traffic.turn()? {
                    return Ok(End::Dropped);
                }
            }
        });
        end.unwrap_or_else(|error| End::Lost(link::broker_error("taking deliveries", error)))
    }
}

impl<'a> Traffic<'a> {
    fn begin(&mut self) -> Result<(), Error> {
        self.grant()?;
        if self.desk.deliveries.is_some() {
            self.plan.queues.clone().into_iter().try_for_each(|queue| self.consume(queue))?;
        }
        Ok(())
    }

    fn consume(&mut self, queue: String) -> Result<(), Error> {
        let consumer = self.channel.basic_consume(&queue, ConsumerOptions::default())?;
        self.consumers.push((queue, consumer));
        Ok(())
    }

    /// One round; false when the consumer was dropped.
    fn turn(&mut self) -> Result<bool, Error> {
        self.sleep();
        self.receive()?;
        self.take_due()?;
        loop {
            match self.desk.orders.try_recv() {
                Ok(order) => self.obey(order)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.stop()?;
                    return Ok(false);
                }
            }
        }
        self.grant()?;
        self.confirm_settled()?;
        self.hand_over();
        Ok(true)
    }

    /// Until something comes in or the next delivery is due.
    fn sleep(&self) {
        let until_due = self.waiting.next_time().map(|time| (time - Utc::now()).to_std().unwrap_or_default());
        let mut select = Select::new();
        select.recv(&self.desk.orders);
        for (_, consumer) in &self.consumers {
            select.recv(consumer.receiver());
        }
        // Which one it was does not matter: all are looked at.
        select.ready_timeout(until_due.unwrap_or(TICK).min(TICK)).ok();
    }

    /// Takes what has come in. A queue that was deleted, or whose node went down, is declared and taken from again: what
    /// is in the reader's hands can still be settled.
    fn receive(&mut self) -> Result<(), Error> {
        let now = Utc::now();
        let mut cancelled = Vec::new();
        for (at, (queue, consumer)) in self.consumers.iter().enumerate() {
            loop {
                match consumer.receiver().try_recv() {
                    Ok(ConsumerMessage::Delivery(delivery)) => {
                        let pair = pair(delivery, queue, self.session);
                        match pair.1.message.eta().filter(|eta| *eta > now) {
                            Some(eta) => self.waiting.add(eta, now, pair),
                            None => self.ready.push_back(pair),
                        }
                    }
                    Err(TryRecvError::Empty) => break,
                    Ok(ConsumerMessage::ServerCancelled) => {
                        cancelled.push(at);
                        break;
                    }
                    Ok(
                        ConsumerMessage::ServerClosedChannel(error) | ConsumerMessage::ServerClosedConnection(error),
                    ) => {
                        return Err(error);
                    }
                    Ok(
                        ConsumerMessage::ClientCancelled
                        | ConsumerMessage::ClientClosedChannel
                        | ConsumerMessage::ClientClosedConnection,
                    )
                    | Err(TryRecvError::Disconnected) => return Err(Error::UnexpectedSocketClose),
                }
            }
        }
        // From the end, so that the places before stay as they are.
        cancelled.into_iter().rev().try_for_each(|at| self.consume_again(at))
    }

    fn consume_again(&mut self, at: usize) -> Result<(), Error> {
        let (queue, _) = self.consumers.remove(at);
        log::warn!("RabbitMQ ended the reading of the queue {queue}, which was deleted or moved; it is declared again");
        link::try_declare(self.channel, &queue, self.max_priority)?;
        self.consume(queue)
    }

    fn take_due(&mut self) -> Result<(), Error> {
        let now = Utc::now();
        while let Some((original, delivery)) = self.waiting.take_due(now) {
            if delivery.message.eta().is_some_and(|eta| eta > now) {
                original.nack(self.channel, true)?;
            } else {
                self.ready.push_back((original, delivery));
            }
        }
        Ok(())
    }

    /// Lets RabbitMQ send one delivery more for each that waits for its time (celery.md §3.2).
    fn grant(&mut self) -> Result<(), Error> {
        let waiting = self.waiting.len().min(MAX_WAITING) as u16;
        let wanted = self.plan.prefetch.saturating_add(waiting);
        if wanted != self.granted {
            self.granted = wanted;
            // Global: for all consumers of the channel together, and changed while they consume.
            self.channel.qos(0, wanted, true)?;
        }
        Ok(())
    }

    fn hand_over(&mut self) {
        let Some(hand) = &self.desk.deliveries else { return };
        while self.handed.len() < usize::from(self.plan.prefetch)
            && let Some((original, delivery)) = self.ready.pop_front()
        {
            self.handed.insert(delivery.tag.number, original);
            // Nobody there to take it: the session is about to end, and RabbitMQ gets everything back.
            hand.send(delivery).ok();
        }
    }

    fn obey(&mut self, order: Order<How>) -> Result<(), Error> {
        match order {
            Order::Stop => self.stop(),
            Order::Settle { tag, how, reply } => {
                let original = (tag.session == self.session).then(|| self.handed.remove(&tag.number)).flatten();
                let Some(original) = original else {
                    reply.send(Err(BrokerError::Stale)).ok();
                    return Ok(());
                };
                match how {
                    How::Ack => original.ack(self.channel)?,
                    How::GiveBack => original.nack(self.channel, true)?,
                }
                // While deliveries come nobody waits to know that an acknowledgement has arrived.
                if self.desk.deliveries.is_some() && matches!(how, How::Ack) {
                    reply.send(Ok(())).ok();
                } else {
                    self.settled.push(reply);
                }
                Ok(())
            }
            Order::Change(change, reply) => {
                self.settled.push(reply);
                self.change(change)
            }
            Order::Postponed(reply) => {
                reply.send(Ok(self.postponed())).ok();
                Ok(())
            }
        }
    }

    /// An acknowledgement has no answer of its own. The answer to a request after it says that it has arrived, so
    /// that a process that stops may end right after settling.
    fn confirm_settled(&mut self) -> Result<(), Error> {
        if !self.settled.is_empty() {
            self.channel.qos(0, self.granted, true)?;
            self.settled.drain(..).for_each(|reply| drop(reply.send(Ok(()))));
        }
        Ok(())
    }

    /// Takes nothing more and gives back what was not handed over.
    fn stop(&mut self) -> Result<(), Error> {
        for (_, consumer) in std::mem::take(&mut self.consumers) {
            self.cancel(&consumer)?;
        }
        for (original, _) in self.waiting.take_all().chain(self.ready.drain(..)) {
            original.nack(self.channel, true)?;
        }
        self.desk.deliveries = None;
        Ok(())
    }

    /// Ends the reading of a queue; what comes until then goes back.
    fn cancel(&self, consumer: &Consumer<'_>) -> Result<(), Error> {
        consumer.cancel()?;
        // amiquip tells the consumer of its end after it has answered: whoever left before that would take the whole
        // connection down.
        while let Ok(ConsumerMessage::Delivery(delivery)) = consumer.receiver().recv_timeout(LAST_WORD) {
            delivery.nack(self.channel, true)?;
        }
        Ok(())
    }
}

impl Drop for Traffic<'_> {
    fn drop(&mut self) {
        for reply in self.settled.drain(..) {
            reply.send(Err(BrokerError::Stale)).ok();
        }
    }
}

fn pair(mut original: amiquip::Delivery, queue: &str, session: u64) -> Pair {
    let body = std::mem::take(&mut original.body);
    let delivery = Delivery {
        message: wire::message(&original.properties, body),
        queue: queue.to_owned(),
        redelivered: original.redelivered,
        tag: DeliveryTag { session, number: original.delivery_tag() },
    };
    (original, delivery)
}
