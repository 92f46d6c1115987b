//! How long a task may run.

use super::{Hold, Job, Outcome};
use crate::broker::{BrokerError, Message};
use crate::task::Envelope;
use crate::worker::limits;
use serde_json::Value;
use std::future::pending;
use std::time::Duration;
use tokio::time::sleep;

impl Job {
    /// Back when the task has run for longer than it may: as its message says, else as operators have set for its name,
    /// else as the settings say.
    pub(super) async fn past_its_time(&self, envelope: &Envelope) -> Duration {
        let named = || self.node.limits.time(envelope.task.name());
        let limit = of_message(&self.delivery.message).or_else(named).or(self.app.config.worker.time_limit);
        let Some(limit) = limit else { return pending().await };
        sleep(limit).await;
        limit
    }

    /// Ends a task that has run for longer than it may: its report is `error`, the old rows stay, and nobody tries again.
    pub(super) async fn end_long(
        &self,
        envelope: &Envelope,
        limit: Duration,
        held: &mut Option<Hold>,
    ) -> Result<Outcome, BrokerError> {
        self.end_in_error(envelope, &too_long(limit), Outcome::TooLong(limit), held).await
    }
}

/// What people read of a task that has run for longer than it may.
pub(super) fn too_long(limit: Duration) -> String {
    format!("the task ran for longer than its time limit of {} s", limit.as_secs_f64())
}

/// The shorter of the two limits that a message gives (celery.md §2).
fn of_message(message: &Message) -> Option<Duration> {
    let limits = message.headers.get("timelimit").and_then(Value::as_array)?;
    limits.iter().filter_map(|limit| limits::seconds(limit)?).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_shorter_limit_of_a_message_counts() {
        for (header, seconds) in [
            (json!([3, null]), Some(3.0)),
            (json!([3, 1.5]), Some(1.5)),
            (json!([null, null]), None),
            (json!("3"), None),
        ] {
            let headers = json!({"timelimit": header}).as_object().unwrap().clone();
            let limit = of_message(&Message { headers, ..Message::default() });
            assert_eq!(limit.map(|limit| limit.as_secs_f64()), seconds, "{header}");
        }
    }
}
