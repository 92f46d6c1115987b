//! The timetable: requests the reports of the configuration file's interval schedules when they are due.
//!
//! Any number of `beat` processes may run: the one that holds the lease `beat` in the store works, the others wait to
//! take over. A due time that passed while no leader ran is made up for once. A schedule seen for the first time waits
//! for its next due time. The task id is made from schedule and due time, so a request made twice is one run.

mod due;

use crate::app::App;
use crate::config::Schedule;
use crate::reaper::Reaper;
use crate::request::{self, Request, RequestError};
use crate::retention::Sweeper;
use crate::signal;
use crate::store::{Store, StoreError};
use anyhow::Context;
use chrono::{DateTime, Utc};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The lease's name.
const LEASE: &str = "beat";
/// How long the lease holds without being renewed: how late another host takes over.
const LEASE_TTL: Duration = Duration::from_secs(15);
/// How often the timetable is looked at, and the lease renewed.
const TICK: Duration = Duration::from_secs(1);

/// Requests due reports until the process is told to end.
///
/// # Errors
/// As [`run`].
pub async fn beat(app: App) -> anyhow::Result<()> {
    run(app, signal::terminated()).await
}

/// Requests due reports until `stop`, then gives the lease back.
///
/// # Errors
/// Where this process has no store.
pub async fn run(app: App, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let store = app.store.clone().context("beat needs a report store of its own (MAESTRO_UPLOAD=store)")?;
    let beat = Beat { app, store, holder: Uuid::new_v4().to_string() };
    log::info!("beat: {} schedules", beat.app.config.schedules.len());
    let reaper = Reaper::start(&beat.app);
    let sweeper = Sweeper::start(&beat.app, &beat.store);
    tokio::pin!(stop);
    let mut leads = false;
    loop {
        leads = beat.tick(leads, Utc::now()).await;
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep(TICK) => {}
        }
    }
    if let Err(error) = beat.store.release(LEASE, &beat.holder).await {
        log::warn!("beat: the lease was not given back and ends by itself: {error}");
    }
    sweeper.stop().await;
    if let Some(reaper) = reaper {
        reaper.stop().await;
    }
    Ok(())
}

struct Beat {
    app: App,
    store: Arc<dyn Store>,
    holder: String,
}

impl Beat {
    /// One look at the timetable; whether this process leads.
    async fn tick(&self, led: bool, now: DateTime<Utc>) -> bool {
        let leads = match self.store.lease(LEASE, &self.holder, LEASE_TTL, now).await {
            Ok(leads) => leads,
            Err(error) => {
                log::warn!("beat: the lease could not be renewed: {error}");
                false
            }
        };
        if leads != led {
            log::info!("beat: {}", if leads { "this process leads now" } else { "another process leads" });
        }
        if leads {
            for schedule in &self.app.config.schedules {
                if let Err(error) = self.look(schedule, now).await {
                    log::warn!("schedule {}: {error}; trying again", schedule.name);
                }
            }
        }
        leads
    }

    async fn look(&self, schedule: &Schedule, now: DateTime<Utc>) -> Result<(), RequestError> {
        let due = due::latest(schedule.every, now);
        match self.store.last_due(&schedule.name).await? {
            Some(last) if last >= due => return Ok(()),
            Some(_) => self.request(schedule, due, now).await?,
            None => {}
        }
        // Marked after the request: a crash between the two makes the same request again, which is the same task.
        Ok(self.mark(schedule, due).await?)
    }

    async fn mark(&self, schedule: &Schedule, due: DateTime<Utc>) -> Result<(), StoreError> {
        self.store.claim_due(&schedule.name, due).await.map(drop)
    }

    async fn request(&self, schedule: &Schedule, due: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), RequestError> {
        let request = Request {
            report: schedule.report_id,
            owner: schedule.owner_user,
            kind: schedule.kind,
            component: schedule.component.clone(),
            filters: schedule.filters.clone(),
            name: schedule.name.clone(),
            task_id: Some(task_id(schedule, due)),
        };
        match request::launch(&self.app, request, now).await {
            Ok(requested) => {
                log::info!("schedule {}: {} requested as task {}", schedule.name, requested.table, requested.task_id);
                Ok(())
            }
            // It would fail again at once: told now, and again when it is next due.
            Err(error @ (RequestError::Filter(_) | RequestError::NoComponent)) => {
                log::error!("schedule {}: {error}", schedule.name);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn task_id(schedule: &Schedule, due: DateTime<Utc>) -> String {
    let name = format!("{}/{}", schedule.name, due.timestamp_millis());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}
