//! The arguments of each task (contract.md §6), read and written.

use super::body::Arguments;
use super::{BadMessage, RESIDUAL};
use crate::domain::{Dialect, JsonRow, ReportId, ReportType, Row, RowReader, TableName};
use crate::filter;
use crate::task::{Notice, Task};
use bson::Document;
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::str::FromStr;

/// A task's name and those of its arguments, in their positions.
pub(super) type Signature = (&'static str, &'static [&'static str]);

const SIGNATURES: [Signature; 9] = [
    ("qgeneral.api", &["owner_user", "report_id", "type", "filters"]),
    ("qpivot.api", &["owner_user", "report_id", "entity", "pipeline"]),
    ("upload.api", &["report_id", "owner_user", "name", "result", "type"]),
    ("webhook.api", &["colname", "results", "report_id"]),
    ("notification.api", &["report_id", "msg", "status", "more"]),
    ("audit.api", &["entity_id", "tmp"]),
    ("ws.api", &["name", "report_id", "owner_id", "status"]),
    ("deliver.api", &["delivery"]),
    ("ping.api", &[]),
];

/// The signature of a task.
pub(super) fn signature(task: &str) -> Option<Signature> {
    SIGNATURES.into_iter().find(|(name, _)| *name == task)
}

/// The arguments in their positions.
pub(super) fn write(task: &Task) -> Vec<Value> {
    match task {
        Task::General { owner, report, component, query, .. } => {
            vec![json!(owner), json!(report), json!(component), json!(query)]
        }
        Task::Pivot { owner, report, entity, pipeline, .. } => {
            vec![json!(owner), json!(report), json!(entity), json!(pipeline)]
        }
        Task::Upload { report, owner, kind, rows } => {
            vec![json!(report), json!(owner), json!(kind), write_rows(rows), Value::Null]
        }
        Task::Webhook { table, rows } => vec![json!(table), write_rows(rows), json!(table.report)],
        Task::Notification { report, message, status, more } => {
            vec![json!(report), json!(message), json!(status), json!(more)]
        }
        Task::Audit { report, record } => vec![json!(report), record.clone()],
        Task::Ws { kind, report, owner, notice } => {
            vec![json!(kind), json!(report), json!(owner), json!(notice.as_str())]
        }
        Task::Deliver(deliver) => vec![json!(deliver)],
        Task::Ping => Vec::new(),
    }
}

/// The task that a message asks for.
pub(super) fn read(
    signature: Signature,
    arguments: Arguments,
    headers: &Map<String, Value>,
) -> Result<Task, BadMessage> {
    let mut args = Bound::new(signature, arguments)?;
    Ok(match signature.0 {
        "qgeneral.api" => {
            let (query, compiled) = read_query(args.take("filters"), &args)?;
            Task::General {
                owner: args.text("owner_user")?,
                report: args.text("report_id")?,
                component: args.text("type")?,
                query,
                residual: compiled.map_or_else(|| read_residual(headers), |condition| Ok(Some(condition)))?,
            }
        }
        "qpivot.api" => Task::Pivot {
            owner: args.text("owner_user")?,
            report: args.text("report_id")?,
            entity: args.text("entity")?,
            pipeline: args.list("pipeline")?,
            residual: read_residual(headers)?,
        },
        "upload.api" => Task::Upload {
            report: args.text("report_id")?,
            owner: args.text("owner_user")?,
            kind: args.kind()?,
            rows: args.rows("result")?,
        },
        "webhook.api" => Task::Webhook { table: args.text("colname")?, rows: args.rows("results")? },
        "notification.api" => Task::Notification {
            report: args.text("report_id")?,
            message: args.text("msg")?,
            status: args.text("status")?,
            more: args.object("more")?,
        },
        "audit.api" => Task::Audit {
            report: args.text("entity_id")?,
            record: args.take("tmp").ok_or_else(|| args.wrong("tmp", "expected an object"))?,
        },
        "ws.api" => Task::Ws {
            kind: args.text("name")?,
            report: args.text("report_id")?,
            owner: args.text("owner_id")?,
            notice: args.notice()?,
        },
        "deliver.api" => {
            let delivery = serde_json::from_value(args.take("delivery").unwrap_or_default());
            Task::Deliver(delivery.map_err(|error| args.wrong("delivery", error))?)
        }
        "ping.api" => Task::Ping,
        other => return Err(BadMessage::UnknownTask(other.to_owned())),
    })
}

/// The report of a task whose other arguments may be wrong.
pub(super) fn report_of(signature: Signature, arguments: Arguments) -> Option<TableName> {
    let mut args = Bound::loose(signature, arguments);
    let kind = match signature.0 {
        "qgeneral.api" => ReportType::General,
        "qpivot.api" => ReportType::Pivot,
        "upload.api" => args.kind().ok()?,
        _ => return None,
    };
    let report: ReportId = args.text("report_id").ok()?;
    Some(TableName::new(report, kind))
}

/// Arguments by name. Python's `None` counts as missing.
struct Bound {
    signature: Signature,
    values: Map<String, Value>,
}

impl Bound {
    fn new(signature: Signature, arguments: Arguments) -> Result<Self, BadMessage> {
        let (task, names) = signature;
        let unexpected = |got: String| BadMessage::Unexpected { task, expected: names.join(", "), got };
        if arguments.positional.len() > names.len() {
            return Err(unexpected(format!("{} positional ones", arguments.positional.len() - names.len())));
        }
        let taken = &names[..arguments.positional.len()];
        if let Some(name) = arguments.named.keys().find(|name| taken.contains(&name.as_str())) {
            return Err(unexpected(format!("{name:?} by position and by name")));
        }
        if let Some(name) = arguments.named.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(unexpected(format!("{:?}", name.chars().take(64).collect::<String>())));
        }
        Ok(Self::loose(signature, arguments))
    }

    fn loose(signature: Signature, arguments: Arguments) -> Self {
        let mut values = arguments.named;
        for (name, value) in signature.1.iter().zip(arguments.positional) {
            values.insert((*name).to_owned(), value);
        }
        Self { signature, values }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &'static str, problem: impl Display) -> BadMessage {
        BadMessage::Argument { task: self.signature.0, name, problem: problem.to_string() }
    }

    fn text<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Result<T, BadMessage> {
        match self.take(name) {
            Some(Value::String(text)) => text.parse().map_err(|error| self.wrong(name, error)),
            Some(_) => Err(self.wrong(name, "expected a text")),
            None => Err(self.wrong(name, "expected a text, it is missing")),
        }
    }

    /// A list, or a text of JSON of one.
    fn list(&mut self, name: &'static str) -> Result<Vec<Value>, BadMessage> {
        match self.take(name).map(|value| filter::decode(&value)) {
            Some(Ok(Value::Array(items))) => Ok(items),
            Some(Ok(_) | Err(_)) | None => Err(self.wrong(name, "expected a list")),
        }
    }

    fn object(&mut self, name: &'static str) -> Result<Map<String, Value>, BadMessage> {
        match self.take(name) {
            None => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields),
            Some(_) => Err(self.wrong(name, "expected an object")),
        }
    }

    fn rows(&mut self, name: &'static str) -> Result<Vec<Row>, BadMessage> {
        let mut reader = RowReader::new(Dialect::Extended);
        let items = self.list(name)?.into_iter().enumerate();
        let row = |(index, item)| reader.read(item).map_err(|error: serde_json::Error| (index, error));
        items
            .map(row)
            .collect::<Result<_, _>>()
            .map_err(|(index, error)| self.wrong(name, format!("[{index}]: {error}")))
    }

    /// The report's type of an upload: Python's service passes it as `name`, its signature calls it `type`.
    fn kind(&mut self) -> Result<ReportType, BadMessage> {
        let (name, kind) = (self.take("name"), self.take("type"));
        let found = [name, kind].into_iter().flatten().find_map(|value| value.as_str()?.parse().ok());
        found.ok_or_else(|| self.wrong("name", "expected general or pivot, here or as type"))
    }

    fn notice(&mut self) -> Result<Notice, BadMessage> {
        match self.take("status").as_ref().map(Value::as_str) {
            None | Some(Some("success")) => Ok(Notice::Success),
            Some(Some("info")) => Ok(Notice::Info),
            Some(Some("error")) => Ok(Notice::Error),
            Some(_) => Err(self.wrong("status", "expected success, info or error")),
        }
    }
}

