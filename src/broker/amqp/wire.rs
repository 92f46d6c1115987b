//! Messages as AMQP properties and tables, both ways.

use crate::broker::{BrokerError, Message};
use amiquip::{AmqpProperties, AmqpValue, FieldTable};
use serde_json::{Map, Value};

/// AMQP's short texts (names of headers and queues, most properties) hold no more bytes.
const MAX_SHORT: usize = 255;

/// Properties travel in one frame; RabbitMQ's is 128 KiB and a larger one ends the connection.
const MAX_HEADERS: usize = 100 << 10;

/// How deep tables are read and written; deeper values become null.
const MAX_DEPTH: usize = 32;

/// A message that AMQP cannot carry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// A short text.
    #[error("{what} is longer than {MAX_SHORT} bytes")]
    Short {
        /// Which one.
        what: &'static str,
    },
    /// The queue has no name.
    #[error("the queue has no name")]
    NoQueue,
    /// All headers together.
    #[error("the headers are longer than {MAX_HEADERS} bytes")]
    Headers,
}

impl From<Unfit> for BrokerError {
    fn from(error: Unfit) -> Self {
        Self::Refused { what: "sending a message".to_owned(), source: error.into() }
    }
}

/// The properties of a persistent message.
pub(super) fn properties(message: &Message) -> Result<AmqpProperties, Unfit> {
    if Value::Object(message.headers.clone()).to_string().len() > MAX_HEADERS {
        return Err(Unfit::Headers);
    }
    let mut properties = AmqpProperties::default()
        .with_content_type(short("the content type", &message.content_type)?)
        .with_content_encoding(short("the content encoding", &message.content_encoding)?)
        .with_headers(table(&message.headers, 0)?)
        .with_delivery_mode(2)
        .with_priority(message.priority);
    if let Some(id) = &message.correlation_id {
        properties = properties.with_correlation_id(short("the correlation id", id)?);
    }
    if let Some(queue) = &message.reply_to {
        properties = properties.with_reply_to(short("the reply queue's name", queue)?);
    }
    Ok(properties)
}

/// The properties of a message that is lost with its queue, in JSON.
pub(super) fn transient(headers: &Map<String, Value>) -> Result<AmqpProperties, Unfit> {
    let properties = AmqpProperties::default()
        .with_content_type("application/json".to_owned())
        .with_content_encoding("utf-8".to_owned());
    Ok(properties.with_headers(table(headers, 0)?).with_delivery_mode(1).with_priority(0))
}

/// The message that came with these properties.
pub(super) fn message(properties: &AmqpProperties, body: Vec<u8>) -> Message {
    Message {
        headers: properties.headers().as_ref().map(|table| headers(table, 0)).unwrap_or_default(),
        body,
        content_type: properties.content_type().clone().unwrap_or_default(),
        content_encoding: properties.content_encoding().clone().unwrap_or_default(),
        correlation_id: properties.correlation_id().clone(),
        reply_to: properties.reply_to().clone(),
        priority: properties.priority().unwrap_or(0),
    }
}

/// Whether a queue can have this name. (amiquip ends the program over a queue without one.)
pub(super) fn check_queue(name: &str) -> Result<(), Unfit> {
    if name.is_empty() { Err(Unfit::NoQueue) } else { short("the queue's name", name).map(drop) }
}

/// The key of a message that an exchange routes.
pub(super) fn check_key(key: &str) -> Result<String, Unfit> {
    short("the routing key", key)
}

fn short(what: &'static str, text: &str) -> Result<String, Unfit> {
    if text.len() > MAX_SHORT { Err(Unfit::Short { what }) } else { Ok(text.to_owned()) }
}

fn table(fields: &Map<String, Value>, depth: usize) -> Result<FieldTable, Unfit> {
    fields.iter().map(|(name, value)| Ok((short("a header's name", name)?, to_amqp(value, depth)?))).collect()
}

