//! Where a user wants the rows of finished reports sent: an address, and what signs the messages to it.

mod address;
mod secret;

pub use address::{AddressRule, BadAllowed, NotAllowed};
pub use secret::{BadSigningSecret, SigningSecret};

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Url};

/// A user's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub url: EndpointUrl,
    /// What signs: the newest secret first, then those that are being replaced. Never empty.
    pub secrets: Vec<SigningSecret>,
}

/// The address of an endpoint: HTTP or HTTPS, without credentials. Path and query may hold what only its owner should
/// know, so `Debug` shows the host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// A text that is no address of an endpoint. It is not quoted: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpointUrl {
    /// It is no absolute address, or one of another scheme.
    #[error("expected https://host/path, or http://…")]
    Shape,
    /// It is too long.
    #[error("expected at most {} bytes", EndpointUrl::MAX_BYTES)]
    Length,
    /// It holds a user or a password.
    #[error("expected an address without user and password: messages are signed")]
    Credentials,
    /// It has a fragment, which is never sent.
    #[error("expected an address without a fragment (#…)")]
    Fragment,
}

impl EndpointUrl {
    /// The longest address in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// The whole address, for the request and the store alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// The host, with its port where that is not the scheme's own.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address without the values of its query.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut shown = self.0.clone();
        if shown.query().is_some() {
            shown.set_query(Some("***"));
        }
        shown.into()
    }

    /// Whether messages would travel in the clear.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Checks what can be checked without asking for the host's addresses.
    ///
    /// # Errors
    /// Where the host is an address that is not allowed.
    pub fn check_literal(&self, rule: &AddressRule) -> Result<(), NotAllowed> {
        let ip: IpAddr = match self.0.host() {
            Some(Host::Ipv4(ip)) => ip.into(),
            Some(Host::Ipv6(ip)) => ip.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        rule.check(self.0.host_str().unwrap_or_default(), ip)
    }
}

impl FromStr for EndpointUrl {
    type Err = BadEndpointUrl;

    fn from_str(text: &str) -> Result<Self, BadEndpointUrl> {
        if text.len() > Self::MAX_BYTES {
            return Err(BadEndpointUrl::Length);
        }
        let url = Url::parse(text).map_err(|_| BadEndpointUrl::Shape)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(BadEndpointUrl::Shape);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadEndpointUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(BadEndpointUrl::Fragment);
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({})", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> EndpointUrl {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_without_credentials_is_taken() {
        assert_eq!(url("https://hooks.example.org").expose(), "https://hooks.example.org/");
        assert!(url("http://10.0.0.7:8080/a").is_plain() && !url("https://h").is_plain());
        let cases = [
            ("hooks.example.org", BadEndpointUrl::Shape),
            ("ftp://h/x", BadEndpointUrl::Shape),
            ("file:///etc/passwd", BadEndpointUrl::Shape),
            ("https://", BadEndpointUrl::Shape),
            ("https://u:hunter2@h", BadEndpointUrl::Credentials),
            ("https://u@h", BadEndpointUrl::Credentials),
            ("https://h/#x", BadEndpointUrl::Fragment),
            (&format!("https://h/{}", "x".repeat(2048)), BadEndpointUrl::Length),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<EndpointUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn people_see_no_query_and_the_log_sees_the_host_alone() {
        let secret = url("https://h:8443/services/T1?token=hunter2&x=1");
        assert_eq!(secret.host(), "h:8443");
        assert_eq!(secret.shown(), "https://h:8443/services/T1?***");
        assert_eq!(format!("{secret:?}"), "EndpointUrl(h:8443)");
        assert_eq!(url("https://H:443/a").host(), "h");
    }

    #[test]
    fn an_address_in_numbers_is_checked_however_it_is_written() {
        let rule = AddressRule::default();
        for text in
            ["http://127.0.0.1", "http://0x7f.1/", "http://2130706433/", "http://[::1]:80/", "http://[::ffff:10.0.0.1]"]
        {
            assert!(url(text).check_literal(&rule).is_err(), "{text}");
        }
        for text in ["http://93.184.215.14", "https://localhost/", "https://[2606:2800:21f:cb07::1]/"] {
            assert!(url(text).check_literal(&rule).is_ok(), "{text}");
        }
    }
}
