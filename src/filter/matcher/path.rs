//! The values that a dotted path reaches in a document.

use bson::RawDocument;
use bson::raw::{RawArray, RawBsonRef};

/// A dotted path, cut into its segments.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    segments: Vec<Box<str>>,
}

/// What an array at the end of the path counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// Each of its elements, then the array itself.
    Spread,
    /// The array itself.
    Whole,
}

impl Path {
    pub(crate) fn new(text: &str) -> Self {
        Self { segments: text.split('.').map(Into::into).collect() }
    }

    /// Whether `found` accepts one of the values at this path; `None` stands for a missing value.
    ///
    /// An array on the way stands for each document in it, and for its element at a numeric segment. An array without
    /// any document gives no value at all, not even a missing one.
    pub(crate) fn any<'a>(
        &self,
        document: &'a RawDocument,
        leaf: Leaf,
        found: &mut dyn FnMut(Option<RawBsonRef<'a>>) -> bool,
    ) -> bool {
        in_document(document, &self.segments, leaf, found)
    }
}

type Found<'f, 'a> = &'f mut dyn FnMut(Option<RawBsonRef<'a>>) -> bool;

fn in_document<'a>(document: &'a RawDocument, path: &[Box<str>], leaf: Leaf, found: Found<'_, 'a>) -> bool {
    let Some((segment, rest)) = path.split_first() else { return false };
    match document.get(segment).ok().flatten() {
        Some(RawBsonRef::Document(inner)) if !rest.is_empty() => in_document(inner, rest, leaf, found),
        Some(RawBsonRef::Array(items)) if !rest.is_empty() || leaf == Leaf::Spread => {
            in_array(items, rest, leaf, found)
        }
        value if rest.is_empty() => found(value),
        _ => found(None),
    }
}

fn in_array<'a>(items: &'a RawArray, path: &[Box<str>], leaf: Leaf, found: Found<'_, 'a>) -> bool {
    let Some((segment, rest)) = path.split_first() else {
        return items.into_iter().filter_map(Result::ok).any(|item| found(Some(item)))
            || found(Some(RawBsonRef::Array(items)));
    };
    let wanted = segment.parse::<usize>().ok().filter(|index| index.to_string() == **segment);
    items.into_iter().filter_map(Result::ok).enumerate().any(|(index, item)| {
        let inside = item.as_document().is_some_and(|inner| in_document(inner, path, leaf, found));
        inside || (wanted == Some(index) && at_index(item, rest, leaf, found))
    })
}

/// An element that the path names by its index is not spread, even where it is an array.
fn at_index<'a>(item: RawBsonRef<'a>, rest: &[Box<str>], leaf: Leaf, found: Found<'_, 'a>) -> bool {
    if rest.is_empty() {
        return found(Some(item));
    }
    match item.as_array() {
        Some(inner) => in_array(inner, rest, leaf, found),
        None => item.as_document().is_some_and(|inner| in_document(inner, rest, leaf, found)),
    }
}
