//! The messages as an endpoint gets them; docs/webhooks.md describes them.

use crate::domain::{Report, Status};
use crate::task::Deliver;
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// What stands in place of the rows until they are put in.
const NO_ROWS: &str = "[]}}";

/// `report.rows`: the next batch, of rows that are JSON already.
pub(super) fn rows(at: &Deliver, rows: &[u8]) -> serde_json::Result<Vec<u8>> {
    let (report, table, run) = (at.table.report, at.table, &at.run);
    let data = json!({"report": report, "table": table, "run": run, "batch": at.batch, "rows": []});
    let mut body = serde_json::to_vec(&message("report.rows", at, &data))?;
    body.truncate(body.len() - NO_ROWS.len());
    body.reserve(rows.len() + NO_ROWS.len());
    body.push(b'[');
    body.extend_from_slice(rows);
    body.extend_from_slice(b"]}}");
    Ok(body)
}

/// `report.finished`, `report.warning` or `report.error`: the message at the end. `record` describes the run's rows,
/// where it has left any.
pub(super) fn end(at: &Deliver, record: &Report) -> serde_json::Result<Vec<u8>> {
    let kind = match at.status {
        Status::Finished => "report.finished",
        Status::Warning => "report.warning",
        Status::Error | Status::Process => "report.error",
    };
    let described = at.rows.map(|rows| (rows.count, &record.columns, &record.aggr));
    let data = json!({
        "report": at.table.report,
        "table": at.table,
        "run": at.run,
        "status": at.status,
        "message": at.message,
        "batch_count": at.batch,
        "row_count": described.map_or(0, |(count, _, _)| count),
        "columns": described.map_or_else(|| json!([]), |(_, columns, _)| json!(columns)),
        "aggr": described.map_or(&Value::Null, |(_, _, aggr)| aggr),
    });
    serde_json::to_vec(&message(kind, at, &data))
}

fn message(kind: &str, at: &Deliver, data: &Value) -> Value {
    json!({"type": kind, "timestamp": at.ended_at.to_rfc3339_opts(SecondsFormat::Millis, true), "data": data})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::RunRows;

    fn deliver(status: Status) -> Deliver {
        let rows = RunRows { generation: 4, count: 3, batch_rows: 2, batch_bytes: 1000 };
        Deliver {
            table: "5c0000000000000000000001_general".parse().unwrap(),
            run: "a \"run\"".into(),
            endpoint: "report".into(),
            host: "h".into(),
            status,
            message: "why".into(),
            ended_at: "2026-11-25T08:00:00.123456Z".parse().unwrap(),
            rows: (status != Status::Error).then_some(rows),
            batch: 2,
            sent: 3,
        }
    }

    fn record() -> Report {
        Report {
            table: "5c0000000000000000000001_general".parse().unwrap(),
            name: String::new(),
            component: "Servers".into(),
            filters: Value::Null,
            owner: None,
            status: Status::Process,
            message: "a newer run".into(),
            rows: 3,
            columns: vec!["_id".into(), "name".into()],
            paths: None,
            revision: 1,
            aggr: json!({"os_base": {"aggr": {"label": ["Linux"], "data": [3]}, "opts": {}}}),
            generation: Some(4),
            task_id: "newer".into(),
            requested_at: Default::default(),
            started_at: None,
            ended_at: None,
            stages: Default::default(),
        }
    }

    fn text(body: Vec<u8>) -> String {
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body.len(), value.to_string().len(), "nothing but JSON without spaces");
        format!("{value:#}")
    }

    #[test]
    fn messages_are_as_documented() {
        let rows = rows(&deliver(Status::Finished), br#"{"_id":"a"},{"_id":"b"}"#).unwrap();
        let ends = [Status::Finished, Status::Warning, Status::Error].map(|status| end(&deliver(status), &record()));
        let texts: Vec<String> = std::iter::once(rows).chain(ends.map(Result::unwrap)).map(text).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
