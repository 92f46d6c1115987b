//! `query` of a row request: a checked MongoDB condition.

use super::matcher::Matcher;
use super::parse::{MAX_ROW_PATH_CHARS, shown};
use crate::domain::{is_date_key, is_id_key, parse_date};
use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::{Map, Value};

const MAX_DEPTH: usize = 5;
const MAX_CONDITIONS: usize = 50;
const MAX_LIST: usize = 1000;
const MAX_TEXT_CHARS: usize = 1000;
const MAX_REGEX_CHARS: usize = 500;

/// A query that is not understood: where and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {expected}")]
pub struct RowsError {
    /// The place, such as `query.name.$regex`.
    pub path: String,
    /// What is wrong and what was expected.
    pub expected: String,
}

/// Checks `query` against the operator whitelist and casts ids and dates (contract §3).
///
/// A value is equality, a list means "any of", an object holds operators: `$regex` (with `$options` of i, m, s, x), `$in`,
/// `$nin`, `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$exists`, `$not`; `$and` and `$or` stand in place of a field. Under
/// `_id` and `*._id` texts are ids, under `*_at` dates; a day alone means all of it. As the front API makes a regular
/// expression of whatever is searched for, one of a whole id or date is understood as the id or date.
///
/// # Errors
/// Names the place of the first thing that is not understood, or of a limit that is exceeded.
pub fn rows(query: &Map<String, Value>) -> Result<Document, RowsError> {
    let mut checker = Checker { conditions: 0 };
    let document = checker.fields(query, "query", 1)?;
    // Whatever the databases accept must also be understood by the embedded store.
    Matcher::compile(&document).map_err(|bad| error(&format!("query.{}", bad.path), bad.what))?;
    Ok(document)
}

/// How texts under a key are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Date,
    Plain,
}

impl Kind {
    fn of(path: &str) -> Self {
        match path {
            _ if is_id_key(path) => Self::Id,
            _ if is_date_key(path) => Self::Date,
            _ => Self::Plain,
        }
    }
}

struct Checker {
    conditions: usize,
}

impl Checker {
    fn count(&mut self, place: &str) -> Result<(), RowsError> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(error(place, format!("expected at most {MAX_CONDITIONS} conditions")));
        }
        Ok(())
    }

    /// A condition on a whole row.
    fn fields(&mut self, fields: &Map<String, Value>, place: &str, depth: usize) -> Result<Document, RowsError> {
        if depth > MAX_DEPTH {
            return Err(error(place, format!("expected at most {MAX_DEPTH} levels")));
        }
        let mut document = Document::new();
        for (key, value) in fields {
            let place = format!("{place}.{}", shown(key));
            self.count(&place)?;
            let value = match key.as_str() {
                "$and" | "$or" => self.branches(value, &place, depth)?,
                _ if is_path(key) => self.field(Kind::of(key), value, &place, depth)?,
                _ if key.starts_with('$') => return Err(error(&place, "expected a field, $and or $or")),
                _ => return Err(error(&place, "expected a field: a path without empty or $ segments")),
            };
            document.insert(key, value);
        }
        Ok(document)
    }

    fn branches(&mut self, value: &Value, place: &str, depth: usize) -> Result<Bson, RowsError> {
        let branches = value.as_array().filter(|branches| !branches.is_empty());
        let branches = branches.ok_or_else(|| error(place, "expected a list of at least one condition"))?;
        let each = branches.iter().enumerate().map(|(at, branch)| {
            let place = format!("{place}[{at}]");
            let fields = branch.as_object().ok_or_else(|| error(&place, "expected an object of conditions"))?;
            self.fields(fields, &place, depth + 1)
        });
        Ok(Bson::Array(each.map(|branch| branch.map(Bson::Document)).collect::<Result<_, _>>()?))
    }

    /// What a field must be: a value, a list of values, or operators.
    fn field(&mut self, kind: Kind, value: &Value, place: &str, depth: usize) -> Result<Bson, RowsError> {
        match value {
            Value::Object(operators) => Ok(self.operators(kind, operators, place, depth + 1)?.into()),
            Value::Array(_) => Ok(doc! {"$in": list(kind, value, place)?}.into()),
            Value::String(text) if kind == Kind::Date => whole_day(text).map_or_else(|| scalar(kind, value, place), Ok),
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => scalar(kind, value, place),
        }
    }

    fn operators(
        &mut self,
        kind: Kind,
        operators: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Result<Document, RowsError> {
        if depth > MAX_DEPTH {
            return Err(error(place, format!("expected at most {MAX_DEPTH} levels")));
        }
        if operators.is_empty() {
            return Err(error(place, "expected a value or operators, got an empty object"));
        }
        if let Some(value) = operators.get("$regex").filter(|_| kind != Kind::Plain) {
            return searched(kind, value, operators, place);
        }
        let mut document = Document::new();
        for (operator, value) in operators {
            let place = format!("{place}.{}", shown(operator));
            self.count(&place)?;
            let value = match operator.as_str() {
                "$regex" => pattern(value, &place)?,
                "$options" if operators.contains_key("$regex") => options(value, &place)?,
                "$options" => return Err(error(&place, "expected $regex beside it")),
                "$in" | "$nin" => list(kind, value, &place)?,
                "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" => scalar(kind, value, &place)?,
                "$exists" => {
                    value.as_bool().map(Bson::Boolean).ok_or_else(|| error(&place, "expected true or false"))?
                }
                "$not" => {
                    let inner = value.as_object().ok_or_else(|| error(&place, "expected an object of operators"))?;
                    self.operators(kind, inner, &place, depth + 1)?.into()
                }
                _ => {
                    return Err(error(
                        &place,
                        "expected one of $regex, $options, $in, $nin, $eq, $ne, $gt, $gte, $lt, $lte, $exists, $not",
                    ));
                }
            };
            document.insert(operator, value);
        }
        Ok(document)
    }
}

