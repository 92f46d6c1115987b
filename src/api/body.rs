//! Rows as a JSON body, written while they come from the store: memory does not grow with them.

use crate::domain::JsonRow;
use crate::store::{RowStream, StoreError};
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt, stream};

/// Bytes of one piece of the body; a piece ends with the row that reaches it.
const PIECE_BYTES: usize = 1 << 16;

/// `<head><rows separated by commas><tail>`, in pieces.
///
/// The first piece is made before this comes back, so that a query that fails at once is an error and not a broken body.
/// A failure later on ends the stream with an error, which breaks the connection.
///
/// # Errors
/// Where the store gives no first row.
pub(super) async fn json(
    head: String,
    tail: &'static str,
    rows: RowStream,
) -> Result<impl Stream<Item = Result<Bytes, StoreError>>, StoreError> {
    let body = Body { rows, piece: head.into_bytes(), tail, begun: false, ended: false };
    let Some((first, body)) = next(body).await? else { return Ok(stream::empty().left_stream()) };
    Ok(stream::once(std::future::ready(Ok(first))).chain(stream::try_unfold(body, next)).right_stream())
}

struct Body {
    rows: RowStream,
    piece: Vec<u8>,
    tail: &'static str,
    begun: bool,
    ended: bool,
}

async fn next(mut body: Body) -> Result<Option<(Bytes, Body)>, StoreError> {
    if body.ended {
        return Ok(None);
    }
    while body.piece.len() < PIECE_BYTES {
        let Some(row) = body.rows.next().await.transpose()? else {
            body.piece.extend_from_slice(body.tail.as_bytes());
            body.ended = true;
            break;
        };
        if body.begun {
            body.piece.push(b',');
        }
        body.begun = true;
        serde_json::to_writer(&mut body.piece, &JsonRow(&row))
            .map_err(|error| StoreError::Corrupt { what: format!("a row cannot be written as JSON: {error}") })?;
    }
    let piece = std::mem::replace(&mut body.piece, Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4));
    Ok(Some((piece.into(), body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, HttpResponse, HttpServer, web};
    use bson::rawdoc;
    use std::io::{Read, Write};

    fn rows(count: usize) -> impl Iterator<Item = Result<crate::domain::Row, StoreError>> {
        (0..count).map(|n| Ok(rawdoc! {"n": n as i64, "text": "x".repeat(100)}.into()))
    }

    #[actix_web::test]
    async fn rows_come_in_pieces_of_bounded_size() {
        let body = json("[".to_owned(), "]", stream::iter(rows(3000)).boxed()).await.unwrap();
        let pieces: Vec<Bytes> = body.map(Result::unwrap).collect().await;
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() < 2 * PIECE_BYTES));
        let items: Vec<serde_json::Value> = serde_json::from_slice(&pieces.concat()).unwrap();
        assert_eq!((items.len(), items[2999]["n"].as_i64()), (3000, Some(2999)));
    }

    #[actix_web::test]
    async fn a_query_that_fails_at_once_has_no_body() {
        let failed = stream::iter([Err(StoreError::TimedOut { seconds: 1 })]).boxed();
        assert!(json("[".to_owned(), "]", failed).await.is_err());
    }

    #[actix_web::test]
    async fn a_failure_on_the_way_breaks_the_connection() {
        let failing = || async {
            let rows = rows(3000).chain([Err(StoreError::TimedOut { seconds: 1 })]);
            let body = json("[".to_owned(), "]", stream::iter(rows.collect::<Vec<_>>()).boxed()).await.unwrap();
            HttpResponse::Ok().streaming(body)
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
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"n\":2000"), "{}", &answer[..200]);
        assert!(!answer.ends_with("0\r\n\r\n"), "the body looks whole");
        handle.stop(false).await;
    }
}
