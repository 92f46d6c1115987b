//! The worker: takes tasks from the queue, runs them, acknowledges them.
//!
//! `slots` are the threads that tasks run on, one task at a time each; `job` sees one delivery through from the
//! message to its settlement; `hold` keeps two runs of a report apart; `failure` says when to try again. What a task
//! does is the business of `stages`.

mod failure;
mod hold;
mod job;
mod settle;
mod slots;

use crate::app::App;
use crate::broker::{BrokerError, Consumer};
use crate::reaper::Reaper;
use failure::with_causes;
use job::Job;
use slots::Slots;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The pause before the queue is asked again at the start.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The part of the shutdown time that is kept for giving back what still runs.
const GIVING_BACK: Duration = Duration::from_secs(2);

/// Why a worker ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The broker does not let it take from its queues.
    #[error("the worker cannot take from its queues")]
    Queue(#[source] BrokerError),
    /// The broker's reader ended although nobody stopped it.
    #[error("the queue's reader ended by itself")]
    Ended,
    /// The operating system does not tell of signals.
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
    /// There is no actix system to run tasks on.
    #[error("the worker needs an actix system")]
    NoSystem,
}

/// Works until SIGTERM or SIGINT; a second signal gives back at once what still runs.
///
/// # Errors
/// See [`WorkError`].
pub async fn work(app: App) -> Result<(), WorkError> {
    let listen = |kind| signal(kind).map_err(WorkError::Signals);
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let (first, second) = (watch::Sender::new(false), watch::Sender::new(false));
    let (stop, hurry) = (first.subscribe(), second.subscribe());
    let signals = async {
        next_signal(&mut term, &mut int).await;
        log::info!("stopping: running tasks may end within {:?}", app.config.worker.shutdown);
        first.send_replace(true);
        next_signal(&mut term, &mut int).await;
        log::info!("stopping at once");
        second.send_replace(true);
        pending::<()>().await;
    };
    tokio::select! {
        result = run(app.clone(), raised(stop), raised(hurry)) => result,
        () = signals => Ok(()),
    }
}

/// Works until `stop` is there, then ends as after a signal.
///
/// # Errors
/// See [`WorkError`].
pub async fn work_until(app: App, stop: impl Future<Output = ()>) -> Result<(), WorkError> {
    run(app, stop, pending()).await
}

async fn next_signal(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

async fn raised(mut flag: watch::Receiver<bool>) {
    if flag.wait_for(|raised| *raised).await.is_err() {
        pending::<()>().await;
    }
}

async fn run(app: App, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) -> Result<(), WorkError> {
    let mut stop = Box::pin(stop);
    let consumer = tokio::select! {
        biased;
        () = &mut stop => return Ok(()),
        consumer = consume(&app) => Arc::<dyn Consumer>::from(consumer?),
    };
    let mut slots = Slots::new(app.config.worker.concurrency)?;
    let settings = &app.config.worker;
    log::info!(
        "worker {} takes from {}, {} tasks at a time; {}",
        settings.hostname,
        settings.queues.join(", "),
        slots.len(),
        app.broker.describe()
    );
    let reaper = Reaper::start(&app);
    let interrupt = watch::Sender::new(false);
    let ended = loop {
        let slot = tokio::select! { biased; () = &mut stop => break Ok(()), slot = slots.free() => slot };
        let delivery = tokio::select! { biased; () = &mut stop => break Ok(()), next = consumer.next() => next };
        let Some(delivery) = delivery else { break Err(WorkError::Ended) };
        let job = Job { app: app.clone(), consumer: Arc::clone(&consumer), delivery, runtime: Handle::current() };
        let interrupted = raised(interrupt.subscribe());
        slots.run(slot, move || job.run(interrupted));
    };
    finish(&app, consumer.as_ref(), &mut slots, &interrupt, hurry).await;
    if let Some(reaper) = reaper {
        reaper.stop().await;
    }
    ended
}

/// Asks for a consumer until there is one; a refusal ends the worker.
async fn consume(app: &App) -> Result<Box<dyn Consumer>, WorkError> {
    let settings = &app.config.worker;
    let prefetch = u16::try_from(settings.concurrency).unwrap_or(u16::MAX);
    loop {
        match app.broker.consume(&settings.queues, prefetch).await {
            Ok(consumer) => return Ok(consumer),
            Err(error @ BrokerError::Refused { .. }) => return Err(WorkError::Queue(error)),
            Err(error) => log::warn!("{}; trying again in {ASK_AGAIN:?}", with_causes(&error)),
        }
        sleep(ASK_AGAIN).await;
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
    log::info!("worker {} has stopped", app.config.worker.hostname);
}
