//! A Data API that answers as a scenario says, down to the bytes, and keeps the platform's records of reports.

use crate::support::fleet::OWNER;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A question for rows.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// How many were asked since the answer was set; the first is 1.
    pub(crate) number: u64,
    /// The page asked for, from 1.
    pub(crate) page: u64,
    /// Rows in a page.
    pub(crate) limit: u64,
}

type Answer = dyn Fn(&Ask, &mut Wire) -> io::Result<()> + Send + Sync;

/// A running Data API; it ends with the test binary.
#[derive(Clone)]
pub(crate) struct DataApi {
    address: String,
    state: Arc<State>,
}

struct State {
    answer: Mutex<(u64, Arc<Answer>)>,
    /// Every record that was told of a report, in order.
    told: Mutex<Vec<Value>>,
}

impl DataApi {
    /// Starts one that finds nothing.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { answer: Mutex::new((0, Arc::new(whole(0..0)))), told: Mutex::default() });
        let served = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let state = Arc::clone(&served);
                // A caller that goes away in the middle is what scenarios are about.
                std::thread::spawn(move || drop(connection.and_then(|connection| state.serve(connection))));
            }
        });
        Self { address, state }
    }

    /// `http://HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Answers questions for rows like this from now on.
    pub(crate) fn answer(&self, answer: impl Fn(&Ask, &mut Wire) -> io::Result<()> + Send + Sync + 'static) {
        *self.state.answer.lock().unwrap() = (0, Arc::new(answer));
    }

    /// Questions for rows since the answer was set.
    pub(crate) fn asked(&self) -> u64 {
        self.state.answer.lock().unwrap().0
    }

    /// The records that the platform was given of a report, in order.
    pub(crate) fn told(&self, report: &str) -> Vec<Value> {
        self.state.told.lock().unwrap().iter().filter(|record| record["_id"] == report).cloned().collect()
    }
}

impl State {
    fn serve(&self, connection: TcpStream) -> io::Result<()> {
        let (method, body) = read_request(&connection)?;
        let mut wire = Wire(connection);
        if method == "PUT" {
            self.told.lock().unwrap().extend(body["body"].as_array().cloned().unwrap_or_default());
            return wire.whole(200, "application/json", "{}");
        }
        let (number, answer) = {
            let (number, answer) = &mut *self.answer.lock().unwrap();
            *number += 1;
            (*number, Arc::clone(answer))
        };
        let number_of = |name: &str, usual| body[name].as_u64().unwrap_or(usual);
        answer(&Ask { number, page: number_of("page", 1), limit: number_of("limit", u64::MAX) }, &mut wire)
    }
}

/// The method and the JSON of a request.
fn read_request(connection: &TcpStream) -> io::Result<(String, Value)> {
    let mut reader = BufReader::new(connection);
    let (mut method, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        } else if method.is_empty() {
            method = line.split(' ').next().unwrap_or_default().to_uppercase();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((method, serde_json::from_slice(&body).unwrap_or_default()))
}

/// The connection that an answer goes out on.
pub(crate) struct Wire(TcpStream);

impl Wire {
    /// Sends an answer whole.
    pub(crate) fn whole(&mut self, status: u16, media_type: &str, body: &str) -> io::Result<()> {
        self.head(status, media_type, body.len())?;
        self.send(body)
    }

    /// Sends the head of an answer that says how long it is.
    pub(crate) fn head(&mut self, status: u16, media_type: &str, length: usize) -> io::Result<()> {
        self.send(&format!(
            "HTTP/1.1 {status} x\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        ))
    }

    /// Sends the head of an answer in chunks.
    pub(crate) fn chunked(&mut self) -> io::Result<()> {
        self.send(
            "HTTP/1.1 200 x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        )
    }

    /// Sends one chunk; an empty one ends the answer.
    pub(crate) fn chunk(&mut self, text: &str) -> io::Result<()> {
        self.send(&format!("{:x}\r\n{text}\r\n", text.len()))
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, text: &str) -> io::Result<()> {
        self.0.write_all(text.as_bytes())
    }

    /// Waits until the caller has gone; fails where it stays longer than a scenario may take.
    pub(crate) fn outlast(&mut self) -> io::Result<()> {
        self.0.set_read_timeout(Some(Duration::from_secs(60)))?;
        io::copy(&mut self.0, &mut io::sink()).map(drop)
    }
}

/// The id of a row of this number.
pub(crate) fn id(number: u64) -> String {
    format!("{number:024x}")
}

/// A row of this number.
pub(crate) fn row(number: u64) -> Value {
    json!({
        "_id": id(number), "hostname": format!("server-{number}"), "cpu": number % 64, "os": {"base": "Linux"},
        "roles": [{"_id": OWNER}], "updated_at": "2018-11-28T02:00:00.123000",
    })
}

/// An answer that announces `found` rows and holds these.
pub(crate) fn body(found: u64, rows: &[Value]) -> String {
    json!({"found": found, "total_pages": 1, "page": 1, "limit": 99_999, "items": rows}).to_string()
}

/// Answers well: the rows of these numbers, page by page.
pub(crate) fn whole(numbers: Range<u64>) -> impl Fn(&Ask, &mut Wire) -> io::Result<()> + Send + Sync {
    rows(numbers.map(row).collect())
}

/// Answers well: these rows, page by page.
pub(crate) fn rows(rows: Vec<Value>) -> impl Fn(&Ask, &mut Wire) -> io::Result<()> + Send + Sync {
    move |ask, wire| {
        let limit = usize::try_from(ask.limit).unwrap();
        let page = rows.chunks(limit).nth(usize::try_from(ask.page - 1).unwrap()).unwrap_or_default();
        wire.whole(200, "application/json", &body(rows.len() as u64, page))
    }
}

/// A place where an answer waits until it may go on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<Waiting>, Condvar)>);

#[derive(Debug, Default)]
struct Waiting {
    reached: u64,
    open: bool,
}

impl Gate {
    /// Waits here; the answer's side.
    pub(crate) fn pass(&self) {
        let (waiting, changed) = &*self.0;
        let mut waiting = waiting.lock().unwrap();
        waiting.reached += 1;
        changed.notify_all();
        drop(changed.wait_while(waiting, |waiting| !waiting.open).unwrap());
    }

    /// Back when an answer waits here, or has waited.
    ///
    /// # Panics
    /// Where none comes.
    pub(crate) fn reached(&self) {
        let (waiting, changed) = &*self.0;
        let patience = Duration::from_secs(90);
        let (waiting, _) = changed.wait_timeout_while(waiting.lock().unwrap(), patience, |w| w.reached == 0).unwrap();
        assert!(waiting.reached > 0, "no answer has come so far");
    }

    /// Lets everybody pass.
    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }
}

/// Answers well but waits at the gate after so many rows.
pub(crate) fn held(
    numbers: Range<u64>,
    after: u64,
    gate: Gate,
) -> impl Fn(&Ask, &mut Wire) -> io::Result<()> + Send + Sync {
    move |_, wire| {
        let text = body(numbers.end - numbers.start, &numbers.clone().map(row).collect::<Vec<_>>());
        let middle = text.find(&format!("{{\"_id\":\"{}\"", id(numbers.start + after))).unwrap();
        wire.head(200, "application/json", text.len())?;
        wire.send(&text[..middle + 20])?;
        gate.pass();
        wire.send(&text[middle + 20..])
    }
}
