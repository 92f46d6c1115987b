//! `[[schedule]]` tables of the file: reports made again and again.

use super::Schedule;
use super::mistake::{Mistake, Origin};
use crate::domain::{Component, ReportType};
use crate::filter;
use serde_json::Value;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

const KEYS: [&str; 7] = ["name", "every", "report_id", "owner_user", "type", "component", "filters"];
/// Ten years: dates stay far from the end of the calendar.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Reads the schedules; what cannot be used is added to `mistakes`.
pub(super) fn read(value: &Value, path: &str, mistakes: &mut Vec<Mistake>) -> Vec<Schedule> {
    let mut note = |what: String, message: String| {
        mistakes.push(Mistake { what, origin: Origin::File(path.to_owned()), message });
    };
    let Value::Array(tables) = value else {
        note("schedule".into(), "expected [[schedule]] tables".into());
        return Vec::new();
    };
    let mut schedules: Vec<Schedule> = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let mut place = Place { table, at: format!("schedule[{index}]"), note: &mut note };
        let Some(schedule) = place.schedule() else { continue };
        if schedules.iter().any(|other| other.name == schedule.name) {
            place.wrong("name", "a name that no other schedule has");
        }
        schedules.push(schedule);
    }
    schedules
}

/// One table of the file, and where to note its mistakes.
struct Place<'a> {
    table: &'a Value,
    at: String,
    note: &'a mut dyn FnMut(String, String),
}

impl Place<'_> {
    fn schedule(&mut self) -> Option<Schedule> {
        for key in self.table.as_object().into_iter().flat_map(|table| table.keys()) {
            if !KEYS.contains(&key.as_str()) {
                self.wrong(key, &format!("one of {}", KEYS.join(", ")));
            }
        }
        // All fields are read before the first missing one ends it, so that all mistakes are noted.
        let name = self.text("name").map(str::to_owned);
        let every = self.every();
        let report_id = self.parsed("report_id");
        let owner_user = self.parsed("owner_user");
        let kind = self.parsed::<ReportType>("type");
        let component = match self.table.get("component") {
            None => None,
            Some(_) => self.parsed::<Component>("component"),
        };
        if kind == Some(ReportType::General) && self.table.get("component").is_none() {
            self.wrong("component", "a component such as Servers, as the report is general");
        }
        let (kind, owner_user) = (kind?, owner_user?);
        let filters = self.filters(kind, owner_user)?;
        Some(Schedule { name: name?, every: every?, report_id: report_id?, owner_user, kind, component, filters })
    }

    fn wrong(&mut self, key: &str, expected: &str) {
        (self.note)(format!("{}.{key}", self.at), format!("expected {expected}"));
    }

    fn text(&mut self, key: &str) -> Option<&str> {
        let text = self.table.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(key, "a text");
        }
        text
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        let parsed = self.text(key)?.parse();
        // The parser's own message says what it expected.
        parsed.map_err(|error: T::Err| (self.note)(format!("{}.{key}", self.at), error.to_string())).ok()
    }

    fn every(&mut self) -> Option<Duration> {
        let every = humantime::parse_duration(self.text("every")?).ok();
        let every = every.filter(|every| (Duration::from_secs(1)..=LONGEST).contains(every));
        if every.is_none() {
            self.wrong("every", "an interval such as 15m, 1h or 1d, from 1s to ten years");
        }
        every
    }

    /// The filters as JSON, checked as a request's would be.
    fn filters(&mut self, kind: ReportType, owner: crate::domain::OwnerId) -> Option<Value> {
        let given = self.table.get("filters").cloned().unwrap_or_else(|| match kind {
            ReportType::General => Value::Array(Vec::new()),
            ReportType::Pivot => Value::Object(serde_json::Map::new()),
        });
        let checked = filter::decode(&given).and_then(|filters| {
            match kind {
                ReportType::General => filter::general(&filters).map(|_| ()),
                ReportType::Pivot => filter::pivot(&filters, owner).map(|_| ()),
            }?;
            Ok(filters)
        });
        checked.map_err(|error| (self.note)(format!("{}.{}", self.at, error.path), error.expected)).ok()
    }
}
