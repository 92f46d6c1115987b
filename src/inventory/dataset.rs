//! The documents of one component in a private SQLite file, so that memory stays flat whatever the size.
//!
//! `rows` holds the documents as BSON in their natural order; `keys` holds, for the paths that joins ask for, which
//! documents have which value there. The file lives in a temporary folder and goes with the dataset.

use super::error::InventoryError;
use crate::domain::Row;
use crate::filter::matcher::{Leaf, Path};
use bson::raw::{RawBson, RawBsonRef};
use bson::{Document, RawDocument, RawDocumentBuf};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

const SCHEMA: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE rows (seq INTEGER PRIMARY KEY, doc BLOB NOT NULL);
    CREATE TABLE keys (path TEXT NOT NULL, key BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (path, key, seq)) WITHOUT ROWID;
    BEGIN;";

/// Readers go on while keys or records are written.
const LOADED: &str = "COMMIT; PRAGMA journal_mode = WAL;";

/// The documents of one component.
pub(super) struct Dataset {
    file: PathBuf,
    writer: Mutex<Writer>,
    /// Removes the file when dropped.
    _folder: tempfile::TempDir,
}

struct Writer {
    connection: Connection,
    /// The paths that `keys` covers.
    indexed: BTreeSet<String>,
}

/// Whether to go on.
pub(super) type Flow = Result<ControlFlow<()>, InventoryError>;

/// One reader of a dataset, which stays as long as it is read.
pub(super) struct Reader {
    connection: Connection,
    _dataset: Arc<Dataset>,
}

impl Dataset {
    /// Takes the documents that `fill` hands over.
    ///
    /// # Errors
    /// What stops `fill`, and failures of the private database.
    pub(super) fn load(
        fill: impl FnOnce(&mut dyn FnMut(Row) -> Result<(), InventoryError>) -> Result<(), InventoryError>,
    ) -> Result<Arc<Self>, InventoryError> {
        let folder = tempfile::Builder::new()
            .prefix("maestro-inventory-")
            .tempdir()
            .map_err(InventoryError::io("no temporary folder can be made"))?;
        let file = folder.path().join("rows.sqlite");
        let connection = Connection::open(&file)?;
        connection.execute_batch(SCHEMA)?;
        {
            let mut insert = connection.prepare("INSERT INTO rows (doc) VALUES (?1)")?;
            fill(&mut |document| {
                insert.execute([document.as_bytes()])?;
                Ok(())
            })?;
        }
        connection.execute_batch(LOADED)?;
        let writer = Mutex::new(Writer { connection, indexed: BTreeSet::new() });
        Ok(Arc::new(Self { file, writer, _folder: folder }))
    }

