//! The queue's file under random work of processes that are killed in the middle of it, compared with a model.

use super::file::{Claim, File, Wish};
use crate::broker::{Letters, Message};
use crate::crash::{Kill, Worker, die_after, kills, work};
use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

const QUEUE: &str = "q";
const LEASE_SECONDS: i64 = 15;

/// A claim that was made: the message's number, who made it and its number there.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Held {
    id: i64,
    holder: u8,
    number: u64,
}

/// A message of this text, for this time; times are seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Text {
    name: u32,
    priority: u8,
    due: i64,
}

/// What a process does, in one step of the file. It answers with a number: that of the message taken, how many it was.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Order {
    Publish(Text),
    Claim { holder: u8, number: u64 },
    Renew { holder: u8 },
    Ack(Held),
    Retry(Held, Text),
    Bury(Held),
    GiveBack(Held),
    Resend,
    Discard,
}

#[test]
#[ignore = "the process that is killed; the test below starts it"]
fn worker() {
    work(|folder| {
        let mut file = File::open(&folder.join("queue.sqlite3")).unwrap();
        move |(order, now): (Order, i64), steps| {
            die_after(&mut file.0, steps);
            obey(&mut file, order, now)
        }
    });
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn obey(file: &mut File, order: Order, now: i64) -> Option<i64> {
    let (now, lease) = (at(now), Duration::from_secs(LEASE_SECONDS.unsigned_abs()));
    let name = |holder: u8| format!("holder {holder}");
    let with = |held: Held, settle: &mut dyn FnMut(i64, Claim<'_>) -> bool| {
        let holder = name(held.holder);
        Some(i64::from(settle(held.id, Claim { holder: &holder, number: held.number })))
    };
    match order {
        Order::Publish(text) => file.publish(QUEUE, &message(text), now).map(|()| Some(1)).unwrap(),
        Order::Claim { holder, number } => {
            let holder = name(holder);
            let wish = Wish { queues: &[QUEUE.to_owned()], first: Claim { holder: &holder, number }, most: 1 };
            file.claim(wish, now, lease).unwrap().pop().map(|taken| taken.id)
        }
        Order::Renew { holder } => file.renew(&name(holder), now, lease).map(|()| Some(1)).unwrap(),
        Order::Ack(held) => with(held, &mut |id, claim| file.remove(id, claim, &[], now).unwrap()),
        Order::Retry(held, next) => {
            with(held, &mut |id, claim| file.replace(id, claim, QUEUE, &message(next), now).unwrap())
        }
        Order::Bury(held) => with(held, &mut |id, claim| file.bury(id, claim, "why", &[], now).unwrap()),
        Order::GiveBack(held) => with(held, &mut |id, claim| file.give_back(id, claim).unwrap()),
        Order::Resend => file.resend(QUEUE, &Letters::All, now).map(|sent| Some(sent as i64)).unwrap(),
        Order::Discard => file.discard(QUEUE, &Letters::All).map(|gone| Some(gone as i64)).unwrap(),
    }
}

fn message(Text { name, priority, due }: Text) -> Message {
    let mut message = Message { body: name.to_string().into_bytes(), priority, ..Message::default() };
    message.headers.insert("eta".to_owned(), json!(at(due).to_rfc3339()));
    message
}

/// What the file should hold; a claim is its holder, its number and its end.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    messages: BTreeMap<i64, Stored>,
    dead: Vec<(u32, u8)>,
    last: i64,
}

#[derive(Debug, Clone, PartialEq)]
struct Stored {
    name: u32,
    priority: u8,
    due: i64,
    claim: Option<(u8, u64, i64)>,
    hand_outs: i64,
}

impl Model {
    /// Reads the file as another process sees it.
    fn of(file: &Connection) -> Self {
        let seconds = |millis: i64| millis / 1000 - at(0).timestamp();
        let mut model = Self::default();
        let sql = "SELECT id, CAST(body AS TEXT), priority, available_at, holder, claim, leased_until, hand_outs FROM messages";
        let mut statement = file.prepare_cached(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let holder: Option<String> = row.get(4).unwrap();
            let claim = holder.map(|holder| {
                let holder = holder.trim_start_matches("holder ").parse().unwrap();
                (holder, row.get(5).unwrap(), seconds(row.get(6).unwrap()))
            });
            let name = row.get::<_, String>(1).unwrap().parse().unwrap();
            let (priority, due) = (row.get(2).unwrap(), seconds(row.get(3).unwrap()));
            let stored = Stored { name, priority, due, claim, hand_outs: row.get(7).unwrap() };
            model.messages.insert(row.get(0).unwrap(), stored);
        }
        let mut statement =
            file.prepare_cached("SELECT CAST(body AS TEXT), priority FROM dead_letters ORDER BY id").unwrap();
        let dead = statement.query_map([], |row| Ok((row.get::<_, String>(0)?.parse().unwrap(), row.get(1)?))).unwrap();
        model.dead = dead.map(Result::unwrap).collect();
        let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages'";
        model.last = file.query_row(last, [], |row| row.get(0)).unwrap();
        model
    }

