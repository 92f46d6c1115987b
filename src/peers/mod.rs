//! Clients of the platform's other services, over one awc client a thread with the service token.
//!
//! Nothing here retries: a failed call says whether trying again may help, and the task that called is tried again.

mod answer;
mod audit;
mod client;
mod data_api;
mod error;
mod http;
mod probe;
mod report_api;
mod reports;
mod schedulers;
mod websocket;

pub(crate) use client::http as http_only;

pub use answer::{Summary, TakeRow};
pub use data_api::RowsRead;
pub use error::PeerError;
pub use reports::Known;

use crate::config::Config;
use rustls::ClientConfig;
use std::sync::Arc;

/// The platform's other services as this process reaches them.
#[derive(Debug, Clone)]
pub struct Peers {
    config: Arc<Config>,
    tls: Arc<ClientConfig>,
}

impl Peers {
    /// Clients with these settings, which trust whom `tls` trusts; nothing is connected yet.
    #[must_use]
    pub fn new(config: Arc<Config>, tls: &ClientConfig) -> Self {
        Self { config, tls: client::http(tls) }
    }
}
