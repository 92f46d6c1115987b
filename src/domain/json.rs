//! Rows as JSON, as every client of the platform reads them.

use bson::RawDocument;
use bson::raw::{RawBsonRef, RawIter};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

/// A row that serializes as plain JSON: ObjectIds as 24 hex digits, dates as ISO 8601 UTC with milliseconds and `Z`,
/// decimals as texts, numbers that JSON lacks (NaN, infinities) as null, binary data as Base64.
///
/// Serializing fails where the bytes are no valid BSON.
#[derive(Debug, Clone, Copy)]
pub struct JsonRow<'a>(pub &'a RawDocument);

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for element in self.0.iter_elements() {
            let element = element.map_err(S::Error::custom)?;
            let value = element.value().map_err(S::Error::custom)?;
            map.serialize_entry(element.key().as_str(), &JsonValue(value))?;
        }
        map.end()
    }
}

/// One value of a row, as [`JsonRow`] writes it.
#[derive(Debug, Clone, Copy)]
pub struct JsonValue<'a>(pub RawBsonRef<'a>);

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawBsonRef::Null
            | RawBsonRef::Undefined
            | RawBsonRef::MinKey
            | RawBsonRef::MaxKey
            | RawBsonRef::DbPointer(_) => serializer.serialize_unit(),
            RawBsonRef::Boolean(value) => serializer.serialize_bool(value),
            RawBsonRef::Int32(value) => serializer.serialize_i32(value),
            RawBsonRef::Int64(value) => serializer.serialize_i64(value),
            RawBsonRef::Double(value) if value.is_finite() => serializer.serialize_f64(value),
            RawBsonRef::Double(_) => serializer.serialize_unit(),
            RawBsonRef::String(text) | RawBsonRef::Symbol(text) | RawBsonRef::JavaScriptCode(text) => {
                serializer.serialize_str(text)
            }
            RawBsonRef::ObjectId(id) => serializer.serialize_str(&id.to_hex()),
            RawBsonRef::DateTime(date) => serializer.serialize_str(&iso(date)),
            RawBsonRef::Document(document) => JsonRow(document).serialize(serializer),
            RawBsonRef::Array(items) => list(items.iter_elements(), serializer),
            RawBsonRef::RegularExpression(regex) => serializer.serialize_str(regex.pattern.as_str()),
            RawBsonRef::JavaScriptCodeWithScope(code) => serializer.serialize_str(code.code),
            RawBsonRef::Timestamp(stamp) => serializer.serialize_u32(stamp.time),
            RawBsonRef::Binary(binary) => serializer.serialize_str(&base64(binary.bytes)),
            RawBsonRef::Decimal128(number) => serializer.serialize_str(&number.to_string()),
        }
    }
}

fn list<S: Serializer>(items: RawIter<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(None)?;
    for item in items {
        let value = item.and_then(|item| item.value()).map_err(S::Error::custom)?;
        list.serialize_element(&JsonValue(value))?;
    }
    list.end()
}

/// `2018-11-28T02:00:00.000Z`; a date beyond the calendar of ISO 8601 as milliseconds since 1970.
pub fn iso(date: bson::DateTime) -> String {
    match DateTime::<Utc>::from_timestamp_millis(date.timestamp_millis()) {
        Some(date) => date.to_rfc3339_opts(SecondsFormat::Millis, true),
        None => date.timestamp_millis().to_string(),
    }
}

fn base64(bytes: &[u8]) -> String {
    // bson writes Base64 in Extended JSON; this takes it from there rather than bring a crate for so rare a value.
    let binary = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: bytes.to_vec() };
    let json = bson::Bson::Binary(binary).into_relaxed_extjson();
    json.pointer("/$binary/base64").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::oid::ObjectId;
    use bson::rawdoc;

    #[test]
    fn every_type_has_its_plain_form() {
        let row = rawdoc! {
            "_id": ObjectId::parse_str("5c0000000000000000000001").unwrap(),
            "updated_at": bson::DateTime::from_millis(1_543_370_400_123),
            "cpu": 4, "big": 9_007_199_254_740_993_i64, "load": 0.5, "nan": f64::NAN, "none": null,
            "tags": [{"key": "a\"b", "on": true}],
            "blob": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![1, 2, 3] },
            "price": "1.10".parse::<bson::Decimal128>().unwrap(),
        };
        assert_eq!(
            serde_json::to_string(&JsonRow(&row)).unwrap(),
            concat!(
                r#"{"_id":"5c0000000000000000000001","updated_at":"2018-11-28T02:00:00.123Z","cpu":4,"#,
                r#""big":9007199254740993,"load":0.5,"nan":null,"none":null,"tags":[{"key":"a\"b","on":true}],"#,
                r#""blob":"AQID","price":"1.10"}"#
            )
        );
    }
}
