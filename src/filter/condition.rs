//! What filters ask, as conditions on paths: exact, and free of any one database's limits.
//!
//! `api` says which part of them the Data API can check.

use super::parse::{DateOp, Filter, NumberOp, Sub, Test, TextOp, number};
use crate::domain::{is_date_key, is_id_key, parse_date};
use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};

/// Lists of the platform whose elements are objects with a `value`. The web client offers the subfield `value` for
/// lists of plain texts as well; which of the two a list is, a filter does not say.
const LISTS_WITH_VALUE: [&str; 2] = ["tags", "contacts"];

/// What must hold of the value at a path, as MongoDB understands it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Check {
    Equals(Bson),
    AnyOf(Vec<Bson>),
    NoneOf(Vec<Bson>),
    AtLeast(Bson),
    AtMost(Bson),
    Before(Bson),
    Contains(String),
    Lacks(String),
    /// Some element, an object, meets this condition.
    Element(Document),
}

impl Check {
    /// The check as an operator object.
    pub(super) fn document(&self) -> Document {
        match self {
            Self::Equals(value) => doc! {"$eq": value},
            Self::AnyOf(values) => doc! {"$in": values},
            Self::NoneOf(values) => doc! {"$nin": values},
            Self::AtLeast(value) => doc! {"$gte": value},
            Self::AtMost(value) => doc! {"$lte": value},
            Self::Before(value) => doc! {"$lt": value},
            Self::Contains(text) => doc! {"$regex": regex::escape(text)},
            Self::Lacks(text) => doc! {"$not": {"$regex": regex::escape(text)}},
            Self::Element(condition) => doc! {"$elemMatch": condition},
        }
    }
}

/// One condition on a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// The value at a path.
    Field(String, Check),
    /// Some element of the list at a path meets every check.
    Element(String, Vec<(String, Check)>),
    /// Some element of the list at a path is one of these values, or is an object whose `value` is.
    Item(String, Vec<Bson>),
}

impl Condition {
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Field(path, _) | Self::Element(path, _) | Self::Item(path, _) => path,
        }
    }

    /// The condition in full.
    pub(super) fn document(&self) -> Document {
        match self {
            Self::Field(path, check) => doc! {path: check.document()},
            Self::Element(path, checks) => {
                let each: Vec<Bson> = checks.iter().map(|(sub, check)| doc! {sub: check.document()}.into()).collect();
                doc! {path: {"$elemMatch": {"$and": each}}}
            }
            Self::Item(path, values) => {
                doc! {"$or": [{path: {"$in": values}}, {format!("{path}.value"): {"$in": values}}]}
            }
        }
    }
}

/// The conditions of a list of filters, every path below `prefix` (such as `servers.`, or empty).
pub(super) fn conditions(filters: &[Filter], prefix: &str) -> Vec<Condition> {
    let mut all = Vec::new();
    let mut lists: Vec<(&str, Vec<&Sub>)> = Vec::new();
    for Filter { field, test } in filters {
        match test {
            Test::Array(sub) => match lists.iter_mut().find(|(list, _)| list == field) {
                Some((_, subs)) => subs.push(sub),
                None => lists.push((field, vec![sub])),
            },
            Test::Object(sub) => {
                let check = equal(&sub.field, &sub.value);
                all.push(Condition::Field(format!("{prefix}{field}.{}", sub.field), check));
            }
            Test::Text(..) | Test::Flag(_) | Test::Choice(_) | Test::Number(..) | Test::Date(..) => {
                all.extend(
                    checks(field, test).into_iter().map(|check| Condition::Field(format!("{prefix}{field}"), check)),
                );
            }
        }
    }
    all.extend(lists.iter().map(|(field, subs)| list_condition(format!("{prefix}{field}"), subs)));
    all
}

/// The checks of a filter on the value at its own field.
fn checks(field: &str, test: &Test) -> Vec<Check> {
    match test {
        Test::Text(TextOp::Equal, text) => vec![equal(field, text)],
        Test::Text(TextOp::NotEqual, text) => vec![Check::NoneOf(readings(field, text))],
        Test::Text(TextOp::Contain, text) => vec![Check::Contains(text.clone())],
        Test::Text(TextOp::NotContain, text) => vec![Check::Lacks(text.clone())],
        Test::Choice(text) => match id(field, text) {
            Some(id) => vec![Check::Equals(id)],
            None => vec![Check::Equals(text.into())],
        },
        Test::Flag(flag) => vec![Check::Equals((*flag).into())],
        Test::Number(NumberOp::AtLeast, number) => vec![Check::AtLeast(number.clone())],
        Test::Number(NumberOp::Equal, number) => vec![Check::Equals(number.clone())],
        Test::Number(NumberOp::AtMost, number) => vec![Check::AtMost(number.clone())],
        // Stored dates hold milliseconds: the first one at or after.
        Test::Date(DateOp::AtOrAfter, date) => {
            vec![Check::AtLeast(bson_date(*date + TimeDelta::nanoseconds(999_999)))]
        }
        Test::Date(DateOp::AtOrBefore, date) => vec![Check::AtMost(bson_date(*date))],
        Test::Date(DateOp::SameDay, date) => {
            let midnight = date.with_time(NaiveTime::MIN).single().unwrap_or(*date);
            let next = midnight.checked_add_days(Days::new(1)).unwrap_or(midnight);
            vec![Check::AtLeast(bson_date(midnight)), Check::Before(bson_date(next))]
        }
        // Handled with their subfield.
        Test::Object(_) | Test::Array(_) => Vec::new(),
    }
}

fn list_condition(path: String, subs: &[&Sub]) -> Condition {
    let list = path.rsplit('.').next().unwrap_or(&path);
    if !LISTS_WITH_VALUE.contains(&list) && subs.iter().all(|sub| sub.field == "value") {
        // The same element must equal every value, so what it may be is what all of them allow.
        let mut values = readings("value", &subs[0].value);
        values.retain(|value| subs.iter().all(|sub| readings("value", &sub.value).contains(value)));
        return Condition::Item(path, values);
    }
    match subs {
        [sub] => Condition::Field(format!("{path}.{}", sub.field), equal(&sub.field, &sub.value)),
        _ => {
            let checks = subs.iter().map(|sub| (sub.field.clone(), equal(&sub.field, &sub.value))).collect();
            Condition::Element(path, checks)
        }
    }
}

/// Equality with what a user typed, who cannot tell whether the value is stored as a text, a number or a boolean.
fn equal(path: &str, text: &str) -> Check {
    match id(path, text) {
        Some(id) => Check::Equals(id),
        None => Check::AnyOf(readings(path, text)),
    }
}

fn id(path: &str, text: &str) -> Option<Bson> {
    let id = ObjectId::parse_str(text).ok()?;
    is_id_key(path).then_some(Bson::ObjectId(id))
}

/// The text itself and what else it can be read as.
fn readings(path: &str, text: &str) -> Vec<Bson> {
    let mut values = vec![Bson::from(text)];
    match text {
        "true" => values.push(true.into()),
        "false" => values.push(false.into()),
        _ => values.extend(number(text)),
    }
    if is_date_key(path) {
        values.extend(parse_date(text).map(bson_date));
    }
    values
}

fn bson_date(date: DateTime<Utc>) -> Bson {
    Bson::DateTime(date.into())
}
