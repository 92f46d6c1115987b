//! The addresses of the inventory (contract §5).

use super::cast;
use super::catalog::{Catalog, REPORTS, WRITTEN};
use super::error::InventoryError;
use super::find::Find;
use super::pipeline::Pipeline;
use super::{join, render};
use crate::auth;
use crate::config::Auth;
use crate::domain::{Component, ReportId, cast_row};
use crate::filter::matcher::Matcher;
use actix_web::error::JsonPayloadError;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use bson::Document;
use serde::Deserialize;
use serde_json::{Value, json};
use std::num::NonZeroU64;
use std::ops::ControlFlow;

/// Largest request body in bytes; the aggregation of a report is the largest thing sent.
const MAX_BODY_BYTES: usize = 32 << 20;
/// Documents on a page where the request does not say.
const DEFAULT_LIMIT: NonZeroU64 = NonZeroU64::MIN.saturating_add(199);

/// What every request needs.
pub(super) struct State {
    pub(super) catalog: Catalog,
    pub(super) auth: Auth,
}

type Answer = Result<HttpResponse, InventoryError>;

/// Adds the addresses to an application that holds a `State`.
pub(super) fn configure(service: &mut web::ServiceConfig) {
    let json = web::JsonConfig::default().limit(MAX_BODY_BYTES).content_type_required(false).error_handler(broken_body);
    service
        .app_data(json)
        .route("/", web::get().to(about))
        .route("/aggregate", web::post().to(aggregate))
        .route("/{component}", web::put().to(put_records))
        .route("/reports/{id}", web::get().to(report))
        .route("/{component}", web::post().to(find))
        .default_service(web::to(unknown));
}

/// `{"name", "description", "version", "license", "provider"}`; needs no token.
async fn about() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "name": "maestro-reports inventory",
        "description": "A Data API over a folder of files",
        "version": env!("CARGO_PKG_VERSION"),
        "license": env!("CARGO_PKG_LICENSE"),
        "provider": "Maestro Server",
    }))
}

/// The body of `POST /<component>`.
#[derive(Deserialize)]
struct FindIn {
    #[serde(default = "everything")]
    query: String,
    limit: Option<NonZeroU64>,
    page: Option<NonZeroU64>,
}

fn everything() -> String {
    "{}".to_owned()
}

async fn find(request: HttpRequest, path: web::Path<String>, body: web::Json<FindIn>) -> Answer {
    let state = authorized(&request)?;
    let component = component(&path)?;
    let FindIn { query, limit, page } = body.into_inner();
    let page = blocking(move || {
        let matcher = Matcher::compile(&cast::condition(&query)?)
            .map_err(|error| InventoryError::NotUnderstood(format!("query.{error}")))?;
        let dataset = state.catalog.open(&component)?;
        let (limit, page) = (limit.unwrap_or(DEFAULT_LIMIT), page.unwrap_or(NonZeroU64::MIN));
        Find { dataset, matcher, limit, page }.count()
    });
    Ok(page.await?.answer())
}

/// The body of `POST /aggregate`.
#[derive(Deserialize)]
struct AggregateIn {
    entity: String,
    pipeline: String,
}

async fn aggregate(request: HttpRequest, body: web::Json<AggregateIn>) -> Answer {
    let state = authorized(&request)?;
    let entity = component(&body.entity)?;
    let pipeline = blocking(move || Pipeline::open(&state.catalog, &entity, &body.pipeline));
    Ok(join::answer(pipeline.await?))
}

/// The body of `PUT /reports` and `PUT /schedulers`: records with `_id`, whose other fields are set. Of MongoDB's
/// operators `$inc` and `$unset` are known.
#[derive(Deserialize)]
struct RecordsIn {
    body: Vec<serde_json::Map<String, Value>>,
}

async fn put_records(request: HttpRequest, path: web::Path<String>, body: web::Json<RecordsIn>) -> Answer {
    let state = authorized(&request)?;
    let component = component(&path)?;
    if !WRITTEN.contains(&component.as_str()) {
        return unknown(request).await;
    }
    let records = body.into_inner().body.into_iter().enumerate().map(|(index, record)| {
        let bad = |what: String| InventoryError::BadRequest(format!("body[{index}]: {what}"));
        let id = record.get("_id").and_then(Value::as_str).unwrap_or_default();
        let id: ReportId = id.parse().map_err(|error| bad(format!("_id: {error}")))?;
        let mut fields = bson::serialize_to_document(&record).map_err(|error| bad(error.to_string()))?;
        cast_row(&mut fields);
        Ok((id, fields))
    });
    let records = records.collect::<Result<Vec<(ReportId, Document)>, InventoryError>>()?;
    let updated = records.len();
    blocking(move || {
        let dataset = state.catalog.open(&component)?;
        records.into_iter().try_for_each(|(id, fields)| dataset.set(id.object_id(), fields))
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({"updated": updated})))
}

async fn report(request: HttpRequest, path: web::Path<String>) -> Answer {
    let state = authorized(&request)?;
    let id: ReportId = path.parse().map_err(|error| InventoryError::NotFound(format!("report: {error}")))?;
    let record = blocking(move || {
        let matcher = Matcher::compile(&bson::doc! {"_id": id.object_id()})
            .map_err(|error| InventoryError::NotUnderstood(error.to_string()))?;
        let mut record = None;
        state.catalog.open(REPORTS)?.reader()?.scan(0, &mut |_, document| {
            if !matcher.matches(document) {
                return Ok(ControlFlow::Continue(()));
            }
            let mut json = Vec::new();
            render::document(document, &mut json).map_err(InventoryError::io("the record cannot be written"))?;
            record = Some(json);
            Ok(ControlFlow::Break(()))
        })?;
        record.ok_or_else(|| InventoryError::NotFound(format!("no report {id} is recorded here")))
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(record.await?))
}

async fn unknown(request: HttpRequest) -> Answer {
    Err(InventoryError::NotFound(format!("nothing is served at {} {}", request.method(), request.path())))
}

/// The state, for a request whose token is good. Like the platform's services, any scheme word may precede it.
fn authorized(request: &HttpRequest) -> Result<web::Data<State>, InventoryError> {
    let state = request
        .app_data::<web::Data<State>>()
        .ok_or_else(|| InventoryError::NotFound("the inventory has no folder".to_owned()))?;
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.split_whitespace().nth(1));
    let token = token
        .ok_or_else(|| InventoryError::Unauthorized("expected the header Authorization: JWT <token>".to_owned()))?;
    auth::verify(&state.auth, token).map_err(|error| InventoryError::Unauthorized(error.to_string()))?;
    Ok(state.clone())
}

/// The lower-case name, which can stand in a file's name.
fn component(name: &str) -> Result<String, InventoryError> {
    let component: Component = name.parse().map_err(|error| InventoryError::NotFound(format!("component: {error}")))?;
    Ok(component.path())
}

/// Runs what blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, InventoryError> + Send + 'static,
) -> Result<T, InventoryError> {
    web::block(work).await.map_err(|_| InventoryError::NotUnderstood("the work was given up".to_owned()))?
}

fn broken_body(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    InventoryError::BadRequest(format!("body: {error}")).into()
}
