//! The schedules for people: `beat --list`.

use super::list::Listed;
use crate::schedule::{LastRun, Mark};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use comfy_table::{Table, presets};

/// A table of the schedules with their next and last runs, in the time zone of each.
#[must_use]
pub fn text(schedules: &[Listed], now: DateTime<Utc>) -> String {
    if schedules.is_empty() {
        return "there are no schedules: docs/operating.md tells how to make one\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["schedule", "when", "next run", "last run", "outcome"]);
    for Listed { schedule, mark, .. } in schedules {
        let zone = schedule.zone;
        let run = mark.as_ref().and_then(|mark| mark.run.as_ref());
        let last = run.map_or_else(|| "never".to_owned(), |run| shown(run.due.unwrap_or(run.requested_at), zone));
        table.add_row([
            plain(&schedule.title),
            schedule.shown(),
            next(schedule, mark.as_ref(), now),
            last,
            outcome(run),
        ]);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn next(schedule: &crate::schedule::Schedule, mark: Option<&Mark>, now: DateTime<Utc>) -> String {
    if !schedule.enabled {
        return "disabled".to_owned();
    }
    if let Some((mark, why)) = mark.and_then(|mark| Some((mark, mark.paused.as_deref()?))) {
        // The last failure is told in its own column.
        return match mark.failures {
            0 => plain(why),
            1 => "paused, 1 failure".to_owned(),
            failures => format!("paused, {failures} failures"),
        };
    }
    schedule.next_run(now).map_or_else(|| "never again".to_owned(), |next| shown(next, schedule.zone))
}

fn outcome(run: Option<&LastRun>) -> String {
    let Some(run) = run else { return String::new() };
    let took = run.ended_at.and_then(|at| (at - run.requested_at).to_std().ok());
    let took = took.map(|took| format!(" after {} s", took.as_secs())).unwrap_or_default();
    let message = if run.message.is_empty() { String::new() } else { format!(": {}", plain(&run.message)) };
    format!("{}{took}{message}", run.outcome.as_str())
}

/// A moment as the zone's clock shows it, with the zone.
fn shown(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A text that cannot change what the terminal shows beside it.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beat::Origin;
    use crate::schedule::{self, Outcome};
    use serde_json::json;

    fn listed(fields: serde_json::Value) -> Listed {
        let mut table = json!({
            "report_id": "5c0000000000000000000001", "owner_user": "5c0000000000000000000002", "type": "general",
            "component": "Servers",
        });
        table.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let schedule = schedule::read(table.as_object().unwrap()).unwrap();
        Listed { schedule, origin: Origin::File, mark: None }
    }

    #[test]
    fn next_and_last_runs_are_shown_in_each_zone_with_the_outcome() {
        let now: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        let mut ran = listed(json!({"name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}));
        let mut mark = Mark::at(&ran.schedule, None, "2026-03-28T01:30:00Z".parse().unwrap(), 1);
        mark.requested(LastRun {
            task_id: "t".into(),
            table: ran.schedule.table(),
            due: Some(mark.last_due),
            requested_at: mark.last_due,
            outcome: Outcome::Process,
            message: String::new(),
            ended_at: None,
        });
        let mut running = ran.clone();
        running.schedule.title = "running".into();
        running.mark = Some(mark.clone());
        mark.ended(Outcome::Error, "no Data\nAPI", mark.last_due + chrono::TimeDelta::seconds(9), None);
        ran.mark = Some(mark.clone());
        let mut paused = ran.clone();
        paused.schedule.title = "paused".into();
        mark.ended(Outcome::Error, "no Data API", mark.last_due + chrono::TimeDelta::seconds(9), Some(2));
        paused.mark = Some(mark);
        let all = [
            ran,
            running,
            paused,
            listed(json!({"name": "new", "every": "1h 30m"})),
            listed(json!({"name": "off", "every": "1d", "enabled": false})),
            listed(json!({"name": "ended", "cron": {"hour": 5}, "enabled_until": "2026-03-28T05:00:00Z"})),
        ];
        insta::assert_snapshot!(text(&all, now));
        assert!(text(&[], now).contains("no schedules"));
    }
}
