//! What shells and `man` are told of the command line.

use super::Cli;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io;
use std::path::{Path, PathBuf};

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for a page of each command [default: the main page to standard output]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The script by which a shell completes commands, options and their values.
#[must_use]
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "maestro-reports", &mut script);
    // For bash the name is spelled in two ways where it has a hyphen, so that nothing comes after a command:
    // https://github.com/clap-rs/clap/issues/6421
    String::from_utf8_lossy(&script).replace("maestro__subcmd__reports", "maestro__reports")
}

/// Writes the main man page, in roff.
///
/// # Errors
/// Where it cannot be written.
pub fn man_page(out: &mut impl io::Write) -> io::Result<()> {
    // As `help` has no page of its own.
    clap_mangen::Man::new(Cli::command().disable_help_subcommand(true)).render(out)
}

/// Writes the main man page and one of each command into a folder, which is made where it is missing.
///
/// # Errors
/// Where the folder cannot be written.
pub fn man_pages(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)
}
