//! A task that an operator has revoked.

use super::{Hold, Job, Outcome};
use crate::broker::BrokerError;
use crate::task::Envelope;

impl Job {
    /// Ends a task that an operator has revoked: its report is `error`, and the old rows stay.
    pub(super) async fn cancel(
        &self,
        envelope: &Envelope,
        has_begun: bool,
        held: &mut Option<Hold>,
    ) -> Result<Outcome, BrokerError> {
        let when = if has_begun { "while it ran (terminate)" } else { "before it began (revoke)" };
        let message = format!("cancelled by an operator {when}");
        self.end_in_error(envelope, &message, Outcome::Revoked(has_begun), held).await
    }

    /// Whether this very task has made its report already, of which the notices may be missing.
    pub(super) async fn is_made(&self, envelope: &Envelope) -> bool {
        let (Some(table), Some(store)) = (envelope.task.runs(), &self.app.store) else { return false };
        let report = store.report(&table).await.ok().flatten();
        report.is_some_and(|report| report.is_made_by(&envelope.id))
    }
}
