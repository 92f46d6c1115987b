//! One schedule: how its last run has ended, and what to do about it now.

use super::lead::Leading;
use crate::app::App;
use crate::domain::{Component, Status};
use crate::peers::PeerError;
use crate::remote;
use crate::request::{self, Request, RequestError, Requested};
use crate::schedule::{LastRun, Mark, Outcome, Schedule, Step};
use crate::store::{Store, StoreError, Verdict};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

/// Attempts to note a run that somebody asked for, while others note something.
const ATTEMPTS: u32 = 10;

/// Why a schedule's run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The report was not requested.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The platform was not to be asked for the report.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The platform has no such report.
    #[error("{0}")]
    NoReport(String),
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Request(error.into())
    }
}

impl RunError {
    /// Whether it would fail again at once.
    fn is_final(&self) -> bool {
        match self {
            Self::Request(RequestError::Filter(_) | RequestError::NoComponent) | Self::NoReport(_) => true,
            Self::Request(RequestError::Store(_) | RequestError::Broker(_)) => false,
            Self::Peer(error) => error.verdict() == Verdict::GiveUp,
        }
    }

    /// Whether nothing else will be answered now either.
    pub(super) fn is_general(&self) -> bool {
        match self {
            Self::Peer(error) => !matches!(error, PeerError::Refused { .. } | PeerError::NotUnderstood { .. }),
            Self::Request(error) => matches!(error, RequestError::Store(_) | RequestError::Broker(_)),
            Self::NoReport(_) => false,
        }
    }
}

/// A look at a schedule by the leader.
pub(super) struct Run<'a> {
    pub(super) app: &'a App,
    pub(super) store: &'a dyn Store,
    pub(super) leading: &'a Leading,
    pub(super) schedule: &'a Schedule,
    pub(super) fence: u64,
}

