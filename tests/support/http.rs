//! A small strict HTTP client: one request a connection, any bytes, and an answer that must be whole.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; fails where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// A header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request to `url` (`http://HOST:PORT/path?query`). The path goes out as it stands.
pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let (address, path) = split(url);
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    raw(url, &[request.as_bytes(), body].concat())
}

/// Sends these bytes and reads one answer.
pub(crate) fn raw(url: &str, request: &[u8]) -> Answer {
    let mut connection = TcpStream::connect(split(url).0).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server may answer and close before it has read all.
    let _ = connection.write_all(request);
    let mut bytes = Vec::new();
    let ended = connection.read_to_end(&mut bytes);
    let has_body = !request.starts_with(b"HEAD ");
    parse(&bytes, has_body)
        .unwrap_or_else(|| panic!("no whole answer ({ended:?}): {:?}", String::from_utf8_lossy(&bytes)))
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    rest.find('/').map_or((rest, "/"), |at| rest.split_at(at))
}

fn parse(bytes: &[u8], has_body: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let headers: Vec<_> =
        lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).collect();
    let mut answer = Answer { status, headers, body: bytes[end + 4..].to_vec() };
    if !has_body {
        return answer.body.is_empty().then_some(answer);
    }
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = join(&answer.body)?;
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().ok()?;
        answer.body = answer.body.get(..length)?.to_vec();
    }
    Some(answer)
}

/// The chunks of a body joined; nothing where the last one is missing.
fn join(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(end + 2..end + 2 + size)?);
        chunks = chunks.get(end + 4 + size..)?;
    }
}
