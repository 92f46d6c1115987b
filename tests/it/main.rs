//! One integration binary: the built program and real servers, a module per concern.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking, as tests do")]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod backup;
mod broker;
mod celery;
mod cli;
mod dead_letters;
mod deploy;
mod doctor;
mod end_to_end;
mod fuzz;
mod inventory;
mod logs;
mod metrics;
mod readers;
mod remote;
mod retention;
mod rotation;
mod security;
mod store;
mod tls;
mod webhooks;
mod worker;
