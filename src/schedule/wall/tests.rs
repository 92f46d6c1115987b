use super::*;
use chrono::Timelike;
use proptest::prelude::*;

fn line(text: &str) -> Cron {
    Cron::of_line(text).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// All due times from `from` on, up to `to`, as the zone's clock shows them.
fn between(cron: &Cron, zone: Tz, from: &str, to: &str) -> Vec<String> {
    let (mut due, mut found) = (at(from) - SECOND, Vec::new());
    while let Some(next) = super::next(cron, zone, due).filter(|next| *next <= at(to)) {
        found.push(next.with_timezone(&zone).format("%d %H:%M %Z").to_string());
        // However it is asked for, it is the same.
        assert_eq!(latest(cron, zone, next), Some(next));
        assert_eq!(latest(cron, zone, next - NANOSECOND).filter(|before| *before > due), None);
        due = next;
    }
    found
}

#[test]
fn a_time_that_the_clock_passes_over_is_due_once_when_the_jump_is_over() {
    let daily = line("30 2 * * *");
    let spring = between(&daily, Tz::Europe__Berlin, "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(spring, ["28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST"]);
    let several = line("*/20 2-3 * * *");
    let spring = between(&several, Tz::America__New_York, "2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z");
    assert_eq!(spring, ["08 03:00 EDT", "08 03:20 EDT", "08 03:40 EDT"]);
    // Half an hour, in the south.
    let spring = between(&line("15 2 * * *"), Tz::Australia__Lord_Howe, "2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z");
    assert_eq!(spring, ["04 02:30 +11"]);
    // Midnight itself.
    let spring = between(&line("0 0 * * *"), Tz::Africa__Cairo, "2026-04-22T12:00:00Z", "2026-04-25T12:00:00Z");
    assert_eq!(spring, ["23 00:00 EET", "24 01:00 EEST", "25 00:00 EEST"]);
    // A whole day.
    let spring = between(&line("0 5 * * *"), Tz::Pacific__Apia, "2011-12-29T10:00:00Z", "2012-01-01T00:00:00Z");
    assert_eq!(spring, ["29 05:00 -10", "31 00:00 +14", "31 05:00 +14", "01 05:00 +14"]);
}

#[test]
fn a_time_that_comes_twice_is_due_the_first_time() {
    let daily = line("30 2 * * *");
    let autumn = between(&daily, Tz::Europe__Berlin, "2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(autumn, ["24 02:30 CEST", "25 02:30 CEST", "26 02:30 CET"]);
    let several = line("0,30 1-2 * * *");
    let autumn = between(&several, Tz::America__New_York, "2026-11-01T05:00:00Z", "2026-11-01T08:00:00Z");
    assert_eq!(autumn, ["01 01:00 EDT", "01 01:30 EDT", "01 02:00 EST", "01 02:30 EST"]);
    let autumn = between(&line("45 1 * * *"), Tz::Australia__Lord_Howe, "2026-04-04T12:00:00Z", "2026-04-05T12:00:00Z");
    assert_eq!(autumn, ["05 01:45 +11"]);
}

#[test]
fn a_schedule_for_every_hour_goes_on_in_real_time() {
    let often = line("0,30 * * * *");
    let spring = between(&often, Tz::Europe__Berlin, "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z");
    assert_eq!(spring, ["29 01:30 CET", "29 03:00 CEST", "29 03:30 CEST", "29 04:00 CEST"]);
    let autumn = between(&often, Tz::Europe__Berlin, "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z");
    assert_eq!(autumn, ["25 02:00 CEST", "25 02:30 CEST", "25 02:00 CET", "25 02:30 CET", "25 03:00 CET"]);
    let days = line("0 * 1 1 *");
    assert_eq!(super::next(&days, Tz::Europe__Berlin, at("2026-01-02T00:00:00Z")), Some(at("2026-12-31T23:00:00Z")));
    assert_eq!(latest(&days, Tz::Europe__Berlin, at("2026-12-31T22:00:00Z")), Some(at("2026-01-01T22:00:00Z")));
}

#[test]
fn what_never_comes_again_is_none() {
    let table = serde_json::json!({"year": "2020", "hour": "*"});
    let cron = Cron::of_table(table.as_object().unwrap()).unwrap();
    assert_eq!(super::next(&cron, Tz::Asia__Kolkata, at("2026-01-01T00:00:00Z")), None);
    assert_eq!(latest(&cron, Tz::Asia__Kolkata, at("2026-01-01T00:00:00Z")), Some(at("2020-12-31T17:30:00Z")));
}

/// The rule of a schedule for every hour, minute by minute.
fn is_due_every_hour(minutes: u32, zone: Tz, at: DateTime<Utc>) -> bool {
    at.with_timezone(&zone).minute().is_multiple_of(minutes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn real_time_is_as_looking_at_each_minute(
        zone in prop::sample::select(vec![Tz::Europe__London, Tz::America__St_Johns, Tz::Australia__Lord_Howe, Tz::Asia__Kathmandu]),
        minutes in prop::sample::select(vec![5_u32, 15, 20, 30]),
        minute in 0..1_051_200_i64,
    ) {
        let from = at("2026-01-01T00:00:30Z") + TimeDelta::minutes(minute);
        let cron = line(&format!("*/{minutes} * * * *"));
        let due = |steps: &mut dyn Iterator<Item = i64>| {
            steps.map(|n| from + TimeDelta::seconds(60 * n - 30)).find(|at| is_due_every_hour(minutes, zone, *at))
        };
        prop_assert_eq!(super::next(&cron, zone, from), due(&mut (1..240)));
        prop_assert_eq!(latest(&cron, zone, from), due(&mut (0..240).map(|n| -n)));
    }

    #[test]
    fn next_and_latest_agree(
        zone in prop::sample::select(vec![Tz::Europe__Berlin, Tz::America__New_York, Tz::Africa__Casablanca, Tz::Pacific__Apia]),
        text in prop::sample::select(vec!["30 2 * * *", "*/7 1-3 * * *", "0 0 * * 1-5", "15 * 1-7 * *", "0 12 29 2 *", "5,55 * * * 0"]),
        second in 0..126_144_000_i64,
    ) {
        let (cron, now) = (line(text), at("2009-01-01T00:00:00Z") + TimeDelta::seconds(second));
        let next = super::next(&cron, zone, now).unwrap();
        prop_assert!(next > now);
        prop_assert_eq!(latest(&cron, zone, next), Some(next));
        let before = latest(&cron, zone, next - SECOND).unwrap();
        prop_assert!(before <= now, "{before} is between {now} and {next}");
        prop_assert_eq!(super::next(&cron, zone, before), Some(next));
    }
}
