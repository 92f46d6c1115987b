use super::*;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

fn auth() -> Auth {
    Auth::new("key", "pass")
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

/// A token of any header and payload, its signature HMAC-SHA256 by `key` whatever the header says.
fn forged(header: &str, payload: &str, key: &str) -> String {
    let message = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(key.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn token(algorithm: Algorithm, key: &str, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
}

fn signed(claims: &Value) -> String {
    token(Algorithm::HS256, "key", claims)
}

const GOOD: &str = r#"{"noauth": "pass"}"#;

#[test]
fn a_signed_token_is_accepted_and_names_its_caller() {
    let claims = verify(&auth(), &sign_as(&auth(), "scheduler", None).unwrap()).unwrap();
    assert_eq!((claims.name.as_str(), claims.sub), ("scheduler", None));
    let claims = json!({"noauth": "pass", "name": "x", "sub": "5c0000000000000000000001"});
    assert_eq!(verify(&auth(), &signed(&claims)).ok().unwrap().sub.as_deref(), Some("5c0000000000000000000001"));
}

#[test]
fn a_token_of_todays_services_is_accepted() {
    let python = json!({"noauth": "pass", "name": "Server-app", "version": "0.6", "description": "front"});
    // Node's library adds the time by its own clock.
    let node = json!({"noauth": "pass", "name": "Server-app", "iat": now() + 30});
    for claims in [python, node] {
        assert!(verify(&auth(), &signed(&claims)).is_ok());
    }
    for header in [r#"{"alg":"HS256"}"#, r#"{"typ":"JWT","alg":"HS256","kid":"../../dev/null","jku":"http://x"}"#] {
        assert!(verify(&auth(), &forged(header, GOOD, "key")).is_ok(), "{header}");
    }
}

#[test]
fn only_hs256_is_accepted() {
    assert!(verify(&auth(), &token(Algorithm::HS384, "key", &json!({"noauth": "pass"}))).is_err());
    assert!(verify(&auth(), &token(Algorithm::HS512, "key", &json!({"noauth": "pass"}))).is_err());
    let names = ["none", "None", "NONE", "", "hs256", "Hs256", "HS256 ", "HS384", "HS512", "RS256", "ES256", "EdDSA"];
    for name in names {
        let header = json!({"typ": "JWT", "alg": name}).to_string();
        let token = forged(&header, GOOD, "key");
        assert!(verify(&auth(), &token).is_err(), "{name}");
        let unsigned = token.rsplit_once('.').unwrap().0.to_owned() + ".";
        assert!(verify(&auth(), &unsigned).is_err(), "{name}");
    }
    for header in ["{}", r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, r#"{"alg":"none","alg":"HS256"}"#] {
        assert!(verify(&auth(), &forged(header, GOOD, "key")).is_err(), "{header}");
    }
}

#[test]
fn what_is_wrong_with_a_token_refuses_it() {
    let header = r#"{"alg":"HS256"}"#;
    let good = forged(header, GOOD, "key");
    assert!(verify(&auth(), &good).is_ok());
    let refused = [
        ("another key", forged(header, GOOD, "other key")),
        ("no key", forged(header, GOOD, "")),
        ("another pass", forged(header, r#"{"noauth":"other"}"#, "key")),
        ("an empty pass", forged(header, r#"{"noauth":""}"#, "key")),
        ("no pass", forged(header, "{}", "key")),
        ("a pass that is no text", forged(header, r#"{"noauth":["pass"]}"#, "key")),
        ("two passes", forged(header, r#"{"noauth":"pass","noauth":"pass"}"#, "key")),
        ("a payload that is no object", forged(header, r#"["pass"]"#, "key")),
        ("a payload that is no JSON", forged(header, "pass", "key")),
        ("a payload of other bytes", forged(header, "\u{0}", "key")),
        ("a header that is no JSON", forged("HS256", GOOD, "key")),
        ("something critical", forged(r#"{"alg":"HS256","crit":["exp"]}"#, GOOD, "key")),
        ("padding", good.clone() + "="),
        ("standard base64", good.replace(['-', '_'], "+") + "+"),
        ("a fourth part", good.clone() + ".x"),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
        ("a cut signature", good[..good.len() - 1].to_owned()),
        ("a signature of the front alone", good.rsplit_once('.').unwrap().0.to_owned() + "."),
        ("no token", "no token".to_owned()),
        ("nothing", String::new()),
        ("points", "..".to_owned()),
    ];
    for (what, token) in refused {
        assert!(verify(&auth(), &token).is_err(), "{what}: {token}");
    }
}

#[test]
fn a_huge_token_is_refused_unread() {
    let huge = json!({"noauth": "pass", "name": "x".repeat(MAX_TOKEN_BYTES)});
    assert!(matches!(verify(&auth(), &signed(&huge)), Err(AuthError::Invalid)));
}

#[test]
fn exp_and_nbf_are_held_to() {
    let held = [
        json!({"exp": now() + 60}),
        json!({"nbf": now() - 60}),
        json!({"exp": now() as f64 + 60.5}),
        // Clocks may be off by ten seconds.
        json!({"exp": now() - 5}),
        json!({"nbf": now() + 5}),
    ];
    for claims in held {
        let mut claims = claims;
        claims["noauth"] = "pass".into();
        assert!(verify(&auth(), &signed(&claims)).is_ok(), "{claims}");
    }
    let refused = |claims: Value| {
        let mut claims = claims;
        claims["noauth"] = "pass".into();
        verify(&auth(), &signed(&claims)).err().unwrap()
    };
    assert!(matches!(refused(json!({"exp": now() - 11})), AuthError::Expired));
    assert!(matches!(refused(json!({"exp": 0})), AuthError::Expired));
    assert!(matches!(refused(json!({"nbf": now() + 60})), AuthError::Early));
    for wrong in [json!(-1), json!("tomorrow"), json!([]), json!(1e300), json!(true)] {
        refused(json!({"exp": wrong}));
        refused(json!({"nbf": wrong}));
    }
}

#[test]
fn our_tokens_end_after_their_lifetime() {
    let auth = Auth { token_lifetime: Some(Duration::from_secs(90)), ..auth() };
    let claims = verify(&auth, &sign(&auth).unwrap()).ok().unwrap();
    let left = claims.exp.unwrap().as_u64().unwrap() - now();
    assert!((85..=90).contains(&left), "{left}");
}

#[test]
fn each_accepted_secret_is_accepted_and_the_first_signs() {
    let mut rotating = Auth::new("new key", "new pass");
    rotating.accepted_keys = vec![Secret::new("key")];
    rotating.accepted_noauths = vec![Secret::new("pass")];
    for key in ["new key", "key"] {
        for pass in ["new pass", "pass"] {
            assert!(verify(&rotating, &token(Algorithm::HS256, key, &json!({"noauth": pass}))).is_ok());
        }
        assert!(verify(&rotating, &token(Algorithm::HS256, key, &json!({"noauth": "old pass"}))).is_err());
    }
    assert!(verify(&rotating, &token(Algorithm::HS256, "old key", &json!({"noauth": "pass"}))).is_err());
    assert!(verify(&Auth::new("new key", "new pass"), &sign(&rotating).unwrap()).is_ok());
    assert!(verify(&auth(), &sign(&rotating).unwrap()).is_err());
    let all: Vec<String> = tokens(&rotating).map(Result::unwrap).collect();
    assert_eq!(all.len(), 4);
    assert!(verify(&Auth::new("new key", "new pass"), &all[0]).is_ok());
    assert!(verify(&auth(), &all[3]).is_ok());
}

#[test]
fn no_refusal_tells_a_secret() {
    let over = json!({"noauth": "pass", "exp": 1});
    for token in [forged("{}", GOOD, "key"), signed(&over), signed(&json!({"noauth": "hunter2"})), "hunter2".into()] {
        let error = verify(&auth(), &token).err().unwrap();
        let shown = format!("{error} {error:?}");
        for secret in ["hunter2", "pass\"", &token] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn no_change_to_a_token_leaves_it_good(at in any::<prop::sample::Index>(), to in any::<char>()) {
        let good = signed(&json!({"noauth": "pass", "name": "x"}));
        let at = at.index(good.len());
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        prop_assert!(verify(&auth(), &changed).is_err(), "{changed}");
    }

    #[test]
    fn no_text_is_a_token(text in "\\PC{0,80}|[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(verify(&auth(), &text).is_err());
    }

    #[test]
    fn signed_rubbish_is_no_token(header in ".{0,40}", payload in ".{0,40}") {
        prop_assert!(verify(&auth(), &forged(&header, &payload, "key")).is_err());
    }
}
