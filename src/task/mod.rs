//! Tasks: what a message asks for, as pure data. No I/O.
//!
//! `answer` is the result that a caller waits for, `canvas` the tasks that follow another.
//! `deliver` is what a delivery to a user's endpoint carries, `envelope` reads and writes Celery's message protocol 2; `event` is what a worker tells of its
//! tasks, `retry` says when to try again.

mod answer;
mod canvas;
mod deliver;
mod envelope;
mod event;
mod retry;

pub use answer::{Answer, Fault};
pub use canvas::{Embed, FollowUps, Origin, Signature};
pub use deliver::{Deliver, RunRows};
pub use envelope::{BadMessage, Envelope};
pub use event::{About, Event, Life, Problem, Pulse, Stamp, Step};
pub use retry::RetryPolicy;

use crate::domain::{Component, OwnerId, ReportId, ReportType, Row, Status, TableName};
use bson::Document;
use serde_json::{Value, json};

/// The Celery tasks of the contract (§6), each with its arguments in their positions.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// `qgeneral.api(owner_user, report_id, type, filters)`: run a general report.
    General {
        /// On whose behalf.
        owner: OwnerId,
        /// The report.
        report: ReportId,
        /// The component to read (the argument is called `type`).
        component: Component,
        /// The Data API query without the owner rule (JSON object; a text of JSON and a missing argument are understood too).
        query: serde_json::Map<String, Value>,
        /// What the query cannot express: a MongoDB condition that every row must meet besides. Travels in the
        /// message header `maestro_residual` as Extended JSON, so that the positional arguments stay the contract's.
        residual: Option<Document>,
    },
    /// `qpivot.api(owner_user, report_id, entity, pipeline)`: run a pivot report.
    Pivot {
        /// On whose behalf.
        owner: OwnerId,
        /// The report.
        report: ReportId,
        /// The component at the root of the join.
        entity: Component,
        /// The aggregation pipeline; its first stage is a `$match` that holds `roles._id`.
        pipeline: Vec<Value>,
        /// What the pipeline cannot express (dates above all), as for a general report and in the same header: a
        /// condition on the joined row as the source gave it, before it gets an `_id` of its own.
        residual: Option<Document>,
    },
    /// `upload.api(report_id, owner_user, name, result, type)`: store rows that the caller already has.
    /// Python's service passes the report's type as `name`.
    Upload {
        /// The report.
        report: ReportId,
        /// On whose behalf.
        owner: OwnerId,
        /// General or pivot.
        kind: ReportType,
        /// The rows.
        rows: Vec<Row>,
    },
    /// `webhook.api(colname, results, report_id)`: add rows to a table.
    Webhook {
        /// The table.
        table: TableName,
        /// The rows.
        rows: Vec<Row>,
    },
    /// `notification.api(report_id, msg, status, more)`: tell the platform how the report stands.
    Notification {
        /// The report.
        report: ReportId,
        /// For people.
        message: String,
        /// The status.
        status: Status,
        /// More fields of the report's record: `columns`, `aggr`.
        more: serde_json::Map<String, Value>,
    },
    /// `audit.api(entity_id, tmp)`: give the chart counts to the audit service.
    Audit {
        /// The report.
        report: ReportId,
        /// The body's content: `{"aggr": …}`.
        record: Value,
    },
    /// `ws.api(name, report_id, owner_id, status)`: tell the browser.
    Ws {
        /// General or pivot (the argument is called `name`).
        kind: ReportType,
        /// The report.
        report: ReportId,
        /// Whose channel.
        owner: OwnerId,
        /// The kind of notice: `success`, `info`, `error`.
        notice: Notice,
    },
    /// `deliver.api(delivery)`: send the rows of an ended run, and how it ended, to a user's endpoint. Ours alone: it
    /// travels in a queue of its own.
    Deliver(Box<Deliver>),
    /// Nothing at all: shows that the way from a producer through queue and worker is open.
    Ping,
}

/// The kind of a browser notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The report is ready.
    Success,
    /// The report is empty.
    Info,
    /// The report failed.
    Error,
}

impl Notice {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

impl Task {
    /// The Celery names of all tasks, in their order.
    pub const NAMES: [&'static str; 8] = [
        "audit.api",
        "deliver.api",
        "notification.api",
        "qgeneral.api",
        "qpivot.api",
        "upload.api",
        "webhook.api",
        "ws.api",
    ];

    /// The Celery name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::General { .. } => "qgeneral.api",
            Self::Pivot { .. } => "qpivot.api",
            Self::Upload { .. } => "upload.api",
            Self::Webhook { .. } => "webhook.api",
            Self::Notification { .. } => "notification.api",
            Self::Audit { .. } => "audit.api",
            Self::Ws { .. } => "ws.api",
            Self::Deliver(_) => "deliver.api",
            Self::Ping => "ping.api",
        }
    }

    /// What comes out of it when it is done: what it has worked on. Python's tasks give an object too.
    #[must_use]
    pub fn result(&self) -> Value {
        let table = self.runs().or(if let Self::Webhook { table, .. } = self { Some(*table) } else { None });
        match (table, self.report()) {
            (Some(table), _) => json!({"name": self.name(), "report_id": table.report, "colname": table}),
            (None, Some(report)) => json!({"name": self.name(), "report_id": report}),
            (None, None) => json!({"name": self.name()}),
        }
    }

    /// The table of the report that this task runs, for tasks that end in a report's status.
    #[must_use]
    pub fn runs(&self) -> Option<TableName> {
        match self {
            Self::General { report, .. } => Some(TableName::new(*report, ReportType::General)),
            Self::Pivot { report, .. } => Some(TableName::new(*report, ReportType::Pivot)),
            Self::Upload { report, kind, .. } => Some(TableName::new(*report, *kind)),
            Self::Webhook { .. }
            | Self::Notification { .. }
            | Self::Audit { .. }
            | Self::Ws { .. }
            | Self::Deliver(_)
            | Self::Ping => None,
        }
    }

    /// The report that this task is about.
    #[must_use]
    pub fn report(&self) -> Option<ReportId> {
        match self {
            Self::General { report, .. }
            | Self::Pivot { report, .. }
            | Self::Upload { report, .. }
            | Self::Notification { report, .. }
            | Self::Audit { report, .. }
            | Self::Ws { report, .. } => Some(*report),
            Self::Webhook { table, .. } => Some(table.report),
            Self::Deliver(deliver) => Some(deliver.table.report),
            Self::Ping => None,
        }
    }
}
