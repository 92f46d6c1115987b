//! Filters as the web client builds them (contract §4), parsed into typed filters.

use crate::domain::{is_date_key, is_id_key, parse_date};
use bson::Bson;
use bson::oid::ObjectId;
use chrono::{DateTime, Datelike, Utc};
use serde_json::{Map, Value};

pub(super) const MAX_FILTERS: usize = 100;
const MAX_VALUE_CHARS: usize = 1000;
const MAX_PATH_CHARS: usize = 120;
/// The same for a path of rows, which may be below a component.
pub(super) const MAX_ROW_PATH_CHARS: usize = 200;
const MAX_SHOWN_CHARS: usize = 60;

/// A filter that is not understood: where it is and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {expected}")]
pub struct FilterError {
    /// The place, such as `filters[2].comparer` or `filters.servers.filters[0].field`.
    pub path: String,
    /// What is wrong and what was expected.
    pub expected: String,
}

/// The filters as JSON: callers send a JSON value or, as the server app does, a text of JSON; a blank text is `null`.
///
/// # Errors
/// Where the text is no JSON.
pub fn decode(filters: &Value) -> Result<Value, FilterError> {
    let Value::String(text) = filters else { return Ok(filters.clone()) };
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(|cause| error("filters", format!("expected JSON: {cause}")))
}

/// One filter: a field and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    pub(super) field: String,
    pub(super) test: Test,
}

/// What is asked of a field, by the filter's `typ`. Texts are the user's, in every character.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Text(TextOp, String),
    Flag(bool),
    Choice(String),
    /// An `Int64` or a finite `Double`.
    Number(NumberOp, Bson),
    Date(DateOp, DateTime<Utc>),
    Object(Sub),
    Array(Sub),
}

