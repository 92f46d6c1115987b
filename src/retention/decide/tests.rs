use super::*;
use chrono::TimeDelta;

const DAY: TimeDelta = TimeDelta::days(1);

fn day(number: i32) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + DAY * number
}

fn rules(unknown: i64, runs: i64) -> Retention {
    let days = |days: i64| Some(TimeDelta::days(days)).filter(|days| !days.is_zero());
    Retention { unknown: days(unknown), runs: days(runs), max_share: 20 }
}

/// Filled on day 0.
fn filled() -> TableState {
    TableState {
        table: "5c0000000000000000000001_general".parse().unwrap(),
        status: Status::Finished,
        rows: Some(12),
        last_sign: day(0),
        held_until: None,
        absence: None,
    }
}

fn absent(since: i32, looks: u32) -> TableState {
    TableState { absence: Some(Absence { since: day(since), last: day(since), looks }), ..filled() }
}

#[test]
fn nothing_goes_where_nothing_is_set() {
    for state in [filled(), absent(1, 99), TableState { status: Status::Error, rows: None, ..filled() }] {
        assert_eq!(fate(&state, &rules(0, 0), day(9999)), Fate::Stays);
    }
}

#[test]
fn an_unknown_report_goes_after_the_grace_time_and_several_looks() {
    let week = rules(7, 0);
    assert_eq!(fate(&filled(), &week, day(99)), Fate::Stays);
    assert_eq!(fate(&absent(10, LOOKS), &week, day(16)), Fate::OnNotice(day(17)));
    assert_eq!(fate(&absent(10, LOOKS), &week, day(17)), Fate::Goes(DropReason::Unknown));
    assert_eq!(fate(&absent(10, LOOKS - 1), &week, day(99)), Fate::OnNotice(day(99)), "looked for too seldom");
    // Somebody fills it although the platform does not know it.
    let used = TableState { last_sign: day(12), ..absent(10, LOOKS) };
    assert_eq!(fate(&used, &week, day(18)), Fate::OnNotice(day(19)));
    assert_eq!(fate(&used, &week, day(19)), Fate::Goes(DropReason::Unknown));
}

#[test]
fn an_absence_ends_when_the_report_is_seen() {
    let mut absence = None;
    for number in 0..5 {
        absence = look(absence, true, day(number));
    }
    assert_eq!(absence, Some(Absence { since: day(0), last: day(4), looks: 5 }));
    absence = look(absence, false, day(5));
    assert_eq!(absence, None);
    assert_eq!(look(absence, true, day(6)), Some(Absence { since: day(6), last: day(6), looks: 1 }));
}

#[test]
fn a_table_goes_so_long_after_its_last_run() {
    let month = rules(0, 30);
    assert_eq!(fate(&filled(), &month, day(29)), Fate::Stays);
    assert_eq!(fate(&filled(), &month, day(30)), Fate::Goes(DropReason::Old));
    assert_eq!(fate(&TableState { rows: Some(0), ..filled() }, &month, day(30)), Fate::Goes(DropReason::Old));
    let failed = TableState { status: Status::Error, rows: None, ..filled() };
    assert_eq!(fate(&failed, &month, day(29)), Fate::Stays);
    assert_eq!(fate(&failed, &month, day(30)), Fate::Goes(DropReason::Failed));
}

#[test]
fn a_table_that_a_run_has_or_waits_for_stays() {
    let rules = rules(1, 1);
    let running = TableState { status: Status::Process, ..absent(1, 9) };
    assert_eq!(fate(&running, &rules, day(99)), Fate::Stays);
    let held = TableState { held_until: Some(day(99)), ..absent(1, 9) };
    assert_eq!(fate(&held, &rules, day(98)), Fate::Stays);
    assert_eq!(fate(&held, &rules, day(99)), Fate::Goes(DropReason::Old), "its run was lost");
}

#[test]
fn an_answer_that_knows_none_or_too_few_is_not_believed() {
    let cases: [(usize, usize, usize, usize, bool); 11] = [
        // asked, found, gone, limit in percent
        (0, 0, 0, 20, true),
        (1, 0, 1, 20, false),
        (100, 0, 100, 20, false),
        (100, 0, 100, 100, true),
        (100, 80, 20, 20, true),
        (100, 79, 21, 20, false),
        // Removed ones have a record, which shows that it is the right platform; too many of them are a doubt too.
        (1, 1, 1, 20, true),
        (3, 2, 1, 20, true),
        (3, 1, 2, 20, false),
        (3, 3, 3, 20, false),
        (3, 3, 3, 100, true),
    ];
    for (asked, found, gone, max_share, believed) in cases {
        let told = believe(asked, found, gone, max_share);
        assert_eq!(told.is_ok(), believed, "{asked} asked, {found} found, {gone} gone, {max_share} %: {told:?}");
    }
}
