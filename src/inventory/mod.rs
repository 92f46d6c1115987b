//! A Data API (contract §5) over a folder of files: for the demo, one-off runs, tests, and whoever has an inventory but
//! no platform.
//!
//! `read` finds and reads the files, `catalog` keeps what was read in a `dataset` each (a private SQLite file) and looks
//! for changes, `find` and `pipeline`/`join` answer queries, `cast` and `render` hold the Data API's rules for ids and
//! dates in and out, `routes` the addresses. `sample` writes a made-up folder. Nothing here knows of reports' rows.

mod body;
mod cast;
mod catalog;
mod dataset;
mod error;
mod find;
mod join;
mod pipeline;
mod read;
mod render;
mod routes;
mod sample;

use crate::config::Auth;
use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use anyhow::{Context, bail};
use catalog::Catalog;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use sample::SAMPLE_OWNER;

/// Threads that take requests; the work itself is done on others.
const THREADS: usize = 2;

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of files.
    pub dir: PathBuf,
    /// The address to listen on.
    pub host: String,
    /// The port; 0 for any that is free.
    pub port: u16,
    /// Which tokens are good.
    pub auth: Auth,
    /// Servers of a sample inventory to be written into the folder first.
    pub sample: Option<u64>,
}

/// An inventory that is being served.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Stops it.
    pub handle: ServerHandle,
}

/// Serves until SIGTERM or SIGINT; prints where it listens.
///
/// # Errors
/// Where the folder cannot be read, the sample cannot be written or the address is taken.
pub async fn serve(options: Options) -> anyhow::Result<()> {
    let (address, server) = bind(options, false).await?;
    announce(address);
    server.await.context("the inventory stopped")
}

/// Serves in the background of this runtime until the handle stops it.
///
/// # Errors
/// As `serve`.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    let (address, server) = bind(options, true).await?;
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        if let Err(error) = server.await {
            log::error!("the inventory at {address} stopped: {error}");
        }
    });
    Ok(Running { address, handle })
}

async fn bind(options: Options, quiet: bool) -> anyhow::Result<(SocketAddr, Server)> {
    let Options { dir, host, port, auth, sample } = options;
    let folder = dir.clone();
    let components = web::block(move || prepare(&folder, sample)).await??;
    log::info!("the inventory in {} holds {}", dir.display(), components.join(", "));
    let state = web::Data::new(routes::State { catalog: Catalog::new(dir), auth });
    let server = HttpServer::new(move || App::new().app_data(state.clone()).configure(routes::configure))
        .workers(THREADS)
        .shutdown_timeout(5)
        // As for the API: the end of an answer does not wait for an acknowledgement.
        .tcp_nodelay(true)
        .bind((host.as_str(), port))
        .with_context(|| format!("cannot listen on {host}:{port}"))?;
    let address = server.addrs().first().copied().context("no address to listen on")?;
    let server = if quiet { server.disable_signals() } else { server };
    Ok((address, server.run()))
}

/// Writes the sample if one is wanted; the components that the folder holds.
fn prepare(dir: &std::path::Path, sample: Option<u64>) -> anyhow::Result<Vec<String>> {
    if let Some(servers) = sample {
        std::fs::create_dir_all(dir).with_context(|| format!("the folder {} cannot be made", dir.display()))?;
        if let Some(component) = Catalog::components(dir)?.first() {
            bail!("{} already holds {component}: a sample is written into an empty folder only", dir.display());
        }
        sample::write(dir, servers).with_context(|| format!("the sample cannot be written to {}", dir.display()))?;
    }
    let components = Catalog::components(dir)?;
    if components.is_empty() {
        bail!("{} holds no servers.json, .ndjson, .jsonl or .csv nor any other component", dir.display());
    }
    Ok(components)
}

#[expect(clippy::print_stdout, reason = "whoever started it on port 0 reads the address there")]
fn announce(address: SocketAddr) {
    println!("inventory listening on http://{address}");
}
