//! `inspect`, `control`, `status` and `events`, with the words of Celery's command line.

use clap::Args;

/// Whom to ask, and how long to wait.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// Only these nodes, separated by commas [default: all]
    #[arg(short, long, value_name = "NODE,…", value_delimiter = ',')]
    pub destination: Vec<String>,
    /// Seconds to wait for answers
    #[arg(short, long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub timeout: f64,
    /// Print the answers as JSON
    #[arg(short, long)]
    pub json: bool,
}

/// Options of `inspect` and `control`.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// What to ask: see the list below
    pub method: String,
    /// Its arguments, in their order
    pub arguments: Vec<String>,
    /// Whom.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// Options of `events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// End after so many events [default: go on until SIGINT]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => Err("expected seconds from 0.1 to 3600".to_owned()),
    }
}
