//! Rows of a report: BSON documents whose ids and dates have types, kept as their bytes from the source to the store
//! and out again.
//!
//! `read` makes a row of JSON with `write`, `cast` says what the keys tell of texts.

mod cast;
mod read;
mod write;

pub use cast::{cast_row, is_date_key, is_id_key, parse_date};
pub use read::{Dialect, RowReader};

use bson::oid::ObjectId;
use bson::raw::{RawElement, cstr};
use bson::{Document, RawDocument, RawDocumentBuf};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;

/// One row. Ids are ObjectIds, dates are dates, everything else is as the source gave it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(RawDocumentBuf);

impl Row {
    /// The largest row, in bytes of BSON: MongoDB's limit for one document.
    pub const MAX_BYTES: usize = 16 * 1024 * 1024;

    /// A row of the bytes that a store kept. Only their length is checked here; whatever else is wrong with them shows
    /// where they are read.
    ///
    /// # Errors
    /// Where these can be no document.
    pub fn from_bytes(bytes: Vec<u8>) -> bson::error::Result<Self> {
        RawDocumentBuf::from_bytes(bytes).map(Self)
    }

    /// The row as a tree.
    ///
    /// # Errors
    /// Where the bytes are no valid BSON.
    pub fn to_document(&self) -> bson::error::Result<Document> {
        Document::try_from(&**self)
    }

    /// The top-level fields in their order; a value is read only where it is asked for. What cannot be read of a broken
    /// row is left out.
    pub fn fields(&self) -> impl Iterator<Item = RawElement<'_>> {
        self.iter_elements().map_while(Result::ok)
    }

    /// The same row with another `_id`, which comes first. What cannot be read of a broken row is left out.
    #[must_use]
    pub fn with_id(&self, id: ObjectId) -> Self {
        let mut row = RawDocumentBuf::new();
        row.append(cstr!("_id"), id);
        for (name, value) in self.iter().map_while(Result::ok).filter(|(name, _)| name.as_str() != "_id") {
            row.append(name, value);
        }
        Self(row)
    }
}

impl Deref for Row {
    type Target = RawDocument;

    fn deref(&self) -> &RawDocument {
        &self.0
    }
}

impl From<RawDocumentBuf> for Row {
    fn from(document: RawDocumentBuf) -> Self {
        Self(document)
    }
}

impl TryFrom<Document> for Row {
    type Error = bson::error::Error;

    /// Fails where a key holds NUL, which BSON cannot write.
    fn try_from(document: Document) -> bson::error::Result<Self> {
        RawDocumentBuf::try_from(document).map(Self)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_document() {
            Ok(document) => document.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn another_id_stands_first_and_the_other_fields_stay() {
        let id = ObjectId::from_bytes([7; 12]);
        let row = Row::try_from(doc! {"name": "a", "_id": "old", "os": {"base": "Linux"}}).unwrap();
        let wanted = Row::try_from(doc! {"_id": id, "name": "a", "os": {"base": "Linux"}}).unwrap();
        assert_eq!(row.with_id(id), wanted);
    }

    #[test]
    fn bytes_that_end_early_are_no_row() {
        let bytes = Row::try_from(doc! {"name": "a"}).unwrap().as_bytes().to_vec();
        assert!(Row::from_bytes(bytes[..bytes.len() - 1].to_vec()).is_err());
        assert!(Row::from_bytes(bytes).is_ok());
    }
}
