//! How long tables stay: those of reports that the platform does not know any more, and of old runs, go by setting.
//!
//! A sweep asks the platform for all reports (`survey`), decides about each table (`decide`, pure), drops what goes, and
//! clears what lost runs have left, whatever the settings. `beat` sweeps every hour (`watch`), `maestro-reports prune`
//! when it is told to (`show` writes what it did); the lease `retention` keeps sweeps apart.
//!
//! A wrong answer must not cost anybody's rows. A report counts as unknown after several looks over a grace time; an
//! answer that is an error, does not add up or knows too few is no look. A table goes only if it still is as it was seen.

mod decide;
mod show;
mod survey;
mod watch;

pub use decide::{Doubt, Fate, believe, fate};
pub use show::text;
pub use watch::Sweeper;

use crate::app::App;
use crate::broker::BrokerError;
use crate::config::Retention;
use crate::domain::{ReportId, Status, TableName};
use crate::enqueue::enqueue;
use crate::metrics::{self, DropReason};
use crate::store::{Store, StoreError, TableState};
use crate::task::{Envelope, Task};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Map;
use std::collections::HashSet;
use std::time::Duration;
use uuid::Uuid;

/// The lease's name, and how long it holds without being renewed.
const LEASE: &str = "retention";
const LEASE_TTL: Duration = Duration::from_secs(300);
/// Tables looked at, and reports asked for, at a time.
const PAGE: u32 = 200;
/// How long a table must be idle before what its runs have left is cleared: nobody reads for so long.
const LEFTOVERS_AFTER: TimeDelta = TimeDelta::hours(1);

/// What a sweep did, or would do.
#[derive(Debug, Default)]
pub struct Swept {
    /// Whether no setting says that any table should go.
    pub is_off: bool,
    /// The tables that went or are on notice.
    pub tables: Vec<(TableState, Fate)>,
    /// Why the platform's answer was not believed.
    pub doubt: Option<String>,
    /// Generations of lost and former runs that were cleared.
    pub leftovers: u64,
    /// Bytes given back to the file system.
    pub bytes: u64,
}

/// Why there was no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process is at it.
    #[error("another process is sweeping; try again later")]
    Busy,
}

/// Looks at all tables and drops those that go.
///
/// # Errors
/// See [`SweepError`]; what was dropped before stays dropped.
pub async fn sweep(app: &App, store: &dyn Store, now: DateTime<Utc>) -> Result<Swept, SweepError> {
    let sweep = Sweep { app, store, rules: app.config.retention, now, holder: Some(Uuid::new_v4().to_string()) };
    let swept = sweep.run().await;
    if let Some(holder) = &sweep.holder
        && let Err(error) = store.release(LEASE, holder).await
    {
        log::warn!("the lease {LEASE} was not given back and ends by itself: {error}");
    }
    swept
}

/// What a sweep would do; nothing is changed.
///
/// # Errors
/// Where the store fails.
pub async fn rehearse(app: &App, store: &dyn Store, now: DateTime<Utc>) -> Result<Swept, SweepError> {
    Sweep { app, store, rules: app.config.retention, now, holder: None }.run().await
}

struct Sweep<'a> {
    app: &'a App,
    store: &'a dyn Store,
    rules: Retention,
    now: DateTime<Utc>,
    /// Who sweeps; `None`: nothing is changed.
    holder: Option<String>,
}

impl Sweep<'_> {
    async fn run(&self) -> Result<Swept, SweepError> {
        self.hold().await?;
        let is_off = self.rules.unknown.is_none() && self.rules.runs.is_none();
        let mut swept = Swept { is_off, ..Swept::default() };
        let gone = match self.rules.unknown {
            None => None,
            Some(_) => match survey::survey(self).await {
                Ok(gone) => Some(gone),
                Err(survey::SurveyError::Sweep(error)) => return Err(error),
                Err(error) => {
                    log::warn!("retention: {error}");
                    swept.doubt = Some(error.to_string());
                    None
                }
            },
        };
        let mut last = None;
        while let Some(page) = self.page(last.as_ref()).await? {
            for state in page {
                last = Some(state.table);
                self.judge(state, gone.as_ref(), &mut swept).await?;
            }
        }
        if self.holder.is_some() {
            swept.leftovers = self.store.clear_leftovers(self.now - LEFTOVERS_AFTER, self.now).await?;
            metrics::generations_cleared(swept.leftovers);
            swept.bytes = self.store.give_back_space().await?;
        }
        Ok(swept)
    }

    /// Takes or renews the lease.
    async fn hold(&self) -> Result<(), SweepError> {
        let Some(holder) = &self.holder else { return Ok(()) };
        if self.store.lease(LEASE, holder, LEASE_TTL, Utc::now()).await? { Ok(()) } else { Err(SweepError::Busy) }
    }

    /// The tables after this one; `None` where there are no more.
    async fn page(&self, after: Option<&TableName>) -> Result<Option<Vec<TableState>>, SweepError> {
        self.hold().await?;
        Ok(Some(self.store.tables(after, PAGE).await?).filter(|page| !page.is_empty()))
    }

    /// Decides about one table. Where the platform was not believed, what was noted of it before stays and counts nothing.
    async fn judge(
        &self,
        mut state: TableState,
        gone: Option<&HashSet<ReportId>>,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        let mut rules = self.rules;
        match gone {
            Some(gone) => {
                let absence = decide::look(state.absence, gone.contains(&state.table.report), self.now);
                if absence != state.absence && self.holder.is_some() {
                    self.store.note_absence(&state.table, absence.as_ref()).await?;
                }
                state.absence = absence;
            }
            None => rules.unknown = None,
        }
        let fate = fate(&state, &rules, self.now);
        let is_done = match (fate, &self.holder) {
            (Fate::Stays, _) => false,
            (Fate::Goes(reason), Some(_)) => self.drop(&state, reason).await?,
            (Fate::OnNotice(_) | Fate::Goes(_), _) => true,
        };
        if is_done {
            swept.tables.push((state, fate));
        }
        Ok(())
    }

    async fn drop(&self, state: &TableState, reason: DropReason) -> Result<bool, SweepError> {
        if !self.store.retire(state, self.now).await? {
            return Ok(false);
        }
        let table = &state.table;
        metrics::table_dropped(reason);
        log::info!("report.id":% = table.report, reason = reason.as_str(); "{table} dropped: {}", show::why(state, reason, self.now));
        if reason != DropReason::Unknown
            && let Err(error) = self.tell(state, reason).await
        {
            log::warn!("report {}: the platform was not told that its rows were dropped: {error}", table.report);
        }
        Ok(true)
    }

    /// Tells the platform's users why a report that they see has no rows any more.
    async fn tell(&self, state: &TableState, reason: DropReason) -> Result<(), BrokerError> {
        let message = format!("Dropped: {}. Refresh the report to make it again.", show::why(state, reason, self.now));
        let (report, status) = (state.table.report, Status::Warning);
        let task = Task::Notification { report, message, status, more: Map::new() };
        enqueue(self.app, &self.app.config.broker.queue, &Envelope::new(task)).await
    }
}
