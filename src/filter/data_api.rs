//! What today's Data API can check of a condition, and how it must be written for it (contract §5).
//!
//! A query: a key with `_id` is cast to ObjectId, and only a text may stand there; under a key with `_at` every value of
//! an operator object is cut to whole seconds and cast to a date; a path holds one operator object; no `$and` or `$or`.
//! A pipeline: an id is cast directly under its key; a date in an operator object is not cast at all.
//! What does not fit is left to the worker, so a query lets more rows through than asked, never fewer.

use super::condition::{Check, Condition};
use crate::domain::{is_date_key, is_id_key};
use bson::{Bson, Document, doc};
use chrono::{SubsecRound, TimeDelta};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Bytes of one regular expression, well below PCRE's limit.
const MAX_PATTERN_BYTES: usize = 4000;

/// Who gets the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// `POST /<component>`. The owner rule is added by the sender, so that its key stays free.
    Query,
    /// The `$match` stages of `POST /aggregate`.
    Pipeline,
}

/// The part of a condition that the Data API can check.
pub(super) struct Part {
    pub(super) checks: Vec<(String, Check)>,
    /// Whether that is the whole condition.
    pub(super) whole: bool,
}

impl Part {
    fn none() -> Self {
        Self { checks: Vec::new(), whole: false }
    }
}

/// The part of a condition that `target` can check.
pub(super) fn part(condition: &Condition, target: Target) -> Part {
    match condition {
        Condition::Field(path, check) => field_part(path, check, target),
        Condition::Element(list, checks) if !is_cast(list) => element_part(list, checks, target),
        // Two paths, of which one suffices: not to be said in one operator object.
        Condition::Element(..) | Condition::Item(..) => Part::none(),
    }
}

fn field_part(path: &str, check: &Check, target: Target) -> Part {
    let is_owner_rule = target == Target::Query && path == "roles._id";
    let checked = if !is_cast(path) {
        Some((check.clone(), true))
    } else if names_id(path) {
        let is_id = matches!(check, Check::Equals(Bson::ObjectId(_))) && is_id_key(path) && !names_date(path);
        (is_id && !is_owner_rule).then(|| (check.clone(), true))
    } else if is_date_key(path) && target == Target::Query {
        in_whole_seconds(check)
    } else {
        None
    };
    let Some((check, whole)) = checked else { return Part::none() };
    Part { checks: vec![(path.to_owned(), check)], whole }
}

/// A check of a date in whole seconds, widened to them, and whether it still says the same.
fn in_whole_seconds(check: &Check) -> Option<(Check, bool)> {
    let (Check::AtLeast(Bson::DateTime(date))
    | Check::AtMost(Bson::DateTime(date))
    | Check::Before(Bson::DateTime(date))) = check
    else {
        return None;
    };
    let second = date.to_chrono().trunc_subsecs(0);
    if second == date.to_chrono() {
        return Some((check.clone(), true));
    }
    let next = Bson::DateTime((second + TimeDelta::seconds(1)).into());
    let widened =
        if let Check::AtLeast(_) = check { Check::AtLeast(Bson::DateTime(second.into())) } else { Check::AtMost(next) };
    Some((widened, false))
}

/// Nothing is cast inside `$elemMatch`, so the ids of an element are asked for beside it: some element has that id.
fn element_part(list: &str, checks: &[(String, Check)], target: Target) -> Part {
    let mut element = Checks::default();
    let mut part = Part { checks: Vec::new(), whole: true };
    for (sub, check) in checks {
        let path = format!("{list}.{sub}");
        if is_cast(&path) {
            part.whole = false;
            part.checks.extend(field_part(&path, check, target).checks);
        } else {
            part.whole &= element.put(sub, check.clone()).is_none();
        }
    }
    if !element.0.is_empty() {
        part.checks.push((list.to_owned(), Check::Element(element.document())));
    }
    part
}

fn is_cast(path: &str) -> bool {
    names_id(path) || names_date(path)
}

fn names_id(path: &str) -> bool {
    path.starts_with("_id") || path.contains("._id")
}

fn names_date(path: &str) -> bool {
    path.contains("_at")
}

/// Checks by path, in the order they came: a query, or a `$match`.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<(String, Operators)>);

impl Checks {
    /// Adds a check to those of its path; gives it back where one operator object cannot hold both.
    pub(super) fn put(&mut self, path: &str, check: Check) -> Option<Check> {
        if let Some((_, operators)) = self.0.iter_mut().find(|(known, _)| known == path) {
            return operators.put(check);
        }
        let mut operators = Operators::default();
        let left = operators.put(check);
        self.0.push((path.to_owned(), operators));
        left
    }

    /// As JSON for the Data API.
    pub(super) fn json(&self) -> Map<String, Value> {
        self.document().into_iter().map(|(path, value)| (path, json(value))).collect()
    }