impl Run<'_> {
    /// Does what is to be done now; the mark as it is kept then, `None` where there is none or somebody else notes
    /// something.
    pub(super) async fn look(&self, mark: Option<Mark>) -> Result<Option<Mark>, RunError> {
        let now = Utc::now();
        let mark = match mark {
            Some(mark) => match self.observe(mark, now).await? {
                Some(mark) => Some(mark),
                None => return Ok(None),
            },
            None => None,
        };
        match (Step::of(self.schedule, mark.as_ref(), now), mark) {
            (Step::Begin(due), mark) => Ok(self.put(Mark::begun(self.schedule, mark, due, self.fence)).await?),
            (Step::Skip(due), mark) => {
                let late = (now - self.schedule.runs_at(due)).num_seconds();
                log::warn!("{}: the run of {due} is left out, {late} s late", named(self.schedule));
                Ok(self.put(Mark::at(self.schedule, mark, due, self.fence)).await?)
            }
            (Step::Run(due), mark) => {
                let claim = Mark { pending: true, ..Mark::at(self.schedule, mark, due, self.fence) };
                self.claim(claim, due, Some(due)).await
            }
            (Step::RunAsked(at), Some(mark)) => self.claim(mark, at, None).await,
            (Step::Link, Some(mark)) => self.link(mark).await,
            (Step::Ask, Some(mut mark)) => {
                mark.told.run_immediately = true;
                mark.ask(&self.schedule.name, now);
                Ok(self.put(mark).await?)
            }
            (Step::Wait | Step::RunAsked(_) | Step::Link | Step::Ask, mark) => Ok(mark),
        }
    }

    /// Notes how the last run has ended, if it has, and has it cancelled where it takes too long; `None` where somebody
    /// else notes something.
    async fn observe(&self, mark: Mark, now: DateTime<Utc>) -> Result<Option<Mark>, RunError> {
        let Some(run) = mark.run.as_ref().filter(|run| run.outcome == Outcome::Process) else { return Ok(Some(mark)) };
        let report = self.store.report(&run.table).await?;
        let Some((outcome, message, at)) = run.outcome(report.as_ref(), self.schedule.max_duration, now) else {
            return Ok(Some(mark));
        };
        if outcome == Outcome::Error && report.is_some_and(|report| report.status == Status::Process) {
            let task = Map::from_iter([
                ("task_id".to_owned(), run.task_id.clone().into()),
                ("terminate".to_owned(), true.into()),
            ]);
            remote::tell(self.app.broker.as_ref(), "revoke", task).await.map_err(RequestError::from)?;
        }
        let mut ended = mark;
        ended.ended(outcome, &message, at, self.schedule.pause_after);
        let put = self.put(ended).await?;
        if let Some(mark) = &put {
            tell(self.schedule, mark, outcome, &message);
        }
        Ok(put)
    }

    /// Claims a run, so that no former leader makes it, and enqueues it.
    async fn claim(&self, mark: Mark, at: DateTime<Utc>, due: Option<DateTime<Utc>>) -> Result<Option<Mark>, RunError> {
        match self.put(mark).await? {
            Some(claimed) => self.enqueue(claimed, at, due).await,
            None => Ok(None),
        }
    }

    /// Enqueues a run that was claimed. Noted after it is enqueued: whoever leads after a crash between the two enqueues
    /// it again, and it is the same task.
    async fn enqueue(
        &self,
        mut mark: Mark,
        at: DateTime<Utc>,
        due: Option<DateTime<Utc>>,
    ) -> Result<Option<Mark>, RunError> {
        let (schedule, task_id) = (self.schedule, self.schedule.task_id(at));
        let launched = match self.launch(&task_id).await {
            Ok(false) => return Ok(None),
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        let now = Utc::now();
        mark.asked.remove(&at);
        match launched {
            Ok(()) => {
                mark.linking = schedule.record.as_ref().is_some_and(|record| !record.chain.is_empty());
                mark.requested(last_run(schedule, task_id, due, now));
            }
            // Noted as failed, and tried again when it is next due.
            Err(error) if error.is_final() => {
                mark.requested(last_run(schedule, task_id, due, now));
                mark.ended(Outcome::Error, &error.to_string(), now, schedule.pause_after);
                tell(schedule, &mark, Outcome::Error, &error.to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(self.put(mark).await?)
    }

    /// Enqueues the task, unless a worker has begun it already: then a leader died before it could note so. False where
    /// this process does not lead any more.
    async fn launch(&self, task_id: &str) -> Result<bool, RunError> {
        let report = self.store.report(&self.schedule.table()).await?;
        if report.is_some_and(|report| {
            report.task_id == task_id && (report.started_at.is_some() || report.status != Status::Process)
        }) {
            log::info!("{}: the task {task_id} was enqueued by a former leader", named(self.schedule));
            return Ok(true);
        }
        let request = request_of(self.app, self.schedule, Some(task_id.to_owned())).await?;
        if self.leading.fence() != Some(self.fence) {
            return Ok(false);
        }
        let requested = request::launch(self.app, request, Utc::now()).await?;
        log::info!("{}: {} requested as task {}", named(self.schedule), requested.table, requested.task_id);
        Ok(true)
    }

    /// Asks for the runs that follow the last one. A link to a schedule that is disabled then comes to nothing.
    async fn link(&self, mark: Mark) -> Result<Option<Mark>, RunError> {
        let chain = self.schedule.record.iter().flat_map(|record| &record.chain);
        let Some(began) = mark.run.as_ref().map(|run| run.requested_at) else { return Ok(Some(mark)) };
        let mut mark = Mark { linking: false, ..mark };
        for link in chain {
            let at = began + TimeDelta::from_std(link.countdown).unwrap_or_default();
            if link.name == mark.name {
                mark.ask(&link.name, at);
                continue;
            }
            let Some(mut next) = self.store.mark(&link.name).await? else {
                log::warn!("{}: there is no schedule {} to follow it", named(self.schedule), link.name);
                continue;
            };
            if next.ask(&link.name, at) && self.put(next).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(self.put(mark).await?)
    }

    /// Puts a mark; as it is kept then, or `None` where somebody else was quicker.
    async fn put(&self, mark: Mark) -> Result<Option<Mark>, StoreError> {
        let mark = Mark { fence: self.fence, ..mark };
        let put = self.store.put_mark(&mark).await?;
        Ok(put.then(|| Mark { revision: mark.revision.saturating_add(1), ..mark }))
    }
}

/// Makes a run of a schedule now, whether it is due, disabled or paused; how it stands counts as that of its last run.
///
/// # Errors
/// See [`RunError`].
pub async fn run_now(
    app: &App,
    store: &dyn Store,
    schedule: &Schedule,
    now: DateTime<Utc>,
) -> Result<Requested, RunError> {
    let requested = request::launch(app, request_of(app, schedule, None).await?, now).await?;
    log::info!("{}: {} requested as task {}", named(schedule), requested.table, requested.task_id);
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
    log::warn!("{}: the run {} could not be noted", named(schedule), requested.task_id);
    Ok(requested)
}

/// The request for a run. What a record of the platform's does not say itself is looked up.
async fn request_of(app: &App, schedule: &Schedule, task_id: Option<String>) -> Result<Request, RunError> {
    let (component, filters) = match &schedule.record {
        None => (schedule.component.clone(), schedule.filters.clone()),
        Some(_) => defined(app, schedule).await?,
    };
    Ok(Request {
        report: schedule.report_id,
        owner: schedule.owner_user,
        kind: schedule.kind,
        component,
        filters,
        name: schedule.title.clone(),
        task_id,
    })
}

/// The component and the filters of a report as the platform has it.
async fn defined(app: &App, schedule: &Schedule) -> Result<(Option<Component>, Value), RunError> {
    let (report, owner) = (schedule.report_id, schedule.owner_user);
    let Some(mut defined) = app.peers.defined_report(report, owner).await? else {
        let why = format!("the platform has no active report {report} of the owner {owner}");
        return Err(RunError::NoReport(why));
    };
    let component = defined.get("component").and_then(Value::as_str).filter(|name| !name.is_empty());
    let component = component.map(str::parse).transpose();
    let component = component.map_err(|error| RunError::NoReport(format!("the report's component: {error}")))?;
    Ok((component, defined.swap_remove("filters").unwrap_or_default()))
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
    let name = named(schedule);
    match outcome {
        Outcome::Error => log::error!("{name}: its run failed: {message}"),
        Outcome::Warning | Outcome::Replaced => log::warn!("{name}: {}: {message}", outcome.as_str()),
        Outcome::Finished | Outcome::Process => log::info!("{name}: {}", outcome.as_str()),
    }
    if let Some(why) = mark.paused.as_ref().filter(|_| outcome == Outcome::Error) {
        log::error!("{name}: {why}");
    }
}

/// The schedule in the log: `schedule nightly`, `schedule nightly (5c…)`.
pub(super) fn named(schedule: &Schedule) -> String {
    match &schedule.record {
        None => format!("schedule {}", schedule.name),
        Some(_) => format!("schedule {} ({})", schedule.title, schedule.name),
    }
}
