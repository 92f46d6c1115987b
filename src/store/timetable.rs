//! Schedules: those made by requests, how far each has come, and the fencing tokens of those who deal with them.

use super::StoreError;
use crate::schedule::Mark;
use async_trait::async_trait;
use serde_json::{Map, Value};

/// A schedule as it was requested.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Map<String, Value>,
}

/// What a store keeps for the timetable. Both implementations pass the same conformance suite.
#[async_trait]
pub trait Timetable: Send + Sync {
    /// The schedules made by requests, by name.
    async fn definitions(&self) -> Result<Vec<Definition>, StoreError>;

    /// Keeps a new schedule; false where there is one of its name.
    async fn define(&self, definition: &Definition) -> Result<bool, StoreError>;

    /// Changes a schedule from `before`; false where it is another one by now, or gone.
    async fn redefine(&self, before: &Definition, after: &Definition) -> Result<bool, StoreError>;

    /// Removes a schedule and how far it has come; whether there was one.
    async fn undefine(&self, name: &str) -> Result<bool, StoreError>;

    /// How far the schedules have come, those of files included, by name.
    async fn marks(&self) -> Result<Vec<Mark>, StoreError>;

    /// How far a schedule has come; `None` where nobody has dealt with it.
    async fn mark(&self, name: &str) -> Result<Option<Mark>, StoreError>;

    /// Notes how far a schedule has come. False, and nothing is changed, where the one that is kept has another
    /// revision than `mark` or a later leader's fencing token: then somebody else has dealt with it.
    async fn put_mark(&self, mark: &Mark) -> Result<bool, StoreError>;

    /// A new fencing token of a lease, larger than all before. For whoever has just taken the lease: tokens are in the
    /// order of holders where the lease is renewed once more with the token in hand.
    async fn next_fence(&self, lease: &str) -> Result<u64, StoreError>;
}

/// A mark that cannot be read.
pub(super) fn corrupt(name: &str, what: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { what: format!("the schedule {name}: {what}") }
}