/// A search for an id or a date: the front API sends a regular expression for every field.
fn searched(kind: Kind, value: &Value, operators: &Map<String, Value>, place: &str) -> Result<Document, RowsError> {
    let place = format!("{place}.$regex");
    if operators.keys().any(|operator| operator != "$regex" && operator != "$options") {
        return Err(error(&place, "expected no other operator beside it"));
    }
    let day = value.as_str().filter(|_| kind == Kind::Date).and_then(whole_day);
    match day {
        Some(Bson::Document(day)) => Ok(day),
        _ => Ok(doc! {"$eq": scalar(kind, value, &place)?}),
    }
}

fn list(kind: Kind, value: &Value, place: &str) -> Result<Bson, RowsError> {
    let items = value.as_array().filter(|items| items.len() <= MAX_LIST);
    let items = items.ok_or_else(|| error(place, format!("expected a list of at most {MAX_LIST} values")))?;
    let each = items.iter().enumerate().map(|(at, item)| scalar(kind, item, &format!("{place}[{at}]")));
    Ok(Bson::Array(each.collect::<Result<_, _>>()?))
}

fn scalar(kind: Kind, value: &Value, place: &str) -> Result<Bson, RowsError> {
    match (kind, value) {
        (_, Value::Null) => Ok(Bson::Null),
        (Kind::Id, Value::String(text)) => {
            ObjectId::parse_str(text).map(Bson::ObjectId).map_err(|_| error(place, "expected an id of 24 hex digits"))
        }
        (Kind::Id, _) => Err(error(place, "expected an id of 24 hex digits")),
        (Kind::Date, Value::String(text)) => {
            parse_date(text).map(date).ok_or_else(|| error(place, "expected an ISO 8601 date"))
        }
        (Kind::Date, _) => Err(error(place, "expected an ISO 8601 date")),
        (Kind::Plain, Value::String(text)) => plain_text(text, MAX_TEXT_CHARS, place).map(Bson::from),
        (Kind::Plain, Value::Bool(flag)) => Ok((*flag).into()),
        (Kind::Plain, Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole.into()),
            (None, Some(number)) => Ok(number.into()),
            (None, None) => Err(error(place, "expected a smaller number")),
        },
        (Kind::Plain, Value::Array(_) | Value::Object(_)) => {
            Err(error(place, "expected a text, a number, true, false or null"))
        }
    }
}

fn plain_text<'a>(text: &'a str, limit: usize, place: &str) -> Result<&'a str, RowsError> {
    if text.chars().count() > limit {
        return Err(error(place, format!("expected a text of at most {limit} characters")));
    }
    if text.contains('\0') {
        return Err(error(place, "expected a text without NUL"));
    }
    Ok(text)
}

/// Whether it is a regular expression that can be run is left to the matcher.
fn pattern(value: &Value, place: &str) -> Result<Bson, RowsError> {
    let text = value.as_str().ok_or_else(|| error(place, "expected a regular expression as a text"))?;
    plain_text(text, MAX_REGEX_CHARS, place).map(Bson::from)
}

fn options(value: &Value, place: &str) -> Result<Bson, RowsError> {
    let text = value.as_str().filter(|text| text.len() <= 4 && text.chars().all(|option| "imsx".contains(option)));
    text.map(Bson::from).ok_or_else(|| error(place, "expected a text of i, m, s and x"))
}

/// A day alone, as the condition that a date falls on it.
fn whole_day(text: &str) -> Option<Bson> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let start = day.and_hms_opt(0, 0, 0)?.and_utc();
    let end = start.checked_add_days(Days::new(1))?;
    Some(doc! {"$gte": date(start), "$lt": date(end)}.into())
}

fn date(date: DateTime<Utc>) -> Bson {
    Bson::DateTime(date.into())
}

fn is_path(key: &str) -> bool {
    let plain = |segment: &str| !segment.is_empty() && !segment.starts_with('$');
    key.len() <= MAX_ROW_PATH_CHARS && !key.contains('\0') && key.split('.').all(plain)
}

fn error(place: &str, expected: impl Into<String>) -> RowsError {
    RowsError { path: place.to_owned(), expected: expected.into() }
}

#[cfg(test)]
mod tests;