    /// Does what the order says; the answer.
    fn obey(&mut self, order: Order, now: i64) -> Option<i64> {
        match order {
            Order::Publish(text) => self.insert(text, now),
            Order::Claim { holder, number } => {
                let is_free = |stored: &Stored| stored.due <= now && stored.claim.is_none_or(|claim| claim.2 <= now);
                let free = self.messages.iter_mut().filter(|(_, stored)| is_free(stored));
                let (id, stored) = free.min_by_key(|(id, stored)| (Reverse(stored.priority), **id))?;
                (stored.claim, stored.hand_outs) = (Some((holder, number, now + LEASE_SECONDS)), stored.hand_outs + 1);
                return Some(*id);
            }
            Order::Renew { holder } => {
                let claims = self.messages.values_mut().filter_map(|stored| stored.claim.as_mut());
                claims.filter(|claim| claim.0 == holder).for_each(|claim| claim.2 = now + LEASE_SECONDS);
            }
            Order::Ack(held) => return Some(i64::from(self.take(held).is_some())),
            Order::Retry(held, next) => {
                if self.take(held).is_none() {
                    return Some(0);
                }
                self.insert(next, now);
            }
            Order::Bury(held) => {
                let Some(taken) = self.take(held) else { return Some(0) };
                self.dead.push((taken.name, taken.priority));
            }
            Order::GiveBack(held) => {
                let Some(mut taken) = self.take(held) else { return Some(0) };
                taken.claim = None;
                self.messages.insert(held.id, taken);
            }
            Order::Resend => {
                let dead = std::mem::take(&mut self.dead);
                dead.iter()
                    .for_each(|(name, priority)| self.insert(Text { name: *name, priority: *priority, due: 0 }, now));
                return Some(dead.len() as i64);
            }
            Order::Discard => return Some(std::mem::take(&mut self.dead).len() as i64),
        }
        Some(1)
    }

    fn insert(&mut self, Text { name, priority, due }: Text, now: i64) {
        self.last += 1;
        self.messages.insert(self.last, Stored { name, priority, due: due.max(now), claim: None, hand_outs: 0 });
    }

    /// Takes the message out, if the claim still holds.
    fn take(&mut self, held: Held) -> Option<Stored> {
        let claim = self.messages.get(&held.id)?.claim?;
        ((claim.0, claim.1) == (held.holder, held.number)).then(|| self.messages.remove(&held.id))?
    }

    fn names(&self) -> BTreeSet<u32> {
        self.messages.values().map(|stored| stored.name).chain(self.dead.iter().map(|(name, _)| *name)).collect()
    }
}

/// What to do next; which claim and which message it is about is known when its turn comes.
#[derive(Debug, Clone)]
enum Act {
    Publish { priority: u8, delay: i64 },
    Claim { holder: u8 },
    Renew { holder: u8 },
    Settle { which: Index, how: u8, delay: i64 },
    Resend,
    Discard,
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..2_u8, 0..30_i64).prop_map(|(priority, delay)| Act::Publish { priority, delay }),
        5 => (0..3_u8).prop_map(|holder| Act::Claim { holder }),
        1 => (0..3_u8).prop_map(|holder| Act::Renew { holder }),
        5 => (any::<Index>(), 0..4_u8, 0..30_i64).prop_map(|(which, how, delay)| Act::Settle { which, how, delay }),
        1 => prop_oneof![2 => Just(Act::Resend), 1 => Just(Act::Discard)],
    ]
}

/// A queue, its model, and what was said of each message.
struct Trial {
    worker: Worker,
    file: Connection,
    model: Model,
    now: i64,
    claims: Vec<Held>,
    names: u32,
    /// Told to be stored.
    stored: BTreeSet<u32>,
    /// Perhaps acknowledged or dropped, and surely so.
    perhaps_gone: BTreeSet<u32>,
    gone: BTreeSet<u32>,
}

