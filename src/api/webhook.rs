//! `PUT`, `GET` and `DELETE /reports/<table>/webhook`: where the rows of one report are sent when it has ended.

use super::args::Args;
use super::caller::Caller;
use super::error::{ApiError, Mistakes};
use super::rows::{store, table};
use crate::app::App;
use crate::domain::{Endpoint, EndpointUrl, SigningSecret, TableName};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

/// Most secrets that sign at a time.
const MAX_SECRETS: usize = 3;

/// Sets the endpoint in place of an earlier one; a secret that is made here is in the answer, and never again in any.
pub(super) async fn set(
    _: Caller,
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let table = table(&request)?;
    let mut args = Args::read(&request, payload, &app.config).await?;
    let mut mistakes = Mistakes::new();
    let url = url(&mut args, &app, &mut mistakes);
    let given = secrets(args.take("secret"), &mut mistakes);
    let (Some(url), true) = (url, mistakes.is_empty()) else { return Err(ApiError::Arguments(mistakes)) };
    let made = given.is_none().then(|| SigningSecret::of(rand::random()));
    let endpoint = Endpoint { url, secrets: given.or(made.clone().map(|made| vec![made])).unwrap_or_default() };
    store(&app)?.set_endpoint(&table, &endpoint).await?;
    let mut answer = shown(&table, &endpoint);
    if let Some(made) = made {
        answer["secret"] = made.expose().into();
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// Shows the endpoint, without what is secret.
pub(super) async fn show(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let table = table(&request)?;
    let endpoint = store(&app)?.endpoint(&table).await?.ok_or_else(|| none(&table))?;
    Ok(HttpResponse::Ok().json(shown(&table, &endpoint)))
}

/// Removes the endpoint; deliveries to it that are under way end.
pub(super) async fn remove(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let table = table(&request)?;
    let removed = store(&app)?.remove_endpoint(&table).await?;
    if removed { Ok(HttpResponse::NoContent().finish()) } else { Err(none(&table)) }
}

fn none(table: &TableName) -> ApiError {
    ApiError::NoTable(format!("{table} has no webhook"))
}

fn shown(table: &TableName, endpoint: &Endpoint) -> Value {
    json!({"table": table, "url": endpoint.url.shown(), "secrets": endpoint.secrets.len()})
}

fn url(args: &mut Args, app: &App, mistakes: &mut Mistakes) -> Option<EndpointUrl> {
    let url: Option<EndpointUrl> = args.text("url", mistakes);
    let Some(url) = url else {
        mistakes.entry("url").or_insert_with(|| "missing: expected https://host/path".to_owned());
        return None;
    };
    if let Err(refused) = app.endpoints.accepts(&url) {
        mistakes.insert("url", refused.to_string());
    }
    Some(url)
}

/// The secrets given: a text, or a list of texts with the newest first; `None` where there are none.
fn secrets(given: Option<Value>, mistakes: &mut Mistakes) -> Option<Vec<SigningSecret>> {
    let texts = match given? {
        Value::String(text) => vec![Value::String(text)],
        Value::Array(texts) if texts.len() <= MAX_SECRETS => texts,
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let parsed: Option<Vec<SigningSecret>> = texts.iter().map(|text| text.as_str()?.parse().ok()).collect();
    let parsed = parsed.filter(|secrets| !secrets.is_empty());
    if parsed.is_none() {
        let expected =
            "expected whsec_ followed by 24 to 64 bytes in Base64, or a list of 1 to 3 of these, the newest first";
        mistakes.insert("secret", expected.to_owned());
    }
    parsed
}
