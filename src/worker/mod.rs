//! The worker: takes tasks from the queue, runs them, acknowledges them.
//!
//! `lane` takes from queues, with `slots`: the places that tasks run in, one at a time each. What has come and has not
//! begun is in `waiting`. Reports and notices have one lane, which follows what operators want of it (`pool`), deliveries to
//! users' endpoints another. `limits` says how often and how long tasks run. `job` sees one delivery through from the
//! message to its settlement; `hold` keeps two runs of a report apart; `failure` says when to try again. What a task
//! does is the business of `stages`.
//!
//! `presence` is what other programs see of a worker: its events and signs of life, and its answers (`control`); `node`
//! is what both know of the worker, `tasks` of its tasks.

mod banner;
mod control;
mod failure;
mod hold;
mod job;
mod lane;
mod limits;
mod node;
mod pool;
mod presence;
mod revoked;
mod settle;
mod slots;
mod tasks;
mod waiting;

pub use banner::banner;

use crate::app::App;
use crate::broker::BrokerError;
use crate::reaper::Reaper;
use futures_util::future::join_all;
use lane::Lane;
use presence::Presence;
use std::future::{Future, pending};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

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

/// Works until SIGTERM or SIGINT; a second signal, or SIGQUIT, gives back at once what still runs.
///
/// # Errors
/// See [`WorkError`].
pub async fn work(app: App) -> Result<(), WorkError> {
    let listen = |kind| signal(kind).map_err(WorkError::Signals);
    let mut ends = Ends {
        term: listen(SignalKind::terminate())?,
        int: listen(SignalKind::interrupt())?,
        quit: listen(SignalKind::quit())?,
    };
    let (first, second) = (watch::Sender::new(false), watch::Sender::new(false));
    let (stop, hurry) = (first.subscribe(), second.subscribe());
    let signals = async {
        if ends.next().await == Asked::Politely {
            log::info!("stopping: running tasks may end within {:?}", app.config.worker.shutdown);
            first.send_replace(true);
            ends.next().await;
        }
        log::info!("stopping at once: what runs is given back");
        first.send_replace(true);
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

/// The signals that end a worker.
struct Ends {
    term: Signal,
    int: Signal,
    quit: Signal,
}

/// How a worker is asked to end.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Running tasks may end.
    Politely,
    /// They are given back.
    AtOnce,
}

impl Ends {
    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::Politely,
            _ = self.int.recv() => Asked::Politely,
            _ = self.quit.recv() => Asked::AtOnce,
        }
    }
}

async fn raised(mut flag: watch::Receiver<bool>) {
    if flag.wait_for(|raised| *raised).await.is_err() {
        pending::<()>().await;
    }
}

async fn run(app: App, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) -> Result<(), WorkError> {
    let reaper = Reaper::start(&app);
    let presence = Presence::start(&app);
    let node = &presence.node;
    let (stopped, hurried) = (watch::Sender::new(false), watch::Sender::new(false));
    let told = async {
        presence::until_stopped(node, stop).await;
        stopped.send_replace(true);
        hurry.await;
        hurried.send_replace(true);
        pending().await
    };
    let works = Lane::all(&app, node).into_iter().map(async |lane| {
        let ended = lane.work(&app, node, raised(stopped.subscribe()), raised(hurried.subscribe())).await;
        // Where one ends by itself, the worker does.
        stopped.send_replace(true);
        ended
    });
    let ended: Vec<_> = tokio::select! {
        ended = join_all(works) => ended,
        never = told => never,
    };
    presence.end().await;
    log::info!("worker {} has stopped", app.config.worker.hostname);
    if let Some(reaper) = reaper {
        reaper.stop().await;
    }
    ended.into_iter().collect()
}
