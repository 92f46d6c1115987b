//! `GET` and `DELETE /reports/<table>`: rows read, a table removed.

use super::accept::{self, Format};
use super::body;
use super::caller::Caller;
use super::error::ApiError;
use super::page::{Place, Wanted};
use super::params::Params;
use super::track::RequestId;
use crate::app::App;
use crate::domain::TableName;
use crate::store::Store;
use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::TryStreamExt;
use serde_json::json;

/// Answers with the rows that match, streamed.
pub(super) async fn read(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let table = table(&request)?;
    let Format::Json = accept::choose(&request)?;
    let params = Params::of(&request)?;
    let wanted = Wanted::read(&params, &app.config.api)?;
    let store = store(&app)?;
    let found = store.find(&table, wanted.query.clone()).await?.ok_or_else(|| no_table(&table))?;
    let place = wanted.place(found.count);
    let links = wanted.links(&request, &params, place);
    let id = RequestId::of(&request);
    let body = body::json(head(place), "]}", found.rows).await?.inspect_err(move |error| {
        log::error!(request_id = id.as_str(); "rows of {table} broke off: {error}");
    });
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").insert_header(("X-Total-Count", found.count));
    if let Some(links) = links {
        response.insert_header((LINK, links));
    }
    Ok(response.streaming(body))
}

fn head(place: Place) -> String {
    let Place { found, total_pages, page, limit } = place;
    format!(r#"{{"found":{found},"total_pages":{total_pages},"page":{page},"limit":{limit},"items":["#)
}

/// Removes a table and what is known of it; answers in the shape of a MongoDB drop.
pub(super) async fn remove(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let name = name(&request);
    let dropped = match name.parse() {
        Ok(table) => store(&app)?.drop_table(&table).await?,
        Err(_) => false,
    };
    Ok(if dropped {
        HttpResponse::Ok().json(json!({"ok": 1.0, "ns": name}))
    } else {
        let message = "there is no such table";
        HttpResponse::BadRequest().json(json!({"ok": 0.0, "errmsg": "ns not found", "message": message}))
    })
}

/// The table that the address names.
///
/// # Errors
/// 404 where it can be none.
pub(super) fn table(request: &HttpRequest) -> Result<TableName, ApiError> {
    name(request).parse().map_err(|error| ApiError::NoTable(format!("no such table: {error}")))
}

fn name(request: &HttpRequest) -> &str {
    request.match_info().get("table").unwrap_or_default()
}

/// A table that has neither rows nor a record.
pub(super) fn no_table(table: &TableName) -> ApiError {
    ApiError::NoTable(format!("no such table: {table}"))
}

/// The report store of this process.
///
/// # Errors
/// 503 where it has none.
pub(super) fn store(app: &App) -> Result<&dyn Store, ApiError> {
    app.store.as_deref().ok_or(ApiError::NoStore)
}
