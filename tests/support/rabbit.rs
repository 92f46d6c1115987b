//! One real RabbitMQ for the whole test binary, on free ports, with its files in a temporary folder.
//!
//! A small shell watches our end of a pipe: whichever way the tests end, it stops the server and removes the folder.

use super::program::signal;
use super::tls::Authority;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CTL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/// Virtual hosts made at start: a definition in the boot file is quick, `rabbitmqctl add_vhost` takes seconds.
const VHOSTS: usize = 120;

static RABBIT: LazyLock<Option<Rabbit>> = LazyLock::new(Rabbit::start);
static USED: AtomicUsize = AtomicUsize::new(0);

/// A server.
pub(crate) struct Rabbit {
    port: u16,
    tls_port: u16,
    authority: Authority,
    dist_port: u16,
    epmd_port: u16,
    folder: PathBuf,
    /// The ends of the pipes that the watching shells read; the operating system closes them with our process.
    watches: Mutex<Vec<Child>>,
}

/// The URL of an empty virtual host that no other test uses; `None` (and a word on it) where there is no RabbitMQ.
///
/// # Panics
/// With `CI=true` where there is no RabbitMQ.
pub(crate) fn url() -> Option<String> {
    RABBIT.as_ref().map(|rabbit| rabbit.url(&unused_vhost()))
}

/// As [`url`] over TLS, where the server is `localhost`, and the file of the authority that says so.
///
/// # Panics
/// As [`url`].
pub(crate) fn tls_url() -> Option<(String, PathBuf)> {
    RABBIT.as_ref().map(|rabbit| rabbit.tls_url(&unused_vhost()))
}

fn unused_vhost() -> String {
    let number = USED.fetch_add(1, Ordering::Relaxed);
    assert!(number < VHOSTS, "more than {VHOSTS} tests use RabbitMQ: raise VHOSTS");
    format!("t{number}")
}

/// The virtual host of a URL from [`url`].
pub(crate) fn vhost(url: &str) -> &str {
    url.rsplit('/').next().unwrap().split('?').next().unwrap()
}

/// Runs `rabbitmqctl` against the server and returns what it printed; takes about a second.
pub(crate) fn ctl(args: &[&str]) -> String {
    RABBIT.as_ref().expect("only called with a url").ctl(args)
}

impl Rabbit {
    /// Starts a server; `None` (and a word on it) where there is no RabbitMQ.
    ///
    /// # Panics
    /// With `CI=true` where there is no RabbitMQ.
    #[expect(clippy::print_stderr, reason = "the place where a person looks for skipped tests")]
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(SERVER).exists() {
            let must = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!must, "{SERVER} is missing and CI=true: install rabbitmq-server");
            eprintln!("SKIPPED: {SERVER} is missing; tests on RabbitMQ do not run");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("maestro-rabbit").tempdir().unwrap().keep();
        let (port, dist_port, epmd_port) = (free_port(), free_port(), free_port());
        let (tls_port, authority) = (free_port(), Authority::in_folder(&folder));
        write_config(&folder, tls_port, &authority);
        let watches = Mutex::default();
        let rabbit = Self { port, tls_port, authority, dist_port, epmd_port, folder, watches };
        rabbit.start_again();
        Some(rabbit)
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of one of its virtual hosts, `t0` and so on.
    pub(crate) fn url(&self, vhost: &str) -> String {
        format!("amqp://guest:guest@{}/{vhost}", self.address())
    }

    /// As [`Rabbit::url`] over TLS, and the file of the authority.
    pub(crate) fn tls_url(&self, vhost: &str) -> (String, PathBuf) {
        (format!("amqps://guest:guest@localhost:{}/{vhost}", self.tls_port), self.authority.file())
    }

    /// Runs `rabbitmqctl` and returns what it printed; takes about a second.
    pub(crate) fn ctl(&self, args: &[&str]) -> String {
        let output = self.command(CTL).args(args).output().unwrap();
        assert!(output.status.success(), "rabbitmqctl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Sends a signal to the server, written as for `kill`; its process.
    pub(crate) fn signal(&self, how: &str) -> u32 {
        let process: u32 = std::fs::read_to_string(self.folder.join("pid")).unwrap().trim().parse().unwrap();
        signal(process, how);
        process
    }

    /// As [`Rabbit::signal`]; back when its process has ended.
    pub(crate) fn end(&self, how: &str) {
        let process = self.signal(how);
        // A process that has ended and was not waited for has no command line.
        let command_line = || std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        self.wait("to end", || command_line().is_empty());
    }

    /// Starts the server on the same port with the data that it has; back when it listens.
    pub(crate) fn start_again(&self) {
        let watch = self.launch();
        self.watches.lock().unwrap().push(watch);
        self.wait("to listen", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    fn launch(&self) -> Child {
        let script = format!(
            "trap '' INT; {SERVER} </dev/null >\"$HOME/log\" 2>&1 & server=$!; cat >/dev/null; \
             kill -TERM $server; wait $server; epmd -port $ERL_EPMD_PORT -kill >/dev/null 2>&1; rm -rf \"$HOME\""
        );
        // A process group of its own: Ctrl-C on the tests reaches it only through the pipe.
        let mut shell = self.command("sh");
        shell.args(["-c", &script]);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap()
    }

    fn command(&self, program: &str) -> Command {
        let path = |name: &str| self.folder.join(name);
        let mut command = Command::new(program);
        command
            .env("HOME", &self.folder)
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("maestro{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.dist_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", path("mnesia"))
            .env("RABBITMQ_LOG_BASE", path("logs"))
            .env("RABBITMQ_PID_FILE", path("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none");
        command
    }

    fn wait(&self, what: &str, reached: impl Fn() -> bool) {
        let started = Instant::now();
        while !reached() {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(90), "waited in vain for RabbitMQ {what}: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn write_config(folder: &Path, tls_port: u16, authority: &Authority) {
    let definitions = folder.join("definitions.json");
    let vhosts: Vec<_> = (0..VHOSTS).map(|number| serde_json::json!({"name": format!("t{number}")})).collect();
    let permissions: Vec<_> = (0..VHOSTS)
        .map(|number| {
            serde_json::json!({"user": "guest", "vhost": format!("t{number}"),
                "configure": ".*", "read": ".*", "write": ".*"})
        })
        .collect();
    let content = serde_json::json!({
        "users": [{"name": "guest", "password": "guest", "tags": "administrator"}],
        "vhosts": vhosts, "permissions": permissions,
    });
    std::fs::write(&definitions, content.to_string()).unwrap();
    let identity = authority.issue("localhost");
    std::fs::write(folder.join("server.pem"), identity.certificate).unwrap();
    std::fs::write(folder.join("server.key"), identity.key).unwrap();
    let folder_name = folder.display();
    let config = format!(
        "load_definitions = {folder_name}/definitions.json\n\
         listeners.ssl.1 = 127.0.0.1:{tls_port}\n\
         ssl_options.cacertfile = {folder_name}/ca.pem\n\
         ssl_options.certfile = {folder_name}/server.pem\n\
         ssl_options.keyfile = {folder_name}/server.key\n\
         ssl_options.verify = verify_none\n\
         ssl_options.fail_if_no_peer_cert = false\n"
    );
    std::fs::write(folder.join("rabbitmq.conf"), config).unwrap();
    std::fs::write(folder.join("plugins"), "[].\n").unwrap();
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
