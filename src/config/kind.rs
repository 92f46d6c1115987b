//! What the value of a setting must look like. Values are text here, wherever they came from.

use super::redact;
use crate::domain::{AddressRule, EndpointUrl, SigningSecret};
use ipnet::IpNet;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use url::Url;

/// The kind of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
        /// What is counted; empty for a bare number.
        unit: &'static str,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text that is never shown.
    Secret,
    /// Such texts, separated by commas, or one a line.
    Secrets,
    /// An address to listen on.
    Host,
    /// An address and a port to listen on, or empty.
    Bind,
    /// Addresses and networks, separated by commas.
    Networks,
    /// A folder.
    Folder,
    /// A file, or empty.
    File,
    /// `mongodb://…`, a bare host name, or empty.
    Mongo,
    /// A database name.
    Database,
    /// `amqp://…` or `amqps://…`, or empty.
    Amqp,
    /// `http://…` or `https://…`.
    Http {
        /// Whether it may be empty.
        optional: bool,
    },
    /// A queue name.
    Queue,
    /// Queue names, separated by commas.
    Queues,
    /// A number of tasks, or `auto`.
    Concurrency,
    /// The most and the fewest tasks at a time, `max,min`, or nothing.
    Autoscale,
    /// A Celery node name with its `%` marks.
    Node,
    /// The address of a user's endpoint, or empty.
    Endpoint,
    /// Secrets that sign messages to it, separated by commas, or one a line.
    SigningSecrets,
    /// Addresses, ranges and host names that endpoints may have, separated by commas.
    Allow,
    /// A time zone of the IANA database.
    Zone,
}

impl Kind {
    /// What a number counts; empty for other kinds.
    #[must_use]
    pub fn unit(self) -> &'static str {
        if let Self::Number { unit, .. } = self { unit } else { "" }
    }

    /// Whether it is, or may hold, what nobody but the program should read: a secret, or an address with a password.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Secrets | Self::SigningSecrets | Self::Endpoint | Self::Mongo | Self::Amqp)
    }

    /// The value as people may see it: secrets as `***`, without passwords in URLs.
    #[must_use]
    pub fn shown(self, text: &str) -> String {
        if matches!(self, Self::Secret | Self::Secrets | Self::SigningSecrets) {
            "***".to_owned()
        } else if self == Self::Endpoint && !text.is_empty() {
            text.trim().parse().map_or_else(|_| "***".to_owned(), |url: EndpointUrl| url.shown())
        } else if self == Self::Node {
            // `%h` follows an @ here, and no password can be in it.
            text.to_owned()
        } else {
            redact::url(text)
        }
    }

    /// The value in its normal form.
    ///
    /// # Errors
    /// What was expected, for people; never the value.
    pub fn check(self, text: &str) -> Result<String, String> {
        let text = if matches!(self, Self::Secret | Self::Secrets) { text } else { text.trim() };
        match self {
            Self::Number { min, max, unit } => number(text, min, max, unit),
            Self::Choice(words) => one_of(text, words),
            Self::Secret => wanted(!text.is_empty(), text, "a text that is not empty"),
            Self::Secrets => secrets(text),
            Self::Host => wanted(is_host(text), text, "an IP address or a host name"),
            Self::Bind => wanted(is_bind(text), text, "an address and a port such as 127.0.0.1:9105"),
            Self::Networks => networks(text),
            Self::Folder => wanted(!text.is_empty(), text, "a folder"),
            Self::File => Ok(text.to_owned()),
            Self::Mongo => mongo(text),
            Self::Database => {
                wanted(is_database(text), text, r#"1 to 63 bytes without / \ . " $ * < > : | ? and spaces"#)
            }
            Self::Amqp => amqp(text),
            Self::Http { optional } => http(text, optional),
            Self::Queue => wanted(is_queue(text), text, QUEUE),
            Self::Queues => queues(text),
            Self::Concurrency if text == "auto" => Ok(text.to_owned()),
            Self::Concurrency => number(text, 1, 1024, "tasks").map_err(|expected| format!("auto or {expected}")),
            Self::Endpoint if text.is_empty() => Ok(String::new()),
            Self::Endpoint => parsed::<EndpointUrl>(text).map(|url| url.expose().to_owned()),
            Self::SigningSecrets => secrets(text).and_then(|secrets| {
                secrets.lines().try_for_each(|secret| parsed::<SigningSecret>(secret).map(drop))?;
                Ok(secrets)
            }),
            Self::Allow => {
                text.parse::<AddressRule>().map(|_| text.to_owned()).map_err(|expected| expected.to_string())
            }
            Self::Zone => {
                let zone = text.parse().map(|zone: chrono_tz::Tz| zone.name().to_owned());
                zone.map_err(|_| "a time zone of the IANA database such as Europe/Berlin".to_owned())
            }
            Self::Autoscale => autoscale(text),
            Self::Node => wanted(is_node(text), text, "a name such as reports@%h, without spaces"),
        }
    }
}

