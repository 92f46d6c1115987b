//! Options of the commands for whoever runs the service.

use crate::config::Flag;
use clap::Args;
use std::path::PathBuf;

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `beat`.
#[derive(Debug, Args)]
pub struct BeatArgs {
    /// Print the schedules with their next and last runs, and end
    #[arg(long)]
    pub list: bool,
}

/// Options of `prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Print what would go and why; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Days that a table stays although the platform does not know its report any more; 0: for ever
    #[arg(long, value_name = "DAYS")]
    pub unknown_days: Option<String>,
    /// Days that a table stays after its last run; 0: for ever
    #[arg(long, value_name = "DAYS")]
    pub run_days: Option<String>,
    /// Percent of the reports that the platform may not know; 100 believes any answer
    #[arg(long, value_name = "PERCENT")]
    pub max_share: Option<String>,
}

impl PruneArgs {
    /// The settings that the options override.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        super::given([
            ("retention.unknown_days", "--unknown-days", &self.unknown_days),
            ("retention.run_days", "--run-days", &self.run_days),
            ("retention.max_share", "--max-share", &self.max_share),
        ])
    }
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