    /// Opens a reader.
    ///
    /// # Errors
    /// Failures of the private database.
    pub(super) fn reader(self: &Arc<Self>) -> Result<Reader, InventoryError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Reader { connection: Connection::open_with_flags(&self.file, flags)?, _dataset: self.clone() })
    }

    /// Makes `Reader::find` quick for a path; the first call reads every document.
    ///
    /// # Errors
    /// Failures of the private database.
    pub(super) fn index(self: &Arc<Self>, path: &str) -> Result<(), InventoryError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.indexed.contains(path) {
            return Ok(());
        }
        let reader = self.reader()?;
        let change = writer.connection.transaction()?;
        {
            let mut insert = change.prepare("INSERT OR IGNORE INTO keys (path, key, seq) VALUES (?1, ?2, ?3)")?;
            let place = Path::new(path);
            reader.scan(0, &mut |seq, document| {
                for key in keys_at(&place, document) {
                    insert.execute((path, key, seq))?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        change.commit()?;
        writer.indexed.insert(path.to_owned());
        Ok(())
    }

    /// Sets fields of the document with this `_id`, which is made where there is none. `$inc` adds whole numbers to
    /// fields, `$unset` removes them.
    ///
    /// # Errors
    /// Failures of the private database.
    pub(super) fn set(self: &Arc<Self>, id: bson::oid::ObjectId, fields: Document) -> Result<(), InventoryError> {
        self.index("_id")?;
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let change = writer.connection.transaction()?;
        let key = key_of(RawBsonRef::ObjectId(id));
        let found: Option<(i64, Vec<u8>)> = change
            .query_row(
                "SELECT seq, doc FROM rows WHERE seq IN (SELECT seq FROM keys WHERE path = '_id' AND key = ?1)",
                [&key],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let (seq, mut document) = match found {
            Some((seq, bytes)) => (Some(seq), Document::from_reader(bytes.as_slice())?),
            None => (None, Document::from_iter([("_id".to_owned(), bson::Bson::ObjectId(id))])),
        };
        update(&mut document, fields);
        change.execute("INSERT OR REPLACE INTO rows (seq, doc) VALUES (?1, ?2)", (seq, document.to_vec()?))?;
        let seq = seq.unwrap_or_else(|| change.last_insert_rowid());
        change.execute("DELETE FROM keys WHERE path <> '_id'", ())?;
        change.execute("INSERT OR IGNORE INTO keys (path, key, seq) VALUES ('_id', ?1, ?2)", (&key, seq))?;
        change.commit()?;
        writer.indexed.retain(|path| path == "_id");
        Ok(())
    }
}

fn update(document: &mut Document, mut fields: Document) {
    let mut operator = |name| match fields.remove(name) {
        Some(bson::Bson::Document(fields)) => fields,
        Some(_) | None => Document::new(),
    };
    let (added, removed) = (operator("$inc"), operator("$unset"));
    document.extend(fields);
    for (name, more) in &added {
        let whole = |value: Option<&bson::Bson>| value.and_then(|n| n.as_i64().or(n.as_i32().map(i64::from)));
        let sum = whole(document.get(name)).unwrap_or_default().saturating_add(whole(Some(more)).unwrap_or_default());
        document.insert(name, sum);
    }
    for name in removed.keys() {
        document.remove(name);
    }
}

impl Reader {
    /// Hands over the documents from a place on, in natural order, until told to stop.
    ///
    /// # Errors
    /// What `each` returns, and failures of the private database.
    pub(super) fn scan(
        &self,
        from: i64,
        each: &mut dyn FnMut(i64, &RawDocument) -> Flow,
    ) -> Result<(), InventoryError> {
        let mut select = self.connection.prepare_cached("SELECT seq, doc FROM rows WHERE seq >= ?1 ORDER BY seq")?;
        let mut rows = select.query([from])?;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if each(row.get(0)?, RawDocument::from_bytes(bytes)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The places of the documents that have one of these values at an indexed path, in natural order.
    ///
    /// # Errors
    /// Failures of the private database.
    pub(super) fn find(&self, path: &str, keys: &BTreeSet<Vec<u8>>) -> Result<BTreeSet<i64>, InventoryError> {
        let mut select = self.connection.prepare_cached("SELECT seq FROM keys WHERE path = ?1 AND key = ?2")?;
        let mut found = BTreeSet::new();
        for key in keys {
            let rows = select.query_map((path, key), |row| row.get(0))?;
            for seq in rows {
                found.insert(seq?);
            }
        }
        Ok(found)
    }

    /// The document at a place that `find` gave.
    ///
    /// # Errors
    /// Failures of the private database.
    pub(super) fn get(&self, seq: i64) -> Result<RawDocumentBuf, InventoryError> {
        let mut select = self.connection.prepare_cached("SELECT doc FROM rows WHERE seq = ?1")?;
        let bytes: Vec<u8> = select.query_row([seq], |row| row.get(0))?;
        Ok(RawDocumentBuf::from_bytes(bytes)?)
    }
}

/// The values at a path as join keys: each element of an array, null where the path is missing.
pub(super) fn keys_at(path: &Path, document: &RawDocument) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    path.any(document, Leaf::Spread, &mut |value| {
        let value = value.unwrap_or(RawBsonRef::Null);
        if value.as_array().is_none() {
            keys.insert(key_of(value));
        }
        false
    });
    keys
}

/// Equal for values that a join takes for equal: numbers across types, everything else byte by byte.
fn key_of(value: RawBsonRef<'_>) -> Vec<u8> {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the range of exact integers")]
    let integer = value.as_i64().or(value.as_i32().map(i64::from)).or(whole.map(|number| number as i64));
    let value = integer.map_or(value, RawBsonRef::Int64);
    let mut document = RawDocumentBuf::new();
    document.append(bson::raw::cstr!(""), RawBson::from(value));
    document.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;
    use bson::oid::ObjectId;

    fn dataset(documents: Vec<Document>) -> Arc<Dataset> {
        let mut rows = documents.into_iter().map(|document| Row::try_from(document).unwrap());
        Dataset::load(|each| rows.try_for_each(each)).unwrap()
    }

    fn names(dataset: &Arc<Dataset>, path: &str, value: RawBsonRef<'_>) -> Vec<String> {
        dataset.index(path).unwrap();
        let reader = dataset.reader().unwrap();
        let places = reader.find(path, &BTreeSet::from([key_of(value)])).unwrap();
        places.into_iter().map(|seq| reader.get(seq).unwrap().get_str("name").unwrap().to_owned()).collect()
    }

    #[test]
    fn keys_reach_into_arrays_and_compare_numbers_across_types() {
        let id = ObjectId::new();
        let data = dataset(vec![
            doc! {"name": "a", "refs": [{"_id": id}, {"_id": ObjectId::new()}], "n": 1},
            doc! {"name": "b", "refs": [{"_id": id}], "n": 1.0},
            doc! {"name": "c", "n": "1"},
        ]);
        assert_eq!(names(&data, "refs._id", RawBsonRef::ObjectId(id)), ["a", "b"]);
        assert_eq!(names(&data, "n", RawBsonRef::Int64(1)), ["a", "b"]);
        assert_eq!(names(&data, "refs._id", RawBsonRef::Null), ["c"]);
    }

    #[test]
    fn setting_fields_keeps_the_others_and_refreshes_the_keys() {
        let (old, new) = (ObjectId::new(), ObjectId::new());
        let data = dataset(vec![doc! {"_id": old, "name": "a", "status": "process"}]);
        assert_eq!(names(&data, "status", RawBsonRef::String("process")), ["a"]);
        data.set(old, doc! {"status": "finished"}).unwrap();
        data.set(new, doc! {"name": "b", "status": "finished"}).unwrap();
        data.set(new, doc! {"name": "c"}).unwrap();
        assert_eq!(names(&data, "status", RawBsonRef::String("finished")), ["a", "c"]);
        assert!(names(&data, "status", RawBsonRef::String("process")).is_empty());
    }

    #[test]
    fn numbers_are_added_to_and_fields_removed() {
        let id = ObjectId::new();
        let data = dataset(vec![doc! {"_id": id, "count": 2, "flag": true}]);
        let change = doc! {"name": "a", "$inc": {"count": 3_i64, "other": 1}, "$unset": {"flag": true}};
        data.set(id, change).unwrap();
        let document = data.reader().unwrap().get(1).unwrap();
        let expected = doc! {"_id": id, "count": 5_i64, "name": "a", "other": 1_i64};
        assert_eq!(Document::try_from(&*document).unwrap(), expected);
    }

    #[test]
    fn the_file_goes_with_the_last_reader() {
        let data = dataset(vec![doc! {"a": 1}]);
        let file = data.file.clone();
        let reader = data.reader().unwrap();
        data.index("a").unwrap();
        drop(data);
        assert_eq!(reader.find("a", &BTreeSet::from([key_of(RawBsonRef::Int32(1))])).unwrap(), BTreeSet::from([1]));
        assert!(file.exists());
        drop(reader);
        assert!(!file.exists() && !file.parent().unwrap().exists());
    }
}
