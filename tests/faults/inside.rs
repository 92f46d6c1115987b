//! What lies in the store and the queue of an installation, looked at behind its back.

use crate::support::rabbit::{self, Rabbit};
use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use maestro_reports::broker::{BROADCAST_FILE, QUEUE_FILE};
use maestro_reports::store::STORE_FILE;
use mongodb::Database;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long to wait for whoever writes to a file.
const BUSY: Duration = Duration::from_secs(30);

/// The store and the queue.
pub(crate) enum Inside {
    /// SQLite files in this folder.
    Embedded(PathBuf),
    /// A database and a virtual host.
    Servers {
        /// What its client's connections live in.
        runtime: Runtime,
        /// The report store's.
        database: Database,
        /// RabbitMQ's.
        vhost: String,
        /// The scenario's own RabbitMQ, where it has one.
        rabbit: Option<Arc<Rabbit>>,
    },
}

/// A report's record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// The task of its last run.
    pub(crate) task: String,
    /// `process`, `finished`, `warning` or `error`.
    pub(crate) status: String,
    /// For people.
    pub(crate) message: String,
}

impl Inside {
    /// Those of MongoDB and RabbitMQ at these addresses.
    pub(crate) fn servers(mongo_uri: &str, database: &str, broker_url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(mongodb::Client::with_uri_str(mongo_uri)).unwrap();
        Self::Servers {
            runtime,
            database: client.database(database),
            vhost: rabbit::vhost(broker_url).to_owned(),
            rabbit: None,
        }
    }

    /// The queues are those of a RabbitMQ of the scenario's own.
    pub(crate) fn use_rabbit(&mut self, own: &Arc<Rabbit>) {
        if let Self::Servers { rabbit, .. } = self {
            *rabbit = Some(Arc::clone(own));
        }
    }

    /// A table's record.
    pub(crate) fn record(&self, table: &str) -> Option<Record> {
        match self {
            Self::Embedded(folder) => {
                let sql = "SELECT task_id, status, message FROM reports WHERE table_name = ?1";
                let record = open(&folder.join(STORE_FILE)).query_row(sql, [table], |row| {
                    Ok(Record { task: row.get(0)?, status: row.get(1)?, message: row.get(2)? })
                });
                record.optional().unwrap()
            }
            Self::Servers { runtime, database, .. } => {
                let records = database.collection::<Document>("maestro_reports");
                let record = runtime.block_on(async { records.find_one(doc! {"_id": table}).await }).unwrap()?;
                let text = |name: &str| record.get_str(name).unwrap_or_default().to_owned();
                Some(Record { task: text("task_id"), status: text("status"), message: text("message") })
            }
        }
    }

    /// Messages in all queues but those of the dead letters: ready, handed out, and waiting for their time.
    pub(crate) fn queued(&self) -> u64 {
        match self {
            Self::Embedded(folder) => count(folder, "messages"),
            Self::Servers { vhost, rabbit, .. } => depths(vhost, rabbit.as_deref(), |queue| !queue.ends_with(".dead")),
        }
    }

    /// Loses all messages that wait, as an operator does who deletes a queue.
    pub(crate) fn lose_messages(&self) {
        match self {
            Self::Embedded(folder) => {
                let queue = Connection::open(folder.join(QUEUE_FILE)).unwrap();
                queue.busy_timeout(BUSY).unwrap();
                assert!(queue.execute("DELETE FROM messages", []).unwrap() > 0, "nothing waits");
            }
            Self::Servers { vhost, rabbit, .. } => {
                let args = ["delete_queue", "report", "-p", vhost];
                rabbit.as_ref().map_or_else(|| rabbit::ctl(&args), |own| own.ctl(&args));
            }
        }
    }

    /// How many rows a table's run has staged so far.
    pub(crate) fn staged(&self, table: &str) -> u64 {
        match self {
            Self::Embedded(folder) => {
                let store = open(&folder.join(STORE_FILE));
                let sql = "SELECT max(number) FROM generations WHERE table_name = ?1
                           AND number IS NOT (SELECT generation FROM reports WHERE table_name = ?1)";
                let number: Option<i64> = store.query_row(sql, [table], |row| row.get(0)).unwrap();
                let count =
                    |number| store.query_row(&format!("SELECT count(*) FROM rows_{number}"), [], |row| row.get(0));
                // Committed or dropped in between: nothing is staged any more.
                number.and_then(|number| count(number).ok()).unwrap_or_default()
            }
            Self::Servers { runtime, database, .. } => runtime.block_on(async {
                let records = database.collection::<Document>("maestro_reports");
                let Some(record) = records.find_one(doc! {"_id": table}).await.unwrap() else { return 0 };
                let Ok(staging) = record.get_document("staging") else { return 0 };
                let generation = staging.get("generation").and_then(Bson::as_i64).unwrap();
                let rows = database.collection::<Document>(&format!("{table}.g{generation}"));
                rows.count_documents(doc! {}).await.unwrap()
            }),
        }
    }

