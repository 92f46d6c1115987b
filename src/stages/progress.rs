//! How far a run has come, for whoever watches it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// So many rows are written.
    Rows {
        /// Those written.
        written: u64,
        /// Those found, where the Data API says it before its rows; some of these may be left out by conditions of ours.
        found: Option<u64>,
    },
    /// Its rows are being made readable: from here on it ends well, or fails by itself.
    Commits,
}

tokio::task_local! {
    static WATCHER: Box<dyn Fn(Mark)>;
}

/// How many rows the Data API has found, as the thread that reads its answer hears it.
#[derive(Debug, Clone, Default)]
pub(super) struct Found(Arc<AtomicU64>);

impl Found {
    pub(super) fn set(&self, rows: u64) {
        self.0.store(rows, Ordering::Relaxed);
    }

    /// `None` where it is not known.
    pub(super) fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|rows| *rows > 0)
    }
}

/// Does `work`, of whose marks `watcher` hears.
pub fn watched<F: Future>(watcher: impl Fn(Mark) + 'static, work: F) -> impl Future<Output = F::Output> {
    WATCHER.scope(Box::new(watcher), work)
}

/// Tells how far a run has come; nobody may watch.
pub(super) fn tell(mark: Mark) {
    WATCHER.try_with(|watcher| watcher(mark)).ok();
}
