//! A schedule of a record of the platform's (contract §8).
//!
//! What the platform's own scheduler does is kept: a run needs `enabled` and `active`, `run_immediately` asks for one
//! run, and a run that was requested asks for those of `chain`, each after its countdown in seconds.

use super::read::{GRACE, Reader};
use super::{Misfire, Schedule, When, WrongField};
use crate::domain::{OwnerId, ReportId, ReportType};
use bson::oid::ObjectId;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use std::time::Duration;

/// Failures in a row after which the record is disabled; the platform's own scheduler does so after the first.
const PAUSE_AFTER: u32 = 3;
/// A hundred years: dates stay far from the end of the calendar. The platform's form ends at 1024 weeks.
const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);
/// The fields that say what a schedule does, for people.
const SHOWN: [&str; 11] = [
    "name",
    "period_type",
    "interval",
    "cron",
    "endpoint",
    "method",
    "args",
    "chain",
    "enabled",
    "active",
    "run_immediately",
];
/// Seconds of each period.
const PERIODS: [(&str, u64); 5] =
    [("seconds", 1), ("minutes", 60), ("hours", 3600), ("days", 86_400), ("weeks", 604_800)];

/// What a record says besides its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was made, as its id says. Its intervals count from there, so that not all users' days begin at once.
    pub made_at: DateTime<Utc>,
    /// Whether a run is asked for.
    pub run_immediately: bool,
    /// The runs that each of its runs asks for.
    pub chain: Vec<Link>,
}

/// A schedule to be run after another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// How long after.
    pub countdown: Duration,
}

/// Reads a record; its cron fields mean the clock of `zone` where it names no `timezone` among them.
///
/// # Errors
/// All fields that are missing or wrong. Those that are not known here are the platform's business.
pub fn read_record(record: &Map<String, Value>, zone: Tz) -> Result<Schedule, Vec<WrongField>> {
    let mut reader = Reader { table: record, wrong: Vec::new() };
    match schedule(&mut reader, zone) {
        Some(schedule) if reader.wrong.is_empty() => Ok(schedule),
        _ => Err(reader.wrong),
    }
}

fn schedule(reader: &mut Reader<'_>, zone: Tz) -> Option<Schedule> {
    let id = reader.get("_id").and_then(Value::as_str).and_then(|id| ObjectId::parse_str(id).ok());
    if id.is_none() {
        reader.wrong("_id", "expected an id of 24 hex digits".to_owned());
    }
    let title = reader.text("name");
    let (when, zone) = timing(reader, zone);
    let kind = kind(reader);
    let (report_id, owner_user) = args(reader);
    let flag = |name| reader.get(name).and_then(Value::as_bool).unwrap_or_default();
    let (enabled, run_immediately) = (flag("enabled") && flag("active"), flag("run_immediately"));
    let chain = chain(reader);
    let id = id?;
    let shown = SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), reader.get(name)?.clone())));
    Some(Schedule {
        name: id.to_hex(),
        title: title?.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        when: when?,
        zone: zone?,
        jitter: Duration::ZERO,
        enabled,
        enabled_until: None,
        misfire: Misfire::Once,
        grace: GRACE,
        pause_after: Some(PAUSE_AFTER),
        max_duration: None,
        report_id: report_id?,
        owner_user: owner_user?,
        kind: kind?,
        component: None,
        filters: Value::Null,
        fields: shown.collect(),
        record: Some(Record { made_at: id.timestamp().to_chrono(), run_immediately, chain }),
    })
}

fn timing(reader: &mut Reader<'_>, zone: Tz) -> (Option<When>, Option<Tz>) {
    match reader.get("period_type").and_then(Value::as_str) {
        Some("interval") => (interval(reader), Some(zone)),
        Some("cron") => {
            let mut cron = reader.get("cron").and_then(Value::as_object).cloned().unwrap_or_default();
            let named = cron.shift_remove("timezone").filter(|zone| !zone.is_null() && zone != "");
            let zone = named.map_or(Some(zone), |zone| zone.as_str()?.parse().ok());
            if zone.is_none() {
                reader.wrong("cron.timezone", "expected a time zone such as Europe/Berlin".to_owned());
            }
            (reader.cron(&Value::Object(cron)), zone)
        }
        Some(_) | None => {
            reader.wrong("period_type", "expected interval or cron".to_owned());
            (None, Some(zone))
        }
    }
}

fn interval(reader: &mut Reader<'_>) -> Option<When> {
    let interval = reader.get("interval");
    let field = |name| interval.and_then(|interval| interval.get(name));
    let every = field("every").and_then(whole).filter(|every| *every > 0);
    let period = field("period").and_then(Value::as_str);
    let seconds = PERIODS.iter().find(|(name, _)| Some(*name) == period).map(|(_, seconds)| seconds);
    if every.is_none() {
        reader.wrong("interval.every", "expected a whole number from 1".to_owned());
    }
    if seconds.is_none() {
        reader.wrong("interval.period", format!("expected one of {}", PERIODS.map(|(name, _)| name).join(", ")));
    }
    let every = Duration::from_secs(every?.saturating_mul(*seconds?));
    if every > LONGEST {
        reader.wrong("interval.every", "expected at most a hundred years".to_owned());
    }
    (every <= LONGEST).then_some(When::Every(every))
}

/// General or pivot, as the endpoint says: `reports/general`.
fn kind(reader: &mut Reader<'_>) -> Option<ReportType> {
    if !matches!(reader.get("method").and_then(Value::as_str), Some("PATCH" | "POST")) {
        reader.wrong("method", "expected PATCH".to_owned());
    }
    let endpoint = reader.get("endpoint").and_then(Value::as_str).unwrap_or_default();
    let kind = endpoint.trim_matches('/').strip_prefix("reports/").and_then(|kind| kind.parse().ok());
    if kind.is_none() {
        reader.wrong("endpoint", "expected reports/general or reports/pivot".to_owned());
    }
    kind
}

/// The report and its owner, of a list of `{"key", "value"}`; the last of several with the same key counts.
fn args(reader: &mut Reader<'_>) -> (Option<ReportId>, Option<OwnerId>) {
    let list = reader.get("args").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let pair = |arg: &Value| Some((arg.get("key")?.as_str()?.to_owned(), arg.get("value")?.clone()));
    let table: Map<String, Value> = list.iter().filter_map(pair).collect();
    let mut args = Reader { table: &table, wrong: Vec::new() };
    let found = (args.parsed("report_id"), args.parsed("owner_user"));
    for WrongField { field, expected } in args.wrong {
        reader.wrong(&format!("args.{field}"), expected);
    }
    found
}

fn chain(reader: &mut Reader<'_>) -> Vec<Link> {
    let list = reader.get("chain").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut links = Vec::new();
    for (index, link) in list.iter().enumerate() {
        let name = link.get("_id").and_then(Value::as_str).filter(|id| ObjectId::parse_str(id).is_ok());
        let countdown = link.get("countdown").filter(|value| !value.is_null()).map_or(Some(0), whole);
        match (name, countdown.map(Duration::from_secs).filter(|countdown| *countdown <= LONGEST)) {
            (Some(name), Some(countdown)) => links.push(Link { name: name.to_ascii_lowercase(), countdown }),
            (None, _) => reader.wrong(&format!("chain[{index}]._id"), "expected the id of a schedule".to_owned()),
            (_, None) => {
                reader.wrong(&format!("chain[{index}].countdown"), "expected seconds as a whole number".to_owned());
            }
        }
    }
    links
}

/// A number that forms send as a text too.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests;
