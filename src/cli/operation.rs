//! Options of the commands for whoever runs the service.

use clap::Args;
use std::path::PathBuf;

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// New folder for the backup, or a folder in which to make one named after the time
    #[arg(value_name = "DIR")]
    pub target: PathBuf,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    pub source: PathBuf,
}

/// Options of `healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Address to ask [default: /healthz at MAESTRO_METRICS_BIND, else at the port of `serve`]
    #[arg(value_name = "URL")]
    pub url: Option<String>,
}
