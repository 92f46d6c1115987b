//! One schedule: how its last run has ended, and what to do about it now.

use super::lead::Lead;
use crate::app::App;
use crate::request::{self, Request, RequestError, Requested};
use crate::schedule::{LastRun, Mark, Outcome, Schedule, Step};
use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};

/// Attempts to note a run that somebody asked for, while others note something.
const ATTEMPTS: u32 = 10;

/// A look at a schedule by the leader.
pub(super) struct Run<'a> {
    pub(super) app: &'a App,
    pub(super) store: &'a dyn Store,
    pub(super) lead: &'a Lead,
    pub(super) schedule: &'a Schedule,
    pub(super) fence: u64,
}

impl Run<'_> {
    pub(super) async fn look(&self, mark: Option<Mark>) -> Result<(), RequestError> {
        let now = Utc::now();
        let mark = match mark {
            Some(mark) => match self.observe(mark, now).await? {
                Some(mark) => Some(mark),
                None => return Ok(()),
            },
            None => None,
        };
        match Step::of(self.schedule, mark.as_ref(), now) {
            Step::Wait => Ok(()),
            Step::Begin(due) => Ok(self.put(Mark::at(self.schedule, mark, due, self.fence)).await.map(drop)?),
            Step::Skip(due) => {
                let late = (now - self.schedule.runs_at(due)).num_seconds();
                log::warn!("schedule {}: the run of {due} is left out, {late} s late", self.schedule.name);
                Ok(self.put(Mark::at(self.schedule, mark, due, self.fence)).await.map(drop)?)
            }
            Step::Run(due) => {
                let claim = Mark { pending: true, ..Mark::at(self.schedule, mark, due, self.fence) };
                match self.put(claim).await? {
                    Some(claimed) => self.enqueue(claimed, due).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// Notes how the last run has ended, if it has; `None` where somebody else notes something.
    async fn observe(&self, mark: Mark, now: DateTime<Utc>) -> Result<Option<Mark>, StoreError> {
        let Some(run) = mark.run.as_ref().filter(|run| run.outcome == Outcome::Process) else { return Ok(Some(mark)) };
        let report = self.store.report(&run.table).await?;
        let Some((outcome, message, at)) = run.outcome(report.as_ref(), self.schedule.max_duration, now) else {
            return Ok(Some(mark));
        };
        let mut ended = Mark { fence: self.fence, ..mark };
        ended.ended(outcome, &message, at, self.schedule.pause_after);
        let put = self.put(ended).await?;
        if let Some(mark) = &put {
            tell(self.schedule, mark, outcome, &message);
        }
        Ok(put)
    }

    /// Enqueues a run that was claimed. Noted after it is enqueued: whoever leads after a crash between the two enqueues
    /// it again, and it is the same task.
    async fn enqueue(&self, mut mark: Mark, due: DateTime<Utc>) -> Result<(), RequestError> {
        if self.lead.fence() != Some(self.fence) {
            return Ok(());
        }
        let (schedule, now) = (self.schedule, Utc::now());
        let task_id = schedule.task_id(due);
        match request::launch(self.app, request_of(schedule, Some(task_id.clone())), now).await {
            Ok(requested) => {
                log::info!("schedule {}: {} requested as task {}", schedule.name, requested.table, requested.task_id);
                mark.requested(last_run(schedule, task_id, Some(due), now));
            }
            // It would fail again at once: noted as failed, and tried again when it is next due.
            Err(error @ (RequestError::Filter(_) | RequestError::NoComponent)) => {
                mark.requested(last_run(schedule, task_id, Some(due), now));
                mark.ended(Outcome::Error, &error.to_string(), now, schedule.pause_after);
                tell(schedule, &mark, Outcome::Error, &error.to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(self.put(mark).await.map(drop)?)
    }

    /// Puts a mark; as it is kept then, or `None` where somebody else was quicker.
    async fn put(&self, mark: Mark) -> Result<Option<Mark>, StoreError> {
        let put = self.store.put_mark(&mark).await?;
        Ok(put.then(|| Mark { revision: mark.revision.saturating_add(1), ..mark }))
    }
}

/// Makes a run of a schedule now, whether it is due, disabled or paused; how it stands counts as that of its last run.
///
/// # Errors
/// See [`RequestError`].
pub async fn run_now(
    app: &App,
    store: &dyn Store,
    schedule: &Schedule,
    now: DateTime<Utc>,
) -> Result<Requested, RequestError> {
    let requested = request::launch(app, request_of(schedule, None), now).await?;
    log::info!("schedule {}: {} requested as task {}", schedule.name, requested.table, requested.task_id);
    for _ in 0..ATTEMPTS {
        let mark = store.mark(&schedule.name).await?;
        let mut mark = mark.unwrap_or_else(|| Mark::at(schedule, None, schedule.latest_due(now).unwrap_or(now), 0));
        // A claim that is not enqueued yet stays one.
        let pending = mark.pending;
        mark.requested(last_run(schedule, requested.task_id.clone(), None, now));
        mark.pending = pending;
        if store.put_mark(&mark).await? {
            return Ok(requested);
        }
    }
    log::warn!("schedule {}: the run {} could not be noted", schedule.name, requested.task_id);
    Ok(requested)
}

fn request_of(schedule: &Schedule, task_id: Option<String>) -> Request {
    Request {
        report: schedule.report_id,
        owner: schedule.owner_user,
        kind: schedule.kind,
        component: schedule.component.clone(),
        filters: schedule.filters.clone(),
        name: schedule.name.clone(),
        task_id,
    }
}

fn last_run(schedule: &Schedule, task_id: String, due: Option<DateTime<Utc>>, now: DateTime<Utc>) -> LastRun {
    LastRun {
        task_id,
        table: schedule.table(),
        due,
        requested_at: now,
        outcome: Outcome::Process,
        message: String::new(),
        ended_at: None,
    }
}

fn tell(schedule: &Schedule, mark: &Mark, outcome: Outcome, message: &str) {
    let name = &schedule.name;
    match outcome {
        Outcome::Error => log::error!("schedule {name}: its run failed: {message}"),
        Outcome::Warning | Outcome::Replaced => log::warn!("schedule {name}: {}: {message}", outcome.as_str()),
        Outcome::Finished | Outcome::Process => log::info!("schedule {name}: {}", outcome.as_str()),
    }
    if let Some(why) = mark.paused.as_ref().filter(|_| outcome == Outcome::Error) {
        log::error!("schedule {name}: {why}");
    }
}
