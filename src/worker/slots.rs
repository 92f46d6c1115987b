//! Threads to run tasks on: one task at a time each.
//!
//! A task's future stays on one thread (the HTTP client behind it is not `Send`), so each slot is an actix arbiter.

use super::WorkError;
use actix_rt::{Arbiter, System};
use std::future::Future;
use tokio::sync::mpsc;

/// The threads, and which of them are free.
pub(super) struct Slots {
    arbiters: Vec<Arbiter>,
    freed: mpsc::UnboundedSender<usize>,
    free: mpsc::UnboundedReceiver<usize>,
    /// Slots that [`Slots::all_free`] has seen free.
    idle: usize,
}

/// A slot that is taken; dropping it frees the slot, however its task ends.
pub(super) struct Slot {
    index: usize,
    freed: mpsc::UnboundedSender<usize>,
}

impl Drop for Slot {
    fn drop(&mut self) {
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
        let arbiters: Vec<_> = (0..count.max(1)).map(|_| Arbiter::new()).collect();
        let slots = Self { arbiters, freed, free, idle: 0 };
        (0..slots.len()).for_each(|index| drop(slots.slot(index)));
        Ok(slots)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.arbiters.len()
    }

    /// Takes a slot as soon as one is free. Safe to drop while it waits.
    pub(super) async fn free(&mut self) -> Slot {
        // The channel cannot close: `self` holds a sender.
        let index = self.free.recv().await.unwrap_or_default();
        self.slot(index)
    }

    /// Back when no task runs; no slot can be taken afterwards. Safe to drop and to ask again.
    pub(super) async fn all_free(&mut self) {
        while self.idle < self.len() && self.free.recv().await.is_some() {
            self.idle += 1;
        }
    }

    /// Runs a task on a slot's thread.
    pub(super) fn run<F: Future<Output = ()> + 'static>(&self, slot: Slot, task: impl FnOnce() -> F + Send + 'static) {
        let Some(arbiter) = self.arbiters.get(slot.index) else { return };
        arbiter.spawn_fn(move || {
            actix_rt::spawn(async move {
                let _slot = slot;
                task().await;
            });
        });
    }

    fn slot(&self, index: usize) -> Slot {
        Slot { index, freed: self.freed.clone() }
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        for arbiter in &self.arbiters {
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

    #[test]
    fn slots_need_an_actix_system() {
        assert!(matches!(Slots::new(1), Err(WorkError::NoSystem)));
    }
}
