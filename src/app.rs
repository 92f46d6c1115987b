//! What a running process works with, built once and shared by all subcommands.

use crate::broker::Broker;
use crate::config::Config;
use crate::peers::Peers;
use crate::store::Store;
use std::sync::Arc;

/// The configuration and the parts that it chose.
#[derive(Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The report store; `None` for a worker that puts rows into another host's (`MAESTRO_UPLOAD=api`).
    pub store: Option<Arc<dyn Store>>,
    /// The queue.
    pub broker: Arc<dyn Broker>,
    /// The platform's other services.
    pub peers: Peers,
}
