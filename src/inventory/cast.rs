//! What the Data API makes of the ids and dates in a query or pipeline, which are texts in JSON.

use super::error::InventoryError;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document};
use chrono::NaiveDateTime;
use serde_json::{Map, Value};

/// The condition of a `query`: a text of JSON whose keys are flat paths.
///
/// Under an id key a text, or a list of texts, becomes an id; under a date key a text becomes a date, and so do the
/// texts in an operator object, whose other values become null. Any other list means "any of". Nothing inside other
/// objects is cast, and there is no `$and` or `$or` at the top: their lists would mean "any of" too.
///
/// # Errors
/// `NotUnderstood` for what today's Data API answers 500 to.
pub(super) fn condition(query: &str) -> Result<Document, InventoryError> {
    let object: Map<String, Value> = serde_json::from_str(query)
        .map_err(|error| InventoryError::NotUnderstood(format!("query: expected a JSON object: {error}")))?;
    object.iter().map(|(key, value)| Ok((key.clone(), field(key, value)?))).collect()
}

fn field(key: &str, value: &Value) -> Result<Bson, InventoryError> {
    let bad = |what: &str| InventoryError::NotUnderstood(format!("query.{key}: {what}"));
    if is_id_path(key) {
        let id = |value: &Value| {
            value.as_str().and_then(object_id).ok_or_else(|| bad("expected an id of 24 hex digits, or a list of them"))
        };
        return match value.as_array() {
            Some(ids) => Ok(any_of(ids.iter().map(id).collect::<Result<_, _>>()?)),
            None => id(value),
        };
    }
    if is_date_path(key) {
        let parse = |text: &str| date(text).ok_or_else(|| bad("expected a date such as 2018-11-28T02:00:00"));
        if let Some(text) = value.as_str() {
            return parse(text);
        }
        if let Some(operators) = value.as_object() {
            let cast = |value: &Value| value.as_str().map_or(Ok(Bson::Null), parse);
            let cast = operators.iter().map(|(operator, value)| Ok((operator.clone(), cast(value)?)));
            return cast.collect::<Result<Document, _>>().map(Bson::Document);
        }
    }
    match value.as_array() {
        Some(items) => Ok(any_of(items.iter().map(plain).collect::<Result<_, _>>()?)),
        None => plain(value),
    }
}

/// A pipeline's stages: every text of exactly 24 characters somewhere under an id key becomes an id, every longer text
/// somewhere under a date key a date.
///
/// # Errors
/// `NotUnderstood` for a text there that is neither.
pub(super) fn pipeline(value: &Value) -> Result<Bson, InventoryError> {
    nested(value, false, false)
}

fn nested(value: &Value, in_id: bool, in_date: bool) -> Result<Bson, InventoryError> {
    let bad =
        |text: &str, what: &str| InventoryError::NotUnderstood(format!("pipeline: expected {what}, got {text:?}"));
    if let Some(object) = value.as_object() {
        let cast = |(key, value): (&String, &Value)| {
            Ok((key.clone(), nested(value, in_id || is_id_path(key), in_date || is_date_path(key))?))
        };
        return object.iter().map(cast).collect::<Result<Document, _>>().map(Bson::Document);
    }
    if let Some(items) = value.as_array() {
        return items.iter().map(|item| nested(item, in_id, in_date)).collect::<Result<_, _>>().map(Bson::Array);
    }
    match value.as_str().map(|text| (text, text.chars().count())) {
        Some((text, 24)) if in_id => object_id(text).ok_or_else(|| bad(text, "an id of 24 hex digits")),
        Some((text, 25..)) if in_date => {
            date(text).ok_or_else(|| bad(text, "a date such as 2018-11-28T02:00:00.000000Z"))
        }
        _ => plain(value),
    }
}

fn is_id_path(path: &str) -> bool {
    path.starts_with("_id") || path.contains("._id")
}

fn is_date_path(path: &str) -> bool {
    path.contains("_at")
}

fn object_id(text: &str) -> Option<Bson> {
    ObjectId::parse_str(text).ok().map(Bson::ObjectId)
}

/// Reads the first 19 characters: seconds are the finest that counts.
fn date(text: &str) -> Option<Bson> {
    let first: String = text.chars().take(19).collect();
    let date = NaiveDateTime::parse_from_str(&first, "%Y-%m-%dT%H:%M:%S").ok()?;
    Some(Bson::DateTime(DateTime::from_chrono(date.and_utc())))
}

fn any_of(values: Vec<Bson>) -> Bson {
    Bson::Document(Document::from_iter([("$in".to_owned(), Bson::Array(values))]))
}

/// A JSON value as it stands: `$oid` and the like have no meaning in a query.
fn plain(value: &Value) -> Result<Bson, InventoryError> {
    bson::serialize_to_bson(value)
        .map_err(|error| InventoryError::NotUnderstood(format!("a value cannot be compared: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;
    use serde_json::json;

    const ID: &str = "5c0000000000000000000001";

    fn id() -> ObjectId {
        ObjectId::parse_str(ID).unwrap()
    }

    fn date() -> DateTime {
        DateTime::from_millis(1_543_370_400_000)
    }

    #[test]
    fn ids_dates_and_lists_are_cast_at_the_top() {
        let query = json!({
            "_id": [ID], "roles._id": ID, "name": ID, "tags": ["a"], "created_at": "2018-11-28T02:00:00.999Z",
            "updated_at": {"$gte": "2018-11-28T02:00:00", "$lt": 5}, "owner": {"_id": ID, "made_at": "x"},
        });
        assert_eq!(
            condition(&query.to_string()).unwrap(),
            doc! {
                "_id": {"$in": [id()]}, "roles._id": id(), "name": ID, "tags": {"$in": ["a"]}, "created_at": date(),
                "updated_at": {"$gte": date(), "$lt": null}, "owner": {"_id": ID, "made_at": "x"},
            }
        );
    }

    #[test]
    fn what_the_platform_does_not_understand_is_refused() {
        for query in [
            json!({"_id": {"$in": [ID]}}),
            json!({"roles._id": "5c"}),
            json!({"_id": 5}),
            json!({"created_at": "2018-11-28"}),
            json!({"created_at": {"$gte": "soon"}}),
            json!([]),
        ] {
            assert!(condition(&query.to_string()).is_err(), "{query}");
        }
        assert!(condition("{").is_err());
    }

    #[test]
    fn pipelines_are_cast_at_any_depth() {
        let stages = json!([{"$match": {
            "roles._id": {"$in": [ID, "short"]}, "servers.updated_at": {"$gte": "2018-11-28T02:00:00.000000Z", "$lt": "2018-11-28T02:00:00.000Z"},
            "name": ID,
        }}]);
        assert_eq!(
            pipeline(&stages).unwrap(),
            Bson::Array(vec![Bson::Document(doc! {"$match": {
                "roles._id": {"$in": [id(), "short"]}, "servers.updated_at": {"$gte": date(), "$lt": "2018-11-28T02:00:00.000Z"},
                "name": ID,
            }})])
        );
        assert!(pipeline(&json!({"_id": "x".repeat(24)})).is_err());
        assert!(pipeline(&json!({"made_at": "x".repeat(25)})).is_err());
    }
}
