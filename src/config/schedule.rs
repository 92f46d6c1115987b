//! `[[schedule]]` tables of the files: reports made again and again.

use super::mistake::{Mistake, Origin};
use super::{ConfigError, Timetable, layers};
use crate::schedule::{self, Schedule, WrongField};
use serde_json::{Map, Value};
use std::path::Path;

impl Timetable {
    /// Reads the schedules of the files as they are now.
    ///
    /// # Errors
    /// All mistakes in them at once.
    pub fn read(&self) -> Result<Vec<Schedule>, ConfigError> {
        let mut mistakes = Vec::new();
        let schedules = read(self, &mut mistakes);
        if mistakes.is_empty() { Ok(schedules) } else { Err(ConfigError { mistakes }) }
    }

    /// The text of the files as they are now; `None` for one that is not there, or cannot be read.
    #[must_use]
    pub fn texts(&self) -> Vec<Option<Vec<u8>>> {
        [&self.config_file, &self.schedules_file].into_iter().flatten().map(|path| std::fs::read(path).ok()).collect()
    }
}

/// Reads the schedules of the files; what cannot be used is added to `mistakes`.
pub(super) fn read(timetable: &Timetable, mistakes: &mut Vec<Mistake>) -> Vec<Schedule> {
    let mut schedules = Vec::new();
    if let Some(path) = &timetable.config_file {
        add(path, false, &mut schedules, mistakes);
    }
    if let Some(path) = timetable.schedules_file.as_deref().filter(|path| path.exists()) {
        add(path, true, &mut schedules, mistakes);
    }
    schedules
}

fn add(path: &Path, alone: bool, schedules: &mut Vec<Schedule>, mistakes: &mut Vec<Mistake>) {
    let mut note = |what: String, message: String| {
        mistakes.push(Mistake { what, origin: Origin::File(path.display().to_string()), message });
    };
    let tables = match layers::schedules(path) {
        Ok(tables) => tables,
        Err(message) => return note(if alone { "schedules" } else { layers::FILE }.into(), message),
    };
    for key in tables.keys().filter(|key| alone && *key != layers::SCHEDULE) {
        note(key.clone(), "expected [[schedule]] tables alone".into());
    }
    let tables = match tables.get(layers::SCHEDULE) {
        None => return,
        Some(Value::Array(tables)) => tables,
        Some(_) => return note(layers::SCHEDULE.into(), "expected [[schedule]] tables".into()),
    };
    for (index, table) in tables.iter().enumerate() {
        let nothing = Map::new();
        match schedule::read(table.as_object().unwrap_or(&nothing)) {
            Ok(schedule) if schedules.iter().any(|other| other.name == schedule.name) => {
                note(format!("schedule[{index}].name"), "expected a name that no other schedule has".into());
            }
            Ok(schedule) => schedules.push(schedule),
            Err(wrong) => {
                for WrongField { field, expected } in wrong {
                    note(format!("schedule[{index}].{field}"), expected);
                }
            }
        }
    }
}
