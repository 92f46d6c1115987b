//! `GET /metrics`, and the listener of its own that `MAESTRO_METRICS_BIND` gives to any process.
//!
//! It needs no token, as scrapers have none: it shows counts, times, and the names of routes, tasks and queues – no id,
//! no row, no address of a service.

use super::connection;
use super::error::ApiError;
use super::routes::{probes, read, resource, unknown};
use super::server::{HEAD_TIME, IDLE_TIME};
use super::track;
use crate::app::App;
use crate::metrics::{self, MEDIA_TYPE};
use actix_web::dev::ServerHandle;
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::{HttpResponse, HttpServer, web};
use anyhow::Context;

/// Connections at a time: a few scrapers and probes.
const CONNECTIONS: usize = 64;

/// Answers with the metrics of this process.
pub(super) async fn metrics(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    metrics::refresh(app.broker.as_ref(), &app.config.all_queues()).await;
    Ok(HttpResponse::Ok().content_type(MEDIA_TYPE).body(metrics::text()))
}

/// The listener for metrics and probes, where there is one.
#[derive(Debug)]
pub struct Monitor(Option<ServerHandle>);

impl Monitor {
    /// Stops it.
    pub async fn stop(self) {
        if let Some(server) = self.0 {
            server.stop(false).await;
        }
    }
}

/// Listens at `MAESTRO_METRICS_BIND`, where that is set, in the background of this runtime.
///
/// # Errors
/// Where the address cannot be had.
pub fn monitor(app: &App) -> anyhow::Result<Monitor> {
    let Some(bind) = &app.config.metrics_bind else { return Ok(Monitor(None)) };
    let state = web::Data::new(app.clone());
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(state.clone())
            .service(resource("/metrics", "GET, HEAD", [read().to(metrics)]))
            .configure(probes)
            .default_service(web::to(unknown))
            .wrap(NormalizePath::trim())
            .wrap(from_fn(track::track))
    });
    let server = server
        .workers(1)
        .client_request_timeout(HEAD_TIME)
        .keep_alive(IDLE_TIME)
        .max_connections(CONNECTIONS)
        .on_connect(connection::watch(app.config.clients.patience))
        .disable_signals()
        .bind(bind)
        .with_context(|| format!("cannot listen on {bind} (MAESTRO_METRICS_BIND)"))?;
    for address in server.addrs() {
        log::info!("metrics on http://{address}/metrics");
    }
    let server = server.run();
    let handle = server.handle();
    drop(actix_web::rt::spawn(async move {
        if let Err(error) = server.await {
            log::error!("metrics are shown no more: {error}");
        }
    }));
    Ok(Monitor(Some(handle)))
}
