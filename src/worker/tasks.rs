//! The tasks that a worker has: what has come, what runs, what was revoked.

use super::node::{Node, now};
use super::revoked::{Revoked, Stamps, shares, stamps_of};
use crate::broker::{Delivery, Message};
use crate::stages::Mark;
use crate::task::{About, Step, Task};
use log::Level;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Bodies up to this many bytes are shown with their arguments; of larger ones there is the text that came with them.
const SHOWN_BODY: usize = 16 << 10;

/// The shortest pause between two events of a task's progress.
const BETWEEN_PROGRESS: Duration = Duration::from_secs(1);

/// The tasks that a worker has.
#[derive(Default)]
pub(super) struct Tasks {
    /// Tasks begun, by name.
    totals: BTreeMap<String, u64>,
    /// By number: an id comes more than once, with retries and redeliveries.
    here: BTreeMap<u64, Here>,
    last: u64,
    revoked: Revoked,
}

/// A task that this worker has.
struct Here {
    id: String,
    info: Value,
    stamps: Stamps,
    runs: bool,
    cancel: watch::Sender<bool>,
}

/// A task that a worker has, for as long as this value lives.
pub(super) struct Ticket {
    node: Arc<Node>,
    number: u64,
    pub(super) id: String,
    cancelled: watch::Receiver<bool>,
    /// Whether its rows are being made readable, or are so.
    commits: Arc<AtomicBool>,
}

impl Node {
    /// As [`Node::receive`], where the message is one of a task that is known.
    pub(super) fn receive_known(self: &Arc<Self>, delivery: &Delivery) -> Option<Ticket> {
        let header = |name: &str| delivery.message.headers.get(name)?.as_str();
        let (id, name) = (header("id")?, header("task")?);
        Task::NAMES.contains(&name).then(|| self.receive(delivery, id, name))
    }

    /// Notes that a task has come, and tells of it.
    pub(super) fn receive(self: &Arc<Self>, delivery: &Delivery, id: &str, name: &str) -> Ticket {
        let (cancel, cancelled) = watch::channel(false);
        let (id, message) = (id.to_owned(), &delivery.message);
        let mut info = self.info(message, &delivery.queue);
        (info["id"], info["type"]) = (id.as_str().into(), name.into());
        if info["name"].is_null() {
            info["name"] = name.into();
        }
        info["delivery_info"]["redelivered"] = delivery.redelivered.into();
        let here = Here { id: id.clone(), info, stamps: stamps_of(message), runs: false, cancel };
        let number = {
            let mut tasks = self.tasks();
            tasks.last += 1;
            let number = tasks.last;
            tasks.here.insert(number, here);
            number
        };
        // What was put back for later, or was sent so, came before or is no news.
        let level = if message.eta().is_some() { Level::Debug } else { Level::Info };
        log::log!(level, "task.id":% = id, "task.name" = name; "task {name}: received");
        self.tell(&id, Step::Received(About::of(&delivery.message)));
        Ticket { node: Arc::clone(self), number, id, cancelled, commits: Arc::default() }
    }

    /// What `inspect active` and `reserved` show of a task.
    pub(super) fn info(&self, message: &Message, queue: &str) -> Value {
        let header = |name: &str| message.headers.get(name).cloned().unwrap_or_default();
        let body = (message.body.len() <= SHOWN_BODY).then(|| serde_json::from_slice::<Value>(&message.body).ok());
        let mut body = body.flatten().unwrap_or_default();
        let mut part = |at: usize, repr: &str| match body.get_mut(at) {
            Some(part) => part.take(),
            None => header(repr),
        };
        let (args, kwargs) = (part(0, "argsrepr"), part(1, "kwargsrepr"));
        let name = header("task");
        json!({
            "id": header("id"),
            "name": header("shadow").as_str().or(name.as_str()),
            "args": args,
            "kwargs": kwargs,
            "type": name,
            "hostname": self.name,
            "time_start": null,
            "acknowledged": false,
            "delivery_info": {
                "exchange": "",
                "routing_key": queue,
                "priority": message.priority,
                "redelivered": false,
            },
            "worker_pid": null,
        })
    }

    /// What `inspect active` shows.
    pub(super) fn active(&self) -> Vec<Value> {
        self.infos(true)
    }

    /// What `inspect reserved` shows.
    pub(super) fn reserved(&self) -> Vec<Value> {
        self.infos(false)
    }

    /// How many tasks run, and how many have begun since the start.
    pub(super) fn counts(&self) -> (usize, u64) {
        let tasks = self.tasks();
        (tasks.here.values().filter(|task| task.runs).count(), tasks.totals.values().sum())
    }

    fn infos(&self, runs: bool) -> Vec<Value> {
        self.tasks().here.values().filter(|task| task.runs == runs).map(|task| task.info.clone()).collect()
    }

    /// Tasks begun since the start, by name.
    pub(super) fn totals(&self) -> BTreeMap<String, u64> {
        self.tasks().totals.clone()
    }

    /// Ids that were revoked.
    pub(super) fn revoked(&self) -> Vec<String> {
        self.tasks().revoked.all()
    }

    /// Remembers that these tasks must not begin any more.
    pub(super) fn revoke(&self, ids: &[String]) {
        let mut tasks = self.tasks();
        ids.iter().for_each(|id| tasks.revoked.add(id, Instant::now()));
    }

