//! Maestro Reports: inventory reports for the Maestro platform.

pub mod api;
pub mod app;
pub mod auth;
pub mod beat;
pub mod broker;
pub mod chart;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod filter;
pub mod inventory;
pub mod oneoff;
pub mod peers;
pub mod request;
pub mod signal;
pub mod stages;
pub mod store;
pub mod task;
pub mod worker;
