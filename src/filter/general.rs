//! General reports: a list of filters becomes a Data API query.

use super::FilterError;
use bson::Document;
use serde_json::{Map, Value};

/// A query that today's Data API understands, and what it cannot express.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralQuery {
    /// Flat paths to values or operator objects, without the owner rule; texts for ids and dates (contract §5).
    pub query: Map<String, Value>,
    /// A MongoDB condition that every row must meet besides, where the query alone would let too many through.
    pub residual: Option<Document>,
}

/// Compiles the filters of a general report.
///
/// # Errors
/// Names the place of the first filter that is not understood.
pub fn general(filters: &Value) -> Result<GeneralQuery, FilterError> {
    let _ = filters;
    Ok(GeneralQuery { query: Map::new(), residual: None })
}
