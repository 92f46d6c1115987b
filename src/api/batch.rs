//! `POST /reports`: rows from a worker on another host.
//!
//! With today's fields alone the rows are appended. With a run id they are staged, and the run's last batch puts them in
//! place of the readable rows (`domain::Batch`).

use super::args::Args;
use super::caller::Caller;
use super::error::{ApiError, Mistakes};
use super::rows::store;
use crate::app::App;
use crate::domain::{Batch, BatchRun, Dialect, Row, RowReader, Status, TableName};
use crate::stages::{self, Ending};
use crate::store::{Appended, End, Outcome, Staging, Store};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

const MAX_RUN_ID_BYTES: usize = 128;

/// Takes a batch.
pub(super) async fn receive(
    _: Caller,
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let args = Args::read(&request, payload, &app.config).await?;
    let batch = read(args).map_err(ApiError::Arguments)?;
    let done = take(&app, batch, Utc::now()).await?;
    Ok(HttpResponse::Ok().json(json!({
        "writeErrors": [],
        "writeConcernErrors": [],
        "nInserted": 0,
        "nUpserted": done.upserted,
        "nMatched": done.matched,
        "nModified": done.matched,
        "nRemoved": 0,
        "upserted": [],
    })))
}

/// A checked batch, its rows typed.
struct Received {
    table: TableName,
    rows: Vec<Row>,
    run: Option<InRun>,
}

/// Where in a run a batch belongs.
struct InRun {
    id: String,
    batch: u64,
    end: Option<BatchRun>,
}

