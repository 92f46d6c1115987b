//! The flattened columns that the rows of a table have, collected row by row.

use super::layout::OTHER;
use bson::raw::{RawBsonRef, RawElement};
use foldhash::HashMap;

/// Names that are remembered, those of objects included; what has none goes into the column [`OTHER`].
const MAX_NAMES: usize = 1_000;
/// Names in one another that are followed; deeper values stand in their cells as JSON.
const MAX_DEPTH: usize = 16;

/// The paths at which rows have values that are not null: `os.base` for `{"os": {"base": "Linux"}}`. A list is one value.
///
/// Memory is bounded: at most 1,000 names.
#[derive(Debug, Default)]
pub struct Paths {
    root: Branch,
    room: Room,
}

/// How many names there are, and whether there was no place for one.
#[derive(Debug, Default)]
struct Room {
    names: usize,
    overflow: bool,
}

/// What was seen at a path and below it.
#[derive(Debug, Default)]
struct Branch {
    name: String,
    is_value: bool,
    below: Vec<Branch>,
    /// Where in `below` a name is.
    places: HashMap<String, usize>,
    /// Rows are alike: after one name mostly comes the one that came after it before.
    next: usize,
}

impl Paths {
    /// Notes one top-level field of a row.
    pub fn add(&mut self, field: &RawElement<'_>) {
        self.root.add(field, MAX_DEPTH, &mut self.room);
    }

    /// The paths, those of the report's columns in their order, then the rest by name; below one column by name.
    #[must_use]
    pub fn finish(&self, columns: &[String]) -> Vec<String> {
        let rank: HashMap<&str, usize> = columns.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let mut roots: Vec<&Branch> = self.root.below.iter().collect();
        roots.sort_by_key(|branch| (rank.get(branch.name.as_str()).copied().unwrap_or(usize::MAX), &branch.name));
        let mut paths = Vec::new();
        roots.into_iter().for_each(|branch| branch.list("", &mut paths));
        paths.extend(self.room.overflow.then(|| OTHER.to_owned()));
        paths
    }
}

impl Branch {
    /// Notes an element below this branch.
    fn add(&mut self, element: &RawElement<'_>, depth: usize, room: &mut Room) {
        let Ok(value) = element.value() else { return };
        if matches!(value, RawBsonRef::Null | RawBsonRef::Undefined) {
            return;
        }
        let document = value.as_document().filter(|document| depth > 1 && !is_empty(document));
        let Some(branch) = self.below(element.key().as_str(), room) else { return };
        match document {
            Some(document) => {
                document.iter_elements().map_while(Result::ok).for_each(|inner| branch.add(&inner, depth - 1, room));
            }
            None => branch.is_value = true,
        }
    }

    /// The branch of this name; `None` for a name that can be no part of a path, and where there is no room for it.
    fn below(&mut self, name: &str, room: &mut Room) -> Option<&mut Self> {
        let place = match self.below.get(self.next) {
            Some(expected) if expected.name == name => self.next,
            _ => match self.places.get(name) {
                Some(place) => *place,
                None if name.contains('.') || name == OTHER || room.names == MAX_NAMES => {
                    room.overflow = true;
                    return None;
                }
                None => self.insert(name, room),
            },
        };
        self.next = place + 1;
        self.below.get_mut(place)
    }

    fn insert(&mut self, name: &str, room: &mut Room) -> usize {
        room.names += 1;
        self.places.insert(name.to_owned(), self.below.len());
        self.below.push(Self { name: name.to_owned(), ..Self::default() });
        self.below.len() - 1
    }

    /// The paths at and below this branch.
    fn list(&self, prefix: &str, paths: &mut Vec<String>) {
        let path = format!("{prefix}{}", self.name);
        let mut below: Vec<&Self> = self.below.iter().collect();
        below.sort_by_key(|branch| &branch.name);
        let prefix = format!("{path}.");
        if self.is_value {
            paths.push(path);
        }
        below.into_iter().for_each(|branch| branch.list(&prefix, paths));
    }
}

/// An object without members is a value: there is nothing below it.
pub(super) fn is_empty(document: &bson::RawDocument) -> bool {
    document.iter_elements().next().is_none()
}
