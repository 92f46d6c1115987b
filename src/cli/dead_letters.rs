//! `dead-letters`.

use crate::broker::Letters;
use crate::config::Flag;
use crate::dead_letters::Action;
use clap::{Args, Subcommand};

/// Options of `dead-letters`.
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// Queues whose dead letters are meant, separated by commas [default: those that a worker takes from, and that of the deliveries to endpoints]
    #[arg(short = 'q', visible_short_alias = 'Q', long, value_name = "A,B", global = true)]
    pub queues: Option<String>,
    /// What to do with them.
    #[command(subcommand)]
    pub command: LettersCommand,
}

/// The subcommands of `dead-letters`.
#[derive(Debug, Subcommand)]
pub enum LettersCommand {
    /// Show the oldest
    List {
        /// At most so many of each queue
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Put them back in their queues, with all their retries
    Resend(Which),
    /// Remove them for good
    Drop(Which),
}

/// Which letters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Task ids, as `list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl DeadLettersArgs {
    /// The settings that the options override.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        super::given([("worker.queues", "--queues", &self.queues)])
    }

    /// What was asked for.
    #[must_use]
    pub fn action(&self) -> Action {
        match &self.command {
            LettersCommand::List { limit } => Action::List(usize::try_from(*limit).unwrap_or(usize::MAX)),
            LettersCommand::Resend(which) => Action::Resend(which.letters()),
            LettersCommand::Drop(which) => Action::Drop(which.letters()),
        }
    }
}

impl Which {
    fn letters(&self) -> Letters {
        if self.all { Letters::All } else { Letters::Of(self.ids.clone()) }
    }
}
