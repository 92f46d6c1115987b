//! A lane: deliveries of some queues go to slots of their own, so that what hangs in one lane holds up no other.

use super::failure::with_causes;
use super::job::Job;
use super::node::Node;
use super::slots::Slots;
use super::{WorkError, raised};
use crate::app::App;
use crate::broker::{BrokerError, Consumer};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The pause before the queue is asked again at the start.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The part of the shutdown time that is kept for giving back what still runs.
const GIVING_BACK: Duration = Duration::from_secs(2);

/// Queues, and how many of their tasks run at a time.
#[derive(Debug)]
pub(super) struct Lane {
    queues: Vec<String>,
    concurrency: usize,
}

impl Lane {
    /// The lanes of a worker with these settings: reports and notices; deliveries, where it has rows to deliver.
    pub(super) fn all(app: &App) -> Vec<Self> {
        let (worker, webhooks) = (&app.config.worker, &app.config.webhooks);
        let mut lanes = vec![Self { queues: worker.queues.clone(), concurrency: worker.concurrency }];
        if app.store.is_some() && webhooks.concurrency > 0 {
            let queues = vec![app.config.broker.webhook_queue()];
            lanes.push(Self { queues, concurrency: webhooks.concurrency });
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
        let consumer = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            consumer = self.consume(app) => Arc::<dyn Consumer>::from(consumer?),
        };
        let mut slots = Slots::new(self.concurrency)?;
        let (name, queues) = (&app.config.worker.hostname, self.queues.join(", "));
        log::info!("worker {name} takes from {queues}, {} tasks at a time; {}", slots.len(), app.broker.describe());
        let interrupt = watch::Sender::new(false);
        let ended = loop {
            let slot = tokio::select! { biased; () = &mut stop => break Ok(()), slot = slots.free() => slot };
            let delivery = tokio::select! { biased; () = &mut stop => break Ok(()), next = consumer.next() => next };
            let Some(delivery) = delivery else { break Err(WorkError::Ended) };
            let (app, consumer, node) = (app.clone(), Arc::clone(&consumer), Arc::clone(node));
            let job = Job { app, consumer, delivery, runtime: Handle::current(), node };
            let interrupted = raised(interrupt.subscribe());
            slots.run(slot, move || job.run(interrupted));
        };
        finish(app, consumer.as_ref(), &mut slots, &interrupt, hurry).await;
        ended
    }

    /// Asks for a consumer until there is one; a refusal ends the worker.
    async fn consume(&self, app: &App) -> Result<Box<dyn Consumer>, WorkError> {
        let prefetch = u16::try_from(self.concurrency).unwrap_or(u16::MAX);
        loop {
            match app.broker.consume(&self.queues, prefetch).await {
                Ok(consumer) => return Ok(consumer),
                Err(error @ BrokerError::Refused { .. }) => return Err(WorkError::Queue(error)),
                Err(error) => log::warn!("{}; trying again in {ASK_AGAIN:?}", with_causes(&error)),
            }
            sleep(ASK_AGAIN).await;
        }
    }
}

/// Lets running tasks end, then interrupts those that still run; all within the configured time.
async fn finish(
    app: &App,
    consumer: &dyn Consumer,
    slots: &mut Slots,
    interrupt: &watch::Sender<bool>,
    hurry: impl Future<Output = ()>,
) {
    let shutdown = app.config.worker.shutdown;
    let giving_back = GIVING_BACK.min(shutdown / 2);
    let quiet = async {
        consumer.stop().await;
        slots.all_free().await;
    };
    let in_time = tokio::select! {
        in_time = timeout(shutdown.saturating_sub(giving_back), quiet) => in_time.is_ok(),
        () = hurry => false,
    };
    if !in_time {
        interrupt.send_replace(true);
        if timeout(giving_back, slots.all_free()).await.is_err() {
            log::warn!("a task could not be interrupted; it is handed out again");
        }
    }
}
