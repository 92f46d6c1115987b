//! `GET` and `POST /schedules`; `GET`, `PATCH` and `DELETE /schedules/<name>`; `POST /schedules/<name>/run`.

use super::args::Args;
use super::caller::Caller;
use super::error::ApiError;
use super::rows::store;
use crate::app::App;
use crate::beat::{self, Listed, Origin};
use crate::schedule::{self, Mark, Outcome, Schedule, WrongField};
use crate::store::{Definition, Store};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

/// The one argument of `PATCH` that is no field: whether a schedule is paused.
const PAUSED: &str = "paused";
/// Attempts to change what others change meanwhile.
const ATTEMPTS: u32 = 10;

/// All schedules.
pub(super) async fn list(_: Caller, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let now = Utc::now();
    let listed = beat::list(&app.config, store(&app)?, &app.peers).await?;
    let items: Vec<Value> = listed.iter().map(|listed| shown(listed, now)).collect();
    Ok(HttpResponse::Ok().json(json!({"found": items.len(), "items": items})))
}

/// One schedule.
pub(super) async fn show(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(shown(&find(&app, &name(&request)).await?, Utc::now())))
}

/// Makes a schedule of the arguments, which are its fields.
pub(super) async fn create(
    _: Caller,
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let fields = Args::read(&request, payload, &app.config).await?.into_map();
    let made = schedule::read(&fields).map_err(wrong)?;
    let taken = || ApiError::Conflict(format!("there is a schedule of the name {:?}", made.name));
    if beat::own(&app.config, store(&app)?).await?.iter().any(|listed| listed.schedule.name == made.name) {
        return Err(taken());
    }
    if !store(&app)?.define(&Definition { name: made.name.clone(), fields: made.fields.clone() }).await? {
        return Err(taken());
    }
    log::info!("schedule {} made: {}", made.name, made.shown());
    Ok(HttpResponse::Created().json(shown(&find(&app, &made.name).await?, Utc::now())))
}

/// Changes the fields that are given; null removes one. `paused` pauses it, or lets it go on.
pub(super) async fn change(
    _: Caller,
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let listed = find(&app, &name(&request)).await?;
    let mut given = read_patch(&request, payload, &app).await?;
    let paused = match given.swap_remove(PAUSED) {
        None => None,
        Some(Value::Bool(paused)) => Some(paused),
        Some(_) => return Err(wrong(vec![field(PAUSED, "expected true or false")])),
    };
    if listed.origin == Origin::Platform {
        return Err(elsewhere(&listed));
    }
    let schedule = if given.is_empty() { listed.schedule } else { redefine(&app, listed, given).await? };
    if let Some(paused) = paused {
        pause(store(&app)?, &schedule, paused).await?;
    }
    Ok(HttpResponse::Ok().json(shown(&find(&app, &schedule.name).await?, Utc::now())))
}

/// Removes a schedule; a run that is under way goes on.
pub(super) async fn remove(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let name = name(&request);
    // One that a change of version made useless can be removed too.
    if store(&app)?.undefine(&name).await? {
        log::info!("schedule {name} removed");
        return Ok(HttpResponse::NoContent().finish());
    }
    find(&app, &name).await.and_then(|listed| Err(elsewhere(&listed)))
}

/// Makes a run now, whether the schedule is due, disabled or paused.
pub(super) async fn run(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let schedule = find(&app, &name(&request)).await?.schedule;
    let requested = beat::run_now(&app, store(&app)?, &schedule, Utc::now()).await?;
    let answer = json!({"name": schedule.name, "task_id": requested.task_id, "table": requested.table});
    Ok(HttpResponse::Accepted().json(answer))
}

fn name(request: &HttpRequest) -> String {
    let name = request.match_info().get("name").unwrap_or_default();
    percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned()
}

async fn find(app: &App, name: &str) -> Result<Listed, ApiError> {
    let named = |listed: &Listed| listed.schedule.name == name;
    let mut found = beat::own(&app.config, store(app)?).await?.into_iter().find(named);
    if found.is_none() && app.config.timetable.platform {
        found = beat::list(&app.config, store(app)?, &app.peers).await?.into_iter().find(named);
    }
    found.ok_or_else(|| ApiError::NoTable(format!("there is no schedule {name:?}")))
}