impl Trial {
    fn new(folder: &Path) -> Self {
        // Made here, so that the first process may be killed at its first step.
        let path = folder.join("queue.sqlite3");
        File::open(&path).unwrap();
        let file = Connection::open(&path).unwrap();
        let worker = Worker::start("broker::embedded::crash::worker", folder);
        let (stored, perhaps_gone, gone) = Default::default();
        let (model, claims) = (Model::default(), Vec::new());
        Self { worker, file, model, now: 0, claims, names: 0, stored, perhaps_gone, gone }
    }

    fn order(&mut self, act: &Act) -> Order {
        match act {
            Act::Publish { priority, delay } => {
                self.names += 1;
                Order::Publish(Text { name: self.names, priority: *priority, due: self.now + delay })
            }
            Act::Claim { holder } => Order::Claim { holder: *holder, number: self.claims.len() as u64 },
            Act::Renew { holder } => Order::Renew { holder: *holder },
            Act::Settle { which, how, delay } => {
                let none = Held { id: 0, holder: 0, number: 0 };
                let held = if self.claims.is_empty() { none } else { *which.get(&self.claims) };
                let stored = self.model.messages.get(&held.id);
                let (name, priority) = stored.map_or((0, 0), |stored| (stored.name, stored.priority));
                match how {
                    0 => Order::Bury(held),
                    1 => Order::Retry(held, Text { name, priority, due: self.now + delay }),
                    2 => Order::GiveBack(held),
                    _ => Order::Ack(held),
                }
            }
            Act::Resend => Order::Resend,
            Act::Discard => Order::Discard,
        }
    }

    /// Has the order done, perhaps not to its end: the file must be as before it or as after it, and as after it where
    /// the process said so. The answer that it gives.
    fn step(&mut self, order: Order, kill: Kill) -> Option<i64> {
        let mut after = self.model.clone();
        let expected = after.obey(order, self.now);
        let gone: Vec<u32> = self.model.names().difference(&after.names()).copied().collect();
        let answer: Option<Option<i64>> = self.worker.obey(&(order, self.now), kill, || {});
        let found = Model::of(&self.file);
        if let Some(answer) = answer {
            assert_eq!(answer, expected, "{order:?} at {}", self.now);
            assert_eq!(found, after, "after {order:?} at {}", self.now);
            self.gone.extend(&gone);
        } else {
            assert!(found == self.model || found == after, "{order:?} was half done: {found:#?}");
        }
        if let (Order::Publish(text), Some(_)) = (order, answer) {
            self.stored.insert(text.name);
        }
        if let (Order::Claim { holder, number }, Some(id)) = (order, expected)
            && found == after
        {
            self.claims.push(Held { id, holder, number });
        }
        self.perhaps_gone.extend(gone);
        self.model = found;
        expected
    }

    /// Takes and acknowledges all that is left, long after: nothing that was stored is lost, nothing comes again.
    fn drain(mut self) {
        self.now += 3600;
        let mut seen: BTreeSet<u32> = self.model.dead.iter().map(|(name, _)| *name).collect();
        let (dead, gone, may_be_gone) = (self.model.dead.clone(), self.gone.clone(), self.perhaps_gone.clone());
        loop {
            let number = self.claims.len() as u64;
            let Some(id) = self.step(Order::Claim { holder: 0, number }, Kill::Never) else { break };
            assert!(seen.insert(self.model.messages[&id].name), "two of one message");
            self.step(Order::Ack(Held { id, holder: 0, number }), Kill::Never);
        }
        assert_eq!((self.model.messages.len(), &self.model.dead), (0, &dead), "dead letters stay");
        let missing: Vec<_> = self.stored.difference(&seen).filter(|name| !may_be_gone.contains(name)).collect();
        assert!(missing.is_empty(), "lost: {missing:?}");
        assert!(seen.is_disjoint(&gone), "acknowledged, and here again: {gone:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_whose_processes_are_killed_keeps_its_word(
        steps in vec((acts(), 0..8_i64, kills(4000)), 1..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut trial = Trial::new(folder.path());
        for (act, pause, kill) in steps {
            trial.now += pause;
            let order = trial.order(&act);
            trial.step(order, kill);
        }
        trial.drain();
    }
}
