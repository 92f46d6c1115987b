//! All schedules with how far each has come.

use super::defined;
use crate::config::Config;
use crate::schedule::{Mark, Schedule};
use crate::store::{Store, StoreError};

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
}

impl Origin {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Request => "request",
        }
    }
}

/// The schedules of the files as they are now (as they were at the start, where there are mistakes in them), and those
/// of the store that can be used, by name.
///
/// # Errors
/// Where the store does not answer.
pub async fn list(config: &Config, store: &dyn Store) -> Result<Vec<Listed>, StoreError> {
    let in_files = config.timetable.read().unwrap_or_else(|_| config.schedules.clone());
    let defined = store.definitions().await?.into_iter().filter_map(|definition| defined(&definition).ok());
    let mut marks = store.marks().await?;
    let mut all: Vec<Listed> = Vec::new();
    let found = in_files.into_iter().map(|schedule| (schedule, Origin::File));
    for (schedule, origin) in found.chain(defined.map(|schedule| (schedule, Origin::Request))) {
        if all.iter().any(|other| other.schedule.name == schedule.name) {
            continue;
        }
        let mark = marks.iter().position(|mark| mark.name == schedule.name).map(|at| marks.swap_remove(at));
        all.push(Listed { schedule, origin, mark });
    }
    all.sort_by(|one, other| one.schedule.name.cmp(&other.schedule.name));
    Ok(all)
}
