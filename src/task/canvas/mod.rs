//! Celery's canvas (celery.md §2): the tasks that a message asks to be run after its own.
//!
//! This file reads them, `send` makes messages of them when their time has come.

mod send;

pub use send::{FollowUps, Origin};

use super::BadMessage;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// The tasks that follow a message's own: the third part of its body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embed {
    /// Run with the result when the task has succeeded (`link`).
    pub callbacks: Vec<Signature>,
    /// Run with the task's id when it has failed for good (`link_error`).
    pub errbacks: Vec<Signature>,
    /// What remains of a chain, the next task last.
    pub chain: Vec<Signature>,
}

/// A task that somebody has described and nobody has sent yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    task: String,
    #[serde(default, deserialize_with = "or_default")]
    args: Vec<Value>,
    #[serde(default, deserialize_with = "or_default")]
    kwargs: Map<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    options: Map<String, Value>,
    #[serde(default)]
    subtask_type: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    immutable: bool,
    /// What else travels with it.
    #[serde(flatten)]
    more: Map<String, Value>,
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// What a signature stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    /// Tasks one after the other.
    Chain,
    /// Tasks side by side.
    Group,
    /// Tasks side by side and one after all of them.
    Chord,
}

impl Embed {
    /// Reads it.
    ///
    /// # Errors
    /// Names the field that is no list of signatures. Chords are refused: somebody would have to count their parts.
    pub(super) fn read(value: Value) -> Result<Self, BadMessage> {
        let mut fields = match value {
            Value::Null => Map::new(),
            Value::Object(fields) => fields,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(BadMessage::Body("embed to be an object or null"));
            }
        };
        if fields.get("chord").is_some_and(|chord| !chord.is_null()) {
            return Err(BadMessage::Embed { field: "chord", problem: NO_CHORDS.to_owned() });
        }
        let mut take = |field| {
            let read = list(fields.remove(field).unwrap_or_default());
            read.map_err(|problem| BadMessage::Embed { field, problem })
        };
        let embed = Self { callbacks: take("callbacks")?, errbacks: take("errbacks")?, chain: take("chain")? };
        for (field, signatures) in [("callbacks", &embed.callbacks), ("errbacks", &embed.errbacks)] {
            signatures
                .iter()
                .try_for_each(|one| one.check(true))
                .map_err(|problem| BadMessage::Embed { field, problem })?;
        }
        let mut chain = embed.chain.iter().enumerate();
        let checked = chain.try_for_each(|(left, one)| one.check(left == 0));
        checked.map_err(|problem| BadMessage::Embed { field: "chain", problem })?;
        Ok(embed)
    }

    /// As in a message.
    pub(super) fn to_value(&self) -> Value {
        let listed = |signatures: &[Signature]| if signatures.is_empty() { Value::Null } else { json!(signatures) };
        json!({
            "callbacks": listed(&self.callbacks),
            "errbacks": listed(&self.errbacks),
            "chain": listed(&self.chain),
            "chord": null,
        })
    }
}

const NO_CHORDS: &str = "chords are not supported: their parts are counted in a result store, and there is none";

/// A list of signatures, one of them, or nothing.
fn list(value: Value) -> Result<Vec<Signature>, String> {
    let read = |(at, item)| serde_json::from_value(item).map_err(|error| format!("[{at}]: {error}"));
    send::listed(value).into_iter().enumerate().map(read).collect()
}

impl Signature {
    fn kind(&self) -> Kind {
        match self.subtask_type.as_deref() {
            Some("chain") => Kind::Chain,
            Some("group") => Kind::Group,
            Some("chord") => Kind::Chord,
            Some(_) | None => Kind::Task,
        }
    }

    /// The tasks of a chain or a group, in their order.
    fn parts(&self) -> Result<Vec<Self>, String> {
        list(self.kwargs.get("tasks").cloned().unwrap_or_default())
    }

    /// Whether it can be sent; `is_last`: nothing comes after it.
    fn check(&self, is_last: bool) -> Result<(), String> {
        match self.kind() {
            Kind::Task => Ok(()),
            Kind::Chord => Err(NO_CHORDS.to_owned()),
            Kind::Group if !is_last => Err(format!("a group that a task follows is a chord, and {NO_CHORDS}")),
            Kind::Group => self.parts()?.iter().try_for_each(|part| part.check(true)),
            Kind::Chain => {
                let parts = self.parts()?;
                let last = parts.len().checked_sub(1).ok_or("a chain of no tasks")?;
                parts.iter().enumerate().try_for_each(|(at, part)| part.check(is_last && at == last))
            }
        }
    }
}

#[cfg(test)]
mod tests;
