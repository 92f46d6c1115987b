//! The states of a report that the platform knows.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where a report stands. Every report leaves `process` for one of the other three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Requested or running.
    Process,
    /// The rows are complete.
    Finished,
    /// It ended, with something to tell: nothing was found.
    Warning,
    /// It ended without a new result; the message says why.
    Error,
}

/// A text that is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected process, finished, warning or error, got {0:?}")]
pub struct BadStatus(String);

impl Status {
    /// All statuses.
    pub const ALL: [Self; 4] = [Self::Process, Self::Finished, Self::Warning, Self::Error];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Finished => "finished",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Whether the report has ended.
    #[must_use]
    pub fn has_ended(self) -> bool {
        self != Self::Process
    }
}

impl FromStr for Status {
    type Err = BadStatus;

    fn from_str(text: &str) -> Result<Self, BadStatus> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| BadStatus(text.to_owned()))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_survives_the_wire() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
