//! A message that is no task.

use super::super::failure::with_causes;
use super::Job;
use crate::domain::Status;
use crate::metrics::{self, TaskOutcome};
use crate::request;
use crate::stages::{self, Ending};
use crate::store::End;
use crate::task::{BadMessage, Envelope, Problem, Step};
use chrono::Utc;
use std::time::Duration;

impl Job {
    /// Buries a message that is no task; where its report can be made out, that ends in `error`.
    pub(super) async fn refuse(&self, error: &BadMessage) {
        let reason = with_causes(error);
        let queue = &self.delivery.queue;
        log::error!("a message in queue {queue} goes to the dead letters: {reason}");
        if let Some(id) = self.delivery.message.headers.get("id").and_then(serde_json::Value::as_str) {
            self.node.tell(id, Step::Failed(Problem { message: error.to_string(), detail: reason.clone() }));
        }
        if let Some((table, task_id)) = Envelope::report_of(&self.delivery.message) {
            let (status, at) = (Status::Error, Utc::now());
            let end = End { status, message: reason.clone(), stages: Default::default(), at };
            if let Some(store) = &self.app.store
                && let Err(error) = store.end(&table, &task_id, &end).await
            {
                log::error!("report {}: its failure could not be recorded: {error}", table.report);
            }
            if let Err(error) = request::refuse(&self.app, table.report, &reason).await {
                log::error!("report {}: its failure could not be told: {error}", table.report);
            }
            let ending = Ending { run: &task_id, status, message: &reason, at };
            if let Err(error) = stages::announce_deliveries(&self.app, &table, ending).await {
                log::error!("report {}: its failure could not be sent to its endpoints: {error}", table.report);
            }
        }
        let settled = self.bury(&reason, &self.after_refusal(error, &reason)).await;
        let outcome = if settled.is_ok() { TaskOutcome::Dead } else { TaskOutcome::Unsettled };
        metrics::task(metrics::NO_TASK, outcome, Duration::ZERO);
        if let Err(error) = settled {
            log::warn!("a message in queue {queue} could not be put with the dead letters: {}", with_causes(&error));
        }
    }
}
