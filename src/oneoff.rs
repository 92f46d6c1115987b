//! `run`: one general report without any service, straight from the inventory to a file or standard output.
//!
//! Rows are written as they arrive; a file appears under its name only when it is complete.

use crate::config::Config;
use crate::domain::{Component, JsonRow, OwnerId, Row};
use crate::filter;
use crate::filter::matcher::Matcher;
use crate::inventory;
use crate::peers::{Peers, TakeRow};
use crate::stages;
use crate::tls;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::NamedTempFile;

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
    pub format: Format,
    /// The file; `-` for standard output.
    pub output: PathBuf,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON list.
    Json,
    /// One JSON object a line.
    Ndjson,
}

/// Makes the report; how many rows it has.
///
/// # Errors
/// Where a filter is not understood, the source fails or the output cannot be written. No half file is left behind.
pub async fn run(mut config: Config, order: Order) -> anyhow::Result<u64> {
    let filters = order.filters.iter().map(|text| filter::text(text)).collect::<Result<Vec<Value>, _>>()?;
    let filter::GeneralQuery { mut query, residual } = filter::general(&Value::from(filters))?;
    let residual = residual.as_ref().map(Matcher::compile).transpose()?;
    if let Some(owner) = order.owner {
        query.insert("roles._id".to_owned(), owner.to_string().into());
    }
    // Kept until the end: the folder is served while it is read.
    let _served = serve_folder(&mut config, &order.source).await?;
    let output = Output::open(&order.output)?;
    let printer = Printer::new(output, order.format, residual)?;
    let tls = tls::client(config.tls.ca_file.as_deref())?;
    let (printer, _) =
        stages::read_pages(&Peers::new(Arc::new(config), &tls), &order.component, &query, printer).await?;
    printer.finish()
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

/// Standard output, or a file that takes its name when it is complete.
enum Output {
    Standard(io::Stdout),
    File(NamedTempFile, PathBuf),
}

impl Output {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Standard(io::stdout()));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).with_context(|| format!("--output {}", path.display()))?;
        Ok(Self::File(file, path.to_owned()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::File(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::File(file, _) => file.flush(),
        }
    }
}

/// Writes rows as they come, and shows on a terminal how far it is.
struct Printer {
    out: BufWriter<Output>,
    format: Format,
    residual: Option<Matcher>,
    rows: u64,
    failure: Option<io::Error>,
    bar: ProgressBar,
}

impl Printer {
    fn new(output: Output, format: Format, residual: Option<Matcher>) -> anyhow::Result<Self> {
        // Drawn on standard error, and only where that is a terminal.
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template(
            "{spinner} {human_pos} rows {per_sec} {wide_bar} {percent}% {eta}",
        )?);
        bar.enable_steady_tick(Duration::from_millis(100));
        let mut out = BufWriter::new(output);
        if format == Format::Json {
            out.write_all(b"[")?;
        }
        Ok(Self { out, format, residual, rows: 0, failure: None, bar })
    }

    fn write(&mut self, row: &Row) -> io::Result<()> {
        match self.format {
            Format::Json if self.rows > 0 => self.out.write_all(b",\n")?,
            Format::Json | Format::Ndjson => {}
        }
        serde_json::to_writer(&mut self.out, &JsonRow(row))?;
        if self.format == Format::Ndjson {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<u64> {
        self.bar.finish_and_clear();
        match self.failure {
            // The reader of a pipe has seen enough.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(self.rows),
            Some(error) => return Err(error).context("writing the output"),
            None => {}
        }
        if self.format == Format::Json {
            self.out.write_all(b"]\n")?;
        }
        self.out.flush().context("writing the output")?;
        if let Output::File(file, path) = self.out.into_inner().map_err(io::IntoInnerError::into_error)? {
            file.persist(&path).with_context(|| format!("--output {}", path.display()))?;
        }
        Ok(self.rows)
    }
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
        self.failure.is_none()
    }
}
