//! Limits of tasks by their name, which operators set: how often one begins, how long one runs (celery.md §3.7, §3.11).

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The limits by the task's name.
#[derive(Default)]
pub(super) struct Limits(Mutex<BTreeMap<String, Limit>>);

#[derive(Default)]
struct Limit {
    /// The pause between two that begin.
    every: Option<Duration>,
    /// When the next one may begin.
    next: Option<Instant>,
    /// How long one may run.
    time: Option<Duration>,
}

impl Limits {
    /// Limits how often a task begins.
    pub(super) fn set_rate(&self, task: &str, every: Option<Duration>) {
        let mut limits = self.lock();
        let limit = limits.entry(task.to_owned()).or_default();
        (limit.every, limit.next) = (every, None);
    }

    /// Limits how long a task runs.
    pub(super) fn set_time(&self, task: &str, time: Option<Duration>) {
        self.lock().entry(task.to_owned()).or_default().time = time;
    }

    /// How long a task may run.
    pub(super) fn time(&self, task: &str) -> Option<Duration> {
        self.lock().get(task)?.time
    }

    /// How long a task must wait before it may begin.
    pub(super) fn wait(&self, task: &str, now: Instant) -> Duration {
        let next = self.lock().get(task).and_then(|limit| limit.next);
        next.map(|next| next.saturating_duration_since(now)).unwrap_or_default()
    }

    /// Counts one that begins.
    pub(super) fn count(&self, task: &str, now: Instant) {
        if let Some(limit) = self.lock().get_mut(task) {
            limit.next = limit.every.map(|every| now + every);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Limit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause between two tasks of a rate as Celery writes it: `5`, `5/s`, `10/m`, `2/h`; none for 0 and null.
pub(super) fn pause(rate: &Value) -> Option<Option<Duration>> {
    let text = match rate {
        Value::Null => return Some(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let (tasks, unit) = text.split_once('/').unwrap_or((&text, "s"));
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    match tasks.trim().parse::<f64>() {
        Ok(0.0) => Some(None),
        Ok(tasks) if tasks > 0.0 => Duration::try_from_secs_f64(seconds / tasks).ok().map(Some),
        Ok(_) | Err(_) => None,
    }
}

/// A time in seconds; none for null and 0. `None` for what is no time.
pub(super) fn seconds(value: &Value) -> Option<Option<Duration>> {
    if value.is_null() {
        return Some(None);
    }
    let time = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    Some(Some(time).filter(|time| !time.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rates_are_celerys() {
        let every = |rate| pause(&rate).unwrap().map(|pause| pause.as_secs_f64());
        assert_eq!([every(json!("10/m")), every(json!("4")), every(json!(2))], [Some(6.0), Some(0.25), Some(0.5)]);
        assert_eq!([every(json!("0")), every(json!(null)), every(json!("2/h"))], [None, None, Some(1800.0)]);
        for wrong in [json!("fast"), json!("1/d"), json!("-1/s"), json!(""), json!([1]), json!("1e-300/s")] {
            assert_eq!(pause(&wrong), None, "{wrong}");
        }
        assert_eq!(seconds(&json!(1.5)), Some(Some(Duration::from_millis(1500))));
        assert_eq!((seconds(&json!(0)), seconds(&json!(-1)), seconds(&json!("1"))), (Some(None), None, None));
    }

    #[test]
    fn a_task_waits_for_its_turn() {
        let (limits, start) = (Limits::default(), Instant::now());
        let wait = |task, seconds| limits.wait(task, start + Duration::from_secs(seconds));
        limits.count("a", start);
        assert_eq!(wait("a", 0), Duration::ZERO);
        limits.set_rate("a", Some(Duration::from_secs(6)));
        limits.count("a", start);
        assert_eq!(
            (wait("a", 2), wait("a", 7), wait("b", 0)),
            (Duration::from_secs(4), Duration::ZERO, Duration::ZERO)
        );
        limits.set_rate("a", None);
        limits.count("a", start);
        assert_eq!(wait("a", 0), Duration::ZERO);
    }
}
