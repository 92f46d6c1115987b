//! Ends reports that stay in `process` although nobody works on them: their message was lost, no worker takes it, or the
//! worker that had it is gone and no other has taken over.
//!
//! `serve`, `worker` and `beat` all look; the one that holds the lease `reaper` in the store acts. A task that comes
//! after all still runs, and repairs the status. A worker without a store leaves this to the host that has one.

use crate::app::App;
use crate::broker::BrokerError;
use crate::config::Runs;
use crate::domain::Status;
use crate::metrics;
use crate::stages::{self, AnnounceError, Ending};
use crate::store::{End, Silent, Store, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// The lease's name.
const LEASE: &str = "reaper";
/// The pauses between two looks.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long stopping may take.
const STOPPING: Duration = Duration::from_secs(2);

/// A reaper that looks until it is stopped or dropped.
#[derive(Debug)]
pub struct Reaper {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Why a report was not ended; it is tried again.
#[derive(Debug, thiserror::Error)]
enum ReapError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Announce(#[from] AnnounceError),
}

impl Reaper {
    /// Starts to look; `None` where this process has no store.
    #[must_use]
    pub fn start(app: &App) -> Option<Self> {
        let store = app.store.clone()?;
        let (stop, stopped) = oneshot::channel();
        let watch = Watch { app: app.clone(), store, holder: Uuid::new_v4().to_string() };
        Some(Self { stop, task: actix_rt::spawn(watch.run(stopped)) })
    }

    /// Stops, so that another process may take over at once.
    pub async fn stop(self) {
        drop(self.stop);
        if timeout(STOPPING, self.task).await.is_err() {
            log::warn!("the lease {LEASE} was not given back and ends by itself");
        }
    }
}

struct Watch {
    app: App,
    store: Arc<dyn Store>,
    holder: String,
}

impl Watch {
    async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let runs = &self.app.config.runs;
        let pause = (runs.wait_limit.min(runs.lost_limit) / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        loop {
            if let Err(error) = self.look(pause, Utc::now()).await {
                log::warn!("reports that nobody works on could not be looked for: {error}");
            }
            tokio::select! {
                _ = &mut stopped => break,
                () = sleep(pause) => {}
            }
        }
        if let Err(error) = self.store.release(LEASE, &self.holder).await {
            log::warn!("the lease {LEASE} was not given back and ends by itself: {error}");
        }
    }

    async fn look(&self, pause: Duration, now: DateTime<Utc>) -> Result<(), StoreError> {
        if !self.store.lease(LEASE, &self.holder, pause * 3, now).await? {
            return Ok(());
        }
        let runs = &self.app.config.runs;
        let before = earlier(now, runs.wait_limit.min(runs.lost_limit));
        for silent in self.store.silent(before, now).await? {
            if silent.alive_at <= earlier(now, limit(runs, &silent))
                && let Err(error) = self.end(&silent, now).await
            {
                log::warn!("report {}: it could not be ended: {error}; trying again", silent.table.report);
            }
        }
        Ok(())
    }

    /// Told first: were it ended first, a crash or a broker that is away in between would leave the platform without
    /// a word for ever. A task that is taken in this very moment tells again at its end.
    async fn end(&self, silent: &Silent, now: DateTime<Utc>) -> Result<(), ReapError> {
        let message = message(&self.app.config.runs, silent, now);
        stages::tell_failure(&self.app, &silent.table, silent.owner, &message).await?;
        let ending = Ending { run: &silent.task_id, status: Status::Error, message: &message, at: now };
        stages::announce_deliveries(&self.app, &silent.table, ending).await?;
        let end = End { status: Status::Error, message, stages: Default::default(), at: now };
        if self.store.give_up(silent, &end, now).await? {
            metrics::report_ended(silent.table.kind, Status::Error);
            log::error!("report.id":% = silent.table.report; "report {}: {}", silent.table, end.message);
        }
        Ok(())
    }
}

fn limit(runs: &Runs, silent: &Silent) -> Duration {
    if silent.holder.is_some() { runs.lost_limit } else { runs.wait_limit }
}

fn earlier(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| now.checked_sub_signed(by)).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// What happened, how long ago, and what to do.
fn message(runs: &Runs, silent: &Silent, now: DateTime<Utc>) -> String {
    let waited = (now - silent.alive_at).num_seconds().unsigned_abs();
    let waited = humantime::format_duration(Duration::from_secs(waited));
    match &silent.holder {
        Some(holder) => {
            let worker = holder.split('/').next().unwrap_or_default();
            format!(
                "the worker {worker} that made this report was lost {waited} ago and no other has taken it over: \
                 start a worker and request the report again"
            )
        }
        None => format!(
            "no worker took this report within {}: start a worker, or look at the queue and the logs of those that \
             run, and request the report again",
            humantime::format_duration(runs.wait_limit)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_how_long_and_what_to_do() {
        let seconds = Duration::from_secs;
        let runs = Runs { lease: seconds(15), crashes: 3, wait_limit: seconds(900), lost_limit: seconds(300) };
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let table = "5c0000000000000000000001_general".parse().unwrap();
        let mut silent =
            Silent { table, task_id: "t".into(), owner: None, holder: None, alive_at: earlier(now, seconds(930)) };
        assert!(message(&runs, &silent, now).starts_with("no worker took this report within 15m: start a worker"));
        silent.holder = Some("celery@host/5b2f".into());
        assert!(
            message(&runs, &silent, now)
                .starts_with("the worker celery@host that made this report was lost 15m 30s ago")
        );
        assert_eq!(
            [limit(&runs, &silent), limit(&runs, &Silent { holder: None, ..silent })],
            [seconds(300), seconds(900)]
        );
    }
}
