//! Which request or task the code that logs is working on.

use std::future::Future;

tokio::task_local! {
    static WORK: (&'static str, String);
}

/// Does `work`; every line that it logs carries `id` in the field `key`, [`super::REQUEST_ID`] or [`super::TASK_ID`].
pub fn about<F: Future>(key: &'static str, id: impl Into<String>, work: F) -> impl Future<Output = F::Output> {
    WORK.scope((key, id.into()), work)
}

/// The field and the id of the work in progress, if any.
pub(super) fn current() -> Option<(&'static str, String)> {
    WORK.try_with(Clone::clone).ok()
}
