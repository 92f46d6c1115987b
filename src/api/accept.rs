//! Which format a client gets: named in the address or in `format=`, else the header `Accept` against the table of formats.

use super::error::{ApiError, Mistakes};
use super::params::Params;
use crate::artifact::{self, FORMATS, Format};
use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, Accept, Header, Quality, q};

/// Browsers and Java's client ask for it first without meaning it, so it is given only to who does not take JSON.
const LAST: &str = "html";

/// The format that the client asks for. Without `format=`, and without a header `Accept` or with one that does not read,
/// the first of the table: JSON.
///
/// # Errors
/// 404 for an address of a format that there is not, 400 for `format=` such, 406 where the client accepts none.
pub(super) fn choose(request: &HttpRequest, params: &Params) -> Result<&'static Format, ApiError> {
    if let Some(name) = request.match_info().get("format") {
        return artifact::format(name)
            .ok_or_else(|| ApiError::NoTable(format!("no such format; there are {}", names())));
    }
    match params.get("format") {
        Some(name) => artifact::format(name)
            .ok_or_else(|| ApiError::Arguments(Mistakes::from([("format", format!("expected one of {}", names()))]))),
        None => accepted(request),
    }
}

fn names() -> String {
    FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ")
}

fn accepted(request: &HttpRequest) -> Result<&'static Format, ApiError> {
    let accept = match Accept::parse(request) {
        Ok(accept) if request.headers().contains_key(ACCEPT) && !accept.is_empty() => accept,
        _ => return Ok(&FORMATS[0]),
    };
    let liked = |format: &&Format| quality(&accept, format.media) > q(0.0);
    let meant = FORMATS.iter().filter(|format| format.name != LAST).filter(liked);
    let best = meant.rev().max_by_key(|format| quality(&accept, format.media));
    best.or_else(|| takes_anything(request).then_some(&FORMATS[0]))
        .or_else(|| FORMATS.iter().find(liked))
        .ok_or_else(|| ApiError::NotAcceptable { available: FORMATS.iter().map(|format| format.media).collect() })
}

/// Whether the header holds `*/*` with a quality that does not read: Java's client writes `q=.2`.
fn takes_anything(request: &HttpRequest) -> bool {
    request.headers().get_all(ACCEPT).any(|value| value.as_bytes().windows(8).any(|part| part == b"*/*; q=."))
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

    fn chosen(accept: &str) -> Option<&'static str> {
        let request = TestRequest::default().insert_header(("Accept", accept)).to_http_request();
        choose(&request, &Params::parse("")).ok().map(|format| format.name)
    }

    #[test]
    fn json_is_given_to_whoever_takes_anything() {
        assert_eq!(accepted(&TestRequest::default().to_http_request()).ok().map(|format| format.name), Some("json"));
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        let java = "text/html, image/gif, image/jpeg, */*; q=.2";
        for accept in ["*/*", "application/*", "application/json", "", "Application/JSON; charset=utf-8", browser, java]
        {
            assert_eq!(chosen(accept), Some("json"), "{accept}");
        }
    }

    #[test]
    fn every_media_type_is_answered_with_its_format() {
        for format in FORMATS {
            assert_eq!(chosen(format.media), Some(format.name));
            let expected = if format.name == LAST { "json" } else { format.name };
            assert_eq!(chosen(&format!("image/png, {}, application/json;q=0.5", format.media)), Some(expected));
        }
        assert_eq!(chosen("application/json;q=0.5, text/csv"), Some("csv"));
        assert_eq!(chosen("application/json;q=0, text/*"), Some("csv"));
    }

    #[test]
    fn a_type_that_is_not_served_is_refused() {
        for accept in ["image/png", "application/json;q=0, image/*", "x/y, image/*;q=0.5"] {
            assert_eq!(chosen(accept), None, "{accept}");
        }
    }

    #[test]
    fn a_format_that_is_named_is_stronger_than_what_is_accepted() {
        let request = TestRequest::default().insert_header(("Accept", "image/png")).to_http_request();
        assert_eq!(choose(&request, &Params::parse("format=csv")).ok().map(|format| format.name), Some("csv"));
        assert!(matches!(choose(&request, &Params::parse("format=gif")), Err(ApiError::Arguments(_))));
    }
}
