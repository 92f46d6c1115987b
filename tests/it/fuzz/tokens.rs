//! Tokens and the header that carries them.

use super::fuzz;
use super::inputs::{altered, damaged, text};
use super::requests::Target;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use maestro_reports::auth;
use maestro_reports::config::Auth;
use proptest::prelude::*;
use serde_json::{Value, json};

const KEY: &str = "key of the tests";
const PASS: &str = "pass of the tests";

/// A token of any header and payload, signed with any key.
fn any_token() -> impl Strategy<Value = Vec<u8>> {
    let header = altered(vec![
        json!({"typ": "JWT", "alg": "HS256"}),
        json!({"alg": "none"}),
        json!({"alg": "HS512", "kid": "x"}),
    ]);
    let now = jsonwebtoken::get_current_timestamp();
    let claims = altered(vec![
        json!({"noauth": PASS, "name": "x", "exp": now + 600, "nbf": now - 600, "iat": now, "sub": "y"}),
        json!({"noauth": "other"}),
    ]);
    let key = prop_oneof![3 => Just(KEY.to_owned()), 1 => text()];
    (header, claims, key).prop_map(|(header, claims, key)| signed(&header, &claims, &key))
}

fn signed(header: &Value, claims: &Value, key: &str) -> Vec<u8> {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = jsonwebtoken::EncodingKey::from_secret(key.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
    format!("{message}.{signature}").into_bytes()
}

/// Good tokens, damaged ones, and what is none.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => damaged(any_token()), 1 => any_token(), 1 => text().prop_map(String::into_bytes), 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

/// What a token says, read without looking at its signature.
fn is_good(token: &str, auth: &Auth) -> bool {
    let mut parts = token.split('.');
    let decoded =
        |part: Option<&str>| serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(part?).ok()?).ok();
    let (Some(header), Some(claims)) = (decoded(parts.next()), decoded(parts.next())) else { return false };
    header["alg"] == "HS256" && claims["noauth"] == auth.noauth.expose()
}

#[test]
fn tokens() {
    let auth = Auth::new(KEY, PASS);
    fuzz(&any_bytes(), &["accepted", "refused"], |bytes| {
        let token = String::from_utf8_lossy(&bytes);
        let accepted = auth::verify(&auth, &token).is_ok();
        prop_assert!(!accepted || is_good(&token, &auth), "accepted: {token}");
        Ok(if accepted { "accepted" } else { "refused" })
    });
}

#[test]
fn headers_with_tokens() {
    let target = Target::start();
    let scheme = prop_oneof![4 => Just(b"JWT ".to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..6)];
    fuzz(&(scheme, any_bytes()), &["accepted", "refused", "no header"], |(scheme, token)| {
        let value: Vec<u8> = [scheme, token].concat().into_iter().filter(|byte| !b"\r\n".contains(byte)).collect();
        let request = [
            b"GET /aggregation/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ",
            &value[..],
            b"\r\n\r\n",
        ]
        .concat();
        match target.raw(&request).status {
            // That is for those who may ask.
            404 => Ok("accepted"),
            401 => Ok("refused"),
            400 | 431 => Ok("no header"),
            status => Err(TestCaseError::fail(status.to_string())),
        }
    });
    target.is_well();
}
