//! Counting values for the charts, row by row.

use super::rules::{RULES, Rule};
use bson::RawDocument;
use bson::raw::{RawBsonRef, RawElement};
use chrono::SecondsFormat;
use foldhash::HashMap;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::fmt::Write;

/// Distinct labels that one rule remembers, and their characters: what bounds the memory.
const MAX_LABELS: usize = 10_000;
const MAX_LABEL_CHARS: usize = 100;
/// Labels that one rule gives out.
const MAX_SHOWN: usize = 1_000;
/// The label of all that was not remembered or is not shown.
pub(super) const OTHER: &str = "(other)";

/// The counts of every rule over the rows seen so far.
///
/// Memory does not grow with the rows: a rule remembers the first 10,000 labels that it sees, each cut to 100
/// characters, and counts every further one as `(other)`.
#[derive(Debug, Default)]
pub struct Counts {
    /// The rules of each field and what they have counted.
    by_field: HashMap<&'static str, Vec<(&'static Rule, Labels)>>,
    /// Where a label is written that is no text in its row.
    label: String,
}

impl Counts {
    /// Starts counting for a component (its lower-case path: some rules hold for one component only).
    #[must_use]
    pub fn new(component: &str) -> Self {
        let mut counts = Self::default();
        for rule in RULES.iter().filter(|rule| rule.component.is_empty() || rule.component == component) {
            counts.by_field.entry(rule.field).or_default().push((rule, Labels::default()));
        }
        counts
    }

    /// Counts one top-level field of a row.
    pub fn add(&mut self, field: &RawElement<'_>) {
        self.each_label(field, Labels::add);
    }

    /// Takes back one top-level field of a row that was counted.
    pub fn remove(&mut self, field: &RawElement<'_>) {
        self.each_label(field, Labels::remove);
    }

    fn each_label(&mut self, field: &RawElement<'_>, change: impl Fn(&mut Labels, &str)) {
        let Some(rules) = self.by_field.get_mut(field.key().as_str()) else { return };
        let Ok(value) = field.value() else { return };
        let RawBsonRef::Document(object) = value else {
            for (rule, labels) in rules.iter_mut() {
                each(value, rule.sublens, &mut self.label, |label| change(labels, label));
            }
            return;
        };
        // The object is passed through once for all its rules.
        for element in object.iter_elements().map_while(Result::ok) {
            for (rule, labels) in rules.iter_mut() {
                if let Some(value) = below(&element, rule.lens) {
                    each(value, rule.sublens, &mut self.label, |label| change(labels, label));
                }
            }
        }
    }

    /// `aggr` of the contract: `key → {"aggr": {"label": […], "data": […]}, "opts": {…}}`, most frequent first and
    /// equally frequent ones by label. At most 1,000 labels a key; `(other)` stands last and holds the sum of the rest.
    /// A rule that counted nothing is absent.
    #[must_use]
    pub fn finish(&self) -> Value {
        let own = |rule: &'static Rule| self.by_field.get(rule.field)?.iter().find(|(own, _)| std::ptr::eq(*own, rule));
        let counted = RULES.iter().filter_map(own).filter(|(_, labels)| labels.total() > 0);
        let charts: Map<String, Value> = counted
            .map(|(rule, labels)| {
                let (label, data): (Vec<&str>, Vec<u64>) = labels.ranked().into_iter().unzip();
                (rule.key(), json!({"aggr": {"label": label, "data": data}, "opts": opts(rule)}))
            })
            .collect();
        charts.into()
    }
}

/// How the web client draws the chart.
fn opts(rule: &Rule) -> Map<String, Value> {
    let mut opts = Map::new();
    opts.insert("ct".into(), rule.chart.into());
    opts.insert("txt".into(), rule.title.into());
    opts.insert("order".into(), rule.order.into());
    if !rule.size.is_empty() {
        opts.insert("size".into(), rule.size.into());
    }
    if !rule.legend {
        opts.insert("legend".into(), false.into());
    }
    if let Some(limit) = rule.limit {
        opts.insert("limit".into(), limit.into());
    }
    opts
}

