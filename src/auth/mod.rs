//! Tokens between the platform's services (contract §1): JWT, HS256 and nothing else, with the shared pass `noauth` in the
//! payload.
//!
//! A comparison with a secret takes the same time wherever the difference is: of signatures in `hmac`, of passes here,
//! both by `subtle`. While a secret is changed several are accepted and one signs (docs/security.md).

use crate::config::{Auth, Secret};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use subtle::{Choice, ConstantTimeEq};

#[cfg(test)]
mod tests;

/// The longest token that is looked at; those of the platform have some 300 bytes.
const MAX_TOKEN_BYTES: usize = 8192;
/// How far the caller's clock may be off ours, for `exp` and `nbf`.
const LEEWAY_SECONDS: u64 = 10;

/// A token's payload. Tokens of today's services carry no `exp`; one that does is refused after it, as before its `nbf`,
/// give or take ten seconds between two clocks. `iat` is not checked: the front API sets it by a clock that may be ahead
/// of ours.
///
/// Not `Debug`: it holds the pass.
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The pass; never shown.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    noauth: String,
    /// Who calls.
    #[serde(default)]
    pub name: String,
    /// The caller's version.
    #[serde(default)]
    pub version: String,
    /// What the caller is.
    #[serde(default)]
    pub description: String,
    /// On whose behalf; today's services do not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub: Option<String>,
    /// Seconds since 1970 after which the token is refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    exp: Option<serde_json::Number>,
}

/// Why a token is refused, or could not be made. Says nothing of the token, the key or the pass.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No token, or not signed with an accepted key and HS256.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not valid yet")]
    Early,
    /// The payload does not hold the pass.
    #[error("the token does not carry the right noauth")]
    Noauth,
    /// The key cannot sign.
    #[error("a token cannot be signed")]
    Sign(#[source] Error),
}

/// A service token in the name of this program, valid for `MAESTRO_TOKEN_SECONDS`.
///
/// # Errors
/// Where the key cannot sign.
pub fn sign(auth: &Auth) -> Result<String, AuthError> {
    sign_as(auth, env!("CARGO_PKG_NAME"), auth.token_lifetime)
}

/// A service token in the name of `name` that ends after `lifetime`, or never.
///
/// # Errors
/// Where the key cannot sign.
pub fn sign_as(auth: &Auth, name: &str, lifetime: Option<Duration>) -> Result<String, AuthError> {
    sign_with(&auth.key, &auth.noauth, name, lifetime)
}

/// The tokens with which a service may be called: [`sign`]'s, and one for each other accepted pair of key and pass, for a
/// service that already has the next secret or still has the last one.
pub fn tokens(auth: &Auth) -> impl Iterator<Item = Result<String, AuthError>> {
    let pairs = auth.keys().flat_map(|key| auth.noauths().map(move |noauth| (key, noauth)));
    pairs.map(|(key, noauth)| sign_with(key, noauth, env!("CARGO_PKG_NAME"), auth.token_lifetime))
}

fn sign_with(key: &Secret, noauth: &Secret, name: &str, lifetime: Option<Duration>) -> Result<String, AuthError> {
    let end = lifetime.map(|lifetime| jsonwebtoken::get_current_timestamp().saturating_add(lifetime.as_secs()));
    let claims = Claims {
        noauth: noauth.expose().to_owned(),
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: env!("CARGO_PKG_DESCRIPTION").to_owned(),
        sub: None,
        exp: end.map(Into::into),
    };
    let key = EncodingKey::from_secret(key.expose().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(AuthError::Sign)
}

/// Checks a token and gives its payload.
///
/// # Errors
/// See [`AuthError`]; it never shows the token, the key or the pass.
pub fn verify(auth: &Auth, token: &str) -> Result<Claims, AuthError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::Invalid);
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_exp = true;
    validation.validate_nbf = true;
    validation.validate_aud = false;
    for key in auth.keys() {
        let key = DecodingKey::from_secret(key.expose().as_bytes());
        match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
            // RFC 7515 §4.1.11: what a token calls critical must be understood, and nothing is.
            Ok(read) if read.header.crit.is_some() => return Err(AuthError::Invalid),
            Ok(read) if is_pass(auth, &read.claims.noauth) => return Ok(read.claims),
            Ok(_) => return Err(AuthError::Noauth),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
            Err(error) => return Err(refusal(&error)),
        }
    }
    Err(AuthError::Invalid)
}

fn refusal(error: &Error) -> AuthError {
    if matches!(error.kind(), ErrorKind::ExpiredSignature) {
        AuthError::Expired
    } else if matches!(error.kind(), ErrorKind::ImmatureSignature) {
        AuthError::Early
    } else {
        AuthError::Invalid
    }
}

/// Whether it is one of the accepted passes. Digests are compared, so that not even the length shows, and all of them.
fn is_pass(auth: &Auth, given: &str) -> bool {
    let given = Sha256::digest(given);
    let same = |pass: &Secret| Sha256::digest(pass.expose()).as_slice().ct_eq(given.as_slice());
    auth.noauths().map(same).fold(Choice::from(0), |any, same| any | same).into()
}
