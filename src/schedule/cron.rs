//! Cron: `minute hour day month day_of_week` of crontab(5), or a table of fields as the platform's schedules have.
//!
//! The `cron` crate reads second, minute, hour, month and year, and finds the times that they mean. It has neither weeks
//! nor `3rd fri` and `last`, numbers the days of the week from Sunday as 1, and has no rule but AND for the two kinds of
//! days: `days` is on top of it.
//!
//! | field | values | left out of a table |
//! |---|---|---|
//! | `year` | 1970-2100 | every |
//! | `month` | 1-12, `jan`-`dec` | every |
//! | `day` | 1-31, `last`, `3rd fri`, `last sun` | every |
//! | `week` | ISO week 1-53 | every |
//! | `day_of_week` | five fields: 0-7, 0 and 7 are Sunday; table: 0-6, 0 is Monday; `mon`-`sun` | every |
//! | `hour`, `minute`, `second` | 0-23, 0-59, 0-59 | 0 where a field above it is given, else every |
//!
//! Each takes `*`, `*/a`, `a`, `a-b`, `a-b/c` and lists of these with commas. In five fields a day that meets `day` or
//! `day_of_week` is meant where both are given, as crontab(5) has it; in a table a day must meet all its fields.

use super::days::{Both, Days, Week};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use cron::{Schedule as Times, TimeUnitSpec};
use serde_json::{Map, Value};
use std::fmt;

/// The fields, the most significant first; a table may hold no other.
const FIELDS: [&str; 8] = ["year", "month", "day", "week", "day_of_week", "hour", "minute", "second"];
/// The fields of a line, in its order.
const LINE: [&str; 5] = ["minute", "hour", "day", "month", "day_of_week"];
const EVERY: &str = "*";

/// Times of the clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    /// Second, minute, hour, month and year.
    times: Times,
    days: Days,
    /// As it was given.
    text: String,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The field; none where it is about the whole.
    pub(super) field: Option<String>,
    /// What was expected.
    pub(super) expected: String,
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// Reads the five fields of a line.
    pub(super) fn of_line(text: &str) -> Result<Self, Vec<Wrong>> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != LINE.len() {
            let expected = format!("five fields ({}), got {}", LINE.join(" "), fields.len());
            return Err(vec![Wrong { field: None, expected }]);
        }
        let given = |name: &str| LINE.iter().position(|field| *field == name).and_then(|at| fields.get(at).copied());
        let value = |name| given(name).unwrap_or(if name == "second" { "0" } else { EVERY });
        Self::of_fields(value, Week::FromSunday, Both::Either, fields.join(" "))
    }

    /// Reads a table of fields: texts or numbers; an empty text and null count as left out.
    pub(super) fn of_table(table: &Map<String, Value>) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        for key in table.keys().filter(|key| !FIELDS.contains(&key.as_str())) {
            wrong.push(Wrong { field: Some(key.clone()), expected: format!("one of {}", FIELDS.join(", ")) });
        }
        let mut given: Vec<(&str, String)> = Vec::new();
        for name in FIELDS {
            match table.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.trim().is_empty() => {}
                Some(Value::String(text)) => given.push((name, text.trim().to_lowercase())),
                Some(Value::Number(number)) => given.push((name, number.to_string())),
                Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                    wrong.push(Wrong { field: Some(name.to_owned()), expected: "a text or a number".to_owned() });
                }
            }
        }
        if given.is_empty() && wrong.is_empty() {
            wrong.push(Wrong { field: None, expected: format!("at least one of {}", FIELDS.join(", ")) });
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let least =
            given.last().and_then(|(name, _)| FIELDS.iter().position(|field| field == name)).unwrap_or_default();
        let text = given.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        let value = |name: &str| match given.iter().find(|(field, _)| *field == name) {
            Some((_, value)) => value.as_str(),
            // What is finer than the finest field that is given is at its beginning.
            None if ["hour", "minute", "second"].contains(&name)
                && FIELDS.iter().position(|field| *field == name) > Some(least) =>
            {
                "0"
            }
            None => EVERY,
        };
        Self::of_fields(value, Week::FromMonday, Both::All, text)
    }

    fn of_fields<'a>(
        value: impl Fn(&'static str) -> &'a str,
        week: Week,
        both: Both,
        text: String,
    ) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut note = |field: &str, expected: &str| {
            wrong.push(Wrong { field: Some(field.to_owned()), expected: expected.to_owned() });
        };
        for (name, expected) in [("second", "0-59"), ("minute", "0-59"), ("hour", "0-23"), ("year", "1970-2100")] {
            if !is_plain(value(name), false) || alone(name, value(name)).is_none() {
                note(name, &format!("{expected}, *, */a, a-b, a-b/c, or a list of these with commas"));
            }
        }
        if !is_plain(value("month"), true) || alone("month", value("month")).is_none() {
            note("month", "1-12 or jan-dec, *, */a, a-b, a-b/c, or a list of these with commas");
        }
        let days = Days::read(value("day"), value("week"), value("day_of_week"), week, both, &mut note);
        let times = [value("second"), value("minute"), value("hour"), EVERY, value("month"), EVERY, value("year")];
        match (times.join(" ").parse(), days) {
            (Ok(times), Some(days)) if wrong.is_empty() => {
                let cron = Self { times, days, text };
                if cron.next_wall(DateTime::UNIX_EPOCH.naive_utc()).is_none() {
                    let expected = "a date that comes: no day of the calendar is meant".to_owned();
                    return Err(vec![Wrong { field: None, expected }]);
                }
                Ok(cron)
            }
            _ => Err(wrong),
        }
    }

    /// Whether every hour of a day is meant: then it goes on in real time while the clock jumps.
    pub(super) fn is_hourly(&self) -> bool {
        self.times.hours().is_all()
    }

    /// The first time of the clock after this one, without a zone.
    pub(super) fn next_wall(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut after = after;
        loop {
            let next = self.times.after(&after.and_utc()).next()?.naive_utc();
            if self.days.include(next.date()) {
                return Some(next);
            }
            // The whole day is passed over.
            after = next.date().and_hms_opt(23, 59, 59)?;
        }
    }

    /// The last time of the clock that is not after this one, without a zone.
    pub(super) fn latest_wall(&self, until: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut before = until.checked_add_signed(TimeDelta::nanoseconds(1))?;
        // The crate looks back from the day's place in the year in earlier years too (0.17).
        let year = self.times.years().range(..=u32::try_from(before.year()).ok()?).next_back()?;
        let next_year = NaiveDate::from_ymd_opt(i32::try_from(year).ok()? + 1, 1, 1)?;
        before = before.min(next_year.and_time(NaiveTime::MIN));
        loop {
            let latest = self.times.after(&before.and_utc()).next_back()?.naive_utc();
            if self.days.include(latest.date()) {
                return Some(latest);
            }
            before = latest.date().and_time(NaiveTime::MIN);
        }
    }
}

/// The crate also takes `?`, names of days and shorthands such as `@daily`.
fn is_plain(text: &str, names: bool) -> bool {
    let is_plain = |b: u8| b.is_ascii_digit() || b"*/-,".contains(&b) || (names && b.is_ascii_alphabetic());
    !text.is_empty() && text.bytes().all(is_plain)
}

/// A field by itself, as the crate reads it.
fn alone(name: &str, text: &str) -> Option<Times> {
    let field = |wanted: &str| if name == wanted { text } else { EVERY };
    [field("second"), field("minute"), field("hour"), EVERY, field("month"), EVERY, field("year")]
        .join(" ")
        .parse()
        .ok()
}

#[cfg(test)]
mod tests;
