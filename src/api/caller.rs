//! Who may call: a handler that takes a [`Caller`] is closed to everybody without a good token.

use super::error::ApiError;
use crate::app::App;
use crate::auth;
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
    let refuse = |what: &str| ApiError::Unauthorized(what.to_owned());
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let mut words = header.unwrap_or_default().split_ascii_whitespace();
    let (Some(_scheme), Some(token), None) = (words.next(), words.next(), words.next()) else {
        return Err(refuse("expected the header Authorization: JWT <token>"));
    };
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| refuse("tokens cannot be checked"))?;
    auth::verify(&app.config.auth, token).map_err(|error| ApiError::Unauthorized(error.to_string()))?;
    Ok(Caller)
}
