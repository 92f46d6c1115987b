//! The Data API's answer over a real connection: good ones damaged, cut anywhere and sent in pieces of any size, and
//! anything else.

use super::fuzz;
use super::inputs::{altered, damaged, json_text, rows};
use maestro_reports::domain::Row;
use maestro_reports::peers::{Peers, TakeRow};
use maestro_reports::{config, tls};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes of an answer in the pieces that they are sent in.
type Pieces = Vec<Vec<u8>>;

/// Counts rows; wants no more after some.
struct Count(usize);

impl TakeRow for Count {
    fn take(&mut self, row: Row) -> bool {
        self.0 += usize::from(row.to_document().is_ok());
        self.0 < 50
    }
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let whole =
        altered(rows()).prop_map(|rows| json!({"found": 2, "total_pages": 1, "page": 1, "limit": 200, "items": rows}));
    let whole = (whole, any::<bool>())
        .prop_map(|(answer, pretty)| if pretty { format!("{answer:#}") } else { answer.to_string() });
    let mixed = vec(prop_oneof![2 => Just(r#"{"_id":"a"}"#.to_owned()), 1 => json_text()], 0..6)
        .prop_map(|rows| format!(r#"{{"items":[{}],"found":1}}"#, rows.join(",")));
    let html = Just("<!doctype html><h1>502 Bad Gateway</h1>".to_owned());
    damaged(prop_oneof![4 => whole, 3 => mixed, 1 => json_text(), 1 => html].prop_map(String::into_bytes))
}

/// An answer with its head: of the right length, in chunks, of a wrong length, or no HTTP at all.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = select(vec![
        "200 OK",
        "200 OK",
        "200 OK",
        "200 OK",
        "404 Not Found",
        "500 Oops",
        "204 No Content",
        "302 Found",
        "99 x",
    ]);
    (status, body(), 0_u8..8, 1_usize..40).prop_map(|(status, body, framing, chunk)| {
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
        match framing {
            0..=3 => [head.as_bytes(), format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat(),
            4 => [head.as_bytes(), format!("Content-Length: {}\r\n\r\n", body.len() + 7).as_bytes(), &body].concat(),
            5 | 6 => {
                let mut answer = (head + "Transfer-Encoding: chunked\r\n\r\n").into_bytes();
                for piece in body.chunks(chunk) {
                    answer.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    answer.extend_from_slice(piece);
                    answer.extend_from_slice(b"\r\n");
                }
                answer.extend_from_slice(b"0\r\n\r\n");
                answer
            }
            _ => body,
        }
    })
}

fn pieces() -> impl Strategy<Value = Pieces> {
    (damaged(answer()), vec(1_usize..200, 1..4)).prop_map(|(mut answer, sizes)| {
        let mut pieces = Vec::new();
        for size in sizes {
            let rest = answer.split_off(size.min(answer.len()));
            pieces.push(std::mem::replace(&mut answer, rest));
        }
        pieces.push(answer);
        pieces
    })
}

/// Answers each connection with the next pieces that it is given.
fn serve() -> (u16, mpsc::Sender<Pieces>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel::<Pieces>();
    std::thread::spawn(move || {
        while let Ok((mut connection, _)) = listener.accept() {
            let Ok(pieces) = receiver.recv() else { return };
            connection.set_nodelay(true).unwrap();
            let _ = connection.read(&mut [0; 8192]);
            for piece in pieces {
                if connection.write_all(&piece).is_err() {
                    break;
                }
            }
        }
    });
    (port, sender)
}

#[test]
fn answers_of_the_data_api() {
    let (port, answers) = serve();
    let uri = format!("http://127.0.0.1:{port}");
    let get = |name: &str| match name {
        "MAESTRO_DATA_URI" => Some(uri.clone()),
        "MAESTRO_PEER_SECONDS" => Some("5".to_owned()),
        _ => None,
    };
    let config = Arc::new(config::load(&get, None, &[]).unwrap());
    let peers = Peers::new(config, &tls::client(None).unwrap());
    let system = actix_rt::System::new();
    let component = "Servers".parse().unwrap();
    let wanted = ["understood", "not_understood", "broken_off", "refused", "unreachable"];
    fuzz(&pieces(), &wanted, |pieces| {
        answers.send(pieces).unwrap();
        let query = Map::new();
        let asked = async { tokio::time::timeout(PATIENCE, peers.find(&component, &query, 1, Count(0))).await };
        match system.block_on(asked) {
            Ok(Ok(_)) => Ok("understood"),
            Ok(Err(error)) if format!("{error:?}").contains("panic") => Err(TestCaseError::fail(format!("{error:?}"))),
            Ok(Err(error)) => Ok(error.kind()),
            Err(_) => Err(TestCaseError::fail("it hangs")),
        }
    });
}
