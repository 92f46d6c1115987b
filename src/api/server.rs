//! The HTTP server: threads, limits of slow clients, start and graceful end.

use super::connection;
use super::limit::Limits;
use super::routes;
use crate::app::App;
use crate::reaper::Reaper;
use crate::signal;
use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::Data;
use anyhow::Context;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a client may take to send the head of a request.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(75);
/// How long a client may take to close its side.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// An API that is being served.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Stops it; `stop(true)` lets requests end first.
    pub handle: ServerHandle,
}

/// Serves until SIGTERM or SIGINT, then lets running requests end; logs where it listens.
///
/// # Errors
/// Where the address cannot be had, or the server stops by itself.
pub async fn serve(app: App) -> anyhow::Result<()> {
    let (_, server) = bind(app.clone())?;
    let reaper = Reaper::start(&app);
    let handle = server.handle();
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => return ended.context("the API stopped"),
        () = signal::terminated() => {}
    }
    let (_, ended) = futures_util::future::join(handle.stop(true), server).await;
    if let Some(reaper) = reaper {
        reaper.stop().await;
    }
    ended.context("the API did not stop as it should")?;
    log::info!("the API has stopped");
    Ok(())
}

/// Serves in the background of this runtime until the handle stops it. Port 0 takes a free one.
///
/// # Errors
/// Where the address cannot be had.
pub async fn start(app: App) -> anyhow::Result<Running> {
    let (address, server) = bind(app)?;
    let handle = server.handle();
    // Its end, when the handle asks for it, is awaited there.
    drop(actix_web::rt::spawn(async move {
        if let Err(error) = server.await {
            log::error!("the API at {address} stopped: {error}");
        }
    }));
    Ok(Running { address, handle })
}

fn bind(app: App) -> anyhow::Result<(SocketAddr, Server)> {
    let config = app.config.clone();
    let (host, port, threads) = (config.api.host.as_str(), config.api.port, config.api.threads);
    let (state, limits) = (Data::new(app), Data::new(Limits::new(&config.clients)));
    let server = HttpServer::new(move || routes::app(state.clone(), limits.clone()))
        .workers(threads)
        // Each thread has a part of them; who comes when all are taken waits to be accepted.
        .max_connections(config.clients.max_connections.div_ceil(threads))
        .on_connect(connection::watch(config.clients.patience))
        .client_request_timeout(HEAD_TIME)
        .client_disconnect_timeout(CLOSE_TIME)
        .keep_alive(IDLE_TIME)
        // The end of a streamed answer is a small packet: without this it waits 40 ms for the client's acknowledgement.
        .tcp_nodelay(true)
        .shutdown_timeout(config.worker.shutdown.as_secs())
        .disable_signals()
        .bind((host, port))
        .with_context(|| format!("cannot listen on {host}:{port}"))?;
    let addresses = server.addrs();
    let address = addresses.first().copied().context("no address to listen on")?;
    for address in addresses {
        log::info!("listening on http://{address}");
    }
    Ok((address, server.run()))
}