    /// The leases: what, by whom and until when.
    pub(crate) fn leases(&self) -> Vec<String> {
        match self {
            Self::Embedded(folder) => {
                let store = open(&folder.join(STORE_FILE));
                let mut statement = store.prepare("SELECT name || ' ' || holder || ' ' || until FROM leases").unwrap();
                statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Self::Servers { runtime, database, .. } => runtime.block_on(async {
                let found = database.collection::<Document>("maestro_leases").find(doc! {}).await.unwrap();
                let leases: Vec<Document> = found.try_collect().await.unwrap();
                leases.iter().map(Document::to_string).collect()
            }),
        }
    }

    /// Dead letters.
    pub(crate) fn dead_letters(&self) -> u64 {
        match self {
            Self::Embedded(folder) => count(folder, "dead_letters"),
            Self::Servers { vhost, rabbit, .. } => depths(vhost, rabbit.as_deref(), |queue| queue.ends_with(".dead")),
        }
    }

    /// What no ended run may leave, once all processes have stopped: a line for each thing found.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        let mut left = match self {
            Self::Embedded(folder) => left_in_files(folder),
            Self::Servers { runtime, database, .. } => runtime.block_on(left_in_mongo(database)).unwrap(),
        };
        let queued = self.queued();
        if queued > 0 {
            left.push(format!("{queued} messages in the queue"));
        }
        left
    }
}

fn open(file: &Path) -> Connection {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.busy_timeout(BUSY).unwrap();
    connection
}

fn count(folder: &Path, table: &str) -> u64 {
    open(&folder.join(QUEUE_FILE)).query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn left_in_files(folder: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known =
            name == "in-use.lock" || [STORE_FILE, QUEUE_FILE, BROADCAST_FILE].iter().any(|file| name.starts_with(file));
        if !known {
            left.push(format!("the file {name}"));
        }
    }
    let store = open(&folder.join(STORE_FILE));
    for (what, sql) in [
        (
            "a staging",
            "SELECT number FROM generations WHERE number NOT IN (SELECT generation FROM reports WHERE generation IS NOT NULL)",
        ),
        (
            "rows of no generation",
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'rows_*' AND substr(name, 6) NOT IN (SELECT CAST(number AS TEXT) FROM generations)",
        ),
        ("a hold", "SELECT table_name || ' ' || holder FROM reports WHERE holder IS NOT NULL"),
        ("a report in process", "SELECT table_name FROM reports WHERE status = 'process'"),
        ("a lease", "SELECT name FROM leases"),
    ] {
        let mut statement = store.prepare(sql).unwrap();
        let found = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        left.extend(found.map(|value| format!("{what}: {:?}", value.unwrap())));
    }
    left
}

async fn left_in_mongo(database: &Database) -> mongodb::error::Result<Vec<String>> {
    let records: Vec<Document> = database.collection("maestro_reports").find(doc! {}).await?.try_collect().await?;
    let mut left: Vec<String> = database.list_collection_names().await?;
    left.retain(|name| !name.starts_with("maestro_"));
    for record in &records {
        let table = record.get_str("_id").unwrap_or_default();
        let generation = record.get("generation").and_then(Bson::as_i64).unwrap_or_default();
        let number = |name: &str| name.strip_prefix(table)?.strip_prefix(".g")?.parse::<i64>().ok();
        // The one before the readable one is kept for its readers until the next run.
        let before = left.iter().filter_map(|name| number(name)).filter(|number| *number < generation).max();
        left.retain(|name| number(name).is_none_or(|number| number != generation && Some(number) != before));
    }
    let null = |record: &&Document, name| matches!(record.get(name), None | Some(Bson::Null));
    for name in ["holder", "staging"] {
        left.extend(records.iter().filter(|record| !null(record, name)).map(|record| format!("{name}: {record}")));
    }
    let running = records.iter().filter(|record| record.get_str("status").is_ok_and(|status| status == "process"));
    left.extend(running.map(|record| format!("a report in process: {record}")));
    let leases: Vec<Document> = database.collection("maestro_leases").find(doc! {}).await?.try_collect().await?;
    left.extend(leases.into_iter().map(|lease| format!("a lease: {lease}")));
    Ok(left)
}

fn depths(vhost: &str, own: Option<&Rabbit>, of: impl Fn(&str) -> bool) -> u64 {
    let args = ["-q", "list_queues", "-p", vhost, "--no-table-headers", "name", "messages"];
    let listed = own.map_or_else(|| rabbit::ctl(&args), |own| own.ctl(&args));
    let queues = listed.lines().filter_map(|line| line.split_once('\t'));
    queues.filter(|(name, _)| of(name)).map(|(_, messages)| messages.trim().parse::<u64>().unwrap()).sum()
}
