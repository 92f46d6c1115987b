//! Reads a schedule of a table of the file or of a JSON object. All mistakes come at once, each with its field.

use super::{Cron, Misfire, Schedule, When};
use crate::domain::{Component, OwnerId, ReportType};
use crate::filter;
use chrono::DateTime;
use chrono_tz::Tz;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// The fields of a schedule.
pub const KEYS: [&str; 16] = [
    "name",
    "every",
    "cron",
    "timezone",
    "jitter",
    "enabled",
    "enabled_until",
    "misfire",
    "grace",
    "pause_after",
    "max_duration",
    "report_id",
    "owner_user",
    "type",
    "component",
    "filters",
];

const SECOND: Duration = Duration::from_secs(1);
/// Ten years: dates stay far from the end of the calendar.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);
const MOST_JITTER: Duration = Duration::from_secs(3600);
pub(super) const GRACE: Duration = Duration::from_secs(15);
const LONGEST_NAME: usize = 200;
const MOST_FAILURES: u64 = 1000;

/// A field that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// Its path: `cron.minute`.
    pub field: String,
    /// What was expected.
    pub expected: String,
}

/// Reads a schedule.
///
/// # Errors
/// All fields that are missing, wrong or unknown.
pub fn read(table: &Map<String, Value>) -> Result<Schedule, Vec<WrongField>> {
    let mut reader = Reader { table, wrong: Vec::new() };
    for key in table.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        reader.wrong(key, format!("expected one of {}", KEYS.join(", ")));
    }
    match reader.schedule() {
        Some(schedule) if reader.wrong.is_empty() => Ok(schedule),
        _ => Err(reader.wrong),
    }
}

/// Takes fields out of a table and notes what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) table: &'a Map<String, Value>,
    pub(super) wrong: Vec<WrongField>,
}

impl<'a> Reader<'a> {
    fn schedule(&mut self) -> Option<Schedule> {
        // All fields are read before the first missing one ends it, so that all mistakes are noted.
        let name = self.name();
        let when = self.when();
        let zone = self.optional(
            "timezone",
            |value| value.as_str()?.parse::<Tz>().ok(),
            "a time zone of the IANA database such as Europe/Berlin",
        );
        let jitter = self.duration("jitter", Duration::ZERO..=MOST_JITTER, "a time such as 30s, up to 1h");
        if let (Some(When::Every(every)), Some(jitter)) = (&when, jitter)
            && jitter > *every
        {
            self.wrong("jitter", "expected no more than the interval of `every`".to_owned());
        }
        let enabled = self.optional("enabled", Value::as_bool, "true or false").unwrap_or(true);
        let until = |value: &Value| Some(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc());
        let enabled_until = self.optional("enabled_until", until, "a date and time such as 2027-01-31T18:00:00Z");
        let misfire = self.optional(
            "misfire",
            |value| Misfire::ALL.into_iter().find(|misfire| value.as_str() == Some(misfire.as_str())),
            "skip or once",
        );
        let grace = self.duration("grace", Duration::ZERO..=LONGEST, "a time such as 15s");
        let failures = |value: &Value| value.as_u64().filter(|n| (1..=MOST_FAILURES).contains(n));
        let pause_after = self.optional("pause_after", failures, "a number of failures from 1 to 1000");
        let max_duration = self.duration("max_duration", SECOND..=LONGEST, "a time such as 10m, from 1s");
        let report_id = self.parsed("report_id");
        let owner_user: Option<OwnerId> = self.parsed("owner_user");
        let kind = self.parsed::<ReportType>("type");
        let component = self.component(kind);
        let (kind, owner_user) = (kind?, owner_user?);
        let filters = self.filters(kind, owner_user)?;
        Some(Schedule {
            title: name.clone()?,
            name: name?,
            when: when?,
            zone: zone.unwrap_or(Tz::UTC),
            jitter: jitter.unwrap_or_default(),
            enabled,
            enabled_until,
            misfire: misfire.unwrap_or(Misfire::Once),
            grace: grace.unwrap_or(GRACE),
            pause_after: pause_after.and_then(|n| n.try_into().ok()),
            max_duration,
            report_id: report_id?,
            owner_user,
            kind,
            component,
            filters,
            fields: KEYS.iter().filter_map(|key| Some(((*key).to_owned(), self.get(key)?.clone()))).collect(),
            record: None,
        })
    }

