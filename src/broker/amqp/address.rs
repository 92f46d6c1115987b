//! Broker addresses as Celery writes them.

use super::dial;
use crate::config::Secret;
use amiquip::{Auth, ConnectionOptions};
use percent_encoding::percent_decode_str;
use std::str::Utf8Error;
use url::{Host, Url};

/// Seconds between heartbeats; after two missed ones the connection counts as lost.
const HEARTBEAT_SECS: u16 = 10;

/// The name of the usual virtual host.
const ROOT: &str = "/";

/// RabbitMQ's own user, where an address names none.
const GUEST: &str = "guest";

/// The addresses of one broker, to be tried in turn.
#[derive(Clone)]
pub(super) struct Addresses {
    /// At least one.
    pub(super) all: Vec<Address>,
    /// For people; without user and password.
    pub(super) shown: String,
}

/// Where a broker is and how it is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Address {
    /// Whether over TLS.
    pub(super) tls: bool,
    /// A name or an IP address.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    vhost: String,
    user: String,
    password: Secret,
    heartbeat: u16,
}

/// Why an address cannot be used. It never repeats the address, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAddress {
    /// It is no URL.
    #[error("CELERY_BROKER_URL: expected amqp://user:password@host:port/vhost (special characters as %XX): {0}")]
    Url(url::ParseError),
    /// A part of it is no text.
    #[error("CELERY_BROKER_URL: expected UTF-8 in {what} (special characters as %XX)")]
    NoText {
        /// Which part.
        what: &'static str,
        /// The cause.
        #[source]
        source: Utf8Error,
    },
    /// Another kind of broker.
    #[error("CELERY_BROKER_URL: expected amqp://, amqps:// or pyamqp://, got {0}://")]
    Scheme(String),
}

impl Addresses {
    /// Reads one address or several, separated by `;`.
    pub(super) fn parse(text: &str) -> Result<Self, BadAddress> {
        let all = text.split(';').map(|one| Address::parse(one.trim())).collect::<Result<Vec<_>, _>>()?;
        let shown = all.iter().map(Address::shown).collect::<Vec<_>>().join(" or ");
        Ok(Self { all, shown })
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, BadAddress> {
        let url = Url::parse(text).map_err(BadAddress::Url)?;
        let (tls, port) = match url.scheme() {
            "amqp" | "pyamqp" => (false, 5672),
            "amqps" => (true, 5671),
            scheme => return Err(BadAddress::Scheme(scheme.chars().take(20).collect())),
        };
        // What follows the first slash is the virtual host; Celery's usual `//` means the one called `/`.
        let vhost = decode("the virtual host", url.path().strip_prefix('/').unwrap_or_default())?;
        let user = decode("the user", url.username())?;
        Ok(Self {
            tls,
            host: host(&url),
            port: url.port().unwrap_or(port),
            vhost: if vhost.is_empty() { ROOT.to_owned() } else { vhost },
            user: if user.is_empty() { GUEST.to_owned() } else { user },
            password: Secret::new(decode("the password", url.password().unwrap_or(GUEST))?),
            heartbeat: heartbeat(&url),
        })
    }

    /// What amiquip is to say when it connects.
    pub(super) fn options(&self) -> ConnectionOptions<Auth> {
        let (username, password) = (self.user.clone(), self.password.expose().to_owned());
        ConnectionOptions::default()
            .auth(Auth::Plain { username, password })
            .virtual_host(&self.vhost)
            .heartbeat(self.heartbeat)
            .connection_timeout(Some(dial::LIMIT))
    }

    fn shown(&self) -> String {
        let tls = if self.tls { " (TLS)" } else { "" };
        format!("{}:{}{tls}, virtual host {}", self.host, self.port, self.vhost)
    }
}

fn host(url: &Url) -> String {
    match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) if !host.to_string().is_empty() => host.to_string(),
        Some(_) | None => "localhost".to_owned(),
    }
}

fn decode(what: &'static str, text: &str) -> Result<String, BadAddress> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|source| BadAddress::NoText { what, source })
}

/// The heartbeat that the address asks for; other options of Python's client mean nothing here.
fn heartbeat(url: &Url) -> u16 {
    let asked = url.query_pairs().find(|(name, _)| name == "heartbeat");
    asked.and_then(|(_, value)| value.parse().ok()).unwrap_or(HEARTBEAT_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(tls: bool, host: &str, port: u16, vhost: &str, user: &str, password: &str) -> Address {
        let (host, vhost, user) = (host.to_owned(), vhost.to_owned(), user.to_owned());
        Address { tls, host, port, vhost, user, password: Secret::new(password), heartbeat: HEARTBEAT_SECS }
    }

    #[test]
    fn celerys_addresses_are_understood() {
        for (text, expected, shown) in [
            (
                "amqp://localhost",
                address(false, "localhost", 5672, "/", "guest", "guest"),
                "localhost:5672, virtual host /",
            ),
            ("amqp://", address(false, "localhost", 5672, "/", "guest", "guest"), "localhost:5672, virtual host /"),
            ("amqp://h//", address(false, "h", 5672, "/", "guest", "guest"), "h:5672, virtual host /"),
            ("AMQP://h/%2f", address(false, "h", 5672, "/", "guest", "guest"), "h:5672, virtual host /"),
            ("pyamqp://u:p@h:5673/", address(false, "h", 5673, "/", "u", "p"), "h:5673, virtual host /"),
            ("amqp://u:p@h/prod/eu", address(false, "h", 5672, "prod/eu", "u", "p"), "h:5672, virtual host prod/eu"),
            ("amqp://u%3a:p%40%2B@h/v?ssl=0", address(false, "h", 5672, "v", "u:", "p@+"), "h:5672, virtual host v"),
            ("amqps://u@h", address(true, "h", 5671, "/", "u", "guest"), "h:5671 (TLS), virtual host /"),
            ("amqps://[::1]:1/v", address(true, "::1", 1, "v", "guest", "guest"), "::1:1 (TLS), virtual host v"),
        ] {
            let addresses = Addresses::parse(text).unwrap();
            assert_eq!((&addresses.all[..], addresses.shown.as_str()), (&[expected][..], shown), "{text}");
        }
    }

    #[test]
    fn a_fail_over_list_gives_several() {
        let several = Addresses::parse("amqp://a//;amqps://u:secret@b:1/v?heartbeat=3").unwrap();
        assert_eq!((several.all[0].heartbeat, several.all[1].heartbeat), (HEARTBEAT_SECS, 3));
        assert_eq!(several.shown, "a:5672, virtual host / or b:1 (TLS), virtual host v");
        assert!(!format!("{:?}", several.all).contains("secret"));
    }

    #[test]
    fn what_cannot_be_used_is_told_without_the_password() {
        let bad = ["redis://u:secret@h", "amqp://u:secret@h:99999", "amqp://u:secret%ff@h", "u:secret@h", "", "sqs://"];
        for text in bad {
            let told = Addresses::parse(text).err().unwrap().to_string();
            assert!(told.starts_with("CELERY_BROKER_URL: ") && !told.contains("secret"), "{told}");
        }
    }
}
