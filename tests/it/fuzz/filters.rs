//! Filters and conditions in this process, and what they do to rows.

use super::inputs::{altered, conditions, general, json, pivot, rows, text};
use super::{Outcome, fuzz};
use bson::Document;
use maestro_reports::chart::Counts;
use maestro_reports::domain::{Dialect, OwnerId, Row, RowReader};
use maestro_reports::filter::{self, matcher::Matcher};
use proptest::prelude::*;
use serde_json::Value;

const OWNER: &str = "5c0000000000000000000002";
/// Operators that run code, look elsewhere or write.
const FORBIDDEN: [&str; 7] = ["$where", "$function", "$accumulator", "$expr", "$out", "$merge", "$unionWith"];

/// No operator that the language does not have has come through.
fn is_harmless(query: &Value) -> bool {
    match query {
        Value::Array(items) => items.iter().all(is_harmless),
        Value::Object(fields) => {
            fields.iter().all(|(name, value)| !FORBIDDEN.contains(&name.as_str()) && is_harmless(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// A condition that was made is one that the matcher understands, whatever the row.
fn check(condition: &Document, row: Option<&Row>) -> Outcome {
    prop_assert!(is_harmless(&bson::Bson::from(condition.clone()).into_relaxed_extjson()), "{condition}");
    let matcher = Matcher::compile(condition).map_err(|error| TestCaseError::fail(format!("{error}: {condition}")))?;
    Ok(match row.map(|row| matcher.matches(row)) {
        Some(true) => "matches",
        Some(false) => "does not match",
        None => "no row",
    })
}

fn row(value: &Value, dialect: Dialect) -> Option<Row> {
    RowReader::new(dialect).read(value).ok()
}

fn any_row() -> impl Strategy<Value = Value> {
    let good: Vec<Value> = rows().iter().flat_map(|rows| rows.as_array().unwrap().clone()).collect();
    prop_oneof![altered(good), json()]
}

#[test]
fn general_filters() {
    let filters = prop_oneof![4 => altered(general()), 1 => json(), 1 => text().prop_map(Value::from)];
    let wanted = ["no JSON", "refused", "query alone", "matches", "does not match"];
    fuzz(&(filters, any_row()), &wanted, |(filters, row)| {
        let Ok(filters) = filter::decode(&filters) else { return Ok("no JSON") };
        let Ok(made) = filter::general(&filters) else { return Ok("refused") };
        prop_assert!(is_harmless(&made.query.into()));
        made.residual.map_or(Ok("query alone"), |left| check(&left, self::row(&row, Dialect::Plain).as_ref()))
    });
}

#[test]
fn pivot_filters() {
    let owner: OwnerId = OWNER.parse().unwrap();
    let filters = prop_oneof![4 => altered(pivot()), 1 => json()];
    fuzz(&(filters, any_row()), &["refused", "pipeline alone", "does not match"], |(filters, row)| {
        let Ok(made) = filter::pivot(&filters, owner) else { return Ok("refused") };
        let first = &made.pipeline[0]["$match"];
        prop_assert!(first.to_string().contains(OWNER), "the owner is not asked for: {first}");
        prop_assert!(is_harmless(&made.pipeline.into()));
        made.residual.map_or(Ok("pipeline alone"), |left| check(&left, self::row(&row, Dialect::Plain).as_ref()))
    });
}

#[test]
fn conditions_on_rows() {
    let queries = prop_oneof![4 => altered(conditions()), 1 => json()];
    fuzz(&(queries, any_row()), &["refused", "matches", "does not match"], |(query, row)| {
        let Some(Ok(condition)) = query.as_object().map(filter::rows) else { return Ok("refused") };
        check(&condition, self::row(&row, Dialect::Plain).as_ref())
    });
}

#[test]
fn rows_that_mean_ill() {
    fuzz(&any_row(), &["a row", "no row"], |value| {
        let mut outcome = "no row";
        for dialect in [Dialect::Plain, Dialect::Extended, Dialect::Strict] {
            let Some(row) = row(&value, dialect) else { continue };
            let mut counts = Counts::new("servers");
            row.fields().for_each(|field| counts.add(&field));
            prop_assert!(counts.finish().is_object());
            prop_assert!(serde_json::to_vec(&maestro_reports::domain::JsonRow(&row)).is_ok(), "{row:?}");
            prop_assert!(row.to_document().is_ok());
            outcome = "a row";
        }
        Ok(outcome)
    });
}
