//! The stages of a report: what each task does. See a report through here from top to bottom.

mod error;

pub use error::StageError;

use crate::app::App;
use crate::task::Envelope;

/// Runs one task to its end. Running it twice leaves the same rows.
///
/// # Errors
/// With a message that the report's owner understands; [`StageError::verdict`] says whether to try again.
pub async fn run(app: &App, envelope: &Envelope) -> Result<(), StageError> {
    let _ = (app, envelope);
    Ok(())
}

/// Tells everybody concerned that a task has failed: a task that runs a report ends it in `error` with this message.
/// `retry_in` is set where the task will be tried again.
pub async fn failed(app: &App, envelope: &Envelope, message: &str, retry_in: Option<std::time::Duration>) {
    let _ = (app, envelope, message, retry_in);
}
