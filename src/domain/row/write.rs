//! Writes a BSON document straight into bytes, in the order in which its parts become known.
//!
//! A document is its length in four bytes, its elements and a NUL; an element is its type in one byte, its name ended
//! by NUL, and its value (bsonspec.org, version 1.1). The driver's own raw documents are built from the inside out, with
//! a buffer and a copy for each level.

use super::Row;
use super::cast::Typed;
use bson::raw::{RawBson, cstr};
use bson::spec::ElementType;
use bson::{Bson, Document, RawDocument, RawDocumentBuf};
use foldhash::fast::RandomState;
use std::hash::BuildHasher;
use std::io::Write;

/// MongoDB's limit for documents in one another.
const MAX_DEPTH: usize = 100;

/// The bytes of a row among which its `_id` is looked for.
const LONGEST_ID: usize = 400;

/// What to do about a row that no store can hold.
const REMEDY: &str = "make the row smaller where it comes from, or leave it out with a filter";

/// What BSON cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("expected names without NUL")]
    Nul,
    #[error("expected at most {MAX_DEPTH} levels of objects and lists; {REMEDY}")]
    Depth,
    #[error("expected at most {} bytes of BSON; {REMEDY}", Row::MAX_BYTES)]
    Size,
    #[error("a value cannot be written as BSON: {0}")]
    Value(String),
}

/// Writes one document after another into the same buffer.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Hashes of the names of the objects being written, innermost last.
    names: Vec<u64>,
    hasher: RandomState,
    depth: usize,
}

/// A document or list being written.
pub(super) struct Open {
    start: usize,
    names: usize,
}

/// The place of an element whose value comes next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(usize);

