//! Schedules: what is made again and again, and when. Pure: no I/O, and time is an argument.
//!
//! ```text
//! cron    five fields or a table of fields      days  which days a cron table means
//! wall    due times in a time zone, over the days when its clock jumps
//! due     the due times of a schedule: interval or cron, jitter, end
//! read    a schedule of a table of the file or a JSON object, with all its mistakes
//! record  a schedule of a record of the platform's
//! mark    how far a schedule has come, and what to do about it now
//! ```

mod cron;
mod days;
mod due;
mod mark;
mod read;
mod record;
mod wall;

pub use cron::Cron;
pub use mark::{LastRun, Mark, Outcome, Step, Told};
pub use read::{KEYS, WrongField, read};
pub use record::{Link, Record, read_record};

use crate::domain::{Component, OwnerId, ReportId, ReportType, TableName};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use std::time::Duration;
use uuid::Uuid;

/// A report that is made again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// A unique name; the id of a record of the platform's.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// When it is due.
    pub when: When,
    /// In which a cron schedule is due, and in which times are shown.
    pub zone: Tz,
    /// How much later than due it may run, so that not all run at once.
    pub jitter: Duration,
    /// Whether it runs at all.
    pub enabled: bool,
    /// The last moment at which it may be due.
    pub enabled_until: Option<DateTime<Utc>>,
    /// What becomes of a run that could not be made when it was due.
    pub misfire: Misfire,
    /// How late a run may be before it counts as missed.
    pub grace: Duration,
    /// Failures in a row after which it is paused.
    pub pause_after: Option<u32>,
    /// How long a run may take.
    pub max_duration: Option<Duration>,
    /// The report.
    pub report_id: ReportId,
    /// On whose behalf.
    pub owner_user: OwnerId,
    /// General or pivot.
    pub kind: ReportType,
    /// The component, for a general report.
    pub component: Option<Component>,
    /// The filters as in a request.
    pub filters: Value,
    /// The fields that were given, in the order of [`KEYS`].
    pub fields: Map<String, Value>,
    /// What a record of the platform's says besides. The component and the filters of its report are looked up before
    /// each run.
    pub record: Option<Record>,
}

/// When a schedule is due.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// At whole intervals since 1970-01-01 UTC: `1h` on the hour, `1d` at midnight UTC, whichever process leads and
    /// whenever it was started. Those of a record of the platform's count from when it was made.
    Every(Duration),
    /// At times of the clock.
    Cron(Box<Cron>),
}

/// What becomes of a run that could not be made when it was due. Of several only the last is ever looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfire {
    /// It is left out.
    Skip,
    /// It is made as soon as possible, once.
    Once,
}

impl Misfire {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Skip, Self::Once];

    /// The word in files and requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
        }
    }
}

impl Schedule {
    /// The table that it fills.
    #[must_use]
    pub fn table(&self) -> TableName {
        TableName::new(self.report_id, self.kind)
    }

    /// The id of the task of a due time: the same whoever makes it, so that a run that is enqueued twice is one run.
    #[must_use]
    pub fn task_id(&self, due: DateTime<Utc>) -> String {
        task_id(&self.name, due)
    }

    /// Whether the platform's record asks for a run.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.run_immediately)
    }

    /// What its due times follow from. Where this changes, due times that have passed are no missed runs.
    #[must_use]
    pub fn timing(&self) -> String {
        let when = match &self.when {
            When::Every(every) => format!("every {} ms", every.as_millis()),
            When::Cron(cron) => format!("{cron} {}", self.zone),
        };
        format!("{when}{}", if self.enabled { "" } else { " disabled" })
    }

    /// When it is due, for people: `every 15m`, `0 3 * * 1-5 Europe/Berlin`.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.when {
            When::Every(every) => format!("every {}", humantime::format_duration(*every)),
            When::Cron(cron) => format!("{cron} {}", self.zone),
        }
    }
}

fn task_id(schedule: &str, due: DateTime<Utc>) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{schedule}/{}", due.timestamp_millis()).as_bytes()).to_string()
}
