//! Places for tasks to run in: one task at a time each.
//!
//! A task's future stays on one thread (the HTTP client behind it is not `Send`), so each slot has an actix arbiter; where
//! there are many slots, some share one, as each thread takes about a megabyte.

use super::WorkError;
use actix_rt::{Arbiter, System};
use std::convert::Infallible;
use std::future::Future;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Threads at most, where there are no more cores than half of these.
const THREADS: usize = 8;

/// The slots, and which of them are free.
pub(super) struct Slots {
    threads: Vec<Arbiter>,
    /// How many there are.
    count: usize,
    /// How many there should be.
    wanted: usize,
    /// Slots made so far.
    made: usize,
    /// How many are taken.
    busy: Arc<AtomicUsize>,
    freed: mpsc::UnboundedSender<usize>,
    free: mpsc::UnboundedReceiver<usize>,
    /// Held by each task until its last word, which may come after it has left its slot; and how to see the end of all.
    at_work: Option<mpsc::Sender<Infallible>>,
    all_done: mpsc::Receiver<Infallible>,
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
        let (at_work, all_done) = mpsc::channel(1);
        let (threads, busy, at_work) = (Vec::new(), Arc::default(), Some(at_work));
        let mut slots = Self { threads, count: 0, wanted: 0, made: 0, busy, freed, free, at_work, all_done };
        slots.resize(count);
        Ok(slots)
    }

    /// Has as many slots from now on, at least one. Those too many end as soon as they are free.
    pub(super) fn resize(&mut self, count: usize) {
        self.wanted = count.max(1);
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = self.wanted.min(THREADS.max(2 * cores));
        while self.threads.len() < threads {
            self.threads.push(Arbiter::new());
        }
        while self.count < self.wanted {
            self.freed.send(self.made).ok();
            (self.made, self.count) = (self.made + 1, self.count + 1);
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
            if self.count <= self.wanted {
                self.busy.fetch_add(1, Ordering::Relaxed);
                return Slot { index, busy: Arc::clone(&self.busy), freed: self.freed.clone() };
            }
            self.count -= 1;
        }
    }

    /// Back when no task runs; none can be run afterwards. Safe to drop and to ask again.
    pub(super) async fn all_done(&mut self) {
        self.at_work = None;
        self.all_done.recv().await;
    }

    /// Runs a task on its slot's thread. It may leave the slot before its end.
    pub(super) fn run<F: Future<Output = ()> + 'static>(
        &self,
        slot: Slot,
        task: impl FnOnce(Slot) -> F + Send + 'static,
    ) {
        let Some(at_work) = self.at_work.clone() else { return };
        let Some(thread) = self.threads.get(slot.index % self.threads.len().max(1)) else { return };
        thread.spawn_fn(move || {
            actix_rt::spawn(async move {
                task(slot).await;
                drop(at_work);
            });
        });
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        for thread in &self.threads {
            thread.stop();
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
        slots.run(slot, |_slot| async move { panic!("a task's panic, meant") });
        let slot = timeout(Duration::from_secs(5), slots.free()).await.unwrap();
        assert!(timeout(Duration::from_millis(20), slots.free()).await.is_err(), "the only slot is taken");
        drop(slot);
        timeout(Duration::from_secs(5), slots.all_done()).await.unwrap();
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
        timeout(Duration::from_secs(5), slots.all_done()).await.unwrap();
    }

    #[test]
    fn slots_need_an_actix_system() {
        assert!(matches!(Slots::new(1), Err(WorkError::NoSystem)));
    }
}