/// The arguments with their nulls, which remove fields.
async fn read_patch(request: &HttpRequest, payload: web::Payload, app: &App) -> Result<Map<String, Value>, ApiError> {
    let given = Args::read(request, payload, &app.config).await?.into_map();
    if given.is_empty() {
        let message = format!("expected fields to change, some of {}, or {PAUSED}", schedule::KEYS.join(", "));
        return Err(ApiError::NotUnderstood(message));
    }
    Ok(given)
}

/// Changes a schedule of the store, unless somebody else has changed it meanwhile.
async fn redefine(app: &App, listed: Listed, given: Map<String, Value>) -> Result<Schedule, ApiError> {
    if listed.origin != Origin::Request {
        return Err(elsewhere(&listed));
    }
    let before = Definition { name: listed.schedule.name.clone(), fields: listed.schedule.fields };
    let mut fields = before.fields.clone();
    fields.extend(given);
    let changed = schedule::read(&fields).map_err(wrong)?;
    if changed.name != before.name {
        return Err(wrong(vec![field("name", "expected its own name: a schedule is not renamed")]));
    }
    let after = Definition { name: changed.name.clone(), fields: changed.fields.clone() };
    if !store(app)?.redefine(&before, &after).await? {
        return Err(ApiError::Conflict("somebody else has changed the schedule; look at it and try again".to_owned()));
    }
    log::info!("schedule {} changed: {}", changed.name, changed.shown());
    Ok(changed)
}

async fn pause(store: &dyn Store, schedule: &Schedule, paused: bool) -> Result<(), ApiError> {
    for _ in 0..ATTEMPTS {
        let mut mark = match store.mark(&schedule.name).await? {
            Some(mark) => mark,
            None => Mark::at(schedule, None, schedule.latest_due(Utc::now()).unwrap_or_else(Utc::now), 0),
        };
        if paused == mark.paused.is_some() {
            return Ok(());
        }
        if paused {
            mark.paused = Some("paused by a request".to_owned())
        } else {
            mark.resume()
        }
        if store.put_mark(&mark).await? {
            log::info!("schedule {} {}", schedule.name, if paused { "paused" } else { "goes on" });
            return Ok(());
        }
    }
    Err(ApiError::Conflict("the schedule changes all the time; try again".to_owned()))
}

/// A schedule that is not changed by requests.
fn elsewhere(listed: &Listed) -> ApiError {
    let place = if listed.origin == Origin::Platform { "the platform" } else { "a file" };
    ApiError::Conflict(format!("the schedule {:?} is of {place}, and is changed there", listed.schedule.name))
}

fn field(field: &str, expected: &str) -> WrongField {
    WrongField { field: field.to_owned(), expected: expected.to_owned() }
}

fn wrong(fields: Vec<WrongField>) -> ApiError {
    ApiError::Fields(fields.into_iter().map(|wrong| (wrong.field, wrong.expected)).collect())
}

/// The fields as they were given, and beside them how far the schedule has come; times are in its zone.
fn shown(listed: &Listed, now: DateTime<Utc>) -> Value {
    let Listed { schedule, origin, mark } = listed;
    let zone = schedule.zone;
    let paused = mark.as_ref().and_then(|mark| mark.paused.clone());
    let next = schedule.next_run(now).filter(|_| paused.is_none());
    let last_run = mark.as_ref().and_then(|mark| mark.run.as_ref()).map(|run| {
        json!({
            "task_id": run.task_id,
            "table": run.table,
            "due": run.due.map(|at| time(at, zone)),
            "requested_at": time(run.requested_at, zone),
            "outcome": run.outcome.as_str(),
            "msg": run.message,
            "ended_at": run.ended_at.filter(|_| run.outcome != Outcome::Process).map(|at| time(at, zone)),
        })
    });
    let mut shown = schedule.fields.clone();
    if schedule.record.is_some() {
        shown.extend([
            ("name".to_owned(), schedule.name.clone().into()),
            ("title".to_owned(), schedule.title.clone().into()),
        ]);
    }
    shown.extend([
        ("origin".to_owned(), origin.as_str().into()),
        ("next_run".to_owned(), next.map(|at| time(at, zone)).into()),
        (PAUSED.to_owned(), paused.into()),
        ("failures".to_owned(), mark.as_ref().map_or(0, |mark| mark.failures).into()),
        ("total_run_count".to_owned(), mark.as_ref().map_or(0, |mark| mark.runs).into()),
        ("last_run".to_owned(), last_run.into()),
    ]);
    Value::Object(shown)
}

fn time(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true)
}
