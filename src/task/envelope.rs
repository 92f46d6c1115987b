//! Celery's message protocol 2 (celery.md §2), read and written.

use super::Task;
use crate::broker::Message;

/// A task with what travels beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The task id.
    pub id: String,
    /// Attempts so far.
    pub retries: u32,
    /// The task.
    pub task: Task,
}

/// Why a message is no task of ours. Such a message goes to the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// The name is not in the contract.
    #[error("unknown task {0:?}")]
    UnknownTask(String),
}

impl Envelope {
    /// A first attempt with a new random id.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self { id: uuid::Uuid::new_v4().to_string(), retries: 0, task }
    }

    /// The message for a broker, to be run at once.
    #[must_use]
    pub fn to_message(&self) -> Message {
        Message::default()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Says which header or argument is missing or wrong, and what was expected.
    pub fn from_message(message: &Message) -> Result<Self, BadMessage> {
        Err(BadMessage::UnknownTask(message.content_type.clone()))
    }
}
