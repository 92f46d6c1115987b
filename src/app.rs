//! What a running process works with, built once and shared by all subcommands.

use crate::broker::{self, Broker, BrokerError};
use crate::config::{Config, ConfigError, Upload};
use crate::endpoints::Endpoints;
use crate::folder::{DataFolder, FolderError};
use crate::peers::Peers;
use crate::store::{self, Store, StoreError};
use crate::tls::{self, CaFileError};
use rustls::ClientConfig;
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
    /// Users' endpoints.
    pub endpoints: Endpoints,
    /// Whom encrypted connections trust.
    pub tls: Arc<ClientConfig>,
    /// Keeps the files of the embedded parts from being replaced; `None` where there are none.
    _folder: Option<Arc<DataFolder>>,
}

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers requests.
    Serve,
    /// Takes tasks.
    Worker,
    /// Requests reports on their timetable.
    Beat,
    /// All of them in one process.
    All,
}

/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings do not fit the role.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder of the embedded parts cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file of authorities cannot be used.
    #[error(transparent)]
    Tls(#[from] CaFileError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue does not open.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The store lacks migrations.
    #[error("the report store lacks the migrations {}: run `maestro-reports migrate`", .missing.join(", "))]
    OldSchema {
        /// Their names.
        missing: Vec<String>,
    },
    /// The store was migrated by a newer program.
    #[error("the report store has the migrations {}, which this version does not know: use a newer one", .unknown.join(", "))]
    NewSchema {
        /// Their names.
        unknown: Vec<String>,
    },
}

impl App {
    /// Whether its workers deliver rows to users' endpoints.
    #[must_use]
    pub fn delivers(&self) -> bool {
        self.store.is_some() && self.config.webhooks.concurrency > 0
    }

    /// Opens the parts that the configuration names and says which ones; an embedded store is migrated by itself.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(config: Config, role: Role) -> Result<Self, OpenError> {
        let migrate = config.store.mongo_uri.is_none();
        Self::assemble(config, role, migrate).await
    }

    /// As [`App::open`] for all roles in one process, but a MongoDB store is migrated too.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_migrated(config: Config) -> Result<Self, OpenError> {
        Self::assemble(config, Role::All, true).await
    }

    async fn assemble(config: Config, role: Role, migrate: bool) -> Result<Self, OpenError> {
        let listens = matches!(role, Role::Serve | Role::All).then_some(config.api.host.as_str());
        guard_secrets(&config, listens)?;
        let tls = tls::client(config.tls.ca_file.as_deref())?;
        let config = Arc::new(config);
        let has_store = (role, config.stages.upload) != (Role::Worker, Upload::Api);
        let folder = share_folder(&config, has_store)?;
        let store = if has_store { Some(open_store(&config, migrate).await?) } else { None };
        let broker = broker::open(&config, &tls).await?;
        let peers = Peers::new(Arc::clone(&config), &tls);
        let endpoints = Endpoints::new(&config.webhooks, &tls);
        let app = Self { peers, endpoints, config, store, broker, tls, _folder: folder.map(Arc::new) };
        for line in app.parts() {
            log::info!("{line}");
        }
        Ok(app)
    }

    /// The parts in use, a line each for people, without secrets.
    #[must_use]
    pub fn parts(&self) -> [String; 4] {
        let rows = match &self.store {
            Some(store) => store.describe(),
            None => format!("the Reports API at {}", self.config.peers.report_uri),
        };
        [
            format!("store: {rows}"),
            format!("broker: {}", self.broker.describe()),
            format!("queue: {}", self.config.broker.queue),
            format!("Data API: {}", self.config.peers.data_uri),
        ]
    }
}

/// Refuses default secrets in production; warns of them where `host` lets other machines in.
///
/// # Errors
/// Names the settings to change.
pub fn guard_secrets(config: &Config, host: Option<&str>) -> Result<(), ConfigError> {
    if let Some(warning) = config.guard_secrets(host)? {
        log::warn!("{warning}");
    }
    Ok(())
}

/// Brings the store's schema up to date; the names of the migrations applied now.
///
/// # Errors
/// Where the store does not open or refuses, or was migrated by a newer program.
pub async fn migrate(config: &Config) -> Result<Vec<String>, OpenError> {
    let _folder = share_folder(config, true)?;
    let store = store::open(config).await?;
    let unknown = store.schema().await?.unknown;
    if unknown.is_empty() { Ok(store.migrate().await?) } else { Err(OpenError::NewSchema { unknown }) }
}

/// The report store alone, and the hold on its folder where it is embedded.
///
/// # Errors
/// See [`OpenError`].
pub async fn store(config: &Config) -> Result<(Option<DataFolder>, Arc<dyn Store>), OpenError> {
    let folder = share_folder(config, true)?;
    Ok((folder, open_store(config, config.store.mongo_uri.is_none()).await?))
}

async fn open_store(config: &Config, migrate: bool) -> Result<Arc<dyn Store>, OpenError> {
    let store = store::open(config).await?;
    let store::Schema { missing, unknown, .. } = store.schema().await?;
    if !unknown.is_empty() {
        return Err(OpenError::NewSchema { unknown });
    }
    if missing.is_empty() {
        return Ok(store);
    }
    if !migrate {
        return Err(OpenError::OldSchema { missing });
    }
    for name in store.migrate().await? {
        log::info!("migration applied: {name}");
    }
    Ok(store)
}

/// The data folder, where the store or the queue is in it.
fn share_folder(config: &Config, has_store: bool) -> Result<Option<DataFolder>, FolderError> {
    let is_used = config.broker.url.is_none() || (has_store && config.store.mongo_uri.is_none());
    is_used.then(|| DataFolder::share(&config.store.data_dir)).transpose()
}
