//! General reports: a list of filters becomes a Data API query.

use super::condition::{Condition, conditions};
use super::data_api::{Checks, Target, part};
use super::{FilterError, parse};
use bson::{Document, doc};
use serde_json::{Map, Value};

/// A query that today's Data API understands, and what it cannot express.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralQuery {
    /// Flat paths to values or operator objects, without the owner rule; texts for ids and dates (contract §5).
    pub query: Map<String, Value>,
    /// A MongoDB condition that every row must meet besides, where the query alone would let too many through.
    pub residual: Option<Document>,
}

/// Compiles the filters of a general report: a list; null and an empty text are no filters.
///
/// # Errors
/// Names the place of the first filter that is not understood.
pub fn general(filters: &Value) -> Result<GeneralQuery, FilterError> {
    let mut query = Checks::default();
    let mut left = Vec::new();
    for condition in conditions(&parse::list(Some(filters), "filters")?, "") {
        let part = part(&condition, Target::Query);
        let fits = part.checks.into_iter().fold(true, |fits, (path, check)| query.put(&path, check).is_none() && fits);
        if !(part.whole && fits) {
            left.push(condition);
        }
    }
    Ok(GeneralQuery { query: query.json(), residual: residual(&left) })
}

/// The condition that all of these hold; `None` where there are none.
pub(super) fn residual(left: &[Condition]) -> Option<Document> {
    match left {
        [] => None,
        [condition] => Some(condition.document()),
        _ => Some(doc! {"$and": left.iter().map(Condition::document).collect::<Vec<_>>()}),
    }
}
