//! Clients that are slow, or ask for too much at once, over raw sockets: they are let go, and others are served meanwhile.

use super::{Api, TABLE, http};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

fn connect(api: &Api) -> TcpStream {
    let client = TcpStream::connect(api.program.url().strip_prefix("http://").unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// The head of a request with a good token, without its end.
fn head(api: &Api, line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\nAuthorization: JWT {}\r\n", api.token)
}

fn metric(api: &Api, line: &str) -> u64 {
    let text = String::from_utf8(api.get("/metrics").body).unwrap();
    let found = text.lines().find_map(|shown| shown.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in:\n{text}"))
}

fn slow(api: &Api) -> u64 {
    metric(api, r#"maestro_reports_http_limited_total{limit="slow"}"#)
}

/// A figure of the process in KiB or pieces, as Linux tells it in `/proc/<id>/status`.
fn figure(api: &Api, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", api.program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn open_sockets(api: &Api) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", api.program.id())).unwrap();
    let targets = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_body_that_trickles_in_is_refused() {
    let api = Api::start_with(&[("MAESTRO_CLIENT_SECONDS", "1")]);
    let mut client = connect(&api);
    let head = head(&api, "POST /reports") + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    let began = Instant::now();
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut answer = [0; 64];
    let answered = loop {
        // A byte now and then: never silent, never done.
        let _ = client.write_all(b" ");
        match client.read(&mut answer) {
            Ok(count) => break String::from_utf8_lossy(&answer[..count]).into_owned(),
            Err(_) => assert!(began.elapsed() < PATIENCE, "still waiting"),
        }
    };
    assert!(answered.starts_with("HTTP/1.1 408"), "{answered}");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_client_that_does_not_read_its_answer_frees_what_it_held() {
    let api = Api::start_with(&[("MAESTRO_CLIENT_SECONDS", "1")]);
    let text = "x".repeat(4000);
    for batch in 0..10 {
        let rows: Vec<_> = (0..500).map(|n| json!({"_id": format!("5c{batch:011x}{n:011x}"), "text": text})).collect();
        api.post(&json!({"colname": TABLE, "results": rows}));
    }
    assert_eq!(slow(&api), 0);
    let (before, memory) = (open_sockets(&api), figure(&api, "VmRSS"));
    let ask = head(&api, &format!("GET /reports/{TABLE}?limit=100000")) + "\r\n";
    let clients: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut client = connect(&api);
            client.write_all(ask.as_bytes()).unwrap();
            client
        })
        .collect();
    wait("eight slow clients", || slow(&api) == 8);
    wait("their connections and queries to end", || open_sockets(&api) <= before);
    // Eight answers of 20 MB were asked for; a few pieces of each were made.
    assert!(figure(&api, "VmRSS") < memory + (64 << 10), "{} KiB", figure(&api, "VmRSS"));
    for mut client in clients {
        let mut read = Vec::new();
        let _ = client.read_to_end(&mut read);
        assert!(read.starts_with(b"HTTP/1.1 200") && !read.ends_with(b"0\r\n\r\n"), "{} bytes", read.len());
    }
    assert_eq!(api.get(&format!("/reports/{TABLE}?limit=100000")).json()["items"].as_array().map(Vec::len), Some(5000));
}

#[test]
fn heads_have_a_size_and_a_number_of_fields_at_most() {
    let api = Api::embedded();
    let memory = figure(&api, "VmRSS");
    let field = format!("X-Field: {}\r\n", "x".repeat(8 << 10));
    let cases = [
        ("100 fields of 8 KiB", head(&api, "GET /") + &field.repeat(100) + "\r\n", 431),
        ("one field of 1 MiB that does not end", head(&api, "GET /") + "X: " + &"x".repeat(1 << 20), 431),
        ("200 small fields", head(&api, "GET /") + &"X: y\r\n".repeat(200) + "\r\n", 431),
        ("an address of 70 KiB", head(&api, &format!("GET /{}", "x".repeat(70 << 10))) + "\r\n", 400),
        ("an address of 1 MiB", head(&api, &format!("GET /{}", "x".repeat(1 << 20))) + "\r\n", 431),
        ("bytes that are no head", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), 400),
        ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (
            "two lengths",
            head(&api, "POST /reports") + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
    ];
    for (what, request, status) in cases {
        for _ in 0..20 {
            let mut client = connect(&api);
            // The server answers and closes before it has read all.
            let _ = client.write_all(request.as_bytes());
            let mut answer = Vec::new();
            let _ = client.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")) || answer.is_empty(),
                "{what}: {}",
                answer.lines().next().unwrap_or_default()
            );
        }
    }
    assert!(figure(&api, "VmRSS") < memory + (32 << 10), "{} KiB", figure(&api, "VmRSS"));
    assert_eq!(api.get("/healthz").status, 200);
    assert!(!api.program.log().contains("ERROR"), "{}", api.program.log());
}

#[test]
fn connections_above_the_limit_wait_for_a_free_place() {
    let api = Api::start_with(&[("MAESTRO_MAX_CONNECTIONS", "1"), ("MAESTRO_GWORKERS", "1")]);
    let mut first = connect(&api);
    first.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(first.read(&mut [0; 1024]).unwrap() > 0);
    let mut second = connect(&api);
    second.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(second.read(&mut [0; 1024]).is_err(), "served above the limit");
    drop(first);
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = [0; 15];
    second.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[test]
fn a_client_that_never_ends_its_head_is_let_go() {
    let api = Api::embedded();
    let mut silent = connect(&api);
    let began = Instant::now();
    assert_eq!(http::raw(api.program.url(), b"GET / HTTP/1.1\r\nHost: x\r\n").status, 408);
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408"));
    assert!(began.elapsed() < Duration::from_secs(30));
}
