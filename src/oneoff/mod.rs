//! `run`: one general report without any service, straight from the inventory to a file or standard output.
//!
//! JSON is written as the rows arrive; other formats begin when the last one is known. A file appears under its name only
//! when it is complete.

mod spool;

use crate::artifact::{About, Format, Layout, Options, Place, Render};
use crate::config::Config;
use crate::domain::{Component, OwnerId, Row};
use crate::filter;
use crate::filter::matcher::Matcher;
use crate::inventory;
use crate::output::Output;
use crate::peers::{Peers, TakeRow};
use crate::stages;
use crate::tls;
use anyhow::Context;
use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use spool::{Spool, Spooled};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What to report on and where to put it.
#[derive(Debug, Clone)]
pub struct Order {
    /// A folder of inventory files, or the address of a Data API.
    pub source: String,
    /// The component.
    pub component: Component,
    /// Filters in the short form: `os.base=Linux`, `cpu>=4`.
    pub filters: Vec<String>,
    /// On whose behalf; `None`: everything that the source hands out.
    pub owner: Option<OwnerId>,
    /// How rows are written.
    pub format: &'static Format,
    /// What is asked of the format.
    pub options: Options,
    /// The file; `-` for standard output.
    pub output: PathBuf,
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// Rows of the report.
    pub rows: u64,
    /// What is left out of the file, in words.
    pub left_out: Option<String>,
}

/// Makes the report.
///
/// # Errors
/// Where a filter is not understood, the source fails or the output cannot be written. No half file is left behind.
pub async fn run(mut config: Config, order: Order) -> anyhow::Result<Made> {
    let filters = order.filters.iter().map(|text| filter::text(text)).collect::<Result<Vec<Value>, _>>()?;
    let filters = Value::from(filters);
    let filter::GeneralQuery { mut query, residual } = filter::general(&filters)?;
    let residual = residual.as_ref().map(Matcher::compile).transpose()?;
    if let Some(owner) = order.owner {
        query.insert("roles._id".to_owned(), owner.to_string().into());
    }
    // Kept until the end: the folder is served while it is read.
    let _served = serve_folder(&mut config, &order.source).await?;
    let bound = order.format.bound.map(|bound| config.artifacts.rows(bound));
    let about = about(&order, &filters);
    let printer = Printer::new(&order, residual, &about)?;
    let tls = tls::client(config.tls.ca_file.as_deref())?;
    let (printer, _) =
        stages::read_pages(&Peers::new(Arc::new(config), &tls), &order.component, &query, printer).await?;
    printer.finish(about, &order, bound)
}

/// What is known before the first row.
fn about(order: &Order, filters: &Value) -> About {
    About {
        name: order.component.to_string(),
        component: order.component.to_string(),
        owner: order.owner,
        conditions: filter::words(filters),
        selection: Vec::new(),
        taken_at: Utc::now(),
        place: Place::default(),
        rows: 0,
        charts: Value::Null,
        layout: Layout::default(),
    }
}

async fn serve_folder(config: &mut Config, source: &str) -> anyhow::Result<Option<inventory::Running>> {
    if source.starts_with("http://") || source.starts_with("https://") {
        config.peers.data_uri = source.trim_end_matches('/').to_owned();
        return Ok(None);
    }
    let options = inventory::Options {
        dir: PathBuf::from(source),
        host: "127.0.0.1".to_owned(),
        port: 0,
        sample: None,
        auth: config.auth.clone(),
    };
    let running = inventory::start(options).await.with_context(|| format!("--source {source}"))?;
    config.peers.data_uri = format!("http://{}", running.address);
    Ok(Some(running))
}

/// Takes rows as they come, and shows on a terminal how far it is.
struct Printer {
    output: Output,
    writing: Writing,
    residual: Option<Matcher>,
    rows: u64,
    failure: Option<anyhow::Error>,
    /// Whether somebody still reads.
    is_read: bool,
    bar: ProgressBar,
}

/// How rows are written.
enum Writing {
    /// As they come.
    Through(Box<dyn Render>),
    /// When they are all there.
    Later(Box<Spool>),
}

impl Printer {
    fn new(order: &Order, residual: Option<Matcher>, about: &About) -> anyhow::Result<Self> {
        // Drawn on standard error, and only where that is a terminal.
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template(
            "{spinner} {human_pos} rows {per_sec} {wide_bar} {percent}% {eta}",
        )?);
        bar.enable_steady_tick(Duration::from_millis(100));
        let mut output = Output::open(&order.output)?;
        let writing = if matches!(order.format.name, "json" | "ndjson") {
            let mut render = (order.format.render)(about.clone(), &order.options);
            let mut head = Vec::new();
            render.begin(&mut head)?;
            output.write(&head)?;
            Writing::Through(render)
        } else {
            let spool = Spool::new(&order.component.to_string().to_lowercase());
            Writing::Later(Box::new(spool.context("a temporary file for the rows")?))
        };
        Ok(Self { output, writing, residual, rows: 0, failure: None, is_read: true, bar })
    }

    fn write(&mut self, row: &Row) -> anyhow::Result<()> {
        match &mut self.writing {
            Writing::Through(render) => {
                let mut piece = Vec::new();
                render.row(row, &mut piece)?;
                self.is_read = self.output.write(&piece).context("writing the output")?;
                Ok(())
            }
            Writing::Later(spool) => spool.push(row).context("keeping the rows in a temporary file"),
        }
    }

    fn finish(mut self, mut about: About, order: &Order, bound: Option<u64>) -> anyhow::Result<Made> {
        self.bar.finish_and_clear();
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        about.place = Place::whole(self.rows);
        about.rows = bound.map_or(self.rows, |bound| self.rows.min(bound));
        let held = about.rows;
        match self.writing {
            Writing::Through(mut render) => {
                let mut tail = Vec::new();
                render.end(&mut tail)?;
                self.output.write(&tail)?;
            }
            Writing::Later(spool) => write_all(spool.rewind()?, about, order, &mut self.output)?,
        }
        self.output.finish()?;
        let left_out = (held < self.rows).then(|| order.format.left_out(held, self.rows));
        Ok(Made { rows: self.rows, left_out })
    }
}

/// Writes the rows that were kept.
fn write_all(mut rows: Spooled, mut about: About, order: &Order, output: &mut Output) -> anyhow::Result<()> {
    about.layout = Layout::of_columns(&rows.paths, &order.options.columns).context("--columns")?;
    about.charts = std::mem::take(&mut rows.charts);
    let held = about.rows;
    let mut render = (order.format.render)(about, &order.options);
    let mut piece = Vec::new();
    render.begin(&mut piece)?;
    for _ in 0..held {
        let Some(row) = rows.next().context("reading the rows back")? else { break };
        render.row(&row, &mut piece)?;
        if !output.write(&piece)? {
            return Ok(());
        }
        piece.clear();
    }
    render.end(&mut piece)?;
    output.write(&piece)?;
    Ok(())
}

impl TakeRow for Printer {
    fn announced(&mut self, found: u64) {
        self.bar.set_length(found);
    }

    fn take(&mut self, row: Row) -> bool {
        self.bar.inc(1);
        if !self.residual.as_ref().is_none_or(|residual| residual.matches(&row)) {
            return true;
        }
        self.failure = self.write(&row).err();
        self.rows += 1;
        self.failure.is_none() && self.is_read
    }
}
