//! Signatures: `v1,` and the Base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`, one for each secret, with spaces
//! between (Standard Webhooks specification 1.0.0, "Verifying webhook authenticity").

use crate::domain::SigningSecret;
use chrono::{DateTime, Utc};
use standardwebhooks::{Webhook, WebhookError};

/// The two headers that vary.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// Seconds since 1970.
    pub(super) timestamp: String,
    /// One for each secret, the newest first.
    pub(super) signatures: String,
}

/// Signs a body for an attempt made now.
pub(super) fn sign(
    secrets: &[SigningSecret],
    id: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Signed, WebhookError> {
    let timestamp = now.timestamp();
    let signatures: Result<Vec<String>, _> =
        secrets.iter().map(|secret| Webhook::new(secret.expose())?.sign(id, timestamp, body)).collect();
    Ok(Signed { timestamp: timestamp.to_string(), signatures: signatures?.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};
    use ureq::http::HeaderMap;

    /// HMAC-SHA256 by its definition (RFC 2104), for keys of at most 64 bytes.
    fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
        let pad = |with: u8| {
            let mut block = [with; 64];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            block
        };
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
        Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
    }

    #[test]
    fn a_signature_is_the_hmac_of_id_time_and_body() {
        let secrets: Vec<_> = [1, 2].map(|byte| SigningSecret::of([byte; 32])).into();
        let now = DateTime::from_timestamp(1_764_057_600, 900_000_000).unwrap();
        let body = r#"{"type":"report.rows","data":{"name":"é"}}"#;
        let signed = sign(&secrets, "msg_1", body.as_bytes(), now).unwrap();
        assert_eq!(signed.timestamp, "1764057600");
        let expected = [1, 2].map(|byte| {
            let mac = hmac(&[byte; 32], format!("msg_1.1764057600.{body}").as_bytes());
            format!("v1,{}", STANDARD.encode(mac))
        });
        assert_eq!(signed.signatures, expected.join(" "));
    }

    #[test]
    fn the_specifications_own_example_comes_out() {
        let secrets = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse().unwrap()];
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let at = DateTime::from_timestamp(1_649_367_553, 0).unwrap();
        let signed = sign(&secrets, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", body, at).unwrap();
        assert_eq!(signed.signatures, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn either_secret_verifies_while_one_replaces_the_other() {
        let secrets: Vec<_> = [1, 2].map(|byte| SigningSecret::of([byte; 32])).into();
        let signed = sign(&secrets, "msg_1", b"{}", Utc::now()).unwrap();
        assert_eq!(signed.signatures.split(' ').count(), 2);
        let third = sign(&[SigningSecret::of([3; 32])], "msg_1", b"{}", Utc::now()).unwrap();
        assert!(!signed.signatures.contains(&third.signatures));
        // The receiver's side of the specification's own library.
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        headers.insert("webhook-timestamp", signed.timestamp.parse().unwrap());
        headers.insert("webhook-signature", signed.signatures.parse().unwrap());
        for secret in &secrets {
            Webhook::new(secret.expose()).unwrap().verify(b"{}", &headers).unwrap();
        }
        assert!(Webhook::new(SigningSecret::of([3; 32]).expose()).unwrap().verify(b"{}", &headers).is_err());
        assert!(Webhook::new(secrets[0].expose()).unwrap().verify(b"{ }", &headers).is_err());
    }
}
