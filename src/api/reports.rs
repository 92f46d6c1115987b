//! `POST|PATCH /reports/general` and `/reports/pivot`: a report is requested.

use super::args::Args;
use super::caller::Caller;
use super::error::{ApiError, Mistakes};
use super::track::RequestId;
use crate::app::App;
use crate::domain::{Component, OwnerId, ReportId, ReportType};
use crate::request::{self, Request};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use chrono::Utc;
use serde_json::{Map, Value};

const MAX_NAME_CHARS: usize = 200;

/// Requests a general report.
pub(super) async fn general(
    _: Caller,
    http: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    launch(ReportType::General, &http, payload, &app).await
}

/// Requests a pivot report.
pub(super) async fn pivot(
    _: Caller,
    http: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    launch(ReportType::Pivot, &http, payload, &app).await
}

async fn launch(
    kind: ReportType,
    http: &HttpRequest,
    payload: web::Payload,
    app: &App,
) -> Result<HttpResponse, ApiError> {
    let mut args = Args::read(http, payload, &app.config).await?;
    let mut mistakes = Mistakes::new();
    let report: Option<ReportId> = args.text("report_id", &mut mistakes);
    let launched = match read(kind, report, &mut args, mistakes) {
        Ok(wanted) => run(app, wanted).await,
        Err(mistakes) => Err(ApiError::Arguments(mistakes)),
    };
    if let (Err(error), Some(report)) = (&launched, report)
        && error.status_code().is_client_error()
    {
        refuse(app, report, error, &RequestId::of(http)).await;
    }
    launched
}

/// The request that the arguments make, or everything that is wrong with them.
fn read(
    kind: ReportType,
    report: Option<ReportId>,
    args: &mut Args,
    mut mistakes: Mistakes,
) -> Result<Request, Mistakes> {
    let owner: Option<OwnerId> = args.text("owner_user", &mut mistakes);
    // A pivot report's component follows from its filters, whatever the front API sends along.
    let component = match kind {
        ReportType::General => args.text::<Component>("component", &mut mistakes),
        ReportType::Pivot => None,
    };
    let filters = args.take("filters").filter(|filters| filters.as_str() != Some(""));
    let name = args.text::<String>("name", &mut mistakes).unwrap_or_default();
    if name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        mistakes.insert("name", format!("expected at most {MAX_NAME_CHARS} characters on one line"));
    }
    let mut missing = |name, is_there: bool, expected: &str| {
        if !is_there {
            mistakes.entry(name).or_insert_with(|| format!("missing: expected {expected}"));
        }
    };
    missing("report_id", report.is_some(), "the report's id, 24 hex digits");
    missing("owner_user", owner.is_some(), "the id of a user or team, 24 hex digits");
    missing("component", component.is_some() || kind == ReportType::Pivot, "a component such as Servers");
    missing("filters", filters.is_some(), "filters as JSON, or as a text of JSON");
    match (report, owner, filters) {
        (Some(report), Some(owner), Some(filters)) if mistakes.is_empty() => {
            Ok(Request { report, owner, kind, component, filters, name, task_id: None })
        }
        _ => Err(mistakes),
    }
}

async fn run(app: &App, wanted: Request) -> Result<HttpResponse, ApiError> {
    let (kind, report, filters) = (wanted.kind, wanted.report, wanted.filters.clone());
    let requested = request::launch(app, wanted, Utc::now()).await?;
    let answer = Map::from_iter([
        ("filter".to_owned(), filters),
        (format!("{kind}-id"), Value::from(requested.task_id)),
        ("_id".to_owned(), Value::from(report.to_string())),
        ("component".to_owned(), Value::from(requested.component.to_string())),
    ]);
    Ok(HttpResponse::Ok().json(answer))
}

/// Ends the platform's record of a report that is refused; the caller gets the refusal whether this works or not.
async fn refuse(app: &App, report: ReportId, error: &ApiError, id: &RequestId) {
    let text = if let ApiError::Arguments(mistakes) = error {
        mistakes.iter().map(|(name, what)| format!("{name}: {what}")).collect::<Vec<_>>().join("; ")
    } else {
        error.to_string()
    };
    if let Err(error) = request::refuse(app, report, &text).await {
        log::warn!(request_id = id.as_str(); "report {report}: the platform was not told of the refusal: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mistakes(kind: ReportType, args: Value) -> Vec<&'static str> {
        let mut args = Args::from(args.as_object().cloned().unwrap());
        let mut mistakes = Mistakes::new();
        let report = args.text("report_id", &mut mistakes);
        read(kind, report, &mut args, mistakes).err().unwrap_or_default().into_keys().collect()
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        assert_eq!(mistakes(ReportType::General, json!({})), ["component", "filters", "owner_user", "report_id"]);
        assert_eq!(mistakes(ReportType::Pivot, json!({})), ["filters", "owner_user", "report_id"]);
        let wrong = json!({"report_id": 5, "owner_user": "me", "component": "../x", "filters": [], "name": "a\nb"});
        assert_eq!(mistakes(ReportType::General, wrong), ["component", "name", "owner_user", "report_id"]);
    }

    #[test]
    fn a_pivot_report_needs_no_component() {
        let id = "5c0000000000000000000001";
        let sent = json!({"report_id": id, "owner_user": id, "component": "{}", "filters": "{}"});
        assert!(mistakes(ReportType::Pivot, sent).is_empty());
    }
}
