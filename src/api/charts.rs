//! `GET`, `HEAD /reports/<table>/charts/<key>.svg`: one chart of a table, drawn.

use super::caller::Caller;
use super::error::ApiError;
use super::rows::{store, table};
use super::{aggregation, etag};
use crate::app::App;
use crate::chart::{self, Chart, Style};
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ETAG, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};

/// What a drawing may do when it is opened by itself: show itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Answers with the drawing.
pub(super) async fn read(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let table = table(&request)?;
    let charts = chart::charts(&aggregation::counted(store(&app)?, &table).await?);
    let key = request.match_info().get("key").unwrap_or_default();
    let chart = charts.iter().find(|chart| chart.key == key).ok_or_else(|| no_chart(&charts))?;
    let drawing = chart.svg(Style::Adaptive);
    let tag = etag::of_bytes(drawing.as_bytes());
    if let Some(answer) = etag::unchanged(&request, &tag) {
        return Ok(answer);
    }
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((ETAG, tag))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(drawing))
}

fn no_chart(charts: &[Chart]) -> ApiError {
    let keys: Vec<&str> = charts.iter().map(|chart| chart.key.as_str()).collect();
    ApiError::NoTable(match keys.as_slice() {
        [] => "no such chart; the table has none".to_owned(),
        keys => format!("no such chart; there are {}", keys.join(", ")),
    })
}
