//! What a running worker knows of itself: what events tell of and requests ask for.

use super::limits::Limits;
use super::pool::Pool;
use super::tasks::Tasks;
use crate::broker::{Consumer, Post};
use crate::config;
use crate::task::{Event, Life, Pulse, Stamp, Step};
use chrono::Utc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Messages that may wait to be sent; further ones are lost, as events may be.
const MAX_WAITING: usize = 10_000;

/// A running worker.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) started: Instant,
    /// The pause between signs of life; `None` where it gives none.
    pub(super) heartbeat: Option<Duration>,
    /// What is wanted of the lane of reports and notices.
    pub(super) pool: Arc<Pool>,
    /// The limits of tasks.
    pub(super) limits: Limits,
    /// The readers of its queues.
    consumers: Mutex<Vec<Weak<dyn Consumer>>>,
    /// Lamport's: counted on by each message sent or heard.
    clock: AtomicU64,
    tells_tasks: AtomicBool,
    /// Taken away when the worker ends.
    posts: Mutex<Option<mpsc::Sender<Post>>>,
    /// The tasks that it has.
    pub(super) tasks: Mutex<Tasks>,
    asked_to_stop: watch::Sender<bool>,
}

impl Node {
    /// A worker that begins; what it has to say comes out of the other half.
    pub(super) fn new(config: &config::Worker) -> (Arc<Self>, mpsc::Receiver<Post>) {
        let (posts, outbox) = mpsc::channel(MAX_WAITING);
        let node = Self {
            name: config.hostname.clone(),
            started: Instant::now(),
            heartbeat: config.heartbeat,
            pool: Arc::new(Pool::main(config)),
            limits: Limits::default(),
            consumers: Mutex::default(),
            clock: AtomicU64::new(0),
            tells_tasks: AtomicBool::new(config.task_events),
            posts: Mutex::new(Some(posts)),
            tasks: Mutex::default(),
            asked_to_stop: watch::Sender::new(false),
        };
        (Arc::new(node), outbox)
    }

    /// Notes that it takes from queues by this reader.
    pub(super) fn takes_from(&self, consumer: &Arc<dyn Consumer>) {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(consumer));
    }

    /// The readers of its queues.
    pub(super) fn consumers(&self) -> Vec<Arc<dyn Consumer>> {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }

    /// Tells what became of a task, where task events are on.
    pub(super) fn tell(&self, id: &str, step: Step) {
        if self.tells_tasks.load(Ordering::Relaxed) {
            self.say(&Event::Task(id.to_owned(), step));
        }
    }

    /// Gives a sign of life, where it gives any.
    pub(super) fn live(&self, life: Life) {
        let Some(freq) = self.heartbeat else { return };
        let (active, processed) = self.counts();
        let load = procfs::Current::current().map(|load: procfs::LoadAverage| {
            [load.one, load.five, load.fifteen].map(|load| (f64::from(load) * 100.0).round() / 100.0)
        });
        let pulse = Pulse { freq: freq.as_secs_f64(), active, processed, load: load.unwrap_or_default() };
        self.say(&Event::Worker(life, pulse));
    }

    fn say(&self, event: &Event) {
        self.send(event.to_post(Stamp { node: &self.name, clock: self.tick(), timestamp: now() }));
    }

    /// Sends a message, unless too many wait already.
    pub(super) fn send(&self, post: Post) {
        if let Some(posts) = &*self.posts.lock().unwrap_or_else(PoisonError::into_inner) {
            posts.try_send(post).ok();
        }
    }

    /// Says nothing any more: whoever sends comes to an end.
    pub(super) fn fall_silent(&self) {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Counts the clock on; its time now.
    pub(super) fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Moves the clock beyond one that was heard of.
    pub(super) fn hear_of(&self, clock: u64) {
        self.clock.fetch_max(clock, Ordering::Relaxed);
        self.tick();
    }

    /// Turns task events on or off; whether they were on.
    pub(super) fn tell_tasks(&self, on: bool) -> bool {
        self.tells_tasks.swap(on, Ordering::Relaxed)
    }

    /// Asks the worker to end.
    pub(super) fn stop(&self) {
        self.asked_to_stop.send_replace(true);
    }

    /// Back when somebody has asked the worker to end.
    pub(super) async fn stopped(&self) {
        super::raised(self.asked_to_stop.subscribe()).await;
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    Utc::now().timestamp_micros() as f64 / 1e6
}