/// The labels of a value, or of each element of a list: the value at the sublens, or the element itself if it is no
/// object.
fn each(value: RawBsonRef<'_>, sublens: &str, scratch: &mut String, mut take: impl FnMut(&str)) {
    let RawBsonRef::Array(elements) = value else {
        label(value, scratch).into_iter().for_each(take);
        return;
    };
    for element in elements.into_iter().map_while(Result::ok) {
        let value = if let RawBsonRef::Document(object) = element { at(object, sublens) } else { Some(element) };
        if let Some(label) = value.and_then(|value| label(value, scratch)) {
            take(label);
        }
    }
}

/// The value at a dotted path; nothing at an empty one.
fn at<'a>(object: &'a RawDocument, path: &str) -> Option<RawBsonRef<'a>> {
    object.iter_elements().map_while(Result::ok).find_map(|element| below(&element, path))
}

/// The value at a dotted path that begins with this element.
fn below<'a>(element: &RawElement<'a>, path: &str) -> Option<RawBsonRef<'a>> {
    let name = element.key().as_str();
    let rest = path.strip_prefix(name).filter(|_| !name.contains('.'))?;
    if rest.is_empty() {
        return element.value().ok();
    }
    let rest = rest.strip_prefix('.')?;
    let RawBsonRef::Document(object) = element.value().ok()? else { return None };
    at(object, rest)
}

/// How often each label was seen.
#[derive(Debug, Default)]
struct Labels {
    known: HashMap<String, u64>,
    other: u64,
}

impl Labels {
    fn add(&mut self, label: &str) {
        let label = shortened(label);
        if let Some(count) = self.known.get_mut(label) {
            *count += 1;
        } else if self.known.len() < MAX_LABELS {
            self.known.insert(label.to_owned(), 1);
        } else {
            self.other += 1;
        }
    }

    fn remove(&mut self, label: &str) {
        match self.known.get_mut(shortened(label)) {
            Some(count) => *count = count.saturating_sub(1),
            None => self.other = self.other.saturating_sub(1),
        }
    }

    fn total(&self) -> u64 {
        self.known.values().sum::<u64>() + self.other
    }

    fn ranked(&self) -> Vec<(&str, u64)> {
        let mut ranked: Vec<(&str, u64)> =
            self.known.iter().filter(|(_, count)| **count > 0).map(|(label, count)| (label.as_str(), *count)).collect();
        ranked.sort_unstable_by_key(|(label, count)| (Reverse(*count), *label));
        ranked.truncate(MAX_SHOWN);
        let other = self.total() - ranked.iter().map(|(_, count)| count).sum::<u64>();
        if other > 0 {
            ranked.push((OTHER, other));
        }
        ranked
    }
}

/// Its first characters.
fn shortened(label: &str) -> &str {
    // A text of so few bytes has no more characters, and most are of that kind.
    if label.len() <= MAX_LABEL_CHARS {
        return label;
    }
    label.char_indices().nth(MAX_LABEL_CHARS).map_or(label, |(end, _)| &label[..end])
}

/// The label of a value: a text as it is, another value written into `scratch`; none of null, an object or a list.
#[expect(clippy::wildcard_enum_match_arm, reason = "a type without a label is not counted, whichever it is")]
fn label<'a>(value: RawBsonRef<'a>, scratch: &'a mut String) -> Option<&'a str> {
    scratch.clear();
    let written = match value {
        RawBsonRef::String(text) => return Some(text),
        RawBsonRef::Boolean(flag) => return Some(if flag { "true" } else { "false" }),
        RawBsonRef::Int32(number) => write!(scratch, "{number}"),
        RawBsonRef::Int64(number) => write!(scratch, "{number}"),
        RawBsonRef::Double(number) => write!(scratch, "{}", json!(number)),
        RawBsonRef::Decimal128(number) => write!(scratch, "{number}"),
        RawBsonRef::ObjectId(id) => write!(scratch, "{id}"),
        RawBsonRef::DateTime(date) => {
            scratch.push_str(&date.to_chrono().to_rfc3339_opts(SecondsFormat::AutoSi, true));
            Ok(())
        }
        _ => return None,
    };
    written.is_ok().then_some(scratch)
}

#[cfg(test)]
mod tests;
