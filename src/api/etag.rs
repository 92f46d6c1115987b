//! Validators of answers: what changes with the rows, so that a client need not fetch again what it has.

use super::params::Params;
use crate::artifact::Format;
use crate::domain::Report;
use actix_web::http::header::{ETAG, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

/// The tag of an artifact: another one whenever rows, what describes them, the request or this program differ. Weak, as
/// the bytes on the wire may be compressed or not.
pub(super) fn of(report: &Report, format: &Format, params: &Params) -> EntityTag {
    let state = (
        (env!("CARGO_PKG_VERSION"), report.table, report.generation, report.revision),
        (report.requested_at, report.ended_at, &report.name, &report.component, &report.filters, report.owner),
        (format.name, params.pairs()),
    );
    // A tuple of texts and numbers always serializes.
    of_bytes(&serde_json::to_vec(&state).unwrap_or_default())
}

/// The tag of an answer with these bytes; weak, as above.
pub(super) fn of_bytes(bytes: &[u8]) -> EntityTag {
    EntityTag::new_weak(Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// The answer to a client that has already what the tag stands for.
pub(super) fn unchanged(request: &HttpRequest, tag: &EntityTag) -> Option<HttpResponse> {
    is_known(request, tag).then(|| HttpResponse::NotModified().insert_header((ETAG, tag.clone())).finish())
}

/// Whether the client says that it has what the tag stands for (RFC 9110 §13.1.2).
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}
