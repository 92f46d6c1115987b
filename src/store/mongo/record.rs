//! A report's record as MongoDB holds it.

use crate::domain::{OwnerId, Report, StageSeconds, Status, TableName};
use crate::store::{Absence, Silent, Staging, StoreError, TableState};
use bson::Document;
use serde::{Deserialize, Serialize};

/// The collection of the records.
pub(super) const COLLECTION: &str = "maestro_reports";

/// One record. `filters`, `aggr` and `stages` are JSON texts: their keys may hold dots and dollar signs.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    #[serde(rename = "_id")]
    table: TableName,
    #[serde(default)]
    name: String,
    #[serde(default)]
    component: String,
    filters: Option<String>,
    owner: Option<OwnerId>,
    status: Status,
    #[serde(default)]
    message: String,
    #[serde(default)]
    pub(super) rows: u64,
    #[serde(default)]
    pub(super) columns: Vec<String>,
    paths: Option<Vec<String>>,
    #[serde(default)]
    revision: u64,
    aggr: Option<String>,
    /// The readable generation and the collection that holds it.
    pub(super) generation: Option<u64>,
    pub(super) collection: Option<String>,
    /// The run in progress.
    pub(super) staging: Option<StagingRecord>,
    /// The highest number given to a generation.
    #[serde(default)]
    pub(super) last_generation: u64,
    #[serde(default)]
    pub(super) task_id: String,
    pub(super) requested_at: bson::DateTime,
    started_at: Option<bson::DateTime>,
    ended_at: Option<bson::DateTime>,
    stages: Option<String>,
    /// The run that may write the table; it stays where its worker is lost.
    pub(super) holder: Option<String>,
    pub(super) held_since: Option<bson::DateTime>,
    pub(super) held_until: Option<bson::DateTime>,
    /// Until when the report was last known to be in good hands.
    alive_at: Option<bson::DateTime>,
    /// Attempts of one task that have begun and never ended: each took its worker with it.
    #[serde(default)]
    pub(super) begun_by: String,
    #[serde(default)]
    pub(super) begun: u32,
    /// Since when the platform does not know the report.
    absence: Option<AbsenceRecord>,
}

/// A report that the platform does not know.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AbsenceRecord {
    since: bson::DateTime,
    last: bson::DateTime,
    looks: u32,
}

impl From<Absence> for AbsenceRecord {
    fn from(Absence { since, last, looks }: Absence) -> Self {
        Self { since: since.into(), last: last.into(), looks }
    }
}

/// The run in progress: its generation is not readable yet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StagingRecord {
    pub(super) run_id: String,
    pub(super) attempt: String,
    pub(super) generation: u64,
}

impl Record {
    /// Reads a record.
    pub(super) fn read(document: Document) -> Result<Self, StoreError> {
        let id = document.get("_id").map(ToString::to_string).unwrap_or_default();
        bson::deserialize_from_document(document)
            .map_err(|error| StoreError::Corrupt { what: format!("the record of {id}: {error}") })
    }

    /// The record in the program's words.
    pub(super) fn into_report(self) -> Result<Report, StoreError> {
        Ok(Report {
            filters: from_json(&self.table, self.filters)?,
            aggr: from_json(&self.table, self.aggr)?,
            stages: from_json::<Option<StageSeconds>>(&self.table, self.stages)?.unwrap_or_default(),
            table: self.table,
            name: self.name,
            component: self.component,
            owner: self.owner,
            status: self.status,
            message: self.message,
            rows: self.rows,
            columns: self.columns,
            paths: self.paths,
            revision: self.revision,
            generation: self.generation,
            task_id: self.task_id,
            requested_at: self.requested_at.into(),
            started_at: self.started_at.map(Into::into),
            ended_at: self.ended_at.map(Into::into),
        })
    }

    /// What is known of a report that nobody works on.
    pub(super) fn into_silent(self) -> Silent {
        Silent {
            table: self.table,
            task_id: self.task_id,
            owner: self.owner,
            holder: self.holder,
            alive_at: self.alive_at.unwrap_or(self.requested_at).into(),
        }
    }

    /// What decides whether the table stays.
    pub(super) fn into_state(self) -> TableState {
        let signs = [Some(self.requested_at), self.started_at, self.ended_at, self.alive_at];
        let absence = self.absence.map(|AbsenceRecord { since, last, looks }| Absence {
            since: since.into(),
            last: last.into(),
            looks,
        });
        TableState {
            table: self.table,
            status: self.status,
            rows: self.generation.map(|_| self.rows),
            last_sign: signs.into_iter().flatten().max().unwrap_or(self.requested_at).into(),
            held_until: self.held_until.map(Into::into),
            absence,
        }
    }

    /// The run in progress.
    pub(super) fn staging(&self) -> Option<Staging> {
        self.staging.as_ref().map(|staging| Staging {
            table: self.table,
            run_id: staging.run_id.clone(),
            generation: staging.generation,
            attempt: staging.attempt.clone(),
        })
    }
}

/// A value as JSON text.
pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Refused { what: "to write a record".to_owned(), source: error.into() })
}

fn from_json<T: serde::de::DeserializeOwned>(table: &TableName, text: Option<String>) -> Result<T, StoreError> {
    serde_json::from_str(text.as_deref().unwrap_or("null"))
        .map_err(|error| StoreError::Corrupt { what: format!("the record of {table}: {error}") })
}
