//! A lane: deliveries of some queues go to slots of their own, so that what hangs in one lane holds up no other.

use super::failure::with_causes;
use super::job::Job;
use super::node::Node;
use super::pool::{Pool, Wanted};
use super::slots::{Slot, Slots};
use super::waiting::{Received, Waiting};
use super::{WorkError, raised};
use crate::app::App;
use crate::broker::{BrokerError, Change, Consumer, Delivery};
use futures_util::future::join_all;
use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The pause before the queue is asked again at the start.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The part of the shutdown time that is kept for giving back what still runs.
const GIVING_BACK: Duration = Duration::from_secs(2);

/// The longest time without a look at what could be done.
const LOOK: Duration = Duration::from_secs(1);

/// How long a slot is idle before a lane that follows its work does without it, as long as in Celery.
const IDLE: Duration = Duration::from_secs(30);

/// Queues, and how many of their tasks run at a time.
pub(super) struct Lane {
    pool: Arc<Pool>,
}

/// A lane at work.
struct Work<'a> {
    app: &'a App,
    node: &'a Arc<Node>,
    pool: &'a Pool,
    consumer: Arc<dyn Consumer>,
    slots: Slots,
    waiting: Waiting,
    /// What is followed so far.
    followed: Wanted,
    /// Since when there is a slot too many.
    idle_since: Option<Instant>,
}

impl Lane {
    /// The lanes of a worker: reports and notices, which operators steer; deliveries, where it has rows to deliver.
    pub(super) fn all(app: &App, node: &Node) -> Vec<Self> {
        let mut lanes = vec![Self { pool: Arc::clone(&node.pool) }];
        if app.delivers() {
            let pool = Pool::fixed(app.config.broker.webhook_queue(), app.config.webhooks.concurrency);
            lanes.push(Self { pool: Arc::new(pool) });
        }
        lanes
    }

    /// Works until `stop` is there; then running tasks may end within the configured time, unless `hurry` comes.
    pub(super) async fn work(
        self,
        app: &App,
        node: &Arc<Node>,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<(), WorkError> {
        let mut stop = Box::pin(stop);
        let (consumer, followed) = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            begun = self.consume(app) => begun?,
        };
        let consumer = Arc::<dyn Consumer>::from(consumer);
        node.takes_from(&consumer);
        let (slots, waiting) = (Slots::new(followed.size)?, Waiting::default());
        let mut work = Work { app, node, pool: &self.pool, consumer, slots, waiting, followed, idle_since: None };
        work.say();
        let interrupt = watch::Sender::new(false);
        let ended = loop {
            let pause = work.waiting.pause(&node.limits, Instant::now());
            tokio::select! {
                biased;
                () = &mut stop => break Ok(()),
                () = work.pool.changed() => {
                    tokio::select! { biased; () = &mut stop => break Ok(()), () = work.follow() => {} }
                }
                slot = work.slots.free(), if pause == Some(Duration::ZERO) => work.begin(slot, &interrupt),
                next = work.consumer.next() => match next {
                    Some(delivery) => work.receive(delivery),
                    None => break Err(WorkError::Ended),
                },
                () = sleep(pause.unwrap_or(LOOK).min(LOOK)), if pause != Some(Duration::ZERO) => {}
            }
            work.scale();
        };
        work.finish(&interrupt, hurry).await;
        ended
    }

    /// Asks for a consumer until there is one; a refusal ends the worker.
    async fn consume(&self, app: &App) -> Result<(Box<dyn Consumer>, Wanted), WorkError> {
        loop {
            let wanted = self.pool.wanted();
            match app.broker.consume(&wanted.queues, wanted.prefetch()).await {
                Ok(consumer) => return Ok((consumer, wanted)),
                Err(error @ BrokerError::Refused { .. }) => return Err(WorkError::Queue(error)),
                Err(error) => log::warn!("{}; trying again in {ASK_AGAIN:?}", with_causes(&error)),
            }
            sleep(ASK_AGAIN).await;
        }
    }
}

impl Work<'_> {
    fn say(&self) {
        let (name, queues) = (&self.node.name, self.followed.queues.join(", "));
        let (size, broker) = (self.followed.size, self.app.broker.describe());
        log::info!("worker {name} takes from {queues}, {size} tasks at a time; {broker}");
    }

    fn receive(&mut self, delivery: Delivery) {
        let ticket = self.node.receive_known(&delivery);
        self.waiting.add(Received { delivery, ticket });
    }

    fn begin(&mut self, slot: Slot, interrupt: &watch::Sender<bool>) {
        let Some(Received { delivery, ticket }) = self.waiting.take(&self.node.limits, Instant::now()) else { return };
        let (app, consumer, node) = (self.app.clone(), Arc::clone(&self.consumer), Arc::clone(self.node));
        let interrupted = raised(interrupt.subscribe());
        let runtime = Handle::current();
        self.slots.run(slot, move |slot| {
            Job { app, consumer, delivery, runtime, node, slot: Cell::new(Some(slot)) }.run(ticket, interrupted)
        });
    }

    /// Does what is wanted now.
    async fn follow(&mut self) {
        let wanted = self.pool.wanted();
        if wanted == self.followed {
            return;
        }
        let before = std::mem::replace(&mut self.followed, wanted);
        self.say();
        self.slots.resize(self.followed.size);
        let (old, new) = (&before.queues, &self.followed.queues);
        let added = new.iter().filter(|queue| !old.contains(queue)).cloned().map(Change::Add);
        let removed = old.iter().filter(|queue| !new.contains(queue)).cloned().map(Change::Remove);
        for change in added.chain(removed).chain([Change::Prefetch(self.followed.prefetch())]) {
            if let Err(error) = self.consumer.change(change).await {
                log::warn!("what is taken changes with the next connection: {}", with_causes(&error));
            }
        }
    }

    /// Goes up by one where something waits for a slot, and down where slots have been idle for long.
    fn scale(&mut self) {
        let Some(range) = self.followed.autoscale.clone() else { return };
        let (busy, size) = (self.slots.busy(), self.followed.size);
        if busy < size {
            let since = *self.idle_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= IDLE && size > *range.start() {
                self.idle_since = None;
                self.pool.change(|wanted| wanted.size = busy.max(*range.start()));
            }
            return;
        }
        self.idle_since = None;
        if !self.waiting.is_empty() && size < *range.end() {
            self.pool.change(|wanted| wanted.size = wanted.size.max(size + 1));
        }
    }

    /// Gives back what has not begun, lets running tasks end, then interrupts those that still run; all within the
    /// configured time.
    async fn finish(&mut self, interrupt: &watch::Sender<bool>, hurry: impl Future<Output = ()>) {
        let shutdown = self.app.config.worker.shutdown;
        let giving_back = GIVING_BACK.min(shutdown / 2);
        let (consumer, waiting) = (&self.consumer, self.waiting.take_all());
        let quiet = async {
            consumer.stop().await;
            // What cannot be given back comes again when its connection or lease ends.
            join_all(waiting.map(async |received| consumer.give_back(&received.delivery).await.ok())).await;
            self.slots.all_done().await;
        };
        let in_time = tokio::select! {
            in_time = timeout(shutdown.saturating_sub(giving_back), quiet) => in_time.is_ok(),
            () = hurry => false,
        };
        if !in_time {
            interrupt.send_replace(true);
            if timeout(giving_back, self.slots.all_done()).await.is_err() {
                log::warn!("a task could not be interrupted; it is handed out again");
            }
        }
    }
}
