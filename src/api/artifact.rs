//! `GET`, `HEAD /reports/<table>` and `/reports/<table>/artifacts/<format>`: a table in one of the formats.

use super::caller::Caller;
use super::error::{ApiError, Mistakes, with_causes};
use super::page::Wanted;
use super::params::Params;
use super::rows::{no_table, store, table};
use super::track::RequestId;
use super::{accept, etag, options};
use crate::app::App;
use crate::artifact::{Format, Options, file_name};
use crate::domain::Report;
use crate::export::{Artifact, ExportError, LOOKS, Order};
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, Charset, ContentDisposition, DispositionParam, DispositionType, ETAG,
    ExtendedValue, LINK, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::{StreamExt, TryStreamExt, stream};

/// What a page of ours may do: show itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";

/// Answers with the rows that match, in the format asked for.
pub(super) async fn read(_: Caller, request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let params = Params::of(&request)?;
    let table = table(&request)?;
    let format = accept::choose(&request, &params)?;
    let mut mistakes = Mistakes::new();
    let wanted = Wanted::read(&params, format, &app.config.api, &mut mistakes);
    let options = options::read(&params, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(ApiError::Arguments(mistakes));
    }
    let asked = Asked { request: &request, params: &params, format, wanted, options };
    for _ in 0..LOOKS {
        let report = store(&app)?.report(&table).await?.ok_or_else(|| no_table(&table))?;
        let tag = etag::of(&report, format, &params);
        if let Some(answer) = etag::unchanged(&request, &tag) {
            return Ok(answer);
        }
        let mut response = HttpResponse::Ok();
        response.insert_header((ETAG, tag));
        if let Some(answer) = asked.answer(&app, report, response).await? {
            return Ok(answer);
        }
    }
    Err(ApiError::Conflict("the table is being replaced; try again".to_owned()))
}

struct Asked<'a> {
    request: &'a HttpRequest,
    params: &'a Params,
    format: &'static Format,
    wanted: Wanted,
    options: Options,
}

impl Asked<'_> {
    /// `None` where the record is no longer that of the readable rows.
    async fn answer(
        &self,
        app: &App,
        report: Report,
        mut response: HttpResponseBuilder,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let (table, is_head) = (report.table, self.request.method() == Method::HEAD);
        let name = file_name(&report, self.format);
        let mut order = self.order(app);
        if is_head {
            // Counted, not read.
            order.query.limit = Some(0);
        }
        let place = |found| self.wanted.place(found);
        let Some(artifact) = Artifact::open(store(app)?, report, order, place).await.map_err(api_error)? else {
            return Ok(None);
        };
        self.describe(&mut response, &artifact, &name);
        if is_head {
            return Ok(Some(response.streaming(stream::empty::<Result<web::Bytes, ExportError>>())));
        }
        let id = RequestId::of(self.request);
        let pieces = artifact.pieces().await.map_err(api_error)?.inspect_err(move |error| {
            log::error!(request_id = id.as_str(); "an artifact of {table} broke off: {}", with_causes(error));
        });
        Ok(Some(response.streaming(pieces.boxed())))
    }

    fn order(&self, app: &App) -> Order {
        Order {
            format: self.format,
            query: self.wanted.query.clone(),
            options: self.options.clone(),
            selection: self.wanted.words(self.params),
            bound: self.format.bound.map(|bound| app.config.artifacts.rows(bound)),
        }
    }

    /// The headers.
    fn describe(&self, response: &mut HttpResponseBuilder, artifact: &Artifact, name: &str) {
        response
            .content_type(self.format.content_type)
            .insert_header(("X-Total-Count", artifact.found))
            .insert_header(("X-Row-Count", artifact.rows))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((VARY, "Accept"));
        if self.format.is_compressed {
            response.insert_header((CONTENT_ENCODING, "identity"));
        }
        if self.format.name == "html" {
            response.insert_header((CONTENT_SECURITY_POLICY, POLICY));
        }
        if self.request.match_info().get("format").is_some() || self.format.name != "json" {
            response.insert_header(disposition(name));
        }
        let links = self.wanted.links(self.request, self.params, self.wanted.place(artifact.found));
        if let Some(links) = links {
            response.insert_header((LINK, links));
        }
    }
}

/// The file's name, in ASCII for old clients and as it is (RFC 6266).
fn disposition(name: &str) -> ContentDisposition {
    let ascii = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let mut parameters = vec![DispositionParam::Filename(ascii)];
    if !name.is_ascii() {
        let value = ExtendedValue { charset: Charset::Ext("UTF-8".to_owned()), language_tag: None, value: name.into() };
        parameters.push(DispositionParam::FilenameExt(value));
    }
    ContentDisposition { disposition: DispositionType::Attachment, parameters }
}

fn api_error(error: ExportError) -> ApiError {
    match error {
        ExportError::Column(column) => ApiError::argument("columns", column.to_string()),
        ExportError::Store(error) => error.into(),
        error @ (ExportError::Render(_) | ExportError::Interrupted) => ApiError::Artifact(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, HttpServer};
    use std::io::{Read, Write};

    #[test]
    fn a_name_is_given_to_every_client() {
        assert_eq!(disposition("a-2026-11-25.csv").to_string(), r#"attachment; filename="a-2026-11-25.csv""#);
        assert_eq!(disposition("ä.csv").to_string(), r#"attachment; filename="_.csv"; filename*=UTF-8''%C3%A4.csv"#);
    }

    #[actix_web::test]
    async fn a_failure_on_the_way_breaks_the_connection() {
        let failing = || async {
            let pieces = (0..8).map(|_| Ok(web::Bytes::from("begun ".repeat(10_000))));
            HttpResponse::Ok().streaming(stream::iter(pieces.chain([Err(ExportError::Interrupted)])))
        };
        let server = HttpServer::new(move || App::new().default_service(web::to(failing))).workers(1);
        let server = server.disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let answer = web::block(move || {
            let mut connection = std::net::TcpStream::connect(address).unwrap();
            connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            // Broken off: an error or an early end, as the system has it.
            let _ = connection.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        });
        let answer = answer.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("begun"), "{}", &answer[..200]);
        assert!(!answer.ends_with("0\r\n\r\n"), "the body looks whole");
        handle.stop(false).await;
    }
}
