//! A table as a whole: its name in an address, its removal.

use super::caller::Caller;
use super::error::ApiError;
use crate::app::App;
use crate::domain::TableName;
use crate::store::Store;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

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
