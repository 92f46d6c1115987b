//! The filter language: what users type, parsed into typed filters, compiled into queries.
//!
//! Three users: a general report's list becomes a Data API query (`general`), a pivot report's object becomes a pipeline
//! (`pivot`), and `query` of a row request becomes a checked MongoDB condition (`rows`). `matcher` evaluates a MongoDB
//! condition on a document as the server does, for the embedded parts. `text` reads a filter of the command line.
//!
//! A filter's way: `parse` (typed, checked) → `condition` (what must hold, exactly) → `data_api` (what of it the Data API
//! can check, and how it is written there); the rest is the residual, which the worker checks on the rows. No I/O.

mod condition;
mod data_api;
mod general;
pub mod matcher;
mod parse;
mod pivot;
mod rows;
mod text;
mod words;

pub use general::{GeneralQuery, general};
pub use parse::{FilterError, decode, is_plain_path};
pub use pivot::{PivotQuery, pivot};
pub use rows::{RowsError, rows};
pub use text::text;
pub use words::words;

#[cfg(test)]
mod tests;
