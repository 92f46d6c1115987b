//! The embedded queue: a SQLite file shared by the serve, worker and beat processes of one host.
//!
//! A message that is handed out is leased: its consumer renews the lease while it lives, and when the lease ends
//! (the process was killed) the message is handed out again. No transaction stays open while a task runs.

mod air;
mod consumer;
pub(super) mod copy;
#[cfg(test)]
mod crash;
mod file;
mod letters;

use super::{
    BROADCAST_FILE, Broadcast, Broker, BrokerError, Consumer, DeadLetter, Letters, Listener, Mailbox, Message, Post,
    QueueState,
};
use air::Air;
use async_trait::async_trait;
use chrono::Utc;
use crossbeam_channel::{Receiver, Sender};
use file::{File, FileError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The embedded queue.
pub(super) struct Embedded {
    path: PathBuf,
    lease: Duration,
    file: Arc<Mutex<File>>,
    /// Open once something was posted.
    air: Arc<Mutex<Option<Air>>>,
    wakers: Arc<Wakers>,
}

impl Embedded {
    /// Opens the queue's file; makes it and its folder where they are missing. A message stays for `lease` with a
    /// consumer that gives no sign of life.
    pub(super) async fn open(path: &Path, lease: Duration) -> Result<Self, BrokerError> {
        let path = path.to_owned();
        let open = move || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| BrokerError::Unavailable {
                    what: format!("making the folder {}", folder.display()),
                    source: error.into(),
                })?;
            }
            let file = File::open(&path).map_err(|error| broker_error("opening the queue's file", error))?;
            Ok(Self { path, lease, file: Arc::new(Mutex::new(file)), air: Arc::default(), wakers: Arc::default() })
        };
        blocking(open).await
    }

    async fn with_file<T: Send + 'static>(
        &self,
        what: &'static str,
        job: impl FnOnce(&mut File) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let file = Arc::clone(&self.file);
        let job = move || job(&mut file.lock().unwrap_or_else(PoisonError::into_inner));
        blocking(move || job().map_err(|error| broker_error(what, error))).await
    }
}

#[async_trait]
impl Broker for Embedded {
    fn describe(&self) -> String {
        format!("embedded queue {}", self.path.display())
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.with_file("reading the queue's file", |file| file.ping()).await
    }

    async fn publish(&self, queue: &str, message: &Message) -> Result<(), BrokerError> {
        let (queue, message) = (queue.to_owned(), message.clone());
        self.with_file("storing a message", move |file| file.publish(&queue, &message, Utc::now())).await?;
        self.wakers.wake();
        Ok(())
    }

    async fn answer(&self, _: &str, _: &Message) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn consume(&self, queues: &[String], prefetch: u16) -> Result<Box<dyn Consumer>, BrokerError> {
        let (path, wakers, lease) = (self.path.clone(), Arc::clone(&self.wakers), self.lease);
        let queues = queues.to_vec();
        blocking(move || consumer::start(&path, queues, prefetch, wakers, lease)).await
    }

    async fn depth(&self, queue: &str) -> Result<u64, BrokerError> {
        let queue = queue.to_owned();
        self.with_file("counting messages", move |file| file.depth(&queue, Utc::now())).await
    }

    async fn state(&self, queue: &str) -> Result<QueueState, BrokerError> {
        let queue = queue.to_owned();
        let look = move |file: &mut File| {
            let (waiting, dead) = (file.depth(&queue, Utc::now())?, file.dead_depth(&queue)?);
            // A reader that holds no message leaves no trace in the file.
            Ok(QueueState { waiting, dead, consumers: None })
        };
        self.with_file("counting messages", look).await
    }

    async fn declare(&self, _: &str) -> Result<(), BrokerError> {
        self.ping().await
    }

    async fn dead_letters(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, BrokerError> {
        let queue = queue.to_owned();
        self.with_file("reading dead letters", move |file| file.dead_letters(&queue, limit)).await
    }

    async fn resend(&self, queue: &str, which: &Letters) -> Result<u64, BrokerError> {
        let (queue, which) = (queue.to_owned(), which.clone());
        let resend = move |file: &mut File| file.resend(&queue, &which, Utc::now());
        let sent = self.with_file("sending dead letters again", resend).await?;
        self.wakers.wake();
        Ok(sent)
    }

    async fn discard(&self, queue: &str, which: &Letters) -> Result<u64, BrokerError> {
        let (queue, which) = (queue.to_owned(), which.clone());
        self.with_file("dropping dead letters", move |file| file.discard(&queue, &which)).await
    }

    async fn purge(&self, queue: &str) -> Result<u64, BrokerError> {
        let queue = queue.to_owned();
        self.with_file("dropping messages", move |file| file.purge(&queue, Utc::now())).await
    }

    fn broadcast(&self) -> &dyn Broadcast {
        self
    }
}

#[async_trait]
impl Broadcast for Embedded {
    async fn post(&self, posts: Vec<Post>) -> Result<(), BrokerError> {
        let (air, path) = (Arc::clone(&self.air), self.path.with_file_name(BROADCAST_FILE));
        let post = move || {
            let mut air = air.lock().unwrap_or_else(PoisonError::into_inner);
            let mut open = air.take().map_or_else(|| Air::open(&path), Ok)?;
            open.post(&posts)?;
            *air = Some(open);
            Ok(())
        };
        blocking(move || post().map_err(|error| broker_error("posting to listeners", error))).await
    }

    async fn listen(&self, mailbox: Mailbox) -> Result<Listener, BrokerError> {
        let path = self.path.with_file_name(BROADCAST_FILE);
        blocking(move || air::listen(path, mailbox)).await
    }
}

/// Wakes the consumers of this process when something was stored, so that they need not wait for their next look.
#[derive(Default)]
struct Wakers(Mutex<Vec<Sender<()>>>);

impl Wakers {
    fn subscribe(&self) -> Receiver<()> {
        let (waker, woken) = crossbeam_channel::bounded(1);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(waker);
        woken
    }

    fn wake(&self) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A full channel means that the consumer is about to look anyway.
        wakers.retain(|waker| !matches!(waker.try_send(()), Err(crossbeam_channel::TrySendError::Disconnected(()))));
    }
}

fn broker_error(what: &str, error: FileError) -> BrokerError {
    let what = what.to_owned();
    match &error {
        FileError::Sql(cause) if may_pass(cause) => BrokerError::Unavailable { what, source: error.into() },
        FileError::Sql(_) | FileError::Newer { .. } => BrokerError::Refused { what, source: error.into() },
    }
}

/// Whether the same call may succeed later: another process writes, the disk is full for now.
fn may_pass(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, SystemIoFailure};
    let passing = [CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| passing.contains(&code))
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, BrokerError> + Send + 'static,
) -> Result<T, BrokerError> {
    tokio::task::spawn_blocking(job).await.unwrap_or_else(|error| {
        Err(BrokerError::Unavailable { what: "waiting for the queue's file".to_owned(), source: error.into() })
    })
}
