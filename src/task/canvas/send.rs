//! From signatures to messages.

use super::{Embed, Kind, Signature};
use crate::broker::{Message, Outgoing};
use crate::domain::parse_date;
use crate::task::Task;
use crate::task::envelope::{Frame, plain_value};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The namespace of the ids made here (RFC 9562, version 5): our own, at random.
const NAMESPACE: Uuid = Uuid::from_u128(0x3f0c_27ab_91d4_4e5b_8a66_d2a1_70be_94c3);

/// Where a task goes that names no queue: Celery's own default.
const DEFAULT_QUEUE: &str = "celery";

/// The task that others follow.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Its id.
    pub id: &'a str,
    /// The first task of all.
    pub root: &'a str,
    /// Where our own tasks go when they name no queue.
    pub own_queue: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Messages to send, and the ids of their tasks.
#[derive(Debug, Default, PartialEq)]
pub struct FollowUps {
    /// Messages of tasks.
    pub messages: Vec<Outgoing>,
    /// The tasks' ids.
    pub ids: Vec<String>,
}

impl Embed {
    /// What follows a success: the callbacks, then the chain's next task. However often this is asked, the ids are the same.
    #[must_use]
    pub fn on_success(&self, origin: Origin<'_>, result: &Value) -> FollowUps {
        let mut sender = Sender { origin, given: result, sent: FollowUps::default() };
        let group = (self.callbacks.len() > 1).then(|| origin.derived_id("callbacks"));
        for (at, callback) in self.callbacks.iter().enumerate() {
            sender.send(callback, &[], &format!("callback/{at}"), group.as_deref().map(|group| (group, at)));
        }
        if let Some((next, rest)) = self.chain.split_last() {
            sender.send(next, rest, "chain", None);
        }
        sender.sent
    }

    /// What follows a failure for good: the errbacks, as one group.
    #[must_use]
    pub fn on_failure(&self, origin: Origin<'_>) -> FollowUps {
        let (given, group) = (Value::from(origin.id), origin.derived_id("errbacks"));
        let mut sender = Sender { origin, given: &given, sent: FollowUps::default() };
        for (at, errback) in self.errbacks.iter().enumerate() {
            sender.send(errback, &[], &format!("errback/{at}"), Some((&group, at)));
        }
        sender.sent
    }
}

impl Origin<'_> {
    /// An id that is the same in every attempt to send.
    fn derived_id(&self, place: &str) -> String {
        Uuid::new_v5(&NAMESPACE, format!("{}\n{place}", self.id).as_bytes()).to_string()
    }
}

struct Sender<'a> {
    origin: Origin<'a>,
    /// What comes before the arguments of a signature that is not immutable.
    given: &'a Value,
    sent: FollowUps,
}

impl Sender<'_> {
    /// Sends what a signature stands for; `rest` comes after it, its next task last.
    fn send(&mut self, signature: &Signature, rest: &[Signature], place: &str, group: Option<(&str, usize)>) {
        // What is no list of signatures was refused when the message was read.
        let parts = || signature.parts().unwrap_or_default();
        match signature.kind() {
            Kind::Task => self.send_task(signature, rest, place, group),
            Kind::Chain => {
                let mut steps = signature.with_own_links(parts());
                steps.reverse();
                let Some(first) = steps.pop() else { return };
                let rest: Vec<_> = rest.iter().cloned().chain(steps).collect();
                self.send(&first, &rest, place, group);
            }
            Kind::Group => {
                let group = signature.text("task_id").map_or_else(|| self.origin.derived_id(place), str::to_owned);
                for (at, part) in parts().iter().enumerate() {
                    self.send(part, rest, &format!("{place}/{at}"), Some((&group, at)));
                }
            }
            Kind::Chord => {}
        }
    }

    fn send_task(&mut self, signature: &Signature, rest: &[Signature], place: &str, group: Option<(&str, usize)>) {
        let id = signature.text("task_id").map_or_else(|| self.origin.derived_id(place), str::to_owned);
        let (message, queue) = (signature.message(&id, self.given, rest, group, &self.origin), self.queue(signature));
        self.sent.messages.push(Outgoing::Task(queue, message));
        self.sent.ids.push(id);
    }

    fn queue(&self, signature: &Signature) -> String {
        let by_key = || signature.text("routing_key").filter(|_| signature.text("exchange").is_none());
        let default = if Task::NAMES.contains(&&*signature.task) { self.origin.own_queue } else { DEFAULT_QUEUE };
        signature.text("queue").or_else(by_key).unwrap_or(default).to_owned()
    }
}

