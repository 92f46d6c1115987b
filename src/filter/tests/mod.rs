//! The filter language from the web client's JSON to what the Data API gets.

#![expect(clippy::wildcard_enum_match_arm, reason = "tests look at the few types that they use")]

mod compiled;
mod meaning;
mod structure;

use super::*;
use crate::domain::OwnerId;
use serde_json::{Value, json};

const OWNER: &str = "5c0000000000000000000aaa";
const HEX: &str = "5c0000000000000000000001";

fn owner() -> OwnerId {
    OWNER.parse().unwrap()
}

fn string(field: &str, comparer: &str, value: &str) -> Value {
    json!({"field": field, "typ": "string", "comparer": comparer, "filter": value})
}

fn number(field: &str, comparer: &str, value: &str) -> Value {
    json!({"field": field, "typ": "number", "comparer": comparer, "filter": value})
}

fn date(field: &str, comparer: &str, value: &str) -> Value {
    json!({"field": field, "typ": "date", "comparer": comparer, "filter": value})
}

fn object(field: &str, subfield: &str, value: &str) -> Value {
    json!({"field": field, "typ": "object", "comparer": "", "subfield": subfield, "subfilter": value})
}

fn array(field: &str, subfield: &str, value: &str) -> Value {
    json!({"field": field, "typ": "array", "subfield": subfield, "subfilter": value})
}

fn boolean(field: &str, value: &str) -> Value {
    json!({"field": field, "typ": "boolean", "comparer": "equal", "filter": value})
}
