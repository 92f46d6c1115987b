//! The body of a task message: JSON of exactly three parts, perhaps compressed.

use super::BadMessage;
use crate::broker::Message;
use flate2::read::ZlibDecoder;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::io::Read;

/// The largest body that is unpacked.
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// The arguments of a task.
pub(super) struct Arguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Map<String, Value>,
}

/// Reads the body.
pub(super) fn read(message: &Message) -> Result<Arguments, BadMessage> {
    let json: Value = serde_json::from_slice(&decompress(message)?).map_err(BadMessage::Json)?;
    let Value::Array(parts) = json else {
        return Err(BadMessage::Body("an array [args, kwargs, embed]; message protocol 1 is not supported"));
    };
    let Ok([positional, named, embed]) = <[Value; 3]>::try_from(parts) else {
        return Err(BadMessage::Body("an array of exactly three: args, kwargs, embed"));
    };
    check_embed(&embed)?;
    let Value::Array(positional) = positional else { return Err(BadMessage::Body("args to be a list")) };
    let Value::Object(named) = named else { return Err(BadMessage::Body("kwargs to be an object")) };
    Ok(Arguments {
        positional: positional.into_iter().map(unwrap_kombu).collect(),
        named: named.into_iter().map(|(name, value)| (name, unwrap_kombu(value))).collect(),
    })
}

fn decompress(message: &Message) -> Result<Cow<'_, [u8]>, BadMessage> {
    match message.headers.get("compression") {
        None | Some(Value::Null) => Ok(Cow::Borrowed(&message.body)),
        // Celery calls zlib data so.
        Some(Value::String(name)) if name == "application/x-gzip" => {
            let mut plain = Vec::new();
            let mut limited = ZlibDecoder::new(message.body.as_slice()).take(MAX_BYTES + 1);
            limited.read_to_end(&mut plain).map_err(BadMessage::Decompress)?;
            if plain.len() as u64 > MAX_BYTES {
                return Err(BadMessage::Decompress(std::io::ErrorKind::FileTooLarge.into()));
            }
            Ok(Cow::Owned(plain))
        }
        Some(Value::String(name)) => Err(BadMessage::Compression(name.chars().take(64).collect())),
        Some(_) => Err(BadMessage::Header { name: "compression", expected: "a text or null" }),
    }
}

/// Follow-up tasks in the message are refused: running the task without them would drop them in silence.
fn check_embed(embed: &Value) -> Result<(), BadMessage> {
    if embed.is_null() {
        return Ok(());
    }
    let fields = embed.as_object().ok_or(BadMessage::Body("embed to be an object or null"))?;
    let asked = |name: &str| fields.get(name).is_some_and(|value| !value.is_null() && *value != Value::Array(vec![]));
    match ["callbacks", "errbacks", "chain", "chord"].into_iter().find(|name| asked(name)) {
        Some(_) => Err(BadMessage::Body("no callbacks, errbacks, chain or chord: follow-up tasks are not supported")),
        None => Ok(()),
    }
}

/// Takes values out of the wrapping that kombu gives to what JSON does not have: dates, decimals, UUIDs and bytes
/// become the text that they are written as.
fn unwrap_kombu(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(unwrap_kombu).collect(),
        Value::Object(mut fields) => {
            if fields.len() == 2 && fields.get("__type__").is_some_and(Value::is_string) {
                match fields.remove("__value__") {
                    Some(Value::Object(inner)) => return inner.get("hex").cloned().unwrap_or(Value::Object(inner)),
                    Some(plain) => return plain,
                    None => {}
                }
            }
            fields.into_iter().map(|(name, value)| (name, unwrap_kombu(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
