//! Pivot reports: an object of components becomes an aggregation pipeline.

use super::FilterError;
use crate::domain::{Component, OwnerId};
use bson::Document;
use serde_json::Value;

/// An aggregation that today's Data API understands.
#[derive(Debug, Clone, PartialEq)]
pub struct PivotQuery {
    /// The first enabled component.
    pub entity: Component,
    /// The stages; the first is a `$match` that holds `roles._id`.
    pub pipeline: Vec<Value>,
    /// A MongoDB condition that every joined row must meet besides: today's Data API gives no date of an operator
    /// object its type, so that conditions on dates cannot be part of the pipeline.
    pub residual: Option<Document>,
}

/// Compiles the filters of a pivot report for its owner.
///
/// # Errors
/// Names the place of the first filter that is not understood, or the gap between enabled components.
pub fn pivot(filters: &Value, owner: OwnerId) -> Result<PivotQuery, FilterError> {
    let _ = (filters, owner);
    Err(FilterError { path: "filters".into(), expected: "an object".into() })
}