impl Signature {
    /// An option that is a text; an empty one counts as none.
    fn text(&self, name: &str) -> Option<&str> {
        self.options.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn option(&self, name: &str) -> Value {
        self.options.get(name).cloned().unwrap_or_default()
    }

    /// The steps of a chain with what is linked to the chain: callbacks to its last step, errbacks to each.
    fn with_own_links(&self, mut steps: Vec<Self>) -> Vec<Self> {
        let last = steps.len().saturating_sub(1);
        for (at, step) in steps.iter_mut().enumerate() {
            for name in ["link", "link_error"].into_iter().filter(|name| *name == "link_error" || at == last) {
                let linked = [step.option(name), self.option(name)].into_iter().flat_map(listed).collect::<Vec<_>>();
                if !linked.is_empty() {
                    step.options.insert(name.to_owned(), linked.into());
                }
            }
        }
        steps
    }

    /// The message, as Celery sends it (celery.md §2).
    fn message(
        &self,
        id: &str,
        given: &Value,
        rest: &[Self],
        group: Option<(&str, usize)>,
        origin: &Origin<'_>,
    ) -> Message {
        let given = (!self.immutable).then(|| given.clone());
        let args: Vec<_> = given.into_iter().chain(self.args.iter().cloned()).collect();
        let own_chain = || self.option("chain");
        let embed = json!({
            "callbacks": some(listed(self.option("link"))),
            "errbacks": some(listed(self.option("link_error"))),
            "chain": if rest.is_empty() { own_chain() } else { json!(rest) },
            "chord": null,
        });
        let frame = Frame { name: &self.task, id, args: args.into(), kwargs: self.kwargs.clone(), embed };
        let mut message = frame.into_message();
        message.reply_to = self.text("reply_to").map(str::to_owned);
        message.priority = self.options.get("priority").and_then(Value::as_u64).unwrap_or(0).min(255) as u8;
        self.set_headers(&mut message.headers, group, origin);
        message
    }

    fn set_headers(&self, headers: &mut Map<String, Value>, group: Option<(&str, usize)>, origin: &Origin<'_>) {
        let (group_id, group_index) = match group {
            Some((id, index)) => (id.into(), index.into()),
            None => (self.option("group_id"), self.option("group_index")),
        };
        let eta = self.date("eta", origin.now).or_else(|| self.date("countdown", origin.now));
        for (name, value) in [
            ("shadow", self.option("shadow")),
            ("eta", eta.into()),
            ("expires", self.date("expires", origin.now).into()),
            ("group", group_id),
            ("group_index", group_index),
            ("timelimit", json!([self.option("time_limit"), self.option("soft_time_limit")])),
            ("root_id", origin.root.into()),
            ("parent_id", origin.id.into()),
            ("ignore_result", self.option("ignore_result")),
        ] {
            headers.insert(name.to_owned(), value);
        }
        if let Some(Value::Object(custom)) = self.options.get("headers") {
            for (name, value) in custom {
                headers.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// An option that is a date, or seconds from now. What is neither is left out: a Python worker would die of it.
    fn date(&self, name: &str, now: DateTime<Utc>) -> Option<String> {
        let value = plain_value(self.option(name));
        let at = match value.as_str() {
            Some(text) => parse_date(text)?,
            None => now.checked_add_signed(TimeDelta::try_milliseconds((value.as_f64()? * 1000.0) as i64)?)?,
        };
        Some(at.to_rfc3339_opts(SecondsFormat::Micros, false))
    }
}

/// A list, or one thing, or nothing, as a list.
pub(super) fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => vec![one],
    }
}

/// A list, or null where it is empty.
fn some(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { items.into() }
}
