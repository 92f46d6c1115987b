//! What a sweep did, for people.

use super::{Fate, Swept};
use crate::metrics::DropReason;
use crate::store::TableState;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{HumanBytes, HumanCount};

/// A table of what went or would go, and what is on notice, and a line that counts.
#[must_use]
pub fn text(swept: &Swept, is_rehearsal: bool, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    if !swept.tables.is_empty() {
        text.push_str(&table(swept, is_rehearsal, now));
        text.push_str("\n\n");
    }
    if let Some(doubt) = &swept.doubt {
        text.push_str(&format!("warning: {doubt}\n"));
    }
    if swept.is_off {
        text.push_str("every table stays: neither --unknown-days nor --run-days is set, here or by its variable\n");
    }
    let goes = swept.tables.iter().filter(|(_, fate)| matches!(fate, Fate::Goes(_))).count();
    let on_notice = swept.tables.len() - goes;
    if is_rehearsal {
        text.push_str(&format!("{} would be dropped, {on_notice} on notice; nothing was changed\n", tables(goes)));
        return text;
    }
    text.push_str(&format!("{} dropped, {on_notice} on notice", tables(goes)));
    if swept.leftovers > 0 {
        text.push_str(&format!("; {} generations of lost and former runs cleared", swept.leftovers));
    }
    if swept.bytes > 0 {
        text.push_str(&format!("; {} given back", HumanBytes(swept.bytes)));
    }
    text.push('\n');
    text
}

fn tables(count: usize) -> String {
    format!("{count} table{}", if count == 1 { "" } else { "s" })
}

fn table(swept: &Swept, is_rehearsal: bool, now: DateTime<Utc>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["table", "rows", "last run", "what", "why"]);
    for (state, fate) in &swept.tables {
        let (what, why) = match fate {
            Fate::Stays => continue,
            Fate::OnNotice(end) => (format!("stays until {}", end.format("%Y-%m-%d %H:%M")), unknown(state, now)),
            Fate::Goes(reason) if is_rehearsal => ("would go".to_owned(), why(state, *reason, now)),
            Fate::Goes(reason) => ("dropped".to_owned(), why(state, *reason, now)),
        };
        let rows = state.rows.map_or_else(|| "none".to_owned(), |rows| HumanCount(rows).to_string());
        let last = state.last_sign.to_rfc3339_opts(SecondsFormat::Secs, true);
        table.add_row([state.table.to_string(), rows, last, what, why]);
    }
    if let Some(rows) = table.column_mut(1) {
        rows.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Why a table goes.
pub(super) fn why(state: &TableState, reason: DropReason, now: DateTime<Utc>) -> String {
    let ago = days(now - state.last_sign);
    match reason {
        DropReason::Unknown => unknown(state, now),
        DropReason::Old => format!("its last run was {ago} ago"),
        DropReason::Failed => format!("it has no rows, and its last run was {ago} ago"),
    }
}

fn unknown(state: &TableState, now: DateTime<Utc>) -> String {
    let Some(absence) = state.absence else { return String::new() };
    let looks = absence.looks;
    let times = if looks == 1 { "one look".to_owned() } else { format!("{looks} looks") };
    format!("the platform does not know its report ({times} over {})", days(now - absence.since))
}

fn days(time: TimeDelta) -> String {
    match time.num_days() {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Status;
    use crate::store::Absence;

    #[test]
    fn a_sweep_for_people() {
        let now: DateTime<Utc> = "2026-11-25T08:00:00Z".parse().unwrap();
        let state = |number: u32, rows, age: i64, absent: Option<i64>| TableState {
            table: format!("5c{number:022x}_general").parse().unwrap(),
            status: Status::Finished,
            rows,
            last_sign: now - TimeDelta::days(age),
            held_until: None,
            absence: absent.map(|days| Absence { since: now - TimeDelta::days(days), last: now, looks: 9 }),
        };
        let tables = vec![
            (state(1, Some(46_539), 40, Some(8)), Fate::Goes(DropReason::Unknown)),
            (state(2, Some(12), 91, None), Fate::Goes(DropReason::Old)),
            (state(3, None, 91, None), Fate::Goes(DropReason::Failed)),
            (state(4, Some(0), 2, Some(1)), Fate::OnNotice(now + TimeDelta::days(6))),
        ];
        let swept = Swept {
            is_off: false,
            tables,
            leftovers: 3,
            bytes: 157_286_400,
            doubt: Some("the platform is odd".to_owned()),
        };
        insta::assert_snapshot!(format!("{}\n{}", text(&swept, true, now), text(&swept, false, now)));
        let off = text(&Swept { is_off: true, ..Swept::default() }, false, now);
        assert!(off.starts_with("every table stays: ") && off.ends_with("0 tables dropped, 0 on notice\n"), "{off}");
    }
}
