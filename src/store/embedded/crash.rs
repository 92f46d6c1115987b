//! The store's file under random runs of processes that are killed in the middle of them, compared with a model.

use super::EmbeddedStore;
use crate::crash::{Kill, Worker, die_after, kills, work};
use crate::domain::{Row, StageSeconds, Status, TableName};
use crate::store::{Outcome, RowQuery, Staging, Store, StoreError};
use bson::doc;
use chrono::DateTime;
use futures_util::TryStreamExt;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The runs that there are, each with its staging or without.
const RUNS: u32 = 3;

/// What a process does with the one table that there is, in one step of the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Order {
    Begin { run: u32 },
    Stage { run: u32, rows: Range<i32> },
    Commit { run: u32, rows: u64 },
    Abort { run: u32 },
    Append { run: u32, rows: Range<i32> },
    Drop,
}

#[test]
#[ignore = "the process that is killed; the test below starts it"]
fn worker() {
    work(|folder| {
        let runtime = runtime();
        let store = runtime.block_on(opened(&folder));
        move |order: Order, steps| {
            runtime.block_on(async {
                die_after(&mut *store.pool.writer.lock().await, steps);
                obey(&store, order).await
            })
        }
    });
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

async fn opened(folder: &Path) -> EmbeddedStore {
    let store = EmbeddedStore::open(folder, Duration::from_secs(60)).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn table() -> TableName {
    "5c0000000000000000000001_general".parse().unwrap()
}

/// The number of rows that the store tells of, or `None` where it refuses.
async fn obey(store: &EmbeddedStore, order: Order) -> Option<u64> {
    let now = DateTime::UNIX_EPOCH;
    let staging = async |run: u32| store.staging(&table(), &run.to_string()).await.unwrap();
    let told = match order {
        Order::Begin { run } => store.begin(&table(), &run.to_string(), now).await.map(|_| 0),
        Order::Stage { run, rows } => {
            store.stage(&staging(run).await?, numbered(run, rows)).await.map(|staged| staged.new)
        }
        Order::Commit { run, rows } => store.commit(&staging(run).await?, &outcome(rows)).await.map(|()| rows),
        Order::Abort { run } => store.abort(&staging(run).await?).await.map(|()| 0),
        Order::Append { run, rows } => store.append(&table(), numbered(run, rows)).await.map(|done| done.upserted),
        Order::Drop => store.drop_table(&table()).await.map(u64::from),
    };
    match told {
        Err(StoreError::Incomplete { .. }) => None,
        told => Some(told.unwrap()),
    }
}

/// Rows that say which run wrote them.
fn numbered(run: u32, rows: Range<i32>) -> Vec<Row> {
    rows.map(|number| doc! {"_id": number, "run": run, "name": "n".repeat(100)}.try_into().unwrap()).collect()
}

fn outcome(rows: u64) -> Outcome {
    Outcome {
        status: Status::Finished,
        message: String::new(),
        rows,
        columns: vec!["_id".to_owned(), "name".to_owned()],
        paths: Vec::new(),
        aggr: serde_json::Value::Null,
        stages: StageSeconds::new(),
        ended_at: DateTime::UNIX_EPOCH,
    }
}

/// Rows by their ids: which run wrote each.
type Rows = BTreeMap<i32, u32>;

/// What the store should hold.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    readable: Option<Rows>,
    staging: Option<(u32, Rows)>,
    has_record: bool,
}

impl Model {
    /// Does what the order says; the answer.
    fn obey(&mut self, order: &Order) -> Option<u64> {
        let staged = |of: u32| self.staging.clone().filter(|(run, _)| *run == of).map(|(_, rows)| rows);
        match order {
            Order::Begin { run } => {
                (self.staging, self.has_record) = (Some((*run, Rows::new())), true);
                Some(0)
            }
            Order::Stage { run, rows } => {
                let mut staged = staged(*run)?;
                let before = staged.len();
                rows.clone().for_each(|id| _ = staged.entry(id).or_insert(*run));
                let added = staged.len() - before;
                self.staging = Some((*run, staged));
                Some(added as u64)
            }
            Order::Commit { run, rows } => {
                let staged = staged(*run).filter(|staged| staged.len() as u64 == *rows)?;
                (self.readable, self.staging) = (Some(staged), None);
                Some(*rows)
            }
            Order::Abort { run } => {
                staged(*run)?;
                self.staging = None;
                Some(0)
            }
            Order::Append { run, rows } => {
                let readable = self.readable.get_or_insert_default();
                let before = readable.len();
                readable.extend(rows.clone().map(|id| (id, *run)));
                self.has_record = true;
                Some((readable.len() - before) as u64)
            }
            Order::Drop => Some(u64::from(std::mem::take(self).has_record)),
        }
    }
}

/// A store, seen by a reader in this process.
struct Trial {
    worker: Worker,
    runtime: Runtime,
    reader: EmbeddedStore,
    model: Model,
}

impl Trial {
    fn new(folder: &Path) -> Self {
        let runtime = runtime();
        // Made here, so that the first process may be killed at its first step.
        let reader = runtime.block_on(opened(folder));
        let worker = Worker::start("store::embedded::crash::worker", folder);
        Self { worker, runtime, reader, model: Model::default() }
    }

    /// Has the order done, perhaps not to its end: whoever reads meanwhile sees all of the old rows or all of the new
    /// ones, and never the old ones again.
    fn step(&mut self, order: &Order, kill: Kill) {
        let mut after = self.model.clone();
        let expected = after.obey(order);
        let (readers, before, now) = ((&self.runtime, &self.reader), &self.model.readable, &after.readable);
        let mut is_new = false;
        let read = || {
            let rows = readers.0.block_on(readable(readers.1));
            assert!(rows == *now || (!is_new && rows == *before), "a part, or old rows, during {order:?}: {rows:?}");
            is_new = rows != *before;
        };
        let answer: Option<Option<u64>> = self.worker.obey(order, kill, read);
        let found = self.runtime.block_on(found(&self.reader));
        match answer {
            Some(answer) => assert_eq!((answer, &found), (expected, &after), "{order:?}"),
            None => assert!(found == self.model || found == after, "{order:?} was half done: {found:?}"),
        }
        self.model = found;
    }
}

/// The readable rows; `None` where there is no table.
async fn readable(store: &EmbeddedStore) -> Option<Rows> {
    // Asked first: a generation that is committed in between is seen the next time.
    store.report(&table()).await.unwrap()?.generation?;
    let found = store.find(&table(), RowQuery::default()).await.unwrap()?;
    let rows: Vec<Row> = found.rows.try_collect().await.unwrap();
    assert_eq!(rows.len() as u64, found.count);
    let ids: Rows = rows.iter().map(|row| (row.get_i32("_id").unwrap(), row.get_i32("run").unwrap() as u32)).collect();
    assert_eq!(ids.len(), rows.len(), "no row comes twice");
    Some(ids)
}

/// What the file holds: also what nobody reads, and nothing that belongs to no run.
async fn found(store: &EmbeddedStore) -> Model {
    let report = store.report(&table()).await.unwrap();
    let readable = readable(store).await;
    let mut staging = None;
    for run in 0..RUNS {
        if let Some(Staging { generation, .. }) = store.staging(&table(), &run.to_string()).await.unwrap() {
            assert!(staging.is_none(), "two stagings of one table");
            let rows = store.pool.read("to look", move |tx| Ok(rows_of(tx, generation)?)).await.unwrap();
            staging = Some((run, rows));
        }
    }
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'rows_*'";
    let tables: usize = store.pool.read("to look", |tx| Ok(tx.query_row(tables, [], |row| row.get(0))?)).await.unwrap();
    assert_eq!(tables, usize::from(readable.is_some()) + usize::from(staging.is_some()), "a generation is left over");
    Model { readable, staging, has_record: report.is_some() }
}

fn rows_of(tx: &rusqlite::Transaction<'_>, generation: u64) -> rusqlite::Result<Rows> {
    let mut statement = tx.prepare(&format!("SELECT doc FROM rows_{generation}"))?;
    let docs = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    docs.map(|doc| {
        let row = Row::from_bytes(doc?).unwrap();
        Ok((row.get_i32("_id").unwrap(), row.get_i32("run").unwrap() as u32))
    })
    .collect()
}

/// Mostly the order of a run that goes well: to begin, to stage, to commit what is staged.
fn orders() -> impl Strategy<Value = (u8, u32, Range<i32>)> {
    (0..20_u8, 0..RUNS, (0..300_i32, 1..150_i32).prop_map(|(first, count)| first..first + count))
}

fn order(model: &Model, (choice, run, rows): (u8, u32, Range<i32>)) -> Order {
    let (current, staged) = model.staging.as_ref().map_or((run, 0), |(run, rows)| (*run, rows.len() as u64));
    match choice {
        0..4 => Order::Begin { run },
        4..11 => Order::Stage { run: current, rows },
        11..16 => Order::Commit { run: current, rows: staged },
        16 => Order::Commit { run, rows: staged + 1 },
        17 => Order::Abort { run },
        18 => Order::Append { run, rows },
        _ if rows.start < 50 => Order::Drop,
        _ => Order::Stage { run, rows },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_whose_processes_are_killed_is_the_old_one_or_the_new_one(
        steps in vec((orders(), kills(8000)), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut trial = Trial::new(folder.path());
        for (chosen, kill) in steps {
            let order = order(&trial.model, chosen);
            trial.step(&order, kill);
        }
        // The next run removes what the killed ones have left.
        let whole = [Order::Begin { run: 0 }, Order::Stage { run: 0, rows: 0..9 }, Order::Commit { run: 0, rows: 9 }];
        whole.iter().for_each(|order| trial.step(order, Kill::Never));
        prop_assert_eq!(trial.model.staging, None);
    }
}