/// `subfield` equals `subfilter`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sub {
    pub(super) field: String,
    pub(super) value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextOp {
    Equal,
    /// Beyond the contract, for the command line's `!=`.
    NotEqual,
    Contain,
    NotContain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberOp {
    AtLeast,
    Equal,
    AtMost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateOp {
    AtOrAfter,
    SameDay,
    AtOrBefore,
}

/// Parses a list of filters that stands at `place`; missing, null and an empty text are an empty list.
pub(super) fn list(filters: Option<&Value>, place: &str) -> Result<Vec<Filter>, FilterError> {
    let items = match filters {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(wrong(place, "a list of filters", Some(other))),
    };
    if items.len() > MAX_FILTERS {
        return Err(error(place, format!("expected at most {MAX_FILTERS} filters, got {}", items.len())));
    }
    items.iter().enumerate().map(|(at, item)| filter(item, &format!("{place}[{at}]"))).collect()
}

/// Parses one filter that stands at `place`.
pub(super) fn filter(item: &Value, place: &str) -> Result<Filter, FilterError> {
    let Value::Object(fields) = item else { return Err(wrong(place, "a filter object", Some(item))) };
    let item = Item { fields, place };
    let field = item.path("field")?;
    let (test, value_key) = match item.choice("typ")? {
        "string" => (item.text_test()?, "filter"),
        "boolean" => (item.equal_only().and_then(|()| item.flag()).map(Test::Flag)?, "filter"),
        "select" => (item.equal_only().and_then(|()| item.text("filter")).map(Test::Choice)?, "filter"),
        "number" => (item.number_test()?, "filter"),
        "date" => (item.date_test(&field)?, "filter"),
        "object" => (Test::Object(item.sub()?), "subfilter"),
        "array" => (Test::Array(item.sub()?), "subfilter"),
        _ => {
            return Err(item.wrong("typ", "one of string, boolean, select, number, date, object, array"));
        }
    };
    item.check_id(&field, &test, value_key)?;
    Ok(Filter { field, test })
}

/// The members of a filter object and where it stands.
struct Item<'a> {
    fields: &'a Map<String, Value>,
    place: &'a str,
}

impl Item<'_> {
    fn wrong(&self, key: &str, expected: &str) -> FilterError {
        wrong(&format!("{}.{key}", self.place), expected, self.fields.get(key))
    }

    /// A text out of a closed set; missing, null and empty are "".
    fn choice(&self, key: &str) -> Result<&str, FilterError> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    fn path(&self, key: &str) -> Result<String, FilterError> {
        match self.fields.get(key) {
            Some(Value::String(path)) if path.len() <= MAX_PATH_CHARS && is_plain_path(path) => Ok(path.clone()),
            _ => Err(self.wrong(key, "a path of letters, digits, _ and - with single dots between")),
        }
    }

    /// The user's value as text; numbers and booleans are read as what a user would have typed.
    fn text(&self, key: &str) -> Result<String, FilterError> {
        let text = match self.fields.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            _ => return Err(self.wrong(key, "a text")),
        };
        if text.chars().count() > MAX_VALUE_CHARS {
            return Err(self.wrong(key, &format!("a text of at most {MAX_VALUE_CHARS} characters")));
        }
        // MongoDB's regular expressions end at a NUL.
        if text.contains('\0') {
            return Err(self.wrong(key, "a text without NUL"));
        }
        Ok(text)
    }

    fn equal_only(&self) -> Result<(), FilterError> {
        match self.choice("comparer")? {
            "" | "equal" => Ok(()),
            _ => Err(self.wrong("comparer", "equal")),
        }
    }

    fn text_test(&self) -> Result<Test, FilterError> {
        let op = match self.choice("comparer")? {
            "" | "equal" => TextOp::Equal,
            "not equal" => TextOp::NotEqual,
            "contain" => TextOp::Contain,
            "not contain" => TextOp::NotContain,
            _ => return Err(self.wrong("comparer", "one of equal, contain, not contain, not equal")),
        };
        Ok(Test::Text(op, self.text("filter")?))
    }

    fn flag(&self) -> Result<bool, FilterError> {
        match self.text("filter").as_deref() {
            Ok("true") => Ok(true),
            Ok("false") => Ok(false),
            _ => Err(self.wrong("filter", "true or false")),
        }
    }

    fn number_test(&self) -> Result<Test, FilterError> {
        let op = match self.choice("comparer")? {
            "" | "equal" => NumberOp::Equal,
            "greater" => NumberOp::AtLeast,
            "less" => NumberOp::AtMost,
            _ => return Err(self.wrong("comparer", "one of greater, equal, less")),
        };
        let value = self.fields.get("filter").filter(|value| !value.is_boolean());
        let number = value.and_then(|_| number(self.text("filter").ok()?.trim()));
        number.map(|number| Test::Number(op, number)).ok_or_else(|| self.wrong("filter", "a number"))
    }

    fn date_test(&self, field: &str) -> Result<Test, FilterError> {
        let op = match self.choice("comparer")? {
            "" | "equal" | "same" => DateOp::SameDay,
            "after" => DateOp::AtOrAfter,
            "before" => DateOp::AtOrBefore,
            _ => return Err(self.wrong("comparer", "one of after, same, before")),
        };
        if !is_date_key(field) {
            return Err(self.wrong("field", "a field whose name ends in _at, as only these hold dates"));
        }
        match self.fields.get("filter") {
            Some(Value::String(text)) => date(text).map(|date| Test::Date(op, date)),
            _ => None,
        }
        .ok_or_else(|| self.wrong("filter", "an ISO 8601 date such as 2018-11-28T02:00:00.000Z"))
    }

    fn sub(&self) -> Result<Sub, FilterError> {
        self.equal_only()?;
        Ok(Sub { field: self.path("subfield")?, value: self.text("subfilter")? })
    }

    /// An id is compared whole.
    fn check_id(&self, field: &str, test: &Test, value_key: &str) -> Result<(), FilterError> {
        let (id, value) = match test {
            Test::Text(TextOp::Equal, value) | Test::Choice(value) => (is_id_key(field), Some(value)),
            Test::Object(sub) | Test::Array(sub) => (is_id_key(&sub.field), Some(&sub.value)),
            Test::Text(..) | Test::Flag(_) | Test::Number(..) | Test::Date(..) => (is_id_key(field), None),
        };
        match value {
            _ if !id => Ok(()),
            None => Err(error(&format!("{}.comparer", self.place), "expected typ string and comparer equal for an id")),
            Some(value) if ObjectId::parse_str(value).is_ok() => Ok(()),
            Some(_) => Err(self.wrong(value_key, "an id of 24 hex digits")),
        }
    }
}

/// A number as a user types it: an `Int64`, or else a finite `Double`.
pub(super) fn number(text: &str) -> Option<Bson> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Bson::Int64(whole));
    }
    let starts_well = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    text.parse::<f64>().ok().filter(|number| starts_well && number.is_finite()).map(Bson::Double)
}

/// A date of the years that every part of the platform can write in four digits, also a day later.
pub(super) fn date(text: &str) -> Option<DateTime<Utc>> {
    parse_date(text).filter(|date| (1..9999).contains(&date.year()))
}

/// Whether a text is a path of plain names with dots between.
pub fn is_plain_path(path: &str) -> bool {
    let plain = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    path.len() <= MAX_ROW_PATH_CHARS && path.split('.').all(plain)
}

pub(super) fn error(place: &str, expected: impl Into<String>) -> FilterError {
    FilterError { path: place.to_owned(), expected: expected.into() }
}

/// A key of the caller's as part of a place: cut, and without line breaks.
pub(super) fn shown(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARS).collect()
}

/// "expected …, got …", with what was found cut to a sane length.
pub(super) fn wrong(place: &str, expected: &str, got: Option<&Value>) -> FilterError {
    let shown = match got {
        None => "nothing".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(Value::Array(_)) => "a list".to_owned(),
        Some(Value::String(text)) if text.chars().count() > MAX_SHOWN_CHARS => {
            format!("{:?}…", text.chars().take(MAX_SHOWN_CHARS).collect::<String>())
        }
        Some(scalar) => scalar.to_string(),
    };
    error(place, format!("expected {expected}, got {shown}"))
}

#[cfg(test)]
mod tests;
