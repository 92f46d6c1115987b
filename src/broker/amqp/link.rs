//! Connections to RabbitMQ, declarations as Celery makes them, and errors without passwords.

use super::address::Addresses;
use crate::broker::BrokerError;
use amiquip::{Channel, Connection, Error, ExchangeDeclareOptions, ExchangeType, FieldTable, QueueDeclareOptions};
use std::error;

/// AMQP reply codes.
const FORCED: u16 = 320;
pub(super) const NOT_FOUND: u16 = 404;
const RESOURCE_ERROR: u16 = 506;
const INTERNAL_ERROR: u16 = 541;

/// A connection to the first of the addresses that answers.
pub(super) fn connect(addresses: &Addresses) -> Result<Connection, BrokerError> {
    let mut last = None;
    for url in &addresses.urls {
        match Connection::insecure_open(url) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = Some(error),
        }
    }
    Err(broker_error(&format!("connecting to {}", addresses.shown), last.unwrap_or(Error::UnexpectedSocketClose)))
}

/// Declares a queue as Celery does (celery.md §1): a durable queue without arguments, bound to a durable direct
/// exchange of the same name. Declaring it otherwise would be refused, here or at the Python side.
pub(super) fn declare(channel: &Channel, queue: &str) -> Result<(), BrokerError> {
    let declared = || {
        channel.exchange_declare(ExchangeType::Direct, queue, durable_exchange())?;
        channel.queue_declare(queue, durable_queue())?;
        channel.queue_bind(queue, queue, queue, FieldTable::new())
    };
    declared().map_err(|error| broker_error(&format!("declaring the queue {queue}"), error))
}

/// As [`declare`] without waiting for the answers; a refusal closes the channel.
pub(super) fn declare_in_passing(channel: &Channel, queue: &str) -> Result<(), Error> {
    channel.exchange_declare_nowait(ExchangeType::Direct, queue, durable_exchange())?;
    channel.queue_declare_nowait(queue, durable_queue())?;
    channel.queue_bind_nowait(queue, queue, queue, FieldTable::new())
}

fn durable_exchange() -> ExchangeDeclareOptions {
    ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() }
}

fn durable_queue() -> QueueDeclareOptions {
    QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() }
}

/// amiquip's error in our words. `Refused` where trying again without a change at either side is of no use.
pub(super) fn broker_error(what: &str, error: Error) -> BrokerError {
    let what = what.to_owned();
    if is_refusal(&error) {
        BrokerError::Refused { what, source: cause(error) }
    } else {
        BrokerError::Unavailable { what, source: cause(error) }
    }
}

fn is_refusal(error: &Error) -> bool {
    let passing = [FORCED, RESOURCE_ERROR, INTERNAL_ERROR];
    if let Error::ServerClosedConnection { code, .. } | Error::ServerClosedChannel { code, .. } = error {
        return !passing.contains(code);
    }
    matches!(error, Error::InvalidCredentials | Error::UnsupportedAuthMechanism { .. })
}

/// The cause without the address: amiquip's texts repeat it, password included.
fn cause(error: Error) -> Box<dyn error::Error + Send + Sync> {
    if let Error::FailedToConnect { source, .. } | Error::ResolveUrlToSocketAddr { source, .. } = error {
        return source.into();
    }
    if mentions_url(&error) { "the address is not accepted".into() } else { error.into() }
}

fn mentions_url(error: &Error) -> bool {
    matches!(
        error,
        Error::UrlParseError { .. }
            | Error::InsecureUrl { .. }
            | Error::UrlNoSocketAddrs { .. }
            | Error::SpecifyUrlPort { .. }
            | Error::InvalidUrlScheme { .. }
            | Error::UrlMissingDomain { .. }
            | Error::ExtraUrlPathSegments { .. }
            | Error::UrlParseHeartbeat { .. }
            | Error::UrlParseChannelMax { .. }
            | Error::UrlParseConnectionTimeout { .. }
            | Error::UrlInvalidAuthMechanism { .. }
            | Error::UrlUnsupportedParameter { .. }
    )
}
