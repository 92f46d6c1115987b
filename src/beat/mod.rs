//! The timetable: requests the reports of schedules when they are due.
//!
//! Schedules come from files, from requests by way of the store, and from the platform where it is set. Any number of
//! `beat` processes may run; one of them leads. A run is claimed in the store before it is enqueued: the store takes a
//! claim once, and from no former leader. Whoever leads next enqueues what was claimed and not enqueued. The task's id is
//! made from schedule and due time, so that even a run that is enqueued twice is one.
//!
//! ```text
//! files     the schedules of the files, followed    lead  the lease and its fencing token
//! platform  the platform's schedules, followed, and what it is told of them
//! run       one schedule: its last run's outcome, and what to do about it now
//! list      all schedules with how far each has come; show: that for people
//! ```

mod files;
mod lead;
mod list;
mod platform;
mod run;
mod show;

pub use list::{ListError, Listed, Origin, list, own};
pub use run::{RunError, run_now};
pub use show::text;

use crate::app::App;
use crate::reaper::Reaper;
use crate::retention::Sweeper;
use crate::schedule::{self, Mark, Schedule};
use crate::signal;
use crate::store::{Definition, Store, StoreError};
use anyhow::Context;
use chrono::{DateTime, Utc};
use files::Files;
use lead::Lead;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The longest time between two looks: how soon a changed schedule takes effect.
const LOOK: Duration = Duration::from_millis(500);

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
    let files = Files::new(app.config.timetable.clone(), app.config.schedules.clone());
    let mut beat = Beat { lead: Lead::new(Arc::clone(&store)), files, wrong: BTreeMap::new(), app, store };
    log::info!("beat: {} schedules in files", beat.app.config.schedules.len());
    let reaper = Reaper::start(&beat.app);
    let sweeper = Sweeper::start(&beat.app, &beat.store);
    let platform = platform::Follower::start(&beat.app, &beat.store, beat.lead.leading());
    tokio::pin!(stop);
    loop {
        let pause = beat.tick().await;
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    if let Some(platform) = platform {
        platform.stop().await;
    }
    beat.lead.end().await;
    sweeper.stop().await;
    if let Some(reaper) = reaper {
        reaper.stop().await;
    }
    Ok(())
}

/// A schedule that a request made.
///
/// # Errors
/// Where it cannot be used any more, as after a change of version.
pub fn defined(definition: &Definition) -> Result<Schedule, Vec<schedule::WrongField>> {
    schedule::read(&definition.fields)
}

struct Beat {
    app: App,
    store: Arc<dyn Store>,
    lead: Lead,
    files: Files,
    /// What is wrong with schedules of the store, as the log has told.
    wrong: BTreeMap<String, String>,
}

impl Beat {
    /// One look at all schedules; how long the next one may wait.
    async fn tick(&mut self) -> Duration {
        // All processes follow the files, so that a new leader knows them.
        let mut schedules = self.files.look().to_vec();
        if self.lead.look(Utc::now()).await.is_none() {
            return LOOK;
        }
        let marks = match self.read(&mut schedules).await {
            Ok(marks) => marks,
            Err(error) => {
                log::warn!("beat: the schedules could not be read: {error}; trying again");
                return LOOK;
            }
        };
        let leading = self.lead.leading();
        for schedule in &schedules {
            let Some(fence) = leading.fence() else { return LOOK };
            let run = run::Run { app: &self.app, store: self.store.as_ref(), leading, schedule, fence };
            if let Err(error) = run.look(marks.get(&schedule.name).cloned()).await {
                log::warn!("schedule {}: {error}; trying again", schedule.name);
            }
        }
        pause(&schedules, Utc::now())
    }

    /// Adds the schedules of the store; how far all have come.
    async fn read(&mut self, schedules: &mut Vec<Schedule>) -> Result<HashMap<String, Mark>, StoreError> {
        let mut wrong = BTreeMap::new();
        for definition in self.store.definitions().await? {
            if schedules.iter().any(|schedule| schedule.name == definition.name) {
                wrong.insert(definition.name, "a file has a schedule of this name, which counts".to_owned());
                continue;
            }
            match defined(&definition) {
                Ok(schedule) => schedules.push(schedule),
                Err(fields) => {
                    let texts = fields.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.expected));
                    wrong.insert(definition.name, texts.collect::<Vec<_>>().join("; "));
                }
            }
        }
        for (name, text) in wrong.iter().filter(|(name, text)| self.wrong.get(*name) != Some(*text)) {
            log::error!("schedule {name} of the store is left out: {text}");
        }
        self.wrong = wrong;
        marks(self.store.as_ref()).await
    }
}

/// How far each schedule has come, by name.
async fn marks(store: &dyn Store) -> Result<HashMap<String, Mark>, StoreError> {
    Ok(store.marks().await?.into_iter().map(|mark| (mark.name.clone(), mark)).collect())
}

/// Until a schedule is due, or it is time to look whether one has changed.
fn pause(schedules: &[Schedule], now: DateTime<Utc>) -> Duration {
    let next = schedules.iter().filter_map(|schedule| schedule.next_run(now)).min();
    next.and_then(|next| (next - now).to_std().ok()).map_or(LOOK, |wait| wait.min(LOOK))
}
