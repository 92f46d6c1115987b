//! Tokens between the platform's services (contract §1): JWT, HS256, with the shared pass `noauth` in the payload.

use crate::config::Auth;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A token's payload. Tokens of the platform carry no `exp`; one that does is refused after it, as before its `nbf`.
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
}

/// Why a token is refused, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Not signed with the key, expired, not yet valid, or no token at all.
    #[error("the token is not valid: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The payload does not hold the pass.
    #[error("the token does not carry the right noauth")]
    Noauth,
}

/// A service token in the name of this program.
///
/// # Errors
/// Where the key cannot sign.
pub fn sign(auth: &Auth) -> Result<String, AuthError> {
    sign_as(auth, env!("CARGO_PKG_NAME"))
}

/// A service token in the name of `name`.
///
/// # Errors
/// Where the key cannot sign.
pub fn sign_as(auth: &Auth, name: &str) -> Result<String, AuthError> {
    let claims = Claims {
        noauth: auth.noauth.expose().to_owned(),
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: env!("CARGO_PKG_DESCRIPTION").to_owned(),
    };
    let key = EncodingKey::from_secret(auth.key.expose().as_bytes());
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}

/// Checks a token and gives its payload.
///
/// # Errors
/// See [`AuthError`]; it never shows the token, the key or the pass.
pub fn verify(auth: &Auth, token: &str) -> Result<Claims, AuthError> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.leeway = 0;
    validation.validate_exp = true;
    validation.validate_nbf = true;
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(auth.key.expose().as_bytes());
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)?.claims;
    if is_same(&claims.noauth, auth.noauth.expose()) { Ok(claims) } else { Err(AuthError::Noauth) }
}

/// Compares digests, so that the time taken says nothing of where two texts differ.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    one.iter().zip(other.iter()).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use serde_json::{Value, json};

    fn auth() -> Auth {
        Auth { key: Secret::new("key"), noauth: Secret::new("pass") }
    }

    fn token(algorithm: Algorithm, key: &str, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
    }

    #[test]
    fn a_signed_token_is_accepted_and_names_its_caller() {
        let claims = verify(&auth(), &sign_as(&auth(), "scheduler").unwrap()).unwrap();
        assert_eq!(claims.name, "scheduler");
    }

    #[test]
    fn a_token_of_the_python_services_needs_no_expiry() {
        let claims = json!({"noauth": "pass", "name": "Server-app", "version": "0.6", "description": "front"});
        assert!(verify(&auth(), &token(Algorithm::HS256, "key", &claims)).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_token_refuses_it() {
        let good = json!({"noauth": "pass"});
        let refused = [
            token(Algorithm::HS256, "other key", &good),
            token(Algorithm::HS512, "key", &good),
            token(Algorithm::HS256, "key", &json!({"noauth": "other"})),
            token(Algorithm::HS256, "key", &json!({})),
            token(Algorithm::HS256, "key", &json!({"noauth": "pass", "exp": 1_000_000_000})),
            token(Algorithm::HS256, "key", &json!({"noauth": "pass", "nbf": 99_999_999_999_i64})),
            // alg none
            "eyJhbGciOiJub25lIn0.eyJub2F1dGgiOiJwYXNzIn0.".to_owned(),
            "no token".to_owned(),
            String::new(),
        ];
        for token in refused {
            assert!(verify(&auth(), &token).is_err(), "{token}");
        }
    }
}
