//! A MongoDB server for the tests: one for the test binary, a database of its own for each test.
//!
//! In this order: the server at `MAESTRO_TEST_MONGO_URI`, `mongod` on the PATH, mongo-java-server (its jars are put into
//! `target/test-services/mongo-java-server` by `tests/support/setup.sh`; it keeps all rows in memory, of which
//! `MAESTRO_TEST_JAVA_HEAP` gives it more than usual). A server started here ends with the tests.

use super::program::signal;
use maestro_reports::config;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

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
pub(crate) fn database() -> Option<Database> {
    static SERVER: OnceLock<Option<(String, Option<Process>)>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match std::env::var("MAESTRO_TEST_MONGO_URI") {
        Ok(uri) => Some((uri, None)),
        Err(_) => there(Process::start(0, None)).map(|process| (process.uri(), Some(process))),
    });
    let (uri, _) = server.as_ref()?;
    Some(Database { uri: uri.clone(), name: format!("t{}", uuid::Uuid::new_v4().simple()) })
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

/// A server of a test's own whose data is on disk: it can be killed, and started again on the same port.
#[derive(Debug)]
pub(crate) struct DurableServer {
    folder: TempDir,
    process: Mutex<Process>,
}

impl DurableServer {
    /// Starts a server; `None` (and a line that says SKIPPED) where there is none that could be.
    ///
    /// # Panics
    /// Where there is none and `CI=true`.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let process = there(Process::start(0, Some(folder.path())))?;
        Some(Self { folder, process: Mutex::new(process) })
    }

    /// Its address.
    pub(crate) fn uri(&self) -> String {
        self.process.lock().unwrap().uri()
    }

    /// Kills it (SIGKILL); back when it has ended.
    pub(crate) fn kill(&self) {
        self.process.lock().unwrap().kill();
    }

    /// Starts it again with the data that it has.
    pub(crate) fn start_again(&self) {
        let mut process = self.process.lock().unwrap();
        *process = Process::start(process.port, Some(self.folder.path())).unwrap();
    }
}

/// What was started, unless there is nothing to be started.
#[expect(clippy::print_stderr, reason = "the place where a person looks for skipped tests")]
fn there<T>(started: Result<T, String>) -> Option<T> {
    match started {
        Ok(started) => Some(started),
        Err(why) if std::env::var("CI").is_ok_and(|v| v == "true") => panic!("no MongoDB for the tests: {why}"),
        Err(why) => {
            eprintln!("SKIPPED: no MongoDB for the tests: {why}");
            None
        }
    }
}

/// A server's process. It ends when its standard input is closed, which the system does when the tests end.
#[derive(Debug)]
struct Process {
    /// The server, or the shell that watches it.
    child: Child,
    server: u32,
    port: u16,
}

impl Process {
    /// Starts a server on a port, where 0 takes a free one, with its data in a folder or else gone with it.
    fn start(port: u16, folder: Option<&Path>) -> Result<Self, String> {
        if on_path("mongod") { Self::mongod(port, folder) } else { Self::java(port, folder) }
    }

    fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}", self.port)
    }

    fn kill(&mut self) {
        signal(self.server, "-KILL");
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }

    fn mongod(port: u16, folder: Option<&Path>) -> Result<Self, String> {
        let port = if port == 0 { free_port().map_err(|e| e.to_string())? } else { port };
        let (own, removed) = match folder {
            Some(folder) => (folder.to_owned(), ""),
            None => (tempfile::tempdir().map_err(|e| e.to_string())?.keep(), "rm -rf \"$2\""),
        };
        let script = format!(
            "mongod --quiet --bind_ip 127.0.0.1 --port \"$1\" --dbpath \"$2\" >>\"$2/log\" 2>&1 &
            echo $!; cat >/dev/null; kill $!; wait; {removed}"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(port.to_string()).arg(own);
        let (child, server) = spawn(command)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                return Err(format!("mongod does not listen on port {port} after 30 s"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { child, server, port })
    }

    fn java(port: u16, folder: Option<&Path>) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let jars = root.join("target/test-services/mongo-java-server");
        if !jars.is_dir() {
            return Err(format!("neither MAESTRO_TEST_MONGO_URI nor mongod nor {} is there", jars.display()));
        }
        let launcher = if folder.is_some() { "DurableMongoServer.java" } else { "MongoServer.java" };
        let mut command = Command::new("java");
        command
            .arg(format!("-Xmx{}", std::env::var("MAESTRO_TEST_JAVA_HEAP").as_deref().unwrap_or("4g")))
            .args(["-XX:+UseG1GC", "-cp"])
            .arg(jars.join("*"))
            .arg(root.join("tests/support").join(launcher))
            .arg(port.to_string())
            .args(folder.map(|folder| folder.join("data.mv")));
        let (child, port) = spawn(command)?;
        Ok(Self { server: child.id(), child, port })
    }
}

/// Starts a process that first prints a number.
fn spawn<T: FromStr>(mut command: Command) -> Result<(Child, T), String> {
    let name = command.get_program().display().to_string();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| format!("{name}: {e}"))?;
    let stdout = child.stdout.take().ok_or_else(|| format!("{name}: no output"))?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).map_err(|e| format!("{name}: {e}"))?;
    let number = line.trim().parse().map_err(|_| format!("{name}: expected a number, got {line:?}"))?;
    Ok((child, number))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
