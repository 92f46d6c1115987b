//! `GET /aggregation/<table>`: the chart counts of a table, `{"label": count}` a chart.

use super::caller::Caller;
use super::error::ApiError;
use super::rows::{no_table, store, table};
use crate::app::App;
use crate::domain::TableName;
use crate::store::{RowQuery, Store};
use crate::tally::Tally;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

/// Answers with the counts.
pub(super) async fn read(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let table = table(&request)?;
    let aggr = counted(store(&app)?, &table).await?;
    Ok(HttpResponse::Ok().json(json!({"name": table, "aggr": by_label(&aggr)})))
}

/// The chart counts of a table, `aggr` of contract §7: those of its last run, else counted now.
///
/// # Errors
/// 404 where there is no such table.
pub(super) async fn counted(store: &dyn Store, table: &TableName) -> Result<Value, ApiError> {
    let record = store.report(table).await?;
    match record {
        Some(record) if record.aggr.is_object() => Ok(record.aggr),
        _ => {
            store.count(table, &Default::default()).await?.ok_or_else(|| no_table(table))?;
            let component = record.map(|record| record.component.to_lowercase()).unwrap_or_default();
            // One that the Python service left, or that rows were added to.
            Ok(Tally::of(&component, store.rows(table, RowQuery::default()).await?).await?.charts())
        }
    }
}

/// The two lists of each chart (contract §7) as one object.
fn by_label(charts: &Value) -> Map<String, Value> {
    let lists = |chart: &Value| {
        let aggr = chart.get("aggr")?;
        Some((aggr.get("label")?.as_array()?.clone(), aggr.get("data")?.as_array()?.clone()))
    };
    let text = |label: Value| if let Value::String(text) = label { text } else { label.to_string() };
    let counted = charts.as_object().into_iter().flatten().filter_map(|(key, chart)| {
        let (labels, data) = lists(chart)?;
        let counts: Map<String, Value> = labels.into_iter().map(text).zip(data).collect();
        Some((key.clone(), counts.into()))
    });
    counted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_become_an_object_in_their_order() {
        let charts = json!({
            "active": {"aggr": {"label": ["true", false, 3], "data": [5, 2, 1]}, "opts": {}},
            "broken": {"opts": {}},
        });
        assert_eq!(Value::from(by_label(&charts)).to_string(), r#"{"active":{"true":5,"false":2,"3":1}}"#);
        assert!(by_label(&Value::Null).is_empty());
    }
}