    fn document(&self) -> Document {
        self.0.iter().map(|(path, operators)| (path.clone(), operators.value())).collect()
    }
}

/// The checks on one path, mergeable into one operator object.
#[derive(Debug, Default)]
struct Operators {
    equals: Vec<Bson>,
    any_of: Option<Vec<Bson>>,
    none_of: Vec<Bson>,
    at_least: Option<Bson>,
    at_most: Option<Bson>,
    before: Option<Bson>,
    contains: Option<String>,
    lacks: Vec<String>,
    element: Option<Document>,
}

impl Operators {
    fn put(&mut self, check: Check) -> Option<Check> {
        let fits = match &check {
            Check::Equals(value) => self.put_equal(value),
            Check::AnyOf(values) => first_or_same(&mut self.any_of, values),
            Check::NoneOf(values) => {
                self.none_of.extend(values.iter().cloned());
                true
            }
            Check::AtLeast(bound) => tighten(&mut self.at_least, bound, Ordering::Greater),
            Check::AtMost(bound) => tighten(&mut self.at_most, bound, Ordering::Less),
            Check::Before(bound) => tighten(&mut self.before, bound, Ordering::Less),
            Check::Contains(text) => first_or_same(&mut self.contains, text),
            Check::Lacks(text) => self.put_lack(text),
            Check::Element(condition) => first_or_same(&mut self.element, condition),
        };
        (!fits).then_some(check)
    }

    /// A second id would need an operator object, which is not cast.
    fn put_equal(&mut self, value: &Bson) -> bool {
        let is_id = matches!(value, Bson::ObjectId(_));
        let fits = self.equals.is_empty() || !is_id || self.equals.contains(value);
        if fits && !self.equals.contains(value) {
            self.equals.push(value.clone());
        }
        fits
    }

    fn put_lack(&mut self, text: &str) -> bool {
        let bytes: usize = self.lacks.iter().map(|known| 2 * known.len()).sum();
        let fits = self.lacks.is_empty() || bytes + 2 * text.len() <= MAX_PATTERN_BYTES;
        if fits {
            self.lacks.push(text.to_owned());
        }
        fits
    }

    /// The one value that must be equal, or an operator object.
    fn value(&self) -> Bson {
        let mut operators = Document::new();
        if self.equals.len() > 1 {
            operators.insert("$all", self.equals.clone());
        } else if let Some(value) = self.equals.first() {
            operators.insert("$eq", value.clone());
        }
        let lacks = (!self.lacks.is_empty()).then(|| {
            let each: Vec<String> = self.lacks.iter().map(|text| regex::escape(text)).collect();
            doc! {"$not": {"$regex": each.join("|")}}
        });
        let none_of = (!self.none_of.is_empty()).then(|| Check::NoneOf(self.none_of.clone()));
        let others = [
            self.any_of.clone().map(Check::AnyOf),
            none_of,
            self.at_least.clone().map(Check::AtLeast),
            self.at_most.clone().map(Check::AtMost),
            self.before.clone().map(Check::Before),
            self.contains.clone().map(Check::Contains),
            self.element.clone().map(Check::Element),
        ];
        operators.extend(others.into_iter().flatten().flat_map(|check| check.document()));
        operators.extend(lacks.into_iter().flatten());
        match (&self.equals[..], operators.len()) {
            ([value], 1) => value.clone(),
            _ => operators.into(),
        }
    }
}

fn first_or_same<T: Clone + PartialEq>(slot: &mut Option<T>, value: &T) -> bool {
    slot.get_or_insert_with(|| value.clone()) == value
}

/// Keeps the narrower bound; bounds of different types do not merge.
fn tighten(slot: &mut Option<Bson>, bound: &Bson, narrower: Ordering) -> bool {
    let Some(known) = slot else {
        *slot = Some(bound.clone());
        return true;
    };
    let order = match (bound, &*known) {
        (Bson::Int64(a), Bson::Int64(b)) => Some(a.cmp(b)),
        (Bson::Double(a), Bson::Double(b)) => a.partial_cmp(b),
        (Bson::DateTime(a), Bson::DateTime(b)) => Some(a.cmp(b)),
        _ => None,
    };
    if order == Some(narrower) {
        *known = bound.clone();
    }
    order.is_some()
}

/// BSON as the Data API reads it: ids as 24 hex digits, dates as texts of whole seconds.
pub(super) fn json(value: Bson) -> Value {
    if let Bson::Document(members) = value {
        members.into_iter().map(|(key, value)| (key, json(value))).collect()
    } else if let Bson::Array(values) = value {
        values.into_iter().map(json).collect()
    } else if let Bson::ObjectId(id) = value {
        id.to_hex().into()
    } else if let Bson::DateTime(date) = value {
        date.to_chrono().format("%Y-%m-%dT%H:%M:%S").to_string().into()
    } else {
        value.into_relaxed_extjson()
    }
}
