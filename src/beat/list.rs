//! All schedules with how far each has come.

use super::{defined, marks};
use crate::config::Config;
use crate::peers::{PeerError, Peers};
use crate::schedule::{self, Mark, Schedule};
use crate::store::{Store, StoreError};
use std::collections::HashSet;

/// A schedule, where it comes from, and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The schedule.
    pub schedule: Schedule,
    /// Where it comes from.
    pub origin: Origin,
    /// How far it has come; `None` where no `beat` has dealt with it yet.
    pub mark: Option<Mark>,
}

/// Where a schedule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A file, where it is changed too.
    File,
    /// A request.
    Request,
    /// The platform's Scheduler.
    Platform,
}

impl Origin {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Request => "request",
            Self::Platform => "platform",
        }
    }
}

/// Why the schedules cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The platform does not.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

/// All schedules that can be used, by title: our own, and the platform's where they count.
///
/// # Errors
/// See [`ListError`].
pub async fn list(config: &Config, store: &dyn Store, peers: &Peers) -> Result<Vec<Listed>, ListError> {
    let mut all = own(config, store).await?;
    if config.timetable.platform {
        let records = peers.schedulers().await?;
        let records = records.iter().filter_map(|record| schedule::read_record(record, config.timetable.zone).ok());
        add(&mut all, records, Origin::Platform);
        with_marks(&mut all, store).await?;
    }
    all.sort_by(|one, other| {
        (&one.schedule.title, &one.schedule.name).cmp(&(&other.schedule.title, &other.schedule.name))
    });
    Ok(all)
}

/// The schedules of the files as they are now (as they were at the start, where there are mistakes in them), and those
/// of the store that can be used, by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn own(config: &Config, store: &dyn Store) -> Result<Vec<Listed>, StoreError> {
    let mut all = Vec::new();
    add(&mut all, config.timetable.read().unwrap_or_else(|_| config.schedules.clone()), Origin::File);
    let definitions = store.definitions().await?;
    add(&mut all, definitions.iter().filter_map(|definition| defined(definition).ok()), Origin::Request);
    with_marks(&mut all, store).await?;
    all.sort_by(|one, other| one.schedule.name.cmp(&other.schedule.name));
    Ok(all)
}

/// Adds schedules whose names are not there yet.
fn add(all: &mut Vec<Listed>, schedules: impl IntoIterator<Item = Schedule>, origin: Origin) {
    let mut names: HashSet<String> = all.iter().map(|listed| listed.schedule.name.clone()).collect();
    for schedule in schedules {
        if names.insert(schedule.name.clone()) {
            all.push(Listed { schedule, origin, mark: None });
        }
    }
}

async fn with_marks(all: &mut [Listed], store: &dyn Store) -> Result<(), StoreError> {
    let mut marks = marks(store).await?;
    for listed in all {
        listed.mark = marks.remove(&listed.schedule.name);
    }
    Ok(())
}
