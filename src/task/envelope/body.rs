//! The body of a task message: JSON of exactly three parts, perhaps compressed.

use super::BadMessage;
use crate::broker::Message;
use bzip2::read::BzDecoder;
use flate2::read::ZlibDecoder;
use ruzstd::decoding::StreamingDecoder;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::io::{self, Read};

/// The largest body that is unpacked.
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// The arguments of a task.
pub(super) struct Arguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Map<String, Value>,
}

/// Reads the body: the arguments, and what follows the task (not yet read).
pub(super) fn read(message: &Message) -> Result<(Arguments, Value), BadMessage> {
    let json: Value = serde_json::from_slice(&decompress(message)?).map_err(BadMessage::Json)?;
    let Value::Array(parts) = json else { return Err(BadMessage::Body("an array [args, kwargs, embed]")) };
    let Ok([positional, named, embed]) = <[Value; 3]>::try_from(parts) else {
        return Err(BadMessage::Body("an array of exactly three: args, kwargs, embed"));
    };
    let Value::Array(positional) = positional else { return Err(BadMessage::Body("args to be a list")) };
    let Value::Object(named) = named else { return Err(BadMessage::Body("kwargs to be an object")) };
    let arguments = Arguments {
        positional: positional.into_iter().map(plain_value).collect(),
        named: named.into_iter().map(|(name, value)| (name, plain_value(value))).collect(),
    };
    Ok((arguments, embed))
}

/// The body as it was before it was compressed.
pub(super) fn decompress(message: &Message) -> Result<Cow<'_, [u8]>, BadMessage> {
    let body = message.body.as_slice();
    match message.headers.get("compression") {
        None | Some(Value::Null) => Ok(Cow::Borrowed(body)),
        // Celery calls zlib data so.
        Some(Value::String(name)) if name == "application/x-gzip" => unpack(ZlibDecoder::new(body)),
        Some(Value::String(name)) if name == "application/x-bz2" => unpack(BzDecoder::new(body)),
        Some(Value::String(name)) if name == "application/zstd" => {
            unpack(StreamingDecoder::new(body).map_err(|error| BadMessage::Decompress(io::Error::other(error)))?)
        }
        Some(Value::String(name)) => Err(BadMessage::Compression(name.chars().take(64).collect())),
        Some(_) => Err(BadMessage::Header { name: "compression", expected: "a text or null" }),
    }
}

fn unpack(packed: impl Read) -> Result<Cow<'static, [u8]>, BadMessage> {
    let mut plain = Vec::new();
    packed.take(MAX_BYTES + 1).read_to_end(&mut plain).map_err(BadMessage::Decompress)?;
    if plain.len() as u64 > MAX_BYTES {
        return Err(BadMessage::Decompress(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(Cow::Owned(plain))
}

/// Takes values out of the wrapping that kombu gives to what JSON does not have: dates, decimals, UUIDs and bytes
/// become the text that they are written as.
pub(in crate::task) fn plain_value(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain_value).collect(),
        Value::Object(mut fields) => {
            if fields.len() == 2 && fields.get("__type__").is_some_and(Value::is_string) {
                match fields.remove("__value__") {
                    Some(Value::Object(inner)) => return inner.get("hex").cloned().unwrap_or(Value::Object(inner)),
                    Some(plain) => return plain,
                    None => {}
                }
            }
            fields.into_iter().map(|(name, value)| (name, plain_value(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
