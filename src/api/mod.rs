//! The Reports API (contract §3): requests become calls of the store and messages to the broker. No stage runs here.
//!
//! ```text
//! server      threads, limits, start and graceful end
//! routes      the table of addresses
//! connection  slow clients cut off; pace: how fast they must be
//! track       request id, access log, the one place that logs failures
//! caller      who may call: the token; limit: how often; address: from where
//! args        arguments from JSON, form or query string; params: the query string alone
//! error       every failure: its status and its body
//! reports     POST|PATCH /reports/general, /reports/pivot
//! batch       POST /reports: rows appended, or a run's rows staged and put in place
//! artifact    GET /reports/<table>, /reports/<table>/artifacts/<format>; accept, page, options and etag are its parts
//! rows        DELETE /reports/<table>
//! webhook     PUT, GET and DELETE /reports/<table>/webhook: where a report's rows are sent
//! aggregation GET /aggregation/<table>
//! schedules   GET, POST /schedules; GET, PATCH, DELETE /schedules/<name>; POST /schedules/<name>/run
//! charts      GET, HEAD /reports/<table>/charts/<key>.svg
//! service     GET /, /healthz, /readyz
//! monitor     GET /metrics, and the listener of its own that every process may have for it
//! ```
//!
//! actix types stay in this folder.

mod accept;
mod address;
mod aggregation;
mod args;
mod artifact;
mod batch;
mod caller;
mod charts;
mod connection;
mod error;
mod etag;
mod limit;
mod monitor;
mod options;
mod pace;
mod page;
mod params;
mod reports;
mod routes;
mod rows;
mod schedules;
mod server;
mod service;
mod track;
mod webhook;

pub use monitor::{Monitor, monitor};
pub use server::{Running, serve, start};