    pub(super) fn wrong(&mut self, field: &str, expected: String) {
        self.wrong.push(WrongField { field: field.to_owned(), expected });
    }

    /// The field, where it is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.table.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn optional<T>(&mut self, key: &str, read: impl Fn(&Value) -> Option<T>, expected: &str) -> Option<T> {
        let value = read(self.get(key)?);
        if value.is_none() {
            self.wrong(key, format!("expected {expected}"));
        }
        value
    }

    fn duration(&mut self, key: &str, range: RangeInclusive<Duration>, expected: &str) -> Option<Duration> {
        let read = |value: &Value| humantime::parse_duration(value.as_str()?).ok().filter(|time| range.contains(time));
        self.optional(key, read, expected)
    }

    pub(super) fn text(&mut self, key: &str) -> Option<&'a str> {
        let text = self.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(key, "expected a text".to_owned());
        }
        text
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        // The parser's own message says what it expected.
        self.text(key)?.parse().map_err(|error: T::Err| self.wrong(key, error.to_string())).ok()
    }

    fn name(&mut self) -> Option<String> {
        let name = self.text("name")?;
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            self.wrong("name", format!("expected at most {LONGEST_NAME} characters on one line"));
            return None;
        }
        Some(name.to_owned())
    }

    /// A cron schedule of the field `cron`.
    pub(super) fn cron(&mut self, cron: &Value) -> Option<When> {
        let read = match cron {
            Value::String(line) => Cron::of_line(line),
            Value::Object(table) => Cron::of_table(table),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Cron::of_line(""),
        };
        let note = |wrong: super::cron::Wrong| {
            let field = wrong.field.map_or("cron".to_owned(), |field| format!("cron.{field}"));
            self.wrong.push(WrongField { field, expected: format!("expected {}", wrong.expected) });
        };
        read.map_err(|all| all.into_iter().for_each(note)).ok().map(|cron| When::Cron(Box::new(cron)))
    }

    fn when(&mut self) -> Option<When> {
        match (self.get("every"), self.get("cron")) {
            (Some(_), None) => {
                let expected = "an interval such as 15m, 1h or 1d, from 1s to ten years";
                self.duration("every", SECOND..=LONGEST, expected).map(When::Every)
            }
            (None, Some(cron)) => self.cron(cron),
            (Some(_), Some(_)) => {
                self.wrong("every", "expected either every or cron, got both".to_owned());
                None
            }
            (None, None) => {
                self.wrong("every", "expected an interval such as 15m, or cron with five fields or a table".to_owned());
                None
            }
        }
    }

    fn component(&mut self, kind: Option<ReportType>) -> Option<Component> {
        let is_given = self.get("component").is_some();
        if !is_given && kind == Some(ReportType::General) {
            self.wrong("component", "expected a component such as Servers, as the report is general".to_owned());
        }
        if is_given { self.parsed("component") } else { None }
    }

    /// The filters as JSON, checked as a request's would be.
    fn filters(&mut self, kind: ReportType, owner: OwnerId) -> Option<Value> {
        let given = self.get("filters").cloned().unwrap_or_else(|| match kind {
            ReportType::General => Value::Array(Vec::new()),
            ReportType::Pivot => Value::Object(Map::new()),
        });
        let checked = filter::decode(&given).and_then(|filters| {
            match kind {
                ReportType::General => filter::general(&filters).map(|_| ()),
                ReportType::Pivot => filter::pivot(&filters, owner).map(|_| ()),
            }?;
            Ok(filters)
        });
        checked.map_err(|error| self.wrong(&error.path, error.expected)).ok()
    }
}

#[cfg(test)]
mod tests;
