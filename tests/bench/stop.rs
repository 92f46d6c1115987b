//! Ctrl-C and SIGTERM: the benchmark ends at its next step, so that servers are stopped and folders removed.

use anyhow::ensure;
use maestro_reports::signal;
use std::sync::atomic::{AtomicBool, Ordering};

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Listens for the signals from now on.
pub(crate) fn at_signals() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(signal::terminated());
        STOPPED.store(true, Ordering::Relaxed);
    });
}

/// Whether to go on.
///
/// # Errors
/// After a signal.
pub(crate) fn check() -> anyhow::Result<()> {
    ensure!(!STOPPED.load(Ordering::Relaxed), "stopped by a signal");
    Ok(())
}
