//! Clients of the platform's other services.

mod error;

pub use error::PeerError;

use crate::config;
use std::sync::Arc;

/// The platform's other services as this process reaches them.
#[derive(Debug, Clone)]
pub struct Peers {
    config: Arc<config::Config>,
}

impl Peers {
    /// Clients with these settings; nothing is connected yet.
    #[must_use]
    pub fn new(config: Arc<config::Config>) -> Self {
        Self { config }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &config::Peers {
        &self.config.peers
    }
}