fn read(mut args: Args) -> Result<Received, Mistakes> {
    let mut mistakes = Mistakes::new();
    let table: Option<TableName> = args.text("colname", &mut mistakes);
    if table.is_none() {
        mistakes
            .entry("colname")
            .or_insert_with(|| "missing: expected <report_id>_general or <report_id>_pivot".into());
    }
    let mut args = args.into_map();
    // A form sends texts of JSON.
    for name in ["results", "batch", "last", "run"] {
        if let Some(value @ Value::String(_)) = args.get_mut(name)
            && let Some(json) = value.as_str().and_then(|text| serde_json::from_str(text).ok())
        {
            *value = json;
        }
    }
    args.retain(|_, value| !value.is_null());
    if !args.contains_key("results") {
        mistakes.insert("results", "missing: expected a list of objects".to_owned());
    }
    let results: Option<Vec<Map<String, Value>>> = optional(&mut args, "results", "a list of objects", &mut mistakes);
    let run_id: Option<String> = optional(&mut args, "run_id", "a text", &mut mistakes);
    let batch = optional(&mut args, "batch", "a number from 0", &mut mistakes).unwrap_or(0);
    let last = optional(&mut args, "last", "true or false", &mut mistakes).unwrap_or(false);
    let run = optional(&mut args, "run", "the outcome of the run", &mut mistakes);
    let (Some(table), Some(results)) = (table, results) else { return Err(mistakes) };
    let batch = Batch { colname: table, results, run_id, batch, last, run };
    check_run(&batch, &mut mistakes);
    let rows = rows(batch.results, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let end = batch.run.filter(|_| batch.last);
    Ok(Received { table, rows, run: batch.run_id.map(|id| InRun { id, batch: batch.batch, end }) })
}

fn optional<T: serde::de::DeserializeOwned>(
    args: &mut Map<String, Value>,
    name: &'static str,
    expected: &str,
    mistakes: &mut Mistakes,
) -> Option<T> {
    match serde_json::from_value(args.swap_remove(name)?) {
        Ok(value) => Some(value),
        Err(error) => {
            mistakes.insert(name, format!("expected {expected}: {error}"));
            None
        }
    }
}

fn check_run(batch: &Batch, mistakes: &mut Mistakes) {
    if let Some(id) = &batch.run_id
        && (id.is_empty() || id.len() > MAX_RUN_ID_BYTES || !id.bytes().all(|b| b.is_ascii_graphic()))
    {
        mistakes.insert("run_id", format!("expected 1 to {MAX_RUN_ID_BYTES} printable ASCII characters"));
    }
    match &batch.run {
        None if batch.last && batch.run_id.is_some() => {
            mistakes.insert("run", "missing: expected the outcome of the run with its last batch".to_owned());
        }
        Some(run) if !run.status.has_ended() => {
            mistakes.insert("run", "expected the status finished, warning or error".to_owned());
        }
        _ => {}
    }
}

/// The rows; those without `_id` are left out.
fn rows(results: Vec<Map<String, Value>>, mistakes: &mut Mistakes) -> Vec<Row> {
    let mut reader = RowReader::new(Dialect::Strict);
    let mut rows = Vec::with_capacity(results.len());
    for (at, result) in results.into_iter().enumerate() {
        match result.get("_id") {
            None | Some(Value::Null) => continue,
            Some(Value::Array(_) | Value::Object(_)) => {
                mistakes.insert("results", format!("results[{at}]._id: expected a text or a number"));
                break;
            }
            Some(Value::String(_) | Value::Number(_) | Value::Bool(_)) => {}
        }
        match reader.read(result) {
            Ok(row) => rows.push(row),
            Err(error) => {
                mistakes.insert("results", format!("results[{at}]: {error}"));
                break;
            }
        }
    }
    rows
}

async fn take(app: &App, received: Received, now: DateTime<Utc>) -> Result<Appended, ApiError> {
    let store = store(app)?;
    let Received { table, rows, run } = received;
    match run {
        None => Ok(store.append(&table, rows).await?),
        Some(InRun { id, end: Some(end), .. }) if end.status == Status::Error => {
            let message = end.message.clone();
            fail(store, &table, &id, end, now).await?;
            deliver(app, &table, Ending { run: &id, status: Status::Error, message: &message, at: now }).await?;
            Ok(Appended::default())
        }
        Some(run) => {
            let staging = staging(store, &table, &run, now).await?;
            let upserted = if rows.is_empty() { 0 } else { store.stage(&staging, rows).await?.new };
            if let Some(end) = run.end {
                let outcome = outcome(end, now);
                store.commit(&staging, &outcome).await?;
                let (status, message) = (outcome.status, outcome.message.as_str());
                deliver(app, &table, Ending { run: &run.id, status, message, at: now }).await?;
                store.index(&table).await?;
            }
            Ok(Appended { upserted, ..Appended::default() })
        }
    }
}

/// The run's staging: batch 0 starts it, whatever an earlier attempt has left; the others find it.
async fn staging(store: &dyn Store, table: &TableName, run: &InRun, now: DateTime<Utc>) -> Result<Staging, ApiError> {
    if run.batch == 0 {
        return Ok(store.begin(table, &run.id, now).await?);
    }
    store
        .staging(table, &run.id)
        .await?
        .ok_or_else(|| ApiError::Conflict(format!("{table}: nothing is staged for this run; start again with batch 0")))
}

/// Ends a failed run: its staging goes, the readable rows stay.
async fn fail(
    store: &dyn Store,
    table: &TableName,
    run_id: &str,
    run: BatchRun,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    if let Some(staging) = store.staging(table, run_id).await? {
        store.abort(&staging).await?;
    }
    let end = End { status: run.status, message: run.message, stages: run.stages, at: now };
    Ok(store.end(table, run_id, &end).await?)
}

/// Has the workers send the run's rows to its endpoints.
async fn deliver(app: &App, table: &TableName, ending: Ending<'_>) -> Result<(), ApiError> {
    Ok(stages::announce_deliveries(app, table, ending).await?)
}

fn outcome(run: BatchRun, now: DateTime<Utc>) -> Outcome {
    let BatchRun { status, message, rows, columns, paths, aggr, stages } = run;
    Outcome { status, message, rows, columns, paths, aggr, stages, ended_at: now }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::raw::RawBsonRef;

    const TABLE: &str = "5c0000000000000000000001_general";

    fn mistakes(args: Value) -> Mistakes {
        read(args.as_object().cloned().unwrap().into()).err().unwrap_or_default()
    }

    #[test]
    fn rows_get_their_types_and_those_without_id_are_left_out() {
        let args = json!({"colname": TABLE, "results": [
            {"_id": "5c0000000000000000000002", "updated_at": "2018-11-28T02:00:00", "cpu": 4, "big": 3_000_000_000_u64, "load": 0.5},
            {"name": "no id"}, {"_id": null},
        ]});
        let rows = read(args.as_object().cloned().unwrap().into()).ok().unwrap().rows;
        assert_eq!(rows.len(), 1);
        assert!(rows[0].get_object_id("_id").is_ok() && rows[0].get_datetime("updated_at").is_ok());
        let values = ["cpu", "big", "load"].map(|name| rows[0].get(name).unwrap().unwrap());
        assert_eq!(values, [RawBsonRef::Int32(4), RawBsonRef::Int64(3_000_000_000), RawBsonRef::Double(0.5)]);
    }

    #[test]
    fn all_mistakes_of_a_batch_are_told_at_once() {
        assert_eq!(mistakes(json!({})).into_keys().collect::<Vec<_>>(), ["colname", "results"]);
        let wrong = json!({"colname": TABLE, "results": [{"_id": 1, "a\u{0}": 1}], "run_id": "", "last": true});
        assert_eq!(mistakes(wrong).into_keys().collect::<Vec<_>>(), ["results", "run", "run_id"]);
        let wrong = json!({"colname": "users", "results": "[", "run_id": "r", "batch": -1, "last": 5, "run": []});
        assert_eq!(mistakes(wrong).into_keys().collect::<Vec<_>>(), ["batch", "colname", "last", "results", "run"]);
    }

    #[test]
    fn names_that_are_operators_are_refused_at_any_depth() {
        for row in [json!({"_id": 1, "$set": 1}), json!({"_id": 1, "a": [{"$where": 1}]}), json!({"_id": {"$ne": 1}})] {
            assert!(mistakes(json!({"colname": TABLE, "results": [row]})).contains_key("results"));
        }
    }
}
