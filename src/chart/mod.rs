//! Charts: what is counted (contract §7), and the columns of a table. Pure.

mod columns;
mod count;
mod rules;

pub use columns::Columns;
pub use count::Counts;
