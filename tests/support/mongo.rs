//! A MongoDB server for the tests: one for the test binary, a database of its own for each test.
//!
//! In this order: the server at `MAESTRO_TEST_MONGO_URI`, `mongod` on the PATH, mongo-java-server (its jars are put into
//! `target/test-services/mongo-java-server` by `tests/support/setup.sh`; it keeps all rows in memory, of which
//! `MAESTRO_TEST_JAVA_HEAP` gives it more than usual). A server started here ends with the tests.

use maestro_reports::config;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A database that is dropped with this value.
#[derive(Debug)]
pub(crate) struct Database {
    /// The server's address.
    pub(crate) uri: String,
    /// The database's name.
    pub(crate) name: String,
}

/// A fresh database; `None` (and a line that says SKIPPED) where there is no server.
///
/// # Panics
/// Where there is no server and `CI=true`.
#[expect(clippy::print_stderr, reason = "the place where a person looks for skipped tests")]
pub(crate) fn database() -> Option<Database> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(Server::start) {
        Ok(server) => Some(Database { uri: server.uri.clone(), name: format!("t{}", uuid::Uuid::new_v4().simple()) }),
        Err(why) if std::env::var("CI").is_ok_and(|v| v == "true") => panic!("no MongoDB for the tests: {why}"),
        Err(why) => {
            eprintln!("SKIPPED: no MongoDB for the tests: {why}");
            None
        }
    }
}

impl Database {
    /// The settings of a store in this database.
    pub(crate) fn config(&self) -> config::Store {
        config::Store {
            mongo_uri: Some(config::Secret::new(&self.uri)),
            mongo_database: self.name.clone(),
            data_dir: PathBuf::new(),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (uri, name) = (self.uri.clone(), self.name.clone());
        // A thread of its own: this may run inside a test's runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|rt| {
                rt.block_on(async { mongodb::Client::with_uri_str(&uri).await?.database(&name).drop().await })
            })
        });
        let _ = dropping.join();
    }
}

struct Server {
    uri: String,
    /// Closed by the system when the tests end, however they end; the server's process waits for that.
    _alive: Option<ChildStdin>,
}

impl Server {
    fn start() -> Result<Self, String> {
        if let Ok(uri) = std::env::var("MAESTRO_TEST_MONGO_URI") {
            return Ok(Self { uri, _alive: None });
        }
        if on_path("mongod") { Self::mongod() } else { Self::java() }
    }

    fn mongod() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?.keep();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?.port();
        let mut child = Command::new("sh")
            .args([
                "-c",
                "mongod --quiet --bind_ip 127.0.0.1 --port \"$1\" --dbpath \"$2\" >\"$2/log\" 2>&1 &
                cat >/dev/null; kill $!; wait; rm -rf \"$2\"",
                "sh",
            ])
            .arg(port.to_string())
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|e| format!("mongod: {e}"))?;
        let alive = child.stdin.take();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                return Err(format!("mongod does not listen on port {port} after 30 s"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { uri: format!("mongodb://127.0.0.1:{port}"), _alive: alive })
    }

    fn java() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let jars = root.join("target/test-services/mongo-java-server");
        if !jars.is_dir() {
            return Err(format!("neither MAESTRO_TEST_MONGO_URI nor mongod nor {} is there", jars.display()));
        }
        let mut child: Child = Command::new("java")
            .arg(format!("-Xmx{}", std::env::var("MAESTRO_TEST_JAVA_HEAP").as_deref().unwrap_or("4g")))
            .args(["-XX:+UseG1GC", "-cp"])
            .arg(jars.join("*"))
            .arg(root.join("tests/support/MongoServer.java"))
            .arg("0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("java: {e}"))?;
        let (alive, stdout) = (child.stdin.take(), child.stdout.take());
        let mut line = String::new();
        BufReader::new(stdout.ok_or("java: no output")?).read_line(&mut line).map_err(|e| format!("java: {e}"))?;
        let port: u16 = line.trim().parse().map_err(|_| format!("java: expected a port, got {line:?}"))?;
        Ok(Self { uri: format!("mongodb://127.0.0.1:{port}"), _alive: alive })
    }
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