fn to_amqp(value: &Value, depth: usize) -> Result<AmqpValue, Unfit> {
    Ok(match value {
        Value::Array(items) if depth < MAX_DEPTH => {
            AmqpValue::FieldArray(items.iter().map(|item| to_amqp(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) if depth < MAX_DEPTH => AmqpValue::FieldTable(table(fields, depth + 1)?),
        Value::Null | Value::Array(_) | Value::Object(_) => AmqpValue::Void,
        Value::Bool(value) => AmqpValue::Boolean(*value),
        Value::String(text) => AmqpValue::LongString(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(small), _) if i32::try_from(small).is_ok() => AmqpValue::LongInt(small as i32),
            (Some(large), _) => AmqpValue::LongLongInt(large),
            (None, Some(real)) => AmqpValue::Double(real),
            (None, None) => AmqpValue::Void,
        },
    })
}

fn headers(table: &FieldTable, depth: usize) -> Map<String, Value> {
    table.iter().map(|(name, value)| (name.clone(), from_amqp(value, depth))).collect()
}

fn from_amqp(value: &AmqpValue, depth: usize) -> Value {
    match value {
        AmqpValue::FieldArray(items) if depth < MAX_DEPTH => {
            items.iter().map(|item| from_amqp(item, depth + 1)).collect()
        }
        AmqpValue::FieldTable(fields) if depth < MAX_DEPTH => Value::Object(headers(fields, depth + 1)),
        AmqpValue::Void | AmqpValue::FieldArray(_) | AmqpValue::FieldTable(_) => Value::Null,
        AmqpValue::Boolean(value) => (*value).into(),
        AmqpValue::ShortShortInt(value) => (*value).into(),
        AmqpValue::ShortShortUInt(value) => (*value).into(),
        AmqpValue::ShortInt(value) => (*value).into(),
        AmqpValue::ShortUInt(value) => (*value).into(),
        AmqpValue::LongInt(value) => (*value).into(),
        AmqpValue::LongUInt(value) => (*value).into(),
        AmqpValue::LongLongInt(value) => (*value).into(),
        AmqpValue::Float(value) => (*value).into(),
        AmqpValue::Double(value) => (*value).into(),
        AmqpValue::Timestamp(value) => (*value).into(),
        AmqpValue::DecimalValue(value) => (f64::from(value.value) / 10_f64.powi(i32::from(value.scale))).into(),
        AmqpValue::LongString(text) => text.clone().into(),
        AmqpValue::ByteArray(bytes) => String::from_utf8_lossy(bytes).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with_headers(headers: Value) -> Message {
        Message { headers: headers.as_object().unwrap().clone(), priority: 3, ..Message::default() }
    }

    #[test]
    fn headers_survive_the_wire() {
        let sent =
            with_headers(json!({"null": null, "small": -5, "large": 5_000_000_000_i64, "real": 0.5, "yes": true,
            "list": [30, null, [1]], "table": {"a": {"b": "é"}}, "text": ""}));
        assert_eq!(message(&properties(&sent).unwrap(), sent.body.clone()), sent);
    }

    #[test]
    fn numbers_have_pythons_types() {
        let properties = properties(&with_headers(json!({"i": 2_147_483_647, "l": 2_147_483_648_i64, "n": null})));
        let table = properties.unwrap().headers().clone().unwrap();
        assert_eq!(table["i"], AmqpValue::LongInt(i32::MAX));
        assert_eq!(table["l"], AmqpValue::LongLongInt(1 << 31));
        assert_eq!(table["n"], AmqpValue::Void);
    }

    #[test]
    fn what_amqp_cannot_carry_is_refused() {
        assert_eq!(properties(&with_headers(json!({"a": "x".repeat(MAX_HEADERS)}))), Err(Unfit::Headers));
        let named = with_headers(json!({"x".repeat(256): 1}));
        assert_eq!(properties(&named), Err(Unfit::Short { what: "a header's name" }));
        let id = Message { correlation_id: Some("x".repeat(256)), ..Message::default() };
        assert_eq!(properties(&id), Err(Unfit::Short { what: "the correlation id" }));
        assert_eq!(check_queue(""), Err(Unfit::NoQueue));
        assert_eq!(check_queue(&"x".repeat(256)), Err(Unfit::Short { what: "the queue's name" }));
        assert_eq!(check_queue("report"), Ok(()));
    }
}
