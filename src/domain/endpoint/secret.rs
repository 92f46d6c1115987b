//! Secrets that sign messages, in the form of the Standard Webhooks specification: `whsec_` and 24 to 64 bytes in Base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "whsec_";

/// A secret that signs. No log and no error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(String);

/// A text that is no such secret. It is not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected whsec_ followed by 24 to 64 bytes in Base64")]
pub struct BadSigningSecret;

impl SigningSecret {
    /// The secret of these bytes, which must come from a good source of randomness.
    #[must_use]
    pub fn of(bytes: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", STANDARD.encode(bytes)))
    }

    /// The text itself, for signing, for the store, and for the answer that shows it once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SigningSecret {
    type Err = BadSigningSecret;

    fn from_str(text: &str) -> Result<Self, BadSigningSecret> {
        let key = text.strip_prefix(PREFIX).and_then(|key| STANDARD.decode(key).ok());
        key.filter(|key| (24..=64).contains(&key.len())).map(|_| Self(text.to_owned())).ok_or(BadSigningSecret)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        let made = SigningSecret::of([7; 32]);
        assert_eq!(made.expose().parse(), Ok(made.clone()));
        assert_eq!(format!("{made:?}"), "***");
        for (bytes, is_good) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("{PREFIX}{}", STANDARD.encode(vec![1; bytes]));
            assert_eq!(text.parse::<SigningSecret>().is_ok(), is_good, "{bytes}");
        }
        for bad in ["", "hunter2", "whsec_", "whsec_!", &made.expose()[PREFIX.len()..]] {
            assert_eq!(bad.parse::<SigningSecret>(), Err(BadSigningSecret), "{bad}");
        }
    }
}
