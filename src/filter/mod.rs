//! The filter language: what users type, parsed into typed filters, compiled into queries.
//!
//! Three users: a general report's list becomes a Data API query (`general`), a pivot report's object becomes a pipeline
//! (`pivot`), and `query` of a row request becomes a checked MongoDB condition (`rows`). `matcher` evaluates a MongoDB
//! condition on a document as the server does, for the embedded parts. No I/O.

mod general;
pub mod matcher;
mod parse;
mod pivot;
mod rows;

pub use general::{GeneralQuery, general};
pub use parse::{FilterError, decode};
pub use pivot::{PivotQuery, pivot};
pub use rows::{RowsError, rows};
