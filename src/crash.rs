//! For tests of what a crash leaves behind: work is done by a process of its own, which is killed in the middle of it.
//!
//! The process is the test binary again, told to run one test that is ignored otherwise, the *worker*. Orders and answers
//! are lines of JSON over a socket, which is the worker's standard input.

use proptest::prelude::*;
use rusqlite::Connection;
use rustix::process::{Signal, getpid, kill_process};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Names the folder that a worker works in; unset where nobody started it.
const FOLDER: &str = "MAESTRO_CRASH_FOLDER";

/// When a worker is killed (SIGKILL).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kill {
    /// Not during this order.
    Never,
    /// By itself in the middle of a transaction: at this share of the steps that SQLite took for the last such order.
    Share(f64),
    /// As `Share`, so many steps before the last.
    Before(u32),
    /// So many microseconds after it got the order: wherever it is, syncing a file or done.
    Micros(u64),
}

/// Steps that SQLite has taken for an order; counted by the worker.
static STEPS: AtomicU32 = AtomicU32::new(0);

/// A process that does as it is told, replaced whenever it was killed.
pub(crate) struct Worker {
    test: &'static str,
    folder: PathBuf,
    process: Child,
    orders: UnixStream,
    answers: Receiver<String>,
    /// The steps of the last order of each name.
    costs: BTreeMap<String, u32>,
}

impl Worker {
    /// Starts a process that runs the ignored test of this path in a folder.
    pub(crate) fn start(test: &'static str, folder: &Path) -> Self {
        let (orders, theirs) = UnixStream::pair().unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(orders.try_clone().unwrap()).lines();
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { test, folder: folder.to_owned(), process, orders, answers, costs: BTreeMap::new() }
    }

    /// Has it do something, and does something `meanwhile`; its answer, or `None` where it was killed before it answered.
    pub(crate) fn obey<O: Serialize + Debug, A: DeserializeOwned>(
        &mut self,
        order: &O,
        kill: Kill,
        mut meanwhile: impl FnMut(),
    ) -> Option<A> {
        let name: String =
            format!("{order:?}").chars().skip_while(|c| *c == '(').take_while(char::is_ascii_alphabetic).collect();
        let cost = self.costs.get(&name).copied().unwrap_or(100);
        let steps = match kill {
            Kill::Never | Kill::Micros(_) => None,
            Kill::Share(share) => Some((f64::from(cost) * share) as u32),
            Kill::Before(steps) => Some(cost.saturating_sub(steps)),
        };
        writeln!(self.orders, "{}", serde_json::to_string(&(order, steps)).unwrap()).unwrap();
        if let Kill::Micros(micros) = kill {
            std::thread::sleep(Duration::from_micros(micros));
            self.process.kill().unwrap();
        }
        let answer = loop {
            match self.answers.recv_timeout(Duration::from_millis(1)) {
                Ok(line) => {
                    let (answer, steps) = serde_json::from_str(&line).unwrap();
                    self.costs.insert(name, steps);
                    break Some(answer);
                }
                Err(RecvTimeoutError::Timeout) => meanwhile(),
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        if answer.is_none() || matches!(kill, Kill::Micros(_)) {
            let ended = self.process.wait().unwrap();
            assert_eq!(ended.signal(), Some(Signal::KILL.as_raw()), "the worker broke down: {ended}");
            let mut next = Self::start(self.test, &self.folder);
            std::mem::swap(&mut next.costs, &mut self.costs);
            *self = next;
        }
        answer
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The worker's side: obeys until there are no more orders; `begin` gives the function that does.
pub(crate) fn work<O: DeserializeOwned, A: Serialize, F: FnMut(O, Option<u32>) -> A>(begin: impl FnOnce(PathBuf) -> F) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut obey = begin(PathBuf::from(folder));
    let mut answers = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    for line in BufReader::new(answers.try_clone().unwrap()).lines().map_while(Result::ok) {
        let (order, steps) = serde_json::from_str(&line).unwrap();
        STEPS.store(0, Ordering::Relaxed);
        let answer = obey(order, steps);
        writeln!(answers, "{}", serde_json::to_string(&(answer, STEPS.load(Ordering::Relaxed))).unwrap()).unwrap();
    }
}

/// Counts the connection's steps from now on, and kills this process after so many of them where there is a number.
pub(crate) fn die_after(connection: &mut Connection, steps: Option<u32>) {
    let step = move || {
        if Some(STEPS.fetch_add(1, Ordering::Relaxed)) == steps {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        false
    };
    connection.progress_handler(1, Some(step)).unwrap();
}

/// Any end of a worker, and mostly none: in the middle or near the end of a transaction, or after so many microseconds.
pub(crate) fn kills(micros: u64) -> impl Strategy<Value = Kill> {
    prop_oneof![
        4 => Just(Kill::Never),
        1 => (0.0..1.0).prop_map(Kill::Share),
        1 => (0..8).prop_flat_map(|bits| 1_u32 << bits..2_u32 << bits).prop_map(Kill::Before),
        1 => (0..micros).prop_map(Kill::Micros),
    ]
}