const QUEUE: &str = "a queue name: 1 to 255 bytes, no comma, no space, not starting with amq.";

fn wanted(fits: bool, text: &str, expected: &str) -> Result<String, String> {
    if fits { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

/// A value that says itself what it expects.
fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string().replacen("expected ", "", 1))
}

fn number(text: &str, min: u64, max: u64, unit: &str) -> Result<String, String> {
    match text.parse::<u64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number.to_string()),
        Ok(_) | Err(_) => Err(format!("a whole number of {unit} from {min} to {max}").replace("of  ", "")),
    }
}

fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    let word = text.to_ascii_lowercase();
    wanted(words.contains(&word.as_str()), &word, &words.join(" or "))
}

fn is_host(text: &str) -> bool {
    let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_');
    text.parse::<IpAddr>().is_ok() || (is_name && !text.is_empty())
}

fn is_bind(text: &str) -> bool {
    let is_named = |(host, port): (&str, &str)| is_host(host) && !host.contains(':') && port.parse::<u16>().is_ok();
    text.is_empty() || text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(is_named)
}

/// Networks in CIDR notation; a bare address is a network of one.
fn networks(text: &str) -> Result<String, String> {
    let network = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
    let networks: Result<Vec<IpNet>, _> = text.split_terminator(',').map(|part| network(part.trim())).collect();
    let texts = |networks: Vec<IpNet>| networks.iter().map(IpNet::to_string).collect::<Vec<_>>().join(",");
    networks.map(texts).map_err(|_| "addresses or networks such as 10.0.0.0/8, separated by commas".to_owned())
}

fn is_database(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.contains(|c: char| r#"/\."$*<>:|?"#.contains(c) || c.is_whitespace() || c == '\0')
}

fn is_queue(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && !text.starts_with("amq.")
        && !text.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control())
}

