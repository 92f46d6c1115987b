//! Why the inventory did not answer, and how that is told.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use std::path::PathBuf;

/// Why a request was not answered. The platform's clients see `{"error": {"msg": "…"}}`.
#[derive(Debug, thiserror::Error)]
pub(super) enum InventoryError {
    /// The token is missing or not good.
    #[error("{0}")]
    Unauthorized(String),
    /// A required part of the request is missing or of the wrong kind.
    #[error("{0}")]
    BadRequest(String),
    /// Nothing of that name is served.
    #[error("{0}")]
    NotFound(String),
    /// The aggregation does not say whose documents it may read.
    #[error("{0}")]
    NoOwner(String),
    /// The query or pipeline is not understood; the platform answers 500 to this.
    #[error("{0}")]
    NotUnderstood(String),
    /// A file of the folder cannot be read as documents.
    #[error("{}: line {line}: {what}", file.display())]
    BrokenFile {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        what: String,
    },
    /// The folder or the private database cannot be read or written.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The private database failed.
    #[error("the inventory's private database failed")]
    Database(#[from] rusqlite::Error),
    /// The private database holds something unreadable.
    #[error("the inventory's private database holds a broken document")]
    Document(#[from] bson::error::Error),
}

impl InventoryError {
    /// Wraps an I/O error with what was tried.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }

    /// The message with its causes.
    pub(super) fn full(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |error| error.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}

impl ResponseError for InventoryError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NoOwner(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotUnderstood(_)
            | Self::BrokenFile { .. }
            | Self::Io { .. }
            | Self::Database(_)
            | Self::Document(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(json!({"error": {"msg": self.full()}}))
    }
}
