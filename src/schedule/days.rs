//! Which days a cron table means: day of the month, ISO week, day of the week.

use chrono::{Datelike, Days as DayCount, NaiveDate, Weekday};
use std::collections::BTreeSet;

/// How the days of the week are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Week {
    /// crontab(5): 0 and 7 are Sunday.
    FromSunday,
    /// The platform's schedules: 0 is Monday.
    FromMonday,
}

/// What holds where both day of the month and day of the week are restricted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Both {
    /// A day that meets either is meant: crontab(5).
    Either,
    /// A day must meet both: the platform's schedules.
    All,
}

/// The days.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Days {
    /// None for every day of the month.
    month: Option<Vec<DayOfMonth>>,
    /// ISO weeks; none for all.
    weeks: Option<BTreeSet<u32>>,
    /// Days of the week, 0 for Monday; none for all.
    week: Option<BTreeSet<u32>>,
    both: Both,
}

/// Some days of a month.
#[derive(Debug, Clone, PartialEq)]
enum DayOfMonth {
    /// These.
    Numbers(BTreeSet<u32>),
    /// The last one.
    Last,
    /// The n-th such day of the week, from 1.
    Nth(u32, Weekday),
    /// The last such day of the week.
    LastOf(Weekday),
}

impl Days {
    /// Reads the three fields; what is wrong with them goes to `note`.
    pub(super) fn read(
        day: &str,
        iso_week: &str,
        day_of_week: &str,
        week: Week,
        both: Both,
        note: &mut dyn FnMut(&str, &str),
    ) -> Option<Self> {
        let month = unless_every(day, |day| day.split(',').map(day_of_month).collect());
        if month.is_none() {
            note("day", "1-31, *, */a, a-b, a-b/c, last, `3rd fri`, `last fri`, or a list of these with commas");
        }
        let weeks = unless_every(iso_week, |weeks| numbers(weeks, 1, 53, &nameless));
        if weeks.is_none() {
            note("week", "1-53, *, */a, a-b, a-b/c, or a list of these with commas");
        }
        let days = unless_every(day_of_week, |days| days_of_week(days, week));
        if days.is_none() {
            note(
                "day_of_week",
                match week {
                    Week::FromSunday => "0-7 (0 and 7 are Sunday) or mon-sun, *, */a, a-b, a-b/c, or a list of these",
                    Week::FromMonday => "0-6 (0 is Monday) or mon-sun, *, */a, a-b, a-b/c, or a list of these",
                },
            );
        }
        Some(Self { month: month?, weeks: weeks?, week: days?, both })
    }

    /// Whether the day is meant.
    pub(super) fn include(&self, date: NaiveDate) -> bool {
        let in_weeks = self.weeks.as_ref().is_none_or(|weeks| weeks.contains(&date.iso_week().week()));
        let of_month = self.month.as_ref().map(|days| days.iter().any(|day| day.includes(date)));
        let of_week = self.week.as_ref().map(|days| days.contains(&date.weekday().num_days_from_monday()));
        in_weeks
            && match (of_month, of_week, self.both) {
                (Some(of_month), Some(of_week), Both::Either) => of_month || of_week,
                (of_month, of_week, _) => of_month.unwrap_or(true) && of_week.unwrap_or(true),
            }
    }
}

impl DayOfMonth {
    fn includes(&self, date: NaiveDate) -> bool {
        let is_in_last =
            |days: u64| date.checked_add_days(DayCount::new(days)).is_none_or(|day| day.month() != date.month());
        match self {
            Self::Numbers(numbers) => numbers.contains(&date.day()),
            Self::Last => is_in_last(1),
            Self::Nth(n, weekday) => date.weekday() == *weekday && date.day0() / 7 + 1 == *n,
            Self::LastOf(weekday) => date.weekday() == *weekday && is_in_last(7),
        }
    }
}

/// `Some(None)` for `*`, `None` where it cannot be read.
fn unless_every<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text == "*" { Some(None) } else { read(text).map(Some) }
}

fn day_of_month(text: &str) -> Option<DayOfMonth> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match *words.as_slice() {
        ["last"] => Some(DayOfMonth::Last),
        ["last", day] => Some(DayOfMonth::LastOf(weekday(day)?)),
        [nth, day] => {
            let n = ["1st", "2nd", "3rd", "4th", "5th"].iter().position(|word| *word == nth)?;
            Some(DayOfMonth::Nth(u32::try_from(n).ok()? + 1, weekday(day)?))
        }
        [text] => numbers(text, 1, 31, &nameless).map(DayOfMonth::Numbers),
        _ => None,
    }
}

/// The days of the week, 0 for Monday.
fn days_of_week(text: &str, week: Week) -> Option<BTreeSet<u32>> {
    let (last, shift) = match week {
        Week::FromSunday => (7, 6),
        Week::FromMonday => (6, 0),
    };
    // `sun` may begin and end a range of crontab's: sun-thu, fri-sun.
    let named = |name: &str, is_end: bool| {
        let day = weekday(name)?;
        Some(match week {
            Week::FromSunday if is_end && day == Weekday::Sun => 7,
            Week::FromSunday => day.num_days_from_sunday(),
            Week::FromMonday => day.num_days_from_monday(),
        })
    };
    let found = numbers(text, 0, last, &named)?;
    Some(found.into_iter().map(|number| (number + shift) % 7).collect())
}

fn weekday(text: &str) -> Option<Weekday> {
    if text.len() < 3 || !text.bytes().all(|b| b.is_ascii_alphabetic()) { None } else { text.parse().ok() }
}

/// The numbers of a list of `*`, `*/a`, `a`, `a/c`, `a-b` and `a-b/c`, within bounds. `named` gives the number of a
/// name, which may be another one at the end of a range.
fn numbers(text: &str, first: u32, last: u32, named: Named<'_>) -> Option<BTreeSet<u32>> {
    let number = |text: &str, is_end: bool| {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = if is_number { text.parse().ok() } else { named(text, is_end) };
        number.filter(|number| (first..=last).contains(number))
    };
    let mut found = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (first, last),
            Some((from, to)) => (number(from, false)?, number(to, true)?),
            None => number(range, false).map(|from| (from, if step.is_some() { last } else { from }))?,
        };
        let step = step.map_or(Some(1), |step| step.parse().ok().filter(|step| *step >= 1))?;
        if from > to {
            return None;
        }
        found.extend((from..=to).step_by(step));
    }
    Some(found)
}

/// The number of a name, and whether it ends a range.
type Named<'a> = &'a dyn Fn(&str, bool) -> Option<u32>;

/// For fields that have no names.
fn nameless(_: &str, _: bool) -> Option<u32> {
    None
}
