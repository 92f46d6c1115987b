//! `demo`: the main job in one process: a sample inventory, API, worker and timetable, and a dozen reports made
//! through the API as any client would.
//!
//! On embedded parts in a fresh folder, or on the servers that the configuration names.

mod client;
mod reports;
mod show;

use crate::api;
use crate::app::App;
use crate::beat;
use crate::config::Config;
use crate::inventory::{self, SAMPLE_OWNER};
use crate::store::{Store, Verdict};
use crate::worker;
use anyhow::{Context, bail, ensure};
use client::Client;
use futures_util::FutureExt;
use reports::DemoReport;
use show::Board;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often the reports' records are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long the reports may take before the demo says that something is wrong.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What the demo shows.
#[derive(Debug, Clone)]
pub struct Options {
    /// Servers in the sample inventory.
    pub servers: u64,
    /// Whether to leave when the reports have ended, rather than serve them.
    pub once: bool,
    /// An empty or new folder for inventory, store and queue; `None`: a temporary one.
    pub data_dir: Option<PathBuf>,
}

/// Makes the reports and shows how they ended.
///
/// # Errors
/// Where a part does not start, or a report did not end as it should.
pub async fn run(mut config: Config, options: Options) -> anyhow::Result<()> {
    let _temporary = fresh_folder(&mut config, options.data_dir)?;
    show::say(format_args!("Making a sample inventory of {} servers …", options.servers))?;
    let inventory = inventory::start(inventory::Options {
        dir: config.store.data_dir.join("inventory"),
        host: "127.0.0.1".to_owned(),
        port: 0,
        sample: Some(options.servers),
        auth: config.auth.clone(),
    })
    .await?;
    config.peers.data_uri = format!("http://{}", inventory.address);
    // The notices to the Data API are real; the sample platform has neither an audit nor a WebSocket service.
    config.peers.audit_uri = None;
    config.peers.websocket_uri = None;
    config.webhooks.endpoints.clear();
    let app = App::open_migrated(config).await?;
    let api = api::start(app.clone()).await?;
    let address = format!("http://{}", api.address);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = stopped.map(drop).shared();
    let work = actix_rt::spawn(worker::work_until(app.clone(), stopped.clone()));
    let timetable = actix_rt::spawn(beat::run(app.clone(), stopped));
    show::parts(&app)?;

    let ended = make_reports(&app, &address).await;
    if let (Ok(first), false) = (&ended, options.once) {
        show::invitation(&app.config, &address, first)?;
        tokio::signal::ctrl_c().await?;
    }
    drop(stop);
    let (_, _) = futures_util::join!(work, timetable);
    api.handle.stop(true).await;
    inventory.handle.stop(true).await;
    ended.map(drop)
}

/// Points the configuration to a folder that holds nothing yet.
fn fresh_folder(config: &mut Config, given: Option<PathBuf>) -> anyhow::Result<Option<TempDir>> {
    let Some(folder) = given else {
        let folder = TempDir::with_prefix("maestro-demo-")?;
        config.store.data_dir = folder.path().to_owned();
        return Ok(Some(folder));
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("--data-dir {}", folder.display()))?;
    let is_empty = std::fs::read_dir(&folder)?.next().is_none();
    ensure!(is_empty, "--data-dir {}: expected an empty folder", folder.display());
    config.store.data_dir = folder;
    Ok(None)
}

/// Requests all reports, shows their progress until they have ended, and checks each; the first one's table.
async fn make_reports(app: &App, address: &str) -> anyhow::Result<String> {
    let store = app.store.clone().context("the demo needs a report store of its own (MAESTRO_UPLOAD=store)")?;
    let client = Client::new(address, &app.config.auth)?;
    let mut board = Board::new();
    let mut requested = Vec::new();
    for demo in reports::all() {
        let table = client.request(&demo, SAMPLE_OWNER).await.with_context(|| demo.name.to_owned())?;
        board.add(demo.name, table);
        requested.push(demo);
    }
    watch(&store, &mut board).await?;
    board.print()?;
    let wrong: Vec<&DemoReport> =
        requested.iter().filter(|demo| board.status(demo.name) != Some(demo.status)).collect();
    for demo in &wrong {
        show::say(format_args!("{} should have ended as {}", demo.name, demo.status))?;
    }
    match (wrong.is_empty(), board.first_table()) {
        (true, Some(table)) => Ok(table.to_string()),
        _ => bail!("{} of {} reports did not end as they should", wrong.len(), requested.len()),
    }
}

async fn watch(store: &Arc<dyn Store>, board: &mut Board) -> anyhow::Result<()> {
    let start = Instant::now();
    while board.is_running() {
        ensure!(start.elapsed() < PATIENCE, "the reports have not ended after {PATIENCE:?}");
        for table in board.running() {
            match store.report(&table).await {
                Ok(report) => report.into_iter().for_each(|report| board.update(report)),
                // The worker tries its tasks again; so does this.
                Err(error) if error.verdict() == Verdict::Retry => log::warn!("{error}"),
                Err(error) => return Err(error.into()),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
