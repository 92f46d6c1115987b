//! What needs no token: who answers, and whether it can work.

use super::track::RequestId;
use crate::app::App;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::time::Duration;

/// How long the store and the broker may take to answer.
const PING_TIME: Duration = Duration::from_secs(2);
const OK: &str = "ok";

/// Who answers.
pub(super) async fn about() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "description": env!("CARGO_PKG_DESCRIPTION"),
        "version": env!("CARGO_PKG_VERSION"),
        "license": env!("CARGO_PKG_LICENSE"),
        "provider": "Maestro Server",
    }))
}

/// The process answers.
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": OK}))
}

/// Whether the store and the broker answer; 503 says which does not, the log says why.
pub(super) async fn readyz(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let store = async {
        match &app.store {
            Some(store) => state("store", store.ping(), &request).await,
            None => "none",
        }
    };
    let (store, broker) = futures_util::future::join(store, state("broker", app.broker.ping(), &request)).await;
    let parts = [("store", store), ("broker", broker)];
    let failing: Vec<&str> = parts.iter().filter(|(_, state)| is_bad(state)).map(|(part, _)| *part).collect();
    let mut body: Map<String, Value> =
        parts.iter().map(|(part, state)| ((*part).to_owned(), Value::from(*state))).collect();
    if failing.is_empty() {
        return HttpResponse::Ok().json(body);
    }
    body.insert("error".to_owned(), json!({"msg": format!("not ready: {}", failing.join(" and "))}));
    HttpResponse::ServiceUnavailable().json(body)
}

fn is_bad(state: &str) -> bool {
    state != OK && state != "none"
}

async fn state<E: Display>(
    part: &str,
    ping: impl Future<Output = Result<(), E>>,
    request: &HttpRequest,
) -> &'static str {
    let (state, detail) = match tokio::time::timeout(PING_TIME, ping).await {
        Ok(Ok(())) => return OK,
        Ok(Err(error)) => ("cannot be reached", error.to_string()),
        Err(_) => ("does not answer", format!("no answer within {PING_TIME:?}")),
    };
    log::warn!(request_id = RequestId::of(request).as_str(); "not ready: {part}: {detail}");
    state
}