fn is_node(text: &str) -> bool {
    (1..=200).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn queues(text: &str) -> Result<String, String> {
    let mut names: Vec<&str> = Vec::new();
    for name in text.split(',').map(str::trim) {
        if !is_queue(name) {
            return Err(format!("queue names separated by commas, each {QUEUE}"));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names.join(","))
}

/// The fewest is 1 where it is not given, or 0.
fn autoscale(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let (max, min) = text.split_once(',').unwrap_or((text, "1"));
    let tasks = |text: &str| text.trim().parse::<u64>().ok().map(|tasks| tasks.max(1)).filter(|tasks| *tasks <= 1024);
    match (tasks(max), tasks(min)) {
        (Some(max), Some(min)) if min <= max => Ok(format!("{max},{min}")),
        _ => Err("the most and the fewest tasks at a time, such as 10,2, up to 1024".to_owned()),
    }
}

/// Secrets, one a line. A secret that holds a comma can be given in a file only, where a line ends after it.
fn secrets(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = if text.contains('\n') { text.lines().collect() } else { text.split(',').collect() };
    let expected = "texts that are not empty, separated by commas, or one a line";
    wanted(text.is_empty() || parts.iter().all(|part| !part.is_empty()), &parts.join("\n"), expected)
}

fn mongo(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if text.starts_with("mongodb+srv:") {
        return Err("mongodb://host:port,…: mongodb+srv (host names by DNS) is not in this build".to_owned());
    }
    if let Some(rest) = text.strip_prefix("mongodb://") {
        let hosts = rest.split(['/', '?']).next().and_then(|part| part.rsplit('@').next()).unwrap_or("");
        return wanted(!hosts.is_empty(), text, "mongodb://host:port/…");
    }
    let is_bare = text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:,[]".contains(&b));
    if is_bare { Ok(format!("mongodb://{text}")) } else { Err("mongodb://… or a host name".to_owned()) }
}

fn amqp(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    // Celery takes a list of brokers to fall over to, separated by semicolons.
    for part in text.split(';') {
        let url = Url::parse(part.trim()).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
        match url.as_ref().map(Url::scheme) {
            Some("amqp" | "amqps" | "pyamqp") => {}
            Some(_) | None => return Err("amqp://user:password@host:port/vhost, or amqps://…".to_owned()),
        }
    }
    Ok(text.to_owned())
}

fn http(text: &str, optional: bool) -> Result<String, String> {
    let expected = "http://host:port or https://host:port";
    if text.is_empty() && optional {
        return Ok(String::new());
    }
    let url = Url::parse(text).map_err(|_| expected.to_owned())?;
    // A user or password here would end up in error messages that show addresses.
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let fits =
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && is_plain && url.fragment().is_none();
    wanted(fits, text.trim_end_matches('/'), &format!("{expected} without user, query and fragment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cases(kind: Kind, good: &[(&str, &str)], bad: &[&str]) {
        for (text, normal) in good {
            assert_eq!(kind.check(text).as_deref(), Ok(*normal), "{text}");
        }
        for text in bad {
            assert!(kind.check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_host_name_becomes_a_mongodb_address() {
        let good = [
            ("", ""),
            ("mongodb", "mongodb://mongodb"),
            ("localhost", "mongodb://localhost"),
            ("host:27017", "mongodb://host:27017"),
            ("mongodb://u:p@a:1,b:2/x?tls=true", "mongodb://u:p@a:1,b:2/x?tls=true"),
        ];
        cases(Kind::Mongo, &good, &["mongodb://", "mongodb+srv://x", "http://x", "a b", "u:p@host"]);
    }

    #[test]
    fn celery_broker_urls_are_taken_as_they_are() {
        let good = ["", "amqp://localhost", "amqp://u:p@h:5672//", "pyamqp://guest@h//", "amqp://a;amqps://b/v"];
        cases(
            Kind::Amqp,
            &good.map(|url| (url, url)),
            &["redis://h", "localhost", "amqp://", "amqps://", "amqp://h:x/"],
        );
    }

    #[test]
    fn peer_addresses_have_no_trailing_slash_and_no_credentials() {
        let good =
            [("http://h:5010/", "http://h:5010"), ("http://h/data//", "http://h/data"), ("https://h", "https://h")];
        let bad = ["", "h:5010", "ftp://h", "http://u:p@h", "https://u:p@h", "http://h?x=1", "http://h#x"];
        cases(Kind::Http { optional: false }, &good, &bad);
        cases(Kind::Http { optional: true }, &[("", "")], &["x"]);
    }

    #[test]
    fn other_kinds_take_their_values_only() {
        let port = Kind::Number { min: 1, max: 9, unit: "rows" };
        cases(port, &[("9", "9"), (" 1 ", "1")], &["0", "10", "-1", "1.5", "", "x", "99999999999999999999"]);
        assert_eq!(port.check("x").unwrap_err(), "a whole number of rows from 1 to 9");
        cases(Kind::Choice(&["store", "api"]), &[("API", "api")], &["", "disk"]);
        cases(Kind::Host, &[("::1", "::1"), ("db-1.example", "db-1.example")], &["", "a b", "http://x", "h:1"]);
        cases(
            Kind::Bind,
            &[("", ""), ("[::1]:0", "[::1]:0"), ("db-1:9105", "db-1:9105")],
            &["9105", ":1", "h:", "::1:x"],
        );
        let good = [("", ""), ("10.0.0.0/8, ::1", "10.0.0.0/8,::1/128"), ("192.0.2.1", "192.0.2.1/32")];
        cases(Kind::Networks, &good, &["proxy", "10.0.0.0/33", ",", "10.0.0.1,,::1"]);
        cases(Kind::Queues, &[("a, b,a", "a,b")], &["", "a,,b", "amq.gen-1", "a b"]);
        cases(Kind::Zone, &[("UTC", "UTC"), ("Europe/Berlin", "Europe/Berlin")], &["", "CEST", "Mars"]);
        cases(Kind::Concurrency, &[("auto", "auto"), ("4", "4")], &["0", "", "many"]);
        cases(
            Kind::Autoscale,
            &[("", ""), ("10,2", "10,2"), ("4", "4,1"), ("3, 0", "3,1")],
            &["2,3", "a", "1,", "9999,1"],
        );
        cases(Kind::Database, &[("maestro-reports", "maestro-reports")], &["", "a.b", "a/b", "$x", "a b"]);
        cases(Kind::Secret, &[(" padded ", " padded ")], &[""]);
        let good = [("", ""), ("a", "a"), ("a, b", "a\n b"), ("a,b\n", "a,b"), ("a\nb\r\n", "a\nb")];
        cases(Kind::Secrets, &good, &[",", "a,", "a,,b", "\n", "a\n\nb"]);
    }

    #[test]
    fn endpoints_are_checked_and_shown_without_what_is_secret() {
        let good = [("", ""), ("https://h/a?token=1", "https://h/a?token=1"), ("http://h", "http://h/")];
        cases(Kind::Endpoint, &good, &["h", "ftp://h", "https://u:p@h", "https://h#x"]);
        assert_eq!(Kind::Endpoint.shown("https://h/a?token=hunter2"), "https://h/a?***");
        assert_eq!(Kind::Endpoint.shown("https//u:hunter2@h"), "***");
        let secret = SigningSecret::of([1; 32]);
        let two = format!("{0},{0}", secret.expose());
        cases(Kind::SigningSecrets, &[("", ""), (&two, &two.replace(',', "\n"))], &["hunter2", "whsec_AAAA"]);
        cases(Kind::Allow, &[("", ""), ("10.0.0.0/8, h", "10.0.0.0/8, h")], &["10.0.0.0/40", "http://h"]);
    }
}
