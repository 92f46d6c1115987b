use super::*;
use serde_json::json;

fn table(table: Value) -> Result<Cron, Vec<Wrong>> {
    Cron::of_table(table.as_object().unwrap())
}

/// The first times after the end of 2025.
fn times(cron: &Cron, count: usize) -> Vec<String> {
    let mut wall: NaiveDateTime = "2025-12-31T23:59:59".parse().unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        wall = cron.next_wall(wall).unwrap();
        assert_eq!(cron.latest_wall(wall), Some(wall));
        times.push(wall.format("%m-%d %H:%M:%S").to_string());
    }
    times
}

fn line_times(line: &str) -> Vec<String> {
    times(&Cron::of_line(line).unwrap(), 3)
}

fn table_times(fields: Value) -> Vec<String> {
    times(&table(fields).unwrap(), 3)
}

#[test]
fn five_fields_are_those_of_crontab() {
    assert_eq!(line_times("*/20 3 * * *"), ["01-01 03:00:00", "01-01 03:20:00", "01-01 03:40:00"]);
    // 2026-01-01 is a Thursday.
    for sunday in ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", " 0  0 * * SUN "] {
        assert_eq!(line_times(sunday), ["01-04 00:00:00", "01-11 00:00:00", "01-18 00:00:00"], "{sunday}");
    }
    assert_eq!(line_times("5 4 * jan,feb fri-sun"), ["01-02 04:05:00", "01-03 04:05:00", "01-04 04:05:00"]);
    assert_eq!(line_times("0 0 * * sun-mon"), ["01-04 00:00:00", "01-05 00:00:00", "01-11 00:00:00"]);
    // Either of the two.
    assert_eq!(line_times("0 0 3 * mon"), ["01-03 00:00:00", "01-05 00:00:00", "01-12 00:00:00"]);
    assert_eq!(line_times("0 0 29 2 *")[0], "02-29 00:00:00", "in 2028");
}

#[test]
fn a_table_has_the_rules_of_the_platforms_schedules() {
    assert_eq!(table_times(json!({"hour": 5})), ["01-01 05:00:00", "01-02 05:00:00", "01-03 05:00:00"]);
    assert_eq!(table_times(json!({"minute": "*/30"})), ["01-01 00:00:00", "01-01 00:30:00", "01-01 01:00:00"]);
    assert_eq!(table_times(json!({"second": "10-50/20"})), ["01-01 00:00:10", "01-01 00:00:30", "01-01 00:00:50"]);
    assert_eq!(table_times(json!({"month": "2,jun"})), ["02-01 00:00:00", "02-02 00:00:00", "02-03 00:00:00"]);
    assert_eq!(table_times(json!({"day_of_week": "0", "hour": ""}))[..2], ["01-05 00:00:00", "01-12 00:00:00"]);
    assert_eq!(table_times(json!({"day_of_week": "mon-wed,sun"}))[..2], ["01-04 00:00:00", "01-05 00:00:00"]);
    // Both of the two.
    assert_eq!(table_times(json!({"day": "13", "day_of_week": "fri"}))[..2], ["02-13 00:00:00", "03-13 00:00:00"]);
    assert_eq!(table_times(json!({"week": "2", "hour": "6"}))[..2], ["01-05 06:00:00", "01-06 06:00:00"]);
    assert_eq!(table_times(json!({"year": "2027", "day": 1}))[..2], ["01-01 00:00:00", "02-01 00:00:00"]);
}

#[test]
fn some_days_of_a_month_have_words() {
    let days = |day: &str| table_times(json!({ "day": day }));
    assert_eq!(days("last"), ["01-31 00:00:00", "02-28 00:00:00", "03-31 00:00:00"]);
    assert_eq!(days("3rd fri"), ["01-16 00:00:00", "02-20 00:00:00", "03-20 00:00:00"]);
    assert_eq!(days("5th Sat"), ["01-31 00:00:00", "05-30 00:00:00", "08-29 00:00:00"]);
    assert_eq!(days("last sun"), ["01-25 00:00:00", "02-22 00:00:00", "03-29 00:00:00"]);
    assert_eq!(days("*/15,1st thu"), ["01-01 00:00:00", "01-16 00:00:00", "01-31 00:00:00"]);
    assert_eq!(days("30-31,2nd mon")[..2], ["01-12 00:00:00", "01-30 00:00:00"]);
}

#[test]
fn the_latest_time_is_found_over_years_that_are_left_out() {
    let cron = table(json!({"year": "2019,2022", "month": "3,11", "day": "last", "hour": 4})).unwrap();
    let latest = |until: &str| cron.latest_wall(until.parse().unwrap()).map(|at| at.to_string());
    assert_eq!(latest("2026-01-05T01:00:00").unwrap(), "2022-11-30 04:00:00");
    assert_eq!(latest("2022-03-31T03:59:59").unwrap(), "2019-11-30 04:00:00");
    assert_eq!(latest("2019-01-01T00:00:00"), None);
}

#[test]
fn each_mistake_names_its_field_and_what_was_expected() {
    let fields = |wrong: Vec<Wrong>| wrong.into_iter().filter_map(|wrong| wrong.field).collect::<Vec<_>>().join(" ");
    assert_eq!(fields(Cron::of_line("60 24 0 13 8").unwrap_err()), "minute hour month day day_of_week");
    assert_eq!(fields(Cron::of_line("*/0 5-1 1-x foo ?").unwrap_err()), "minute hour month day day_of_week");
    let all = json!({"second": "x", "minute": "1,", "hour": "@daily", "day": "6th fri", "week": "54", "month": "",
        "year": "1900", "day_of_week": 7});
    assert_eq!(fields(table(all).unwrap_err()), "second minute hour year day week day_of_week");
    assert_eq!(fields(table(json!({"minutes": 5, "hour": [1]})).unwrap_err()), "minutes hour");
    for (wrong, expected) in [
        (Cron::of_line("0 0 * *"), "five fields (minute hour day month day_of_week), got 4"),
        (Cron::of_line("@daily"), "five fields (minute hour day month day_of_week), got 1"),
        (Cron::of_line("0 0 30 2 *"), "a date that comes: no day of the calendar is meant"),
        (table(json!({})), "at least one of year, month, day, week, day_of_week, hour, minute, second"),
    ] {
        assert_eq!(wrong, Err(vec![Wrong { field: None, expected: expected.to_owned() }]));
    }
}
