//! The table of addresses.

use super::error::ApiError;
use super::limit::Limits;
use super::{aggregation, artifact, batch, charts, monitor, reports, rows, schedules, service, track, webhook};
use crate::app::App;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head, Patch, Post};
use actix_web::middleware::{Compress, NormalizePath, from_fn};
use actix_web::{Resource, Route, web};

/// The application with all its addresses, with and without a trailing slash.
pub(super) fn app(
    state: web::Data<App>,
    limits: web::Data<Limits>,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let shows_metrics = state.config.metrics_bind.is_none();
    actix_web::App::new()
        .app_data(state)
        .app_data(limits)
        .configure(configure)
        .configure(move |config| {
            if shows_metrics {
                config.service(resource("/metrics", "GET, HEAD", [read().to(monitor::metrics)]));
            }
        })
        .default_service(web::to(unknown))
        .wrap(Compress::default())
        .wrap(NormalizePath::trim())
        .wrap(from_fn(track::track))
}

fn configure(config: &mut web::ServiceConfig) {
    let run = || web::route().guard(Any(Post()).or(Patch()));
    config
        .service(resource("/", "GET, HEAD", [read().to(service::about)]))
        .configure(probes)
        .configure(timetable)
        .service(resource("/reports", "POST", [web::post().to(batch::receive)]))
        .service(resource("/reports/general", "POST, PATCH", [run().to(reports::general)]))
        .service(resource("/reports/pivot", "POST, PATCH", [run().to(reports::pivot)]))
        .service(resource(
            "/reports/{table}",
            "GET, HEAD, DELETE",
            [read().to(artifact::read), web::delete().to(rows::remove)],
        ))
        .service(resource("/reports/{table}/artifacts/{format}", "GET, HEAD", [read().to(artifact::read)]))
        .service(resource("/reports/{table}/charts/{key}.svg", "GET, HEAD", [read().to(charts::read)]))
        .service(resource(
            "/reports/{table}/webhook",
            "PUT, GET, DELETE",
            [web::put().to(webhook::set), web::get().to(webhook::show), web::delete().to(webhook::remove)],
        ))
        .service(resource("/aggregation/{table}", "GET", [web::get().to(aggregation::read)]));
}

/// Whether the process is there and can work.
pub(super) fn probes(config: &mut web::ServiceConfig) {
    config.service(resource("/healthz", "GET, HEAD", [read().to(service::healthz)])).service(resource(
        "/readyz",
        "GET, HEAD",
        [read().to(service::readyz)],
    ));
}

fn timetable(config: &mut web::ServiceConfig) {
    config
        .service(resource(
            "/schedules",
            "GET, HEAD, POST",
            [read().to(schedules::list), web::post().to(schedules::create)],
        ))
        .service(resource(
            "/schedules/{name}",
            "GET, HEAD, PATCH, DELETE",
            [read().to(schedules::show), web::patch().to(schedules::change), web::delete().to(schedules::remove)],
        ))
        .service(resource("/schedules/{name}/run", "POST", [web::post().to(schedules::run)]));
}

pub(super) fn read() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

/// An address and its routes; any other method is refused naming those in `allow`.
pub(super) fn resource<const N: usize>(path: &str, allow: &'static str, routes: [Route; N]) -> Resource {
    let refuse = move || std::future::ready(Err::<String, _>(ApiError::Method { allow }));
    routes.into_iter().fold(web::resource(path), Resource::route).default_service(web::to(refuse))
}

pub(super) async fn unknown() -> Result<String, ApiError> {
    Err(ApiError::Resource)
}