    /// Remembers what another worker knows to be revoked, and comes back with it: older ones send a table by id, newer ones
    /// a list.
    pub(super) fn learn(&self, revoked: Option<&Value>) -> Vec<String> {
        let ids: Vec<String> = match revoked {
            Some(Value::Object(table)) => table.keys().cloned().collect(),
            Some(Value::Array(ids)) => ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            Some(_) | None => Vec::new(),
        };
        self.revoke(&ids);
        ids
    }

    /// Remembers that tasks with one of these stamps must not begin any more.
    pub(super) fn revoke_stamps(&self, stamps: &Stamps) {
        self.tasks().revoked.add_stamps(stamps);
    }

    /// Cancels those of these tasks that are here, also where they run; their ids.
    pub(super) fn terminate(&self, ids: &[String]) -> Vec<String> {
        self.terminate_where(|task| ids.contains(&task.id))
    }

    /// The same for tasks with one of these stamps.
    pub(super) fn terminate_stamps(&self, stamps: &Stamps) -> Vec<String> {
        self.terminate_where(|task| shares(&task.stamps, stamps))
    }

    fn terminate_where(&self, is_meant: impl Fn(&Here) -> bool) -> Vec<String> {
        let tasks = self.tasks();
        let cancel = |task: &Here| {
            task.cancel.send_replace(true);
            task.id.clone()
        };
        tasks.here.values().filter(|task| is_meant(task)).map(cancel).collect()
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Notes that the task begins, and tells of it.
    pub(super) fn start(&self) {
        let mut tasks = self.node.tasks();
        if let Some(here) = tasks.here.get_mut(&self.number) {
            here.runs = true;
            here.info["time_start"] = now().into();
            here.info["worker_pid"] = std::process::id().into();
            let name = here.info["name"].as_str().unwrap_or_default().to_owned();
            *tasks.totals.entry(name).or_default() += 1;
        }
        drop(tasks);
        self.tell(Step::Started);
    }

    /// Whether the task was revoked before it began.
    pub(super) fn is_revoked(&self) -> bool {
        let tasks = self.node.tasks();
        let has_stamp = |here: &Here| tasks.revoked.holds_any(&here.stamps);
        tasks.revoked.holds(&self.id) || tasks.here.get(&self.number).is_some_and(has_stamp)
    }

    /// Back when the task was terminated.
    pub(super) async fn terminated(&self) {
        super::raised(self.cancelled.clone()).await;
    }

    /// Never back once the task's rows are being made readable: whether they are could not be told of a commit that was
    /// left alone.
    pub(super) async fn may_be_left(&self) {
        if self.commits.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }

    /// Notes how far the task has come, and tells of it once a second at most.
    pub(super) fn watcher(&self) -> impl Fn(Mark) + use<> {
        let (node, id, commits) = (Arc::clone(&self.node), self.id.clone(), Arc::clone(&self.commits));
        let last = Cell::new(None::<Instant>);
        move |mark| match mark {
            Mark::Commits => commits.store(true, Ordering::Relaxed),
            Mark::Rows { written, found } if last.get().is_none_or(|last| last.elapsed() >= BETWEEN_PROGRESS) => {
                last.set(Some(Instant::now()));
                node.tell(&id, Step::Progress { stage: "webhook", rows: written, found });
            }
            Mark::Rows { .. } => {}
        }
    }

    /// Tells what became of the task.
    pub(super) fn tell(&self, step: Step) {
        self.node.tell(&self.id, step);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.node.tasks().here.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::DeliveryTag;
    use futures_util::FutureExt;

    fn received() -> (Arc<Node>, Ticket) {
        let config = crate::config::load(&|_| None, None, &[]).unwrap();
        let (node, _) = Node::new(&config.worker);
        let tag = DeliveryTag { session: 0, number: 1 };
        let delivery = Delivery { message: Message::default(), queue: "q".to_owned(), redelivered: true, tag };
        let ticket = node.receive(&delivery, "u", "qgeneral.api");
        (node, ticket)
    }

    #[test]
    fn a_task_is_reserved_then_active_then_gone() {
        let (node, ticket) = received();
        let reserved = node.reserved();
        assert_eq!((&reserved[0]["id"], &reserved[0]["name"]), (&json!("u"), &json!("qgeneral.api")));
        assert_eq!(reserved[0]["delivery_info"]["redelivered"], true);
        assert_eq!((node.active().len(), node.totals().len()), (0, 0));
        ticket.start();
        assert_eq!((node.reserved().len(), node.active().len(), node.totals()["qgeneral.api"]), (0, 1, 1));
        drop(ticket);
        assert_eq!((node.active().len(), node.totals()["qgeneral.api"]), (0, 1));
        assert!(node.terminate(&["u".to_owned()]).is_empty());
    }

    #[test]
    fn a_terminated_task_is_left_until_its_rows_are_made_readable() {
        let (node, ticket) = received();
        assert!(ticket.terminated().now_or_never().is_none());
        assert_eq!(node.terminate(&["u".to_owned()]), ["u"]);
        assert!(ticket.terminated().now_or_never().is_some());
        let watcher = ticket.watcher();
        watcher(Mark::Rows { written: 5, found: Some(9) });
        assert!(ticket.may_be_left().now_or_never().is_some());
        watcher(Mark::Commits);
        assert!(ticket.may_be_left().now_or_never().is_none(), "what becomes of the rows could not be told");
    }
}
