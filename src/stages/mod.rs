//! The stages of a report: what each task does. See a report through here from top to bottom.

use crate::app::App;
use crate::task::Envelope;

/// Why a task did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Trying again later may help.
    #[error("{0}")]
    Retry(String),
    /// It will fail again.
    #[error("{0}")]
    GiveUp(String),
}

/// Runs one task to its end. Running it twice leaves the same rows.
///
/// # Errors
/// `Retry` or `GiveUp`, with a message that the report's owner understands.
pub async fn run(app: &App, envelope: &Envelope) -> Result<(), StageError> {
    let _ = (app, envelope);
    Ok(())
}

/// Tells everybody concerned that a task has failed: a task that runs a report ends it in `error` with this message.
/// `retry_in` is set where the task will be tried again.
pub async fn failed(app: &App, envelope: &Envelope, message: &str, retry_in: Option<std::time::Duration>) {
    let _ = (app, envelope, message, retry_in);
}
