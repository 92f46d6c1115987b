//! Filters as the web client builds them (contract §4), parsed.

/// A filter that is not understood: where it is and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {expected}")]
pub struct FilterError {
    /// The place, such as `filters[2].comparer` or `filters.servers.filters[0].field`.
    pub path: String,
    /// What is wrong and what was expected.
    pub expected: String,
}

/// The filters as JSON: callers send a JSON value or, as the server app does, a text of JSON.
///
/// # Errors
/// Where the text is no JSON.
pub fn decode(filters: &serde_json::Value) -> Result<serde_json::Value, FilterError> {
    match filters {
        serde_json::Value::String(text) => serde_json::from_str(text)
            .map_err(|error| FilterError { path: "filters".into(), expected: format!("expected JSON: {error}") }),
        other => Ok(other.clone()),
    }
}
