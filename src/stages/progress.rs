//! How far a run has come, for whoever watches it.

use std::future::Future;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// So many rows are written.
    Rows(u64),
    /// Its rows are being made readable: from here on it ends well, or fails by itself.
    Commits,
}

tokio::task_local! {
    static WATCHER: Box<dyn Fn(Mark)>;
}

/// Does `work`, of whose marks `watcher` hears.
pub fn watched<F: Future>(watcher: impl Fn(Mark) + 'static, work: F) -> impl Future<Output = F::Output> {
    WATCHER.scope(Box::new(watcher), work)
}

/// Tells how far a run has come; nobody may watch.
pub(super) fn tell(mark: Mark) {
    WATCHER.try_with(|watcher| watcher(mark)).ok();
}
