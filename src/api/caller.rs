//! Who may call, and how often: a handler that takes a [`Caller`] is closed to everybody without a good token, and to
//! whoever asks too much.

use super::address::Network;
use super::error::ApiError;
use super::limit::Limits;
use crate::app::App;
use crate::auth::{self, Claims};
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Ready, ready};

/// A caller with a good token: `Authorization: <any word> <token>` (contract §1).
#[derive(Debug)]
pub(super) struct Caller;

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check(request))
    }
}

fn check(request: &HttpRequest) -> Result<Caller, ApiError> {
    let (app, limits) = (request.app_data::<web::Data<App>>(), request.app_data::<web::Data<Limits>>());
    let (Some(app), Some(limits)) = (app, limits) else {
        return Err(ApiError::Unauthorized("tokens cannot be checked".to_owned()));
    };
    let from = Network::of(request, &app.config.clients.proxies);
    limits.admit(from)?;
    match claims(request, app) {
        Ok(claims) => limits.accepted(from, &claims).map(|()| Caller),
        Err(refusal) => Err(limits.refused(from).err().unwrap_or(refusal)),
    }
}

/// What a good token says.
fn claims(request: &HttpRequest, app: &App) -> Result<Claims, ApiError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let mut words = header.unwrap_or_default().split_ascii_whitespace();
    let (Some(_scheme), Some(token), None) = (words.next(), words.next(), words.next()) else {
        return Err(ApiError::Unauthorized("expected the header Authorization: JWT <token>".to_owned()));
    };
    auth::verify(&app.config.auth, token).map_err(|error| ApiError::Unauthorized(error.to_string()))
}