/// The filters of a general report: a query, a text of JSON of one, nothing, or the web client's list of filters.
fn read_query(filters: Option<Value>, args: &Bound) -> Result<(Map<String, Value>, Option<Document>), BadMessage> {
    let decoded = filters.as_ref().map(filter::decode).transpose().map_err(BadMessage::Filters)?;
    match decoded {
        None | Some(Value::Null) => Ok((Map::new(), None)),
        Some(Value::Object(query)) => Ok((query, None)),
        Some(list @ Value::Array(_)) => {
            let compiled = filter::general(&list).map_err(BadMessage::Filters)?;
            Ok((compiled.query, compiled.residual))
        }
        Some(_) => Err(args.wrong("filters", "expected an object, a list of filters or a text of JSON of one")),
    }
}

fn read_residual(headers: &Map<String, Value>) -> Result<Option<Document>, BadMessage> {
    const WRONG: BadMessage =
        BadMessage::Header { name: RESIDUAL, expected: "a condition in Extended JSON, as a text or a table" };
    let condition = match headers.get(RESIDUAL) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| WRONG)?,
        Some(table) => table.clone(),
    };
    let Value::Object(condition) = condition else { return Err(WRONG) };
    Document::try_from(condition).map(Some).map_err(|_| WRONG)
}

/// Ids and dates become texts, as the Data API writes them; reading casts them back.
fn write_rows(rows: &[Row]) -> Value {
    rows.iter().map(|row| json!(JsonRow(row))).collect()
}
