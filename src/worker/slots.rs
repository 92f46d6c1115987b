//! Threads to run tasks on: one task at a time each.
//!
//! A task's future stays on one thread (the HTTP client behind it is not `Send`), so each slot is an actix arbiter.

use super::WorkError;
use actix_rt::{Arbiter, System};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// The threads, and which of them are free.
pub(super) struct Slots {
    arbiters: BTreeMap<usize, Arbiter>,
    /// How many there should be.
    wanted: usize,
    /// Slots made so far.
    made: usize,
    /// How many are taken.
    busy: Arc<AtomicUsize>,
    freed: mpsc::UnboundedSender<usize>,
    free: mpsc::UnboundedReceiver<usize>,
    /// Slots that [`Slots::all_free`] has seen free.
    idle: usize,
}

/// A slot that is taken; dropping it frees the slot, however its task ends.
pub(super) struct Slot {
    index: usize,
    busy: Arc<AtomicUsize>,
    freed: mpsc::UnboundedSender<usize>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
        // Nobody listens any more: the worker has ended.
        self.freed.send(self.index).ok();
    }
}

impl Slots {
    /// As many slots, at least one.
    pub(super) fn new(count: usize) -> Result<Self, WorkError> {
        if !System::is_registered() {
            return Err(WorkError::NoSystem);
        }
        let (freed, free) = mpsc::unbounded_channel();
        let arbiters = BTreeMap::new();
        let mut slots = Self { arbiters, wanted: 0, made: 0, busy: Arc::default(), freed, free, idle: 0 };
        slots.resize(count);
        Ok(slots)
    }

    /// Has as many slots from now on, at least one. Those too many end as soon as they are free.
    pub(super) fn resize(&mut self, count: usize) {
        self.wanted = count.max(1);
        while self.arbiters.len() < self.wanted {
            self.arbiters.insert(self.made, Arbiter::new());
            self.freed.send(self.made).ok();
            self.made += 1;
        }
    }

    /// How many are taken.
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Takes a slot as soon as one is free. Safe to drop while it waits.
    pub(super) async fn free(&mut self) -> Slot {
        loop {
            // The channel cannot close: `self` holds a sender.
            let index = self.free.recv().await.unwrap_or_default();
            if self.arbiters.len() <= self.wanted {
                self.busy.fetch_add(1, Ordering::Relaxed);
                return Slot { index, busy: Arc::clone(&self.busy), freed: self.freed.clone() };
            }
            if let Some(arbiter) = self.arbiters.remove(&index) {
                arbiter.stop();
            }
        }
    }

    /// Back when no task runs; no slot can be taken afterwards. Safe to drop and to ask again.
    pub(super) async fn all_free(&mut self) {
        while self.idle < self.arbiters.len() && self.free.recv().await.is_some() {
            self.idle += 1;
        }
    }

    /// Runs a task on a slot's thread.
    pub(super) fn run<F: Future<Output = ()> + 'static>(&self, slot: Slot, task: impl FnOnce() -> F + Send + 'static) {
        let Some(arbiter) = self.arbiters.get(&slot.index) else { return };
        arbiter.spawn_fn(move || {
            actix_rt::spawn(async move {
                let _slot = slot;
                task().await;
            });
        });
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        for arbiter in self.arbiters.values() {
            arbiter.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[actix_rt::test]
    async fn a_slot_is_free_again_when_its_task_panics() {
        let mut slots = Slots::new(1).unwrap();
        let slot = slots.free().await;
        slots.run(slot, || async { panic!("a task's panic, meant") });
        let slot = timeout(Duration::from_secs(5), slots.free()).await.unwrap();
        assert!(timeout(Duration::from_millis(20), slots.free()).await.is_err(), "the only slot is taken");
        drop(slot);
        timeout(Duration::from_secs(5), slots.all_free()).await.unwrap();
    }

    #[actix_rt::test]
    async fn slots_become_more_and_fewer_while_tasks_run() {
        let mut slots = Slots::new(1).unwrap();
        let first = slots.free().await;
        slots.resize(3);
        let (second, third) = (slots.free().await, slots.free().await);
        assert_eq!(slots.busy(), 3);
        slots.resize(1);
        drop(first);
        drop(second);
        assert!(timeout(Duration::from_millis(20), slots.free()).await.is_err(), "the third takes the only place");
        drop(third);
        assert_eq!(slots.free().await.index, 2);
        assert_eq!(slots.busy(), 0);
        timeout(Duration::from_secs(5), slots.all_free()).await.unwrap();
    }

    #[test]
    fn slots_need_an_actix_system() {
        assert!(matches!(Slots::new(1), Err(WorkError::NoSystem)));
    }
}
