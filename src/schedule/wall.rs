//! Due times of a cron schedule in a time zone, over the days when its clock jumps.
//!
//! A schedule for certain hours is due once at each time of the clock that it means: a time that the clock passes over
//! is due when the jump is over (several of them once), and one that comes twice is due the first time. A schedule for
//! every hour goes on in real time: `*/15 * * * *` is due every 15 minutes on every day of the year.

use super::cron::Cron;
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// Shorter than the time between two changes of a zone's clock.
const STRETCH: TimeDelta = TimeDelta::days(7);
const SECOND: TimeDelta = TimeDelta::seconds(1);
const NANOSECOND: TimeDelta = TimeDelta::nanoseconds(1);

/// The first due time after `after`.
pub(super) fn next(cron: &Cron, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if cron.is_hourly() {
        return next_real(cron, zone, after);
    }
    let mut wall = local(zone, after);
    loop {
        wall = cron.next_wall(wall)?;
        let at = first(zone, wall)?;
        if at > after {
            return Some(at);
        }
    }
}

/// The last due time that is not after `until`.
pub(super) fn latest(cron: &Cron, zone: Tz, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if cron.is_hourly() {
        return latest_real(cron, zone, until);
    }
    let mut wall = local(zone, until);
    if let LocalResult::Ambiguous(early, late) = zone.from_local_datetime(&wall)
        && until >= late
    {
        // The clock has shown later times already.
        wall += late - early;
    }
    loop {
        wall = cron.latest_wall(wall)?;
        let at = first(zone, wall)?;
        if at <= until {
            return Some(at);
        }
        wall -= SECOND;
    }
}

/// When the clock first shows this time, or the first one after it where it is passed over.
fn first(zone: Tz, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
    let shown = match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at,
        LocalResult::None => GapInfo::new(&wall, &zone)?.end?,
    };
    Some(shown.to_utc())
}

/// From one stretch of time with the same offset to the next.
fn next_real(cron: &Cron, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (mut from, mut wall) = (after, local(zone, after));
    loop {
        let at = (cron.next_wall(wall)? - offset(zone, from)).and_utc();
        let change = loop {
            let horizon = at.min(from + STRETCH);
            match change(zone, from, horizon) {
                Some(change) => break change,
                None if horizon == at => return Some(at),
                None => from = horizon,
            }
        };
        // The moment of the change is part of the next stretch.
        (from, wall) = (change, local(zone, change) - SECOND);
    }
}

fn latest_real(cron: &Cron, zone: Tz, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut until = until;
    loop {
        let at = (cron.latest_wall(local(zone, until))? - offset(zone, until)).and_utc();
        let mut edge = until;
        until = loop {
            let horizon = at.max(edge - STRETCH);
            match change(zone, horizon, edge) {
                Some(change) => break change - NANOSECOND,
                None if horizon == at => return Some(at),
                None => edge = horizon,
            }
        };
    }
}

/// The first second after `from`, up to `to`, with another offset; the two are at most [`STRETCH`] apart.
fn change(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let before = offset(zone, from);
    if offset(zone, to) == before {
        return None;
    }
    let (mut same, mut other) = (from.timestamp(), to.timestamp());
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        if offset(zone, DateTime::from_timestamp(middle, 0)?) == before { same = middle } else { other = middle }
    }
    DateTime::from_timestamp(other, 0)
}

fn local(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

fn offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    TimeDelta::seconds(i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
}

#[cfg(test)]
mod tests;
