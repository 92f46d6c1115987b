//! Broker addresses as Celery writes them, rewritten for amiquip.

use url::Url;

/// Seconds between heartbeats; after two missed ones the connection counts as lost.
const HEARTBEAT_SECS: u16 = 10;

/// Milliseconds of silence while a connection is made.
const CONNECT_MILLIS: u32 = 5_000;

/// The addresses of one broker, to be tried in turn.
#[derive(Clone)]
pub(super) struct Addresses {
    /// For amiquip; with the password.
    pub(super) urls: Vec<String>,
    /// For people; without user and password.
    pub(super) shown: String,
}

/// Why an address cannot be used. It never repeats the address, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAddress {
    /// It is no URL.
    #[error("CELERY_BROKER_URL: expected amqp://user:password@host:port/vhost (special characters as %XX): {0}")]
    Url(url::ParseError),
    /// Another kind of broker.
    #[error("CELERY_BROKER_URL: expected amqp:// or pyamqp://, got {0}://")]
    Scheme(String),
    /// TLS.
    #[error("CELERY_BROKER_URL: this build cannot speak TLS (amqps); use amqp:// within a trusted network")]
    Tls,
}

impl Addresses {
    /// Reads one address or several, separated by `;`.
    pub(super) fn parse(text: &str) -> Result<Self, BadAddress> {
        let parsed = text.split(';').map(|one| rewrite(one.trim())).collect::<Result<Vec<_>, _>>()?;
        let shown = parsed.iter().map(shown).collect::<Vec<_>>().join(" or ");
        Ok(Self { urls: parsed.into_iter().map(String::from).collect(), shown })
    }
}

fn rewrite(text: &str) -> Result<Url, BadAddress> {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    let rest = text.get(scheme.len()..).unwrap_or_default();
    let mut url = match scheme.as_str() {
        "amqp" | "pyamqp" => Url::parse(&format!("amqp{rest}")).map_err(BadAddress::Url)?,
        "amqps" => return Err(BadAddress::Tls),
        "" => return Err(BadAddress::Url(url::ParseError::RelativeUrlWithoutBase)),
        _ => return Err(BadAddress::Scheme(scheme.chars().take(20).collect())),
    };
    // What follows the first slash is the virtual host; Celery's usual `//` means the one called `/`.
    let vhost = url.path().strip_prefix('/').unwrap_or_default().replace('/', "%2f");
    url.set_path(&vhost);
    let heartbeat = heartbeat(&url);
    let query = format!("heartbeat={heartbeat}&connection_timeout={CONNECT_MILLIS}");
    url.set_query(Some(&query));
    url.set_fragment(None);
    Ok(url)
}

/// The heartbeat that the address asks for; other options of Python's client mean nothing here.
fn heartbeat(url: &Url) -> u16 {
    let asked = url.query_pairs().find(|(name, _)| name == "heartbeat");
    asked.and_then(|(_, value)| value.parse().ok()).unwrap_or(HEARTBEAT_SECS)
}

fn shown(url: &Url) -> String {
    let host = url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost");
    let vhost = url.path().trim_start_matches('/').replace("%2f", "/");
    let vhost = if vhost.is_empty() { "/" } else { &vhost };
    format!("{host}:{}, virtual host {vhost}", url.port().unwrap_or(5672))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> (String, String) {
        let Addresses { urls, shown } = Addresses::parse(text).unwrap();
        (urls[0].split('?').next().unwrap().to_owned(), shown)
    }

    #[test]
    fn celerys_addresses_become_amiquips() {
        for (text, url, shown) in [
            ("amqp://localhost", "amqp://localhost", "localhost:5672, virtual host /"),
            ("amqp://", "amqp://", "localhost:5672, virtual host /"),
            ("amqp://h//", "amqp://h/%2f", "h:5672, virtual host /"),
            ("pyamqp://u:p@h:5673/", "amqp://u:p@h:5673", "h:5673, virtual host /"),
            ("amqp://u:p@h/prod/eu", "amqp://u:p@h/prod%2feu", "h:5672, virtual host prod/eu"),
            ("amqp://u:p%40@h/v?ssl=0", "amqp://u:p%40@h/v", "h:5672, virtual host v"),
        ] {
            assert_eq!(rewritten(text), (url.to_owned(), shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_fail_over_list_gives_several() {
        let several = Addresses::parse("amqp://a//;amqp://u:secret@b:1/v?heartbeat=3").unwrap();
        assert_eq!(several.urls[1], "amqp://u:secret@b:1/v?heartbeat=3&connection_timeout=5000");
        assert_eq!(several.shown, "a:5672, virtual host / or b:1, virtual host v");
    }

    #[test]
    fn what_cannot_be_used_is_told_without_the_password() {
        for text in ["redis://u:secret@h", "amqps://u:secret@h", "amqp://u:secret@h:99999", "u:secret@h", "", "sqs://"]
        {
            let told = Addresses::parse(text).err().unwrap().to_string();
            assert!(told.starts_with("CELERY_BROKER_URL: ") && !told.contains("secret"), "{told}");
        }
    }
}
