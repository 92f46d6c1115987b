//! Sweeps every hour, on the hour and when it is started, in one of all processes.

use super::{SweepError, Swept, sweep};
use crate::app::App;
use crate::store::Store;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use indicatif::HumanBytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// The name under which the store keeps the hour that was swept, beside the schedules of the file.
const MARK: &str = "maestro-reports:retention";
/// The time between two sweeps.
const EVERY: TimeDelta = TimeDelta::hours(1);
/// How often to see whether the next one is due.
const LOOK: Duration = Duration::from_secs(30);
/// How long stopping may take.
const STOPPING: Duration = Duration::from_secs(2);

/// A sweeper that works until it is stopped or dropped.
#[derive(Debug)]
pub struct Sweeper {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sweeper {
    /// Starts to sweep.
    #[must_use]
    pub fn start(app: &App, store: &Arc<dyn Store>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = actix_rt::spawn(run(app.clone(), Arc::clone(store), stopped));
        Self { stop, task }
    }

    /// Stops; a sweep that is under way may end within two seconds, and is left to the next hour otherwise.
    pub async fn stop(self) {
        drop(self.stop);
        if timeout(STOPPING, self.task).await.is_err() {
            log::warn!("a sweep of the tables was broken off; it goes on in an hour");
        }
    }
}

async fn run(app: App, store: Arc<dyn Store>, mut stopped: oneshot::Receiver<()>) {
    loop {
        look(&app, store.as_ref(), Utc::now()).await;
        tokio::select! {
            _ = &mut stopped => break,
            () = sleep(LOOK) => {}
        }
    }
}

async fn look(app: &App, store: &dyn Store, now: DateTime<Utc>) {
    let due = now.duration_trunc(EVERY).unwrap_or(now);
    let swept = match store.claim_due(MARK, due).await {
        Ok(true) => sweep(app, store, now).await,
        Ok(false) => return,
        Err(error) => Err(error.into()),
    };
    match swept {
        Ok(swept) => tell(&swept),
        Err(SweepError::Busy) => log::info!("retention: another process is sweeping"),
        Err(SweepError::Store(error)) => log::warn!("retention: the tables could not be swept: {error}"),
    }
}

/// Each table that was dropped has told of itself.
fn tell(swept: &Swept) {
    let Swept { leftovers, bytes, .. } = swept;
    if *leftovers > 0 {
        log::info!("retention: {leftovers} generations of lost and former runs cleared");
    }
    if *bytes > 0 {
        log::info!("retention: {} given back to the file system", HumanBytes(*bytes));
    }
}
