//! Whether a table stays. Pure: facts and the time come from outside.

use crate::config::Retention;
use crate::domain::Status;
use crate::metrics::DropReason;
use crate::store::{Absence, TableState};
use chrono::{DateTime, Utc};

/// How often a report must have been looked for in vain.
pub(super) const LOOKS: u32 = 3;

/// What is to become of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Stays,
    /// It goes at this time or later, unless the platform knows its report again or somebody fills it.
    OnNotice(DateTime<Utc>),
    /// It goes now.
    Goes(DropReason),
}

/// Decides about one table. A run that has it, or for which it waits, keeps it.
#[must_use]
pub fn fate(state: &TableState, rules: &Retention, now: DateTime<Utc>) -> Fate {
    let is_held = state.held_until.is_some_and(|until| until > now);
    if state.status == Status::Process || is_held {
        return Fate::Stays;
    }
    if rules.runs.is_some_and(|longest| now - state.last_sign >= longest) {
        return Fate::Goes(if state.rows.is_some() { DropReason::Old } else { DropReason::Failed });
    }
    let (Some(grace), Some(absence)) = (rules.unknown, state.absence) else { return Fate::Stays };
    // Whoever still fills it has a use for it, whatever the platform knows.
    let end = absence.since.max(state.last_sign) + grace;
    if end <= now && absence.looks >= LOOKS { Fate::Goes(DropReason::Unknown) } else { Fate::OnNotice(end.max(now)) }
}

/// Why the platform's answer is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It has no record of any report.
    #[error(
        "the platform knows none of {asked} reports, not even as removed: is MAESTRO_DATA_URI the right one? \
         No table is dropped as unknown"
    )]
    KnowsNone {
        /// Reports asked for.
        asked: usize,
    },
    /// Too many reports are gone.
    #[error(
        "the platform does not know {gone} of {asked} reports, which is more than {max_share} % \
         (MAESTRO_RETENTION_MAX_SHARE): no table is dropped as unknown"
    )]
    TooMany {
        /// Reports that it does not have, or has as removed.
        gone: usize,
        /// Reports asked for.
        asked: usize,
        /// The limit.
        max_share: usize,
    },
}

/// Whether the platform's answer can be believed: it has records of some of these reports (`found`), and not too many
/// are `gone`. One may always be gone. With a limit of 100 anything is believed.
///
/// # Errors
/// See [`Doubt`].
pub fn believe(asked: usize, found: usize, gone: usize, max_share: usize) -> Result<(), Doubt> {
    if asked == 0 || max_share >= 100 {
        return Ok(());
    }
    if found == 0 {
        return Err(Doubt::KnowsNone { asked });
    }
    let limit = (asked.saturating_mul(max_share) / 100).max(1);
    if gone > limit { Err(Doubt::TooMany { gone, asked, max_share }) } else { Ok(()) }
}

/// What is known of a table's absence after the platform was asked for its report.
#[must_use]
pub(super) fn look(before: Option<Absence>, is_gone: bool, now: DateTime<Utc>) -> Option<Absence> {
    is_gone.then(|| Absence::seen_again(before, now))
}

#[cfg(test)]
mod tests;
