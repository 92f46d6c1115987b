//! The timetable, a document for each schedule: each change is one conditional update, so that only one of several
//! callers wins.

use super::connection::Connection;
use super::{MongoStore, error};
use crate::schedule::Mark;
use crate::store::timetable::corrupt;
use crate::store::{Definition, StoreError, Timetable};
use async_trait::async_trait;
use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::options::ReturnDocument;
use serde_json::{Map, Value};

const DEFINITIONS: &str = "maestro_schedule_definitions";
const MARKS: &str = "maestro_schedules";
const FENCES: &str = "maestro_fences";

#[async_trait]
impl Timetable for MongoStore {
    async fn definitions(&self) -> Result<Vec<Definition>, StoreError> {
        let definitions = self.connection.collection(DEFINITIONS);
        let find = definitions.find(doc! {}).sort(doc! { "_id": 1 });
        let found: Vec<Document> =
            self.connection.call("to list schedules", async { find.await?.try_collect().await }).await?;
        found.iter().map(definition).collect()
    }

    async fn define(&self, definition: &Definition) -> Result<bool, StoreError> {
        let document = doc! { "_id": &definition.name, "definition": text(&definition.fields) };
        insert(&self.connection, "to keep a schedule", DEFINITIONS, document).await
    }

    async fn redefine(&self, before: &Definition, after: &Definition) -> Result<bool, StoreError> {
        let as_before = doc! { "_id": &before.name, "definition": text(&before.fields) };
        let set = doc! { "$set": { "definition": text(&after.fields) } };
        let definitions = self.connection.collection(DEFINITIONS);
        let update = definitions.update_one(as_before, set);
        Ok(self.connection.call("to change a schedule", update).await?.matched_count == 1)
    }

    async fn undefine(&self, name: &str) -> Result<bool, StoreError> {
        let named = doc! { "_id": name };
        let (marks, definitions) = (self.connection.collection(MARKS), self.connection.collection(DEFINITIONS));
        self.connection.call("to remove a schedule's mark", marks.delete_one(named.clone())).await?;
        let deleted = self.connection.call("to remove a schedule", definitions.delete_one(named)).await?;
        Ok(deleted.deleted_count == 1)
    }

    async fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        let marks = self.connection.collection(MARKS);
        let find = marks.find(doc! {}).sort(doc! { "_id": 1 });
        let found: Vec<Document> =
            self.connection.call("to read the schedules' marks", async { find.await?.try_collect().await }).await?;
        found.iter().map(mark).collect()
    }

    async fn mark(&self, name: &str) -> Result<Option<Mark>, StoreError> {
        let marks = self.connection.collection(MARKS);
        let found = self.connection.call("to read a schedule's mark", marks.find_one(doc! { "_id": name })).await?;
        found.as_ref().map(mark).transpose()
    }

    async fn put_mark(&self, mark: &Mark) -> Result<bool, StoreError> {
        let next = Mark { revision: mark.revision.saturating_add(1), ..mark.clone() };
        let set = document(&next)?;
        if mark.revision == 0 {
            let mut inserted = set.clone();
            inserted.insert("_id", &mark.name);
            if insert(&self.connection, "to mark a schedule", MARKS, inserted).await? {
                return Ok(true);
            }
        }
        let mut as_before = doc! { "_id": &mark.name };
        // What an older version has made has neither.
        as_before.insert("revision", if mark.revision == 0 { Bson::Null } else { number(mark.revision) });
        as_before.insert("fence", doc! { "$not": { "$gt": number(mark.fence) } });
        let marks = self.connection.collection(MARKS);
        let update = marks.update_one(as_before, doc! { "$set": set });
        Ok(self.connection.call("to mark a schedule", update).await?.matched_count == 1)
    }

    async fn next_fence(&self, lease: &str) -> Result<u64, StoreError> {
        let fences = self.connection.collection(FENCES);
        let update = fences
            .find_one_and_update(doc! { "_id": lease }, doc! { "$inc": { "token": 1_i64 } })
            .upsert(true)
            .return_document(ReturnDocument::After);
        let found = self.connection.call("to take a lease", update).await?.unwrap_or_default();
        let token = found.get_i64("token").ok().and_then(|token| u64::try_from(token).ok());
        token.ok_or_else(|| StoreError::Corrupt { what: format!("the fencing token of the lease {lease}") })
    }
}

/// Inserts a document; false where there is one of its `_id`.
async fn insert(connection: &Connection, what: &str, collection: &str, document: Document) -> Result<bool, StoreError> {
    let collection = connection.collection(collection);
    let tried = async {
        match collection.insert_one(document).await {
            Ok(_) => Ok(true),
            Err(error) if error::is_duplicate(&error) => Ok(false),
            Err(error) => Err(error),
        }
    };
    connection.call(what, tried).await
}

fn text(fields: &Map<String, Value>) -> String {
    Value::Object(fields.clone()).to_string()
}

fn number(number: u64) -> Bson {
    Bson::Int64(i64::try_from(number).unwrap_or(i64::MAX))
}

fn name(document: &Document) -> &str {
    document.get_str("_id").unwrap_or_default()
}

fn definition(document: &Document) -> Result<Definition, StoreError> {
    let name = name(document);
    let text = document.get_str("definition").map_err(|error| corrupt(name, &error))?;
    let fields = serde_json::from_str(text).map_err(|error| corrupt(name, &error))?;
    Ok(Definition { name: name.to_owned(), fields })
}

/// The fields of a mark's document but its `_id`.
fn document(mark: &Mark) -> Result<Document, StoreError> {
    let text = serde_json::to_string(mark).map_err(|error| corrupt(&mark.name, &error))?;
    Ok(doc! {
        "last_due": bson::DateTime::from(mark.last_due),
        "mark": text,
        "revision": number(mark.revision),
        "fence": number(mark.fence),
    })
}

fn mark(document: &Document) -> Result<Mark, StoreError> {
    let name = name(document);
    let last_due = document.get_datetime("last_due").map_err(|error| corrupt(name, &error))?;
    let last_due: DateTime<Utc> = (*last_due).into();
    let count = |key| document.get_i64(key).ok().and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
    let (revision, fence) = (count("revision"), count("fence"));
    let Ok(text) = document.get_str("mark") else {
        return Ok(Mark { revision, fence, ..Mark::of_last_due(name.to_owned(), last_due) });
    };
    let mark: Mark = serde_json::from_str(text).map_err(|error| corrupt(name, &error))?;
    // An older version, which does not know of marks, moves the last due time alone.
    Ok(Mark { name: name.to_owned(), last_due, revision, fence, ..mark })
}
