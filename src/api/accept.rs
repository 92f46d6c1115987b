//! Which representation of the rows a client gets: its header `Accept` against the table of those that are served.

use super::error::ApiError;
use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, Accept, Header, Quality, q};

/// A representation of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `{"found", …, "items": […]}`.
    Json,
}

/// The representations with their media types; among those that a client likes alike, the first is taken.
static FORMATS: &[(&str, Format)] = &[("application/json", Format::Json)];

/// The representation that the client likes best. Without a header `Accept`, or with one that does not read, the first.
///
/// # Errors
/// 406 where it accepts none of those served.
pub(super) fn choose(request: &HttpRequest) -> Result<Format, ApiError> {
    let accept = match Accept::parse(request) {
        Ok(accept) if request.headers().contains_key(ACCEPT) && !accept.is_empty() => accept,
        _ => return Ok(Format::Json),
    };
    let liked = FORMATS.iter().map(|(media, format)| (quality(&accept, media), format));
    let best = liked.filter(|(quality, _)| *quality > q(0.0)).rev().max_by_key(|(quality, _)| *quality);
    best.map(|(_, format)| *format)
        .ok_or_else(|| ApiError::NotAcceptable { available: FORMATS.iter().map(|(media, _)| *media).collect() })
}

/// How much the client likes a media type: the quality of the most specific range that holds it.
fn quality(accept: &Accept, media: &str) -> Quality {
    let (kind, subtype) = media.split_once('/').unwrap_or((media, ""));
    let held = accept.iter().filter_map(|range| {
        let specificity = match (range.item.type_().as_str(), range.item.subtype().as_str()) {
            (k, s) if k == kind && s == subtype => 3,
            (k, "*") if k == kind => 2,
            ("*", "*") => 1,
            _ => return None,
        };
        Some((specificity, range.quality))
    });
    held.max_by_key(|(specificity, _)| *specificity).map_or(q(0.0), |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn chosen(accept: &str) -> bool {
        choose(&TestRequest::default().insert_header(("Accept", accept)).to_http_request()).is_ok()
    }

    #[test]
    fn json_is_given_to_whoever_does_not_refuse_it() {
        assert!(choose(&TestRequest::default().to_http_request()).is_ok());
        for accept in [
            "*/*",
            "application/*",
            "application/json",
            "text/html, application/json;q=0.1",
            "",
            "Application/JSON; charset=utf-8",
        ] {
            assert!(chosen(accept), "{accept}");
        }
    }

    #[test]
    fn a_type_that_is_not_served_is_refused() {
        for accept in ["image/png", "text/*", "application/json;q=0, */*", "text/html, image/*;q=0.5"] {
            assert!(!chosen(accept), "{accept}");
        }
    }
}
