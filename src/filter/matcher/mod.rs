//! A MongoDB condition evaluated on a document, as the server does.
//!
//! `compile` reads the condition once, `path` finds the values that a dotted path reaches, `order` compares two values,
//! `pattern` brings regular expressions from PCRE's dialect to ours. Documents stay in their BSON bytes.

mod compile;
mod order;
mod path;
mod pattern;

use bson::raw::{RawBson, RawBsonRef};
use bson::{Document, RawDocument};
pub(crate) use path::{Leaf, Path};
use regex::Regex;
use std::cmp::Ordering;

/// A compiled condition.
///
/// It understands implicit equality, `$eq $ne $gt $gte $lt $lte $in $nin $exists $not $regex $options $all $elemMatch`
/// and `$and $or $nor`, with MongoDB's rules for dotted paths, arrays, null and types.
#[derive(Debug, Clone)]
pub struct Matcher {
    root: Node,
}

/// A condition that this matcher does not evaluate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct BadCondition {
    /// The place in the condition, such as `name.$regex` or `$or[1].cpu`.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

/// A condition on a whole document.
#[derive(Debug, Clone)]
enum Node {
    /// All of them hold; true when empty.
    And(Vec<Node>),
    /// One of them holds; false when empty.
    Or(Vec<Node>),
    /// It does not hold.
    Not(Box<Node>),
    /// The values at a path are as told.
    Field(Path, Predicate),
}

/// A condition on the values at a path.
#[derive(Debug, Clone)]
enum Predicate {
    /// All of them hold, each on a value of its own.
    All(Vec<Predicate>),
    /// It holds for none of the values.
    Not(Box<Predicate>),
    /// No value can meet it.
    Never,
    /// Some value passes the test.
    Some(Test),
}

/// What a single value must be.
#[derive(Debug, Clone)]
enum Test {
    Compare(Comparison, RawBson),
    /// Equal to one of these, which are sorted by `order::compare`.
    In(Vec<RawBson>),
    Exists,
    Pattern(Pattern),
    /// An array of which one element, itself a document or an array, meets a condition.
    ElementIs(Box<Node>),
    /// An array of which one element holds a predicate.
    ElementHas(Box<Predicate>),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A regular expression; its source is kept because a stored expression equals a written one.
#[derive(Debug, Clone)]
struct Pattern {
    regex: Regex,
    source: String,
    options: String,
}

impl Matcher {
    /// Compiles a condition; an empty one matches everything.
    ///
    /// # Errors
    /// Names the operator or value that is not understood.
    pub fn compile(condition: &Document) -> Result<Self, BadCondition> {
        Ok(Self { root: compile::condition(condition)? })
    }

    /// Whether a document meets the condition. What cannot be read in a broken document counts as missing.
    #[must_use]
    pub fn matches(&self, document: &RawDocument) -> bool {
        self.root.holds(document)
    }
}

impl Node {
    fn holds(&self, document: &RawDocument) -> bool {
        match self {
            Self::And(nodes) => nodes.iter().all(|node| node.holds(document)),
            Self::Or(nodes) => nodes.iter().any(|node| node.holds(document)),
            Self::Not(node) => !node.holds(document),
            Self::Field(path, predicate) => predicate.holds_at(path, document),
        }
    }
}

impl Predicate {
    fn holds_at(&self, path: &Path, document: &RawDocument) -> bool {
        match self {
            Self::All(all) => all.iter().all(|predicate| predicate.holds_at(path, document)),
            Self::Not(predicate) => !predicate.holds_at(path, document),
            Self::Never => false,
            Self::Some(test) => path.any(document, test.leaf(), &mut |value| test.passes(value)),
        }
    }

    fn holds_for(&self, value: RawBsonRef<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|predicate| predicate.holds_for(value)),
            Self::Not(predicate) => !predicate.holds_for(value),
            Self::Never => false,
            Self::Some(test) => test.passes(Some(value)),
        }
    }
}

impl Test {
    /// `$elemMatch` looks at an array as a whole; every other test also at each element.
    fn leaf(&self) -> Leaf {
        match self {
            Self::ElementIs(_) | Self::ElementHas(_) => Leaf::Whole,
            Self::Compare(..) | Self::In(_) | Self::Exists | Self::Pattern(_) => Leaf::Spread,
        }
    }

    fn passes(&self, value: Option<RawBsonRef<'_>>) -> bool {
        match self {
            Self::Compare(comparison, wanted) => comparison.holds(or_null(value), wanted.as_raw_bson_ref()),
            Self::In(wanted) => {
                let value = or_null(value);
                wanted.binary_search_by(|one| order::compare(one.as_raw_bson_ref(), value)).is_ok()
            }
            Self::Exists => value.is_some(),
            Self::Pattern(pattern) => value.is_some_and(|value| pattern.matches(value)),
            Self::ElementIs(node) => elements(value).any(|element| as_document(element).is_some_and(|d| node.holds(d))),
            Self::ElementHas(predicate) => elements(value).any(|element| predicate.holds_for(element)),
        }
    }
}

impl Comparison {
    /// Only values of one kind compare at all: numbers with numbers, texts with texts.
    fn holds(self, value: RawBsonRef<'_>, wanted: RawBsonRef<'_>) -> bool {
        if order::bracket(value) != order::bracket(wanted) {
            return false;
        }
        if order::is_nan(value) != order::is_nan(wanted) {
            return false;
        }
        let ordering = order::compare(value, wanted);
        match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::Greater => ordering == Ordering::Greater,
            Self::GreaterOrEqual => ordering != Ordering::Less,
            Self::Less => ordering == Ordering::Less,
            Self::LessOrEqual => ordering != Ordering::Greater,
        }
    }
}

impl Pattern {
    fn matches(&self, value: RawBsonRef<'_>) -> bool {
        if let RawBsonRef::String(text) | RawBsonRef::Symbol(text) = value {
            return self.regex.is_match(text);
        }
        value
            .as_regex()
            .is_some_and(|stored| stored.pattern.as_str() == self.source && stored.options.as_str() == self.options)
    }
}

/// To MongoDB a missing value and the old `undefined` equal null.
fn or_null(value: Option<RawBsonRef<'_>>) -> RawBsonRef<'_> {
    value.filter(|value| !matches!(value, RawBsonRef::Undefined)).unwrap_or(RawBsonRef::Null)
}

fn elements(value: Option<RawBsonRef<'_>>) -> impl Iterator<Item = RawBsonRef<'_>> {
    value.and_then(RawBsonRef::as_array).into_iter().flatten().filter_map(Result::ok)
}

/// A document, or an array as the document of its indexes.
fn as_document(value: RawBsonRef<'_>) -> Option<&RawDocument> {
    match value.as_array() {
        Some(array) => RawDocument::from_bytes(array.as_bytes()).ok(),
        None => value.as_document(),
    }
}

#[cfg(test)]
mod tests;
