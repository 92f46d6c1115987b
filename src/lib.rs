//! Maestro Reports: the inventory reports of the Maestro platform, as one program.
//!
//! # Map
//! From the border inwards; each module may use those below it, never those above.
//!
//! | module | what it is |
//! |---|---|
//! | `main`, [`cli`] | the command line; the one place that exits |
//! | [`doctor`], [`backup`], [`healthcheck`] | whether all is well; the embedded parts copied and put back; whether a process answers |
//! | [`demo`], [`oneoff`] | the main job in one command; one report without any service |
//! | [`export`], [`output`] | artifacts of the store's tables; a command's file or standard output |
//! | [`api`], [`worker`], [`beat`], [`inventory`] | the four servers; actix-web types stay in `api` and `inventory` |
//! | [`stages`], [`request`] | what each task does; how a report is requested |
//! | [`remote`] | what is asked of workers, ours and Python's, and their events |
//! | [`reaper`], [`retention`] | reports that nobody works on are ended; tables that nobody needs are dropped |
//! | [`enqueue`] | how a task is published |
//! | [`app`] | the configuration and the parts that it chose, built once |
//! | [`tls`] | whom encrypted connections trust |
//! | [`store`], [`broker`], [`peers`] | rows and registry, queue, the platform's other services: all I/O |
//! | [`endpoints`] | signed messages to users' endpoints, and which addresses these may have |
//! | [`folder`], [`sqlite`] | the data folder and its lock; copies of SQLite files |
//! | [`metrics`], [`logging`], [`pidfile`] | what a process counts; how its log is written; the file with its id |
//! | [`tally`] | pure: what is learnt of rows as they pass |
//! | [`artifact`] | pure: rows in, files out; one file a format |
//! | [`auth`], [`config`] | pure: tokens, settings |
//! | [`schedule`] | pure: when schedules are due, and how far each has come |
//! | [`filter`], [`chart`], [`task`] | pure: the filter language, counting, Celery's messages |
//! | [`domain`] | the nouns: ids, tables, statuses, reports, rows |
//!
//! MongoDB types stay in `store/mongo`, amiquip's in `broker/amqp`, SQL in the `embedded` modules (and the inventory's
//! files), the names of variables in `config/env.rs`.
//!
//! # One report
//! 1. `POST /reports/general` (`api/reports.rs`) checks the token and calls [`request::launch`]: the filters are compiled
//!    (`filter/general.rs`), the report is recorded as `process`, `qgeneral.api` is published.
//! 2. A worker (`worker/job.rs`) takes the message, reads it (`task/envelope`) and runs [`stages::run`] on a thread of its own.
//! 3. `stages/general.rs` asks the Data API; `peers/answer` reads its answer row by row on a reading thread, which cuts
//!    batches (`stages/batcher.rs`). A few batches are in flight (`stages/upload.rs`); a slow store slows the connection
//!    down, so memory does not grow with the rows.
//! 4. `stages/write.rs` counts each batch (`stages/aggregation.rs`) and has `stages/webhook.rs` stage it in a generation of
//!    the table that nobody reads; the commit makes it the readable one together with the report's record, in one atomic step.
//! 5. `stages/announce.rs` publishes the notices, the rows are indexed, the message is acknowledged, and each notice is
//!    tried again on its own. A failure ends in [`stages::failed`]: the report is in `error` with a message, and the old
//!    rows stay readable.
//! 6. Where the report has endpoints, `stages/deliver/announce.rs` publishes a `deliver.api` for each, to a queue of its own.
//!    `worker/lane.rs` takes them with slots of their own; `stages/deliver` reads the run's rows from the store and
//!    `endpoints` sends them, signed and only to addresses that are allowed.
//!
//! # Decisions
//! - *Generations and a pointer* rather than renaming tables: pointer, rows, status and charts change in one step, and a
//!   reader in the middle of the old rows finishes them.
//! - *Conditions in two parts*: what today's Data API can check goes into the query, and what it cannot express is checked on
//!   the rows by [`filter::matcher`], which the embedded store and the inventory use too.
//! - *Retries are new messages* with the same id, as Celery's, so both brokers and Python's workers understand them; dead
//!   letters are a queue of their own, because a dead-letter argument would not be what Celery declares.
//! - *A row is its BSON bytes* from the Data API's JSON to the store and back to JSON (`domain/row`): it is parsed once, on
//!   a thread that does nothing else, counted and filtered in its bytes, and written by the store without being encoded
//!   again. Trees are made only where rows are few: batches of other hosts, tasks that carry rows, the inventory's files.
//! - *serde_json on a window of the answer* (`peers/answer`) rather than on the stream, where it goes byte by byte, or an
//!   incremental parser of our own: its errors and limits are known, and a row cut by the window is parsed again.
//! - *Deliveries in slices*: after some seconds a delivery is published anew with how far it has come. So a long one keeps no
//!   message unacknowledged, no reader of the store and no slot, and a crash repeats a slice at most.
//! - *Indexes on the usual columns alone* (`store/usual`), made after a commit, when the report is readable: an index on every column would cost a large
//!   report more than it saves. Any other order, and a filter, is one pass over the rows that keeps only a page's places.

pub mod api;
pub mod app;
pub mod artifact;
pub mod auth;
pub mod backup;
pub mod beat;
pub mod broker;
pub mod chart;
pub mod cli;
pub mod config;
#[cfg(test)]
mod crash;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod endpoints;
pub mod enqueue;
pub mod export;
pub mod filter;
pub mod folder;
pub mod healthcheck;
pub mod inventory;
pub mod logging;
pub mod metrics;
pub mod oneoff;
pub mod output;
pub mod peers;
pub mod pidfile;
pub mod reaper;
pub mod remote;
pub mod request;
pub mod retention;
pub mod schedule;
pub mod signal;
pub mod sqlite;
pub mod stages;
pub mod store;
pub mod tally;
pub mod task;
pub mod tls;
pub mod worker;
