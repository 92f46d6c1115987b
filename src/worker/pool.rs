//! How many tasks a lane runs at a time and from which queues it takes: what is wanted, which the lane follows.

use crate::config;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// What is wanted of a lane, and a bell for it.
pub(super) struct Pool {
    wanted: Mutex<Wanted>,
    changed: Notify,
}

/// What is wanted of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Tasks at a time, at least one.
    pub(super) size: usize,
    /// Between which it goes up and down with its work.
    pub(super) autoscale: Option<RangeInclusive<usize>>,
    /// The queues to take from.
    pub(super) queues: Vec<String>,
    /// Messages for each task at a time; 0: as many as there are.
    multiplier: u16,
}

impl Pool {
    /// The lane of reports and notices, as it begins.
    pub(super) fn main(config: &config::Worker) -> Self {
        let autoscale = config.autoscale.clone();
        let size = autoscale.as_ref().map_or(config.concurrency, |range| *range.start());
        Self::new(Wanted { size, autoscale, queues: config.queues.clone(), multiplier: config.prefetch_multiplier })
    }

    /// A lane that stays as it is.
    pub(super) fn fixed(queue: String, size: usize) -> Self {
        Self::new(Wanted { size, autoscale: None, queues: vec![queue], multiplier: 1 })
    }

    fn new(wanted: Wanted) -> Self {
        Self { wanted: Mutex::new(wanted), changed: Notify::new() }
    }

    /// What is wanted now.
    pub(super) fn wanted(&self) -> Wanted {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wants something else, which the lane is told of.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Wanted) -> T) -> T {
        let changed = change(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        self.ring();
        changed
    }

    /// Has the lane look again.
    pub(super) fn ring(&self) {
        self.changed.notify_one();
    }

    /// Back when there is something to look at.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Wanted {
    /// Messages at a time. One more where the size follows the work: it is seen by what has to wait.
    pub(super) fn prefetch(&self) -> u16 {
        if self.multiplier == 0 {
            return u16::MAX;
        }
        let tasks = self.size.saturating_mul(usize::from(self.multiplier)) + usize::from(self.autoscale.is_some());
        u16::try_from(tasks).unwrap_or(u16::MAX)
    }
}
