//! Options of the commands that write files: `export`, and the same of `run`.

use crate::artifact::{Dialect, FORMATS, Format, Options, format};
use crate::config::Artifacts;
use crate::domain::TableName;
use crate::export::Order;
use crate::filter;
use crate::store::{DEFAULT_ORDER, Direction, RowQuery};
use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Which format, and how it is written.
#[derive(Debug, Args)]
pub struct FormatArgs {
    /// How rows are written
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = formats())]
    pub format: &'static Format,
    /// File to write; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Only these columns, such as hostname,os.base
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = path)]
    pub columns: Vec<String>,
    /// CSV: what separates cells: , ; | or tab
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = separator)]
    pub sep: u8,
    /// CSV: begin with a byte order mark, by which Excel tells UTF-8
    #[arg(long)]
    pub bom: bool,
    /// CSV: a first column that numbers the rows
    #[arg(long)]
    pub index: bool,
    /// CSV: leave cells as they are that a spreadsheet takes for formulas
    #[arg(long)]
    pub raw: bool,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Table, such as 5c00000000000000000000a1_general
    pub table: TableName,
    /// The format.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Only rows that match, as JSON: '{"name": {"$regex": "^web"}}'
    #[arg(long, value_name = "JSON")]
    pub query: Option<String>,
    /// Path to sort by
    #[arg(long, value_name = "PATH", default_value = DEFAULT_ORDER, value_parser = path)]
    pub order_by: String,
    /// Smallest first
    #[arg(long)]
    pub ascending: bool,
    /// Rows at most
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

impl FormatArgs {
    /// What is asked of the format; JSON as a bare list for `run`.
    #[must_use]
    pub fn options(&self, bare: bool) -> Options {
        let csv = Dialect { index: self.index, bom: self.bom, separator: self.sep, raw: self.raw };
        Options::new(csv, self.columns.clone(), bare)
    }
}

impl ExportArgs {
    /// The artifact that is asked for.
    ///
    /// # Errors
    /// Where the query is not understood.
    pub fn order(&self, settings: &Artifacts) -> anyhow::Result<Order> {
        let query = self.query.as_deref().map(serde_json::from_str::<Map<String, Value>>).transpose();
        let query = query.context("--query: expected a JSON object")?.unwrap_or_default();
        let direction = if self.ascending { Direction::Ascending } else { Direction::Descending };
        let filter = filter::rows(&query).context("--query")?;
        let format = self.format.format;
        let sort = Some((self.order_by.clone(), direction));
        Ok(Order {
            format,
            query: RowQuery { filter, sort, limit: self.limit, ..RowQuery::default() },
            options: self.format.options(false),
            selection: self.query.iter().map(|query| format!("query: {query}")).collect(),
            bound: format.bound.map(|bound| settings.rows(bound)),
        })
    }
}

fn path(text: &str) -> Result<String, String> {
    let expected = || "expected a path of letters, digits, _, - and .".to_owned();
    filter::is_plain_path(text).then(|| text.to_owned()).ok_or_else(expected)
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let values = FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.title));
    PossibleValuesParser::new(values).try_map(|name| format(&name).ok_or("no such format"))
}

fn separator(text: &str) -> Result<u8, String> {
    Dialect::separator(text).ok_or_else(|| "expected , ; | or tab".to_owned())
}
