//! A run's hold on its report's table: one run at a time writes a table.
//!
//! A run takes the table before it begins and leaves it however it ends. In between it gives signs of life from the
//! worker's own thread, so that a run that keeps its thread busy does not pass for dead. A worker that is killed gives
//! none: its hold ends by itself, and the message, which comes again, begins the run anew.

use crate::app::App;
use crate::domain::TableName;
use crate::store::{Kept, Store, StoreError, Taken, Taker};
use crate::task::Envelope;
use chrono::{DateTime, Utc};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The pauses between two looks at a table that another run has.
const SHORTEST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Signs of life in the time after which a run counts as dead.
const SIGNS: u32 = 3;

/// What to do about a task.
pub(super) enum Start {
    /// Run it; with the hold where it runs a report and this worker has a store.
    Run(Option<Hold>),
    /// Put it back for so long: another run has the table.
    Wait(Duration),
    /// Nothing: the report was requested again, and the newer task makes it.
    Replaced,
}

/// The hold, for as long as this value lives.
pub(super) struct Hold {
    store: Arc<dyn Store>,
    table: TableName,
    holder: String,
    ttl: Duration,
    /// Attempts of this task that have begun without an end, this one included.
    pub(super) attempt: u32,
    signs: JoinHandle<()>,
    kept: watch::Receiver<Kept>,
}

impl Hold {
    /// Takes the table of the report that the task runs, if it runs one; the signs of life go on in `runtime`.
    pub(super) async fn take(app: &App, runtime: &Handle, envelope: &Envelope) -> Result<Start, StoreError> {
        let (Some(table), Some(store)) = (envelope.task.runs(), &app.store) else { return Ok(Start::Run(None)) };
        let taker = Taker {
            task_id: envelope.id.clone(),
            holder: format!("{}/{}", app.config.worker.hostname, uuid::Uuid::new_v4()),
            requested_at: envelope.requested_at,
        };
        let (ttl, now) = (app.config.runs.lease, Utc::now());
        Ok(match store.take(&table, &taker, ttl, now).await? {
            Taken::Held { attempt } => {
                Start::Run(Some(Self::begin(Arc::clone(store), table, taker.holder, ttl, attempt, runtime)))
            }
            Taken::Busy { since, until } => Start::Wait(wait(since, until, now)),
            Taken::Replaced => Start::Replaced,
        })
    }

    fn begin(
        store: Arc<dyn Store>,
        table: TableName,
        holder: String,
        ttl: Duration,
        attempt: u32,
        runtime: &Handle,
    ) -> Self {
        let (told, kept) = watch::channel(Kept::Held);
        let signs = runtime.spawn(give_signs(Arc::clone(&store), table, holder.clone(), ttl, told));
        Self { store, table, holder, ttl, attempt, signs, kept }
    }

    /// Back when the table is not this run's any more, and why.
    pub(super) async fn lost(&self) -> Kept {
        let mut kept = self.kept.clone();
        match kept.wait_for(|kept| *kept != Kept::Held).await {
            Ok(kept) => *kept,
            Err(_) => pending().await,
        }
    }

    /// Whether the table is still this run's, asked now; a store that does not answer says nothing against it.
    pub(super) async fn look(&self) -> Kept {
        self.store.keep(&self.table, &self.holder, self.ttl, Utc::now()).await.unwrap_or(Kept::Held)
    }

    /// Removes what an attempt of this task has staged that was lost with its worker: no later one will.
    pub(super) async fn clear(&self, task_id: &str) {
        let cleared = async {
            match self.store.staging(&self.table, task_id).await? {
                Some(lost) => self.store.abort(&lost).await,
                None => Ok(()),
            }
        };
        if let Err(error) = cleared.await {
            log::warn!("{}: what a lost run has staged stays until the next one: {error}", self.table);
        }
    }

    /// Leaves the table to others. The report is in good hands until `due`.
    pub(super) async fn leave(self, due: DateTime<Utc>) {
        self.signs.abort();
        if let Err(error) = self.store.leave(&self.table, &self.holder, due).await {
            log::warn!("{} stays held for up to {:?}: {error}", self.table, self.ttl);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.signs.abort();
    }
}

/// Gives signs of life until the table is lost.
async fn give_signs(store: Arc<dyn Store>, table: TableName, holder: String, ttl: Duration, told: watch::Sender<Kept>) {
    loop {
        sleep(ttl / SIGNS).await;
        match store.keep(&table, &holder, ttl, Utc::now()).await {
            Ok(Kept::Held) => {}
            Ok(lost @ (Kept::Lost | Kept::Gone)) => {
                told.send_replace(lost);
                return;
            }
            // The run goes on: it cannot write either, and whoever takes the table over makes its rows void.
            Err(error) => log::warn!("{table}: no sign of life could be given: {error}"),
        }
    }
}

/// How long to leave another run alone: the longer it goes on the longer, but not past the end of its hold.
fn wait(since: DateTime<Utc>, until: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    let gone_on = (now - since).to_std().unwrap_or_default();
    let left = (until - now).to_std().unwrap_or_default();
    (gone_on / 4).min(left).clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_with_the_other_run_and_ends_with_its_hold() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let seconds = |now: i64, until: i64| wait(at(0), at(until), at(now)).as_secs_f64();
        assert_eq!([seconds(0, 15), seconds(4, 15), seconds(3600, 3615)], [0.25, 1.0, 5.0]);
        assert_eq!([seconds(40, 42), seconds(40, 40), seconds(40, 30)], [2.0, 0.25, 0.25]);
    }
}
