//! A reader of the embedded queue: a thread with a connection of its own that claims, renews and settles.

use super::file::{Claim, Claimed, File, FileError, Wish};
use super::{Wakers, broker_error};
use crate::broker::handle::{self, Desk, Handle, Order, Plan};
use crate::broker::{BrokerError, Change, Consumer, Delivery, DeliveryTag, Message, Outgoing, Postponed};
use async_trait::async_trait;
use chrono::Utc;
use crossbeam_channel::{Receiver, select};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// Signs of life in the time after which a consumer counts as dead.
const SIGNS: u32 = 3;

/// How often a consumer looks for messages whose time has come.
const POLL: Duration = Duration::from_millis(200);

/// How often it asks whether another process has written to the file, which takes some microseconds: as long may a
/// message of `serve` wait for a worker that has nothing to do.
const GLANCE: Duration = Duration::from_millis(10);

/// The pause after the file could not be read.
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// The ways to settle a delivery.
enum How {
    Ack(Follow),
    Retry(Box<Message>),
    Bury(String, Follow),
    GiveBack,
}

/// Tasks that follow, with their queues.
type Follow = Vec<(String, Message)>;

/// The async half.
struct EmbeddedConsumer(Handle<How>);

/// The thread's half.
struct Reader {
    desk: Desk<How>,
    file: File,
    woken: Receiver<()>,
    plan: Plan,
    /// How long a message stays with a consumer that gives no sign of life.
    lease: Duration,
    holder: String,
    /// Row ids of the deliveries handed out, by their number.
    held: HashMap<u64, (i64, String)>,
    last_number: u64,
    renewed: Instant,
    /// The file's version at the last look.
    version: Option<i64>,
}

/// Starts a reader.
pub(super) fn start(
    path: &Path,
    queues: Vec<String>,
    prefetch: u16,
    wakers: std::sync::Arc<Wakers>,
    lease: Duration,
) -> Result<Box<dyn Consumer>, BrokerError> {
    let file = File::open_to_take(path).map_err(|error| broker_error("opening the queue's file", error))?;
    let (handle, desk) = handle::pair();
    let reader = Reader {
        desk,
        file,
        woken: wakers.subscribe(),
        plan: Plan::new(queues, prefetch),
        lease,
        holder: uuid::Uuid::new_v4().to_string(),
        held: HashMap::new(),
        last_number: 0,
        renewed: Instant::now(),
        version: None,
    };
    let thread = std::thread::Builder::new().name("queue-reader".to_owned());
    thread.spawn(move || reader.run()).map_err(|error| BrokerError::Unavailable {
        what: "starting the queue's reader".to_owned(),
        source: error.into(),
    })?;
    Ok(Box::new(EmbeddedConsumer(handle)))
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn next(&self) -> Option<Delivery> {
        self.0.next().await
    }

    async fn ack_with(&self, delivery: &Delivery, then: &[Outgoing]) -> Result<(), BrokerError> {
        self.0.settle(delivery.tag, How::Ack(tasks(then))).await
    }

    async fn retry(&self, delivery: &Delivery, message: &Message) -> Result<(), BrokerError> {
        self.0.settle(delivery.tag, How::Retry(Box::new(message.clone()))).await
    }

    async fn bury_with(&self, delivery: &Delivery, reason: &str, then: &[Outgoing]) -> Result<(), BrokerError> {
        self.0.settle(delivery.tag, How::Bury(reason.to_owned(), tasks(then))).await
    }

    async fn give_back(&self, delivery: &Delivery) -> Result<(), BrokerError> {
        self.0.settle(delivery.tag, How::GiveBack).await
    }

    async fn change(&self, change: Change) -> Result<(), BrokerError> {
        self.0.change(change).await
    }

    async fn postponed(&self) -> Result<Vec<Postponed>, BrokerError> {
        self.0.postponed().await
    }

    async fn stop(&self) {
        self.0.stop(|| How::GiveBack).await;
    }
}

/// The tasks among them: nobody waits for results here.
fn tasks(outgoing: &[Outgoing]) -> Follow {
    let task = |one: &Outgoing| match one {
        Outgoing::Task(queue, message) => Some((queue.clone(), message.clone())),
        Outgoing::Answer(..) => None,
    };
    outgoing.iter().filter_map(task).collect()
}

