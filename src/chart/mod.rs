//! Charts: what is counted (contract §7), how it is drawn, and the columns of a table. Pure.

mod columns;
mod count;
mod draw;
mod read;
mod rules;

pub use columns::Columns;
pub use count::Counts;
pub use draw::{CSS, Style};
pub(crate) use draw::{Paint, Texture};
pub use read::{Chart, Kind, Slice, charts};
