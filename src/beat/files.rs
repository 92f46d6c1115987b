//! The schedules of the files, which are followed while the process runs.

use crate::config::Timetable;
use crate::schedule::Schedule;

/// The schedules as the files said them when they were last without a mistake.
pub(super) struct Files {
    timetable: Timetable,
    texts: Vec<Option<Vec<u8>>>,
    schedules: Vec<Schedule>,
}

impl Files {
    /// Those of the configuration; the files are read again with the first look.
    pub(super) fn new(timetable: Timetable, schedules: Vec<Schedule>) -> Self {
        Self { timetable, texts: Vec::new(), schedules }
    }

    /// The schedules as the files say them now. Files with a mistake change nothing, and the log names each.
    pub(super) fn look(&mut self) -> &[Schedule] {
        let texts = self.timetable.texts();
        if texts != self.texts {
            let is_first = self.texts.is_empty();
            match self.timetable.read() {
                Ok(schedules) => {
                    if !is_first {
                        log::info!("beat: the files have changed: {} schedules", schedules.len());
                    }
                    self.schedules = schedules;
                }
                Err(error) => log::error!("beat: the schedules stay as they were: {error}"),
            }
            self.texts = texts;
        }
        &self.schedules
    }
}