impl Reader {
    fn run(mut self) {
        loop {
            let pause = match self.renew().and_then(|()| self.fill()) {
                Ok(()) => POLL,
                Err(error) => {
                    log::warn!("the queue's file cannot be read: {error}");
                    AFTER_ERROR
                }
            };
            if self.wait(pause).is_break() {
                break;
            }
        }
        if let Err(error) = self.file.give_all_back(&self.holder) {
            log::warn!("deliveries could not be given back, they come again when their lease ends: {error}");
        }
    }

    /// Waits until there may be something to do; `Break` where nobody holds the other half any more.
    fn wait(&mut self, pause: Duration) -> ControlFlow<()> {
        let until = Instant::now() + pause;
        loop {
            select! {
                recv(self.desk.orders) -> order => {
                    let Ok(order) = order else { return ControlFlow::Break(()) };
                    self.obey(order);
                    // As many as there are, so that as many messages can be taken at once.
                    while let Ok(order) = self.desk.orders.try_recv() {
                        self.obey(order);
                    }
                    return ControlFlow::Continue(());
                }
                recv(self.woken) -> _ => return ControlFlow::Continue(()),
                default(GLANCE) => {}
            }
            // A file that cannot be read is told of by the next look.
            let version = self.file.version().ok();
            if self.version != version || Instant::now() >= until {
                self.version = version;
                return ControlFlow::Continue(());
            }
        }
    }

    fn renew(&mut self) -> Result<(), FileError> {
        if self.renewed.elapsed() >= self.lease / SIGNS && !self.held.is_empty() {
            self.file.renew(&self.holder, Utc::now(), self.lease)?;
            self.renewed = Instant::now();
        }
        Ok(())
    }

    /// Hands over what there is, as far as the prefetch goes.
    fn fill(&mut self) -> Result<(), FileError> {
        let Some(hand) = &self.desk.deliveries else { return Ok(()) };
        let most = usize::from(self.plan.prefetch).saturating_sub(self.held.len());
        if most == 0 {
            return Ok(());
        }
        let first = Claim { holder: &self.holder, number: self.last_number + 1 };
        let claimed = self.file.claim(Wish { queues: &self.plan.queues, first, most }, Utc::now(), self.lease)?;
        if self.held.is_empty() {
            self.renewed = Instant::now();
        }
        for Claimed { id, queue, redelivered, message } in claimed {
            self.last_number += 1;
            self.held.insert(self.last_number, (id, queue.clone()));
            let tag = DeliveryTag { session: 0, number: self.last_number };
            // Nobody there to take it: the thread is about to end and gives everything back.
            hand.send(Delivery { message, queue, redelivered, tag }).ok();
        }
        Ok(())
    }

    fn obey(&mut self, order: Order<How>) {
        match order {
            Order::Stop => self.desk.deliveries = None,
            // Where nobody waits any more, the caller's time was up.
            Order::Settle { tag, how, reply } => drop(reply.send(self.settle(tag, how))),
            Order::Change(change, reply) => {
                self.plan.change(change);
                reply.send(Ok(())).ok();
            }
            Order::Postponed(reply) => {
                let postponed = self.file.postponed(&self.plan.queues, Utc::now());
                let error = |error| broker_error("reading what waits for its time", error);
                reply.send(postponed.map_err(error)).ok();
            }
        }
    }

    fn settle(&mut self, tag: DeliveryTag, how: How) -> Result<(), BrokerError> {
        let Some((id, queue)) = self.held.get(&tag.number) else { return Err(BrokerError::Stale) };
        let (id, claim) = (*id, Claim { holder: &self.holder, number: tag.number });
        let now = Utc::now();
        let done = match how {
            How::Ack(follow) => self.file.remove(id, claim, &follow, now),
            How::Retry(next) => self.file.replace(id, claim, queue, &next, now),
            How::Bury(reason, follow) => self.file.bury(id, claim, &reason, &follow, now),
            How::GiveBack => self.file.give_back(id, claim),
        };
        let held = done.map_err(|error| broker_error("settling a delivery", error))?;
        self.held.remove(&tag.number);
        if held { Ok(()) } else { Err(BrokerError::Stale) }
    }
}