impl Writer {
    /// Starts anew.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.names.clear();
        self.depth = 0;
    }

    /// The document written.
    pub(super) fn row(&self) -> Result<Row, Unwritable> {
        if self.bytes.len() > Row::MAX_BYTES {
            return Err(Unwritable::Size);
        }
        Row::from_bytes(self.bytes.clone()).map_err(|error| Unwritable::Value(error.to_string()))
    }

    /// The `_id` for people, where it is the first element and not very long.
    pub(super) fn first_id(&self) -> Option<String> {
        // A document that ends too early; only its first element is looked at.
        let mut begun = self.bytes.get(4..self.bytes.len().min(LONGEST_ID))?.to_vec();
        begun.push(0);
        let length = i32::try_from(begun.len() + 4).ok()?.to_le_bytes();
        begun.splice(..0, length);
        let (name, id) = RawDocument::from_bytes(&begun).ok()?.iter().next()?.ok()?;
        (name == "_id").then(|| Bson::try_from(id).ok().map(|id| id.to_string()))?
    }

    /// Begins a document, or a list: a document whose names count from 0.
    pub(super) fn open(&mut self) -> Result<Open, Unwritable> {
        if self.depth == MAX_DEPTH {
            return Err(Unwritable::Depth);
        }
        self.depth += 1;
        let open = Open { start: self.bytes.len(), names: self.names.len() };
        self.bytes.extend([0; 4]);
        Ok(open)
    }

    /// The name of the next element of a document.
    pub(super) fn name(&mut self, name: &str) -> Result<Place, Unwritable> {
        if name.as_bytes().contains(&0) {
            return Err(Unwritable::Nul);
        }
        let place = Place(self.bytes.len());
        self.bytes.push(0);
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.names.push(self.hasher.hash_one(name));
        self.small_enough(place)
    }

    /// The name of the next item of a list.
    pub(super) fn index(&mut self, index: usize) -> Result<Place, Unwritable> {
        let place = Place(self.bytes.len());
        // Writing into a vector does not fail.
        let _ = write!(self.bytes, "\0{index}\0");
        self.small_enough(place)
    }

    fn small_enough(&self, place: Place) -> Result<Place, Unwritable> {
        if self.bytes.len() > Row::MAX_BYTES { Err(Unwritable::Size) } else { Ok(place) }
    }

    /// Ends a document. Of elements with the same name the last one's value counts, in the first one's place.
    pub(super) fn close(&mut self, open: &Open) -> Result<(), Unwritable> {
        self.end(open);
        if self.may_have_a_name_twice(open) {
            let unwritable = |error: bson::error::Error| Unwritable::Value(error.to_string());
            let written = RawDocument::from_bytes(&self.bytes[open.start..]).map_err(unwritable)?;
            let once = Document::try_from(written).and_then(|document| document.to_vec()).map_err(unwritable)?;
            self.bytes.truncate(open.start);
            self.bytes.extend(once);
        }
        self.names.truncate(open.names);
        Ok(())
    }

    /// Ends a list, whose names are never the same.
    pub(super) fn end(&mut self, open: &Open) {
        self.depth -= 1;
        self.bytes.push(0);
        // Names and texts are checked to end within the limit, which is far below what the length can say.
        let length = i32::try_from(self.bytes.len() - open.start).unwrap_or(i32::MAX);
        self.bytes[open.start..open.start + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// Two names may have the same hash, but hardly ever do; then nothing is lost but time.
    fn may_have_a_name_twice(&mut self, open: &Open) -> bool {
        let names = &mut self.names[open.names..];
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }

    pub(super) fn null(&mut self, place: Place) {
        self.value(place, ElementType::Null, &[]);
    }

    pub(super) fn boolean(&mut self, place: Place, value: bool) {
        self.value(place, ElementType::Boolean, &[u8::from(value)]);
    }

    /// A whole number, as short as it can be.
    pub(super) fn integer(&mut self, place: Place, value: i64) {
        match i32::try_from(value) {
            Ok(value) => self.value(place, ElementType::Int32, &value.to_le_bytes()),
            Err(_) => self.value(place, ElementType::Int64, &value.to_le_bytes()),
        }
    }

    pub(super) fn double(&mut self, place: Place, value: f64) {
        self.value(place, ElementType::Double, &value.to_le_bytes());
    }

    pub(super) fn text(&mut self, place: Place, text: &str) -> Result<(), Unwritable> {
        let length = i32::try_from(text.len() + 1).map_err(|_| Unwritable::Size)?;
        self.value(place, ElementType::String, &length.to_le_bytes());
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
        self.small_enough(place).map(drop)
    }

    pub(super) fn typed(&mut self, place: Place, value: Typed) {
        match value {
            Typed::Id(id) => self.value(place, ElementType::ObjectId, &id.bytes()),
            Typed::Date(date) => self.value(place, ElementType::DateTime, &date.timestamp_millis().to_le_bytes()),
        }
    }

    /// Says that the value is the document that is opened next.
    pub(super) fn document(&mut self, place: Place) {
        self.value(place, ElementType::EmbeddedDocument, &[]);
    }

    /// Says that the value is the list that is opened next.
    pub(super) fn list(&mut self, place: Place) {
        self.value(place, ElementType::Array, &[]);
    }

    /// Takes back a document of which only the first name is written; that name.
    pub(super) fn take_back(&mut self, open: &Open) -> String {
        // Behind the document's length and the element's type, before the NUL.
        let name = self.bytes.get(open.start + 5..self.bytes.len() - 1).unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        self.depth -= 1;
        self.bytes.truncate(open.start);
        self.names.truncate(open.names);
        name
    }

    /// Any value.
    pub(super) fn any(&mut self, place: Place, value: Bson) -> Result<(), Unwritable> {
        let value = RawBson::try_from(value).map_err(|error| Unwritable::Value(error.to_string()))?;
        let mut alone = RawDocumentBuf::new();
        alone.append(cstr!(""), value);
        // Its length, the type, the empty name's NUL, the value, the end.
        let bytes = alone.as_bytes();
        self.bytes[place.0] = bytes[4];
        self.bytes.extend(&bytes[6..bytes.len() - 1]);
        self.small_enough(place).map(drop)
    }

    fn value(&mut self, place: Place, kind: ElementType, bytes: &[u8]) {
        self.bytes[place.0] = kind as u8;
        self.bytes.extend(bytes);
    }
}
