//! The built program as a process of its own: any subcommand, its own environment, port 0, killed when dropped.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const LISTENING: &str = "listening on http://";

/// A running `maestro-reports`.
pub(crate) struct Program {
    child: Child,
    lines: Arc<Lines>,
    url: String,
}

/// What the process has written to both of its outputs, line by line.
#[derive(Default)]
struct Lines {
    written: Mutex<Written>,
    grown: Condvar,
}

#[derive(Default)]
struct Written {
    text: String,
    open_outputs: usize,
}

impl Program {
    /// Starts `maestro-reports <args>` and waits until it says where it listens; fails with its log where it does not.
    pub(crate) fn listening(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut program = Self::spawn(args, env);
        let line = program.wait_for(LISTENING);
        let address = line.split(LISTENING).nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
        program.url = format!("http://{address}");
        program
    }

    /// Starts `maestro-reports <args>` with this environment and nothing else of the test's own.
    pub(crate) fn spawn(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = command(args, env).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Lines::default());
        lines.follow(child.stdout.take().unwrap());
        lines.follow(child.stderr.take().unwrap());
        Self { child, lines, url: String::new() }
    }

    /// Runs `maestro-reports <args>` to its end.
    pub(crate) fn output(args: &[&str], env: &[(&str, &str)]) -> Output {
        command(args, env).output().unwrap()
    }

    /// `http://HOST:PORT` of a program that listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it has written so far, both outputs.
    pub(crate) fn log(&self) -> String {
        // Also after a wait in vain, which ends with the lock in its hand.
        self.lines.written.lock().unwrap_or_else(PoisonError::into_inner).text.clone()
    }

    /// The first line that holds `text`; waits for it, and fails with the log where it does not come.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut written = self.lines.written.lock().unwrap();
        loop {
            if let Some(line) = written.text.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && written.open_outputs > 0, "no line with {text:?}:\n{}", written.text);
            written = self.lines.grown.wait_timeout(written, left).unwrap().0;
        }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal, written as for `kill`.
    pub(crate) fn signal(&self, signal: &str) {
        self::signal(self.id(), signal);
    }

    /// Waits for its end; fails with the log where it goes on.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Sends a signal, written as for `kill`, to a process.
pub(crate) fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

impl Drop for Program {
    #[expect(clippy::print_stdout, reason = "shown with the failed test only")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- log of process {} ---\n{}", self.id(), self.log());
        }
    }
}

impl Lines {
    fn follow(self: &Arc<Self>, output: impl Read + Send + 'static) {
        self.written.lock().unwrap().open_outputs += 1;
        let lines = Arc::clone(self);
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while matches!(output.read_until(b'\n', &mut line), Ok(1..)) {
                lines.written.lock().unwrap().text.push_str(&String::from_utf8_lossy(&line));
                lines.grown.notify_all();
                line.clear();
            }
            lines.written.lock().unwrap().open_outputs -= 1;
            lines.grown.notify_all();
        });
    }
}

fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maestro-reports"));
    command.args(args).stdin(Stdio::null()).env_clear();
    command.envs(["PATH", "HOME", "TMPDIR"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("MAESTRO_HOST", "127.0.0.1").env("MAESTRO_PORT", "0").envs(env.iter().copied());
    command
}
