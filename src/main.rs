//! The binary: parses the command line, loads the configuration, starts the log, dispatches. The one place that exits:
//! 0 when it went well, 1 when it failed, 2 for a mistake in usage or configuration, 3 when `run` found no rows, 69 when no worker
//! has answered.

use anyhow::Context;
use chrono::Utc;
use clap::Parser;
use indicatif::HumanBytes;
use maestro_reports::app::{self, App, OpenError, Role};
use maestro_reports::beat::ListError;
use maestro_reports::cli::{
    AskArgs, Cli, Command, DeadLettersArgs, EventsArgs, ExportArgs, FormatArgs, InventoryArgs, ManArgs, NoQueue,
    RequestArgs, RunArgs, WorkerArgs,
};
use maestro_reports::config::{self, Config, ConfigError, LogFormat, Setting};
use maestro_reports::filter::FilterError;
use maestro_reports::peers::Peers;
use maestro_reports::pidfile::PidFile;
use maestro_reports::remote::{self, Kind};
use maestro_reports::{
    api, auth, backup, beat, broker, cli, dead_letters, demo, doctor, export, healthcheck, inventory, logging, oneoff,
    retention, signal, tls, worker,
};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Rows are made on one thread and freed on another, which the system's allocator answers with ever more memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FAILURE: u8 = 1;
const MISTAKE: u8 = 2;
const EMPTY: u8 = 3;
/// As Celery's: nobody has answered.
const NOBODY: u8 = 69;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with code 0.
            let printed = error.print();
            let code = if printed.is_ok() { u8::try_from(error.exit_code()).unwrap_or(MISTAKE) } else { FAILURE };
            return ExitCode::from(code);
        }
    };
    let format = config::log_format(&variable, cli.config.as_deref(), &cli.flags());
    let logfile = cli.command.logfile().map(|pattern| {
        let node = config::node_name(&variable, cli.config.as_deref(), &cli.flags());
        PathBuf::from(config::expand_path(pattern, &node))
    });
    if let Err(error) = logging::start(format, cli.loglevel, cli.command.quietness(), logfile.as_deref()) {
        let file = logfile.unwrap_or_default();
        drop(writeln!(io::stderr(), "error: --logfile {}: {error}", file.display()));
        return ExitCode::from(MISTAKE);
    }
    match actix_rt::System::new().block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => {
            match format {
                // Nothing is left to be done where even this cannot be written.
                LogFormat::Text => drop(writeln!(io::stderr(), "error: {error:#}")),
                LogFormat::Json => log::error!("{error:#}"),
            }
            ExitCode::from(code(&error))
        }
    }
}

fn code(error: &anyhow::Error) -> u8 {
    let is_mistake = error.chain().any(|cause| {
        let refused = matches!(cause.downcast_ref(), Some(OpenError::Config(_) | OpenError::Tls(_)));
        refused
            || cause.is::<ConfigError>()
            || cause.is::<remote::UsageError>()
            || cause.is::<NoQueue>()
            || cause.is::<FilterError>()
    });
    if is_mistake { MISTAKE } else { FAILURE }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let flags = cli.flags();
    let file = cli.config.as_deref();
    let load = || config::load(&variable, file, &flags);
    let done = match cli.command {
        Command::Serve(_) => monitored(App::open(load()?, Role::Serve).await?, api::serve).await?,
        Command::Worker(args) => work(load()?, &args).await,
        Command::Beat(args) if args.list => list_schedules(load()?).await,
        Command::Beat(_) => monitored(App::open(load()?, Role::Beat).await?, beat::beat).await?,
        Command::Demo(args) => {
            demo::run(load()?, demo::Options { servers: args.sample, once: args.once, data_dir: args.data_dir }).await
        }
        Command::Run(args) => return make_one(load()?, args).await,
        Command::Export(args) => export_table(&load()?, args).await,
        Command::Inventory(args) => serve_inventory(&load()?, args).await,
        Command::Migrate => migrate(&load()?).await,
        Command::Doctor(args) => {
            let settings = load().and_then(|config| Ok((config, config::settings(&variable, file, &flags)?)));
            return examine(settings, args.json).await;
        }
        Command::Prune(args) => return prune(App::open(load()?, Role::Beat).await?, args.dry_run).await,
        Command::Backup(args) => back_up(load()?, args.target).await,
        Command::Restore(args) => restore(load()?, args.source).await,
        Command::Healthcheck(args) => healthcheck::run(&load()?, args.url).await,
        Command::Inspect(args) => return request(&load()?, Kind::Inspect, args).await,
        Command::Control(args) => return request(&load()?, Kind::Control, args).await,
        Command::Status(ask) => {
            let answers = answers(&load()?, ("ping", Default::default()), &ask).await?;
            return show(&answers, ask.json, remote::status(&answers));
        }
        Command::Events(args) => follow(&load()?, args).await,
        Command::DeadLetters(args) => tend_dead_letters(&load()?, &args).await,
        Command::Token(args) => {
            let auth = load()?.auth;
            let lifetime = args.valid_for.map(Into::into).or(auth.token_lifetime);
            say(&format!("{}\n", auth::sign_as(&auth, &args.name, lifetime)?))
        }
        Command::Config => {
            let settings = config::settings(&variable, file, &flags)?;
            say(&config::table(&settings))
        }
        Command::Completions(args) => say(&cli::completions(args.shell)),
        Command::Man(ManArgs { dir: None }) => said(cli::man_page(&mut io::stdout())),
        Command::Man(ManArgs { dir: Some(dir) }) => {
            cli::man_pages(&dir).with_context(|| format!("{} cannot be written", dir.display()))
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// A worker with the files and the banner that its options ask for.
async fn work(mut config: Config, args: &WorkerArgs) -> anyhow::Result<()> {
    let ignored = args.ignored.given();
    if !ignored.is_empty() {
        log::warn!("without effect here: {}", ignored.join(", "));
    }
    config.worker.queues = args.remaining(config.worker.queues)?;
    let path = args.pidfile.as_ref().map(|pattern| config::expand_path(pattern, &config.worker.hostname));
    let _pidfile = path.map(|path| PidFile::write(Path::new(&path))).transpose()?;
    let app = App::open(config, Role::Worker).await?;
    if app.config.log_format == LogFormat::Text && log::log_enabled!(log::Level::Info) {
        write!(io::stderr(), "{}", worker::banner(&app)).context("the banner could not be written")?;
    }
    if args.purge {
        for queue in &app.config.worker.queues {
            log::warn!("messages dropped from {queue}: {}", app.broker.purge(queue).await?);
        }
    }
    let with_beat = args.beat;
    monitored(app, async |app| if with_beat { work_and_beat(app).await } else { Ok(worker::work(app).await?) }).await?
}

/// Both end when the worker does.
async fn work_and_beat(app: App) -> anyhow::Result<()> {
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let beat = beat::run(app.clone(), async {
        end.await.ok();
    });
    let work = async {
        let worked = worker::work(app).await;
        drop(ended);
        Ok(worked?)
    };
    tokio::try_join!(work, beat).map(drop)
}

/// Works while the listener for metrics, where there is one, is open.
async fn monitored<T>(app: App, work: impl AsyncFnOnce(App) -> T) -> anyhow::Result<T> {
    let monitor = api::monitor(&app)?;
    let done = work(app).await;
    monitor.stop().await;
    Ok(done)
}

async fn make_one(config: Config, args: RunArgs) -> anyhow::Result<ExitCode> {
    let RunArgs { source, component, filters, owner, format } = args;
    let options = format.options(true);
    let FormatArgs { format, output, .. } = format;
    let order = oneoff::Order { source, component, filters, owner, format, options, output };
    let made = oneoff::run(config, order).await?;
    warn_of(made.left_out);
    Ok(if made.rows == 0 { ExitCode::from(EMPTY) } else { ExitCode::SUCCESS })
}

async fn export_table(config: &Config, args: ExportArgs) -> anyhow::Result<()> {
    let (_folder, store) = app::store(config).await?;
    let order = args.order(&config.artifacts)?;
    warn_of(export::command::run(store.as_ref(), &args.table, order, &args.format.output).await?);
    Ok(())
}

/// Tells on standard error what a file does not hold.
fn warn_of(left_out: Option<String>) {
    if let Some(left_out) = left_out {
        log::warn!("{left_out}");
    }
}

async fn serve_inventory(config: &Config, args: InventoryArgs) -> anyhow::Result<()> {
    app::guard_secrets(config, Some(&args.host))?;
    let InventoryArgs { dir, host, port, sample } = args;
    inventory::serve(inventory::Options { dir, host, port, sample, auth: config.auth.clone() }).await
}

async fn tend_dead_letters(config: &Config, args: &DeadLettersArgs) -> anyhow::Result<()> {
    let broker = broker::open(config, &tls::client(config.tls.ca_file.as_deref())?).await?;
    let mut queues = config.worker.queues.clone();
    if args.queues.is_none() {
        queues.push(config.broker.webhook_queue());
    }
    say(&dead_letters::run(broker.as_ref(), &queues, &args.action()).await?)
}

async fn list_schedules(config: Config) -> anyhow::Result<()> {
    let (_folder, store) = app::store(&config).await?;
    let (tls, config) = (tls::client(config.tls.ca_file.as_deref())?, Arc::new(config));
    let peers = Peers::new(Arc::clone(&config), &tls);
    let listed = match beat::list(&config, store.as_ref(), &peers).await {
        Err(ListError::Peer(error)) => {
            log::warn!("the platform's schedules are left out: {error}");
            beat::own(&config, store.as_ref()).await?
        }
        listed => listed?,
    };
    say(&beat::text(&listed, Utc::now()))
}

/// Asks workers and shows their answers.
async fn request(config: &Config, kind: Kind, args: RequestArgs) -> anyhow::Result<ExitCode> {
    let asked = remote::read(kind, &args.method, &args.arguments)?;
    let (is_shutdown, json) = (asked.0 == "shutdown", args.ask.json);
    let answers = answers(config, asked, &args.ask).await?;
    if is_shutdown {
        // As with Celery's workers, none of ours answers: it is on its way out.
        say("asked to shut down\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    show(&answers, json, remote::text(&answers))
}

async fn answers(
    config: &Config,
    (method, arguments): (&'static str, serde_json::Map<String, serde_json::Value>),
    ask: &AskArgs,
) -> anyhow::Result<remote::Answers> {
    let broker = broker::open(config, &tls::client(config.tls.ca_file.as_deref())?).await?;
    let (destination, wait) = (ask.destination.clone(), Duration::from_secs_f64(ask.timeout));
    Ok(remote::ask(broker.as_ref(), remote::Request { method, arguments, destination, wait }).await?)
}

fn show(answers: &remote::Answers, as_json: bool, text: String) -> anyhow::Result<ExitCode> {
    if answers.is_empty() {
        log::error!("no worker has answered in time");
        return Ok(ExitCode::from(NOBODY));
    }
    say(&if as_json { format!("{:#}\n", serde_json::json!(answers)) } else { text })?;
    Ok(ExitCode::SUCCESS)
}

async fn follow(config: &Config, args: EventsArgs) -> anyhow::Result<()> {
    let broker = broker::open(config, &tls::client(config.tls.ca_file.as_deref())?).await?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    let show = |line: String| {
        say(&line)?;
        left = left.saturating_sub(1);
        anyhow::Ok(left > 0)
    };
    tokio::select! {
        followed = remote::follow(broker.as_ref(), show) => followed,
        () = signal::terminated() => Ok(()),
    }
}

/// Fails where the platform's answer was not believed, so that somebody looks.
async fn prune(app: App, is_rehearsal: bool) -> anyhow::Result<ExitCode> {
    let store = app.store.clone().context("prune needs a report store (MAESTRO_UPLOAD=store)")?;
    let now = Utc::now();
    let swept = match is_rehearsal {
        true => retention::rehearse(&app, store.as_ref(), now).await?,
        false => retention::sweep(&app, store.as_ref(), now).await?,
    };
    say(&retention::text(&swept, is_rehearsal, now))?;
    Ok(if swept.doubt.is_some() { ExitCode::from(FAILURE) } else { ExitCode::SUCCESS })
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let applied = app::migrate(config).await?;
    if applied.is_empty() {
        return say("the report store is up to date\n");
    }
    applied.iter().try_for_each(|name| say(&format!("applied {name}\n")))
}

async fn examine(settings: Result<(Config, Vec<Setting>), ConfigError>, json: bool) -> anyhow::Result<ExitCode> {
    let findings = match settings {
        Ok((config, settings)) => doctor::examine(config, &settings).await,
        Err(error) => doctor::mistaken(&error),
    };
    if json {
        say(&format!("{:#}\n", doctor::json(&findings)))?;
    } else {
        say(&doctor::text(&findings, look()))?;
    }
    let failed = findings.iter().any(|finding| finding.state == doctor::State::Failed);
    Ok(if failed { ExitCode::from(FAILURE) } else { ExitCode::SUCCESS })
}

/// What standard output shows: a terminal's width and colours, unless `NO_COLOR` is set.
fn look() -> doctor::Look {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col));
    let width = columns.ok().filter(|columns| *columns > 0).unwrap_or(100);
    let colour = io::stdout().is_terminal() && variable("NO_COLOR").is_none_or(|value| value.is_empty());
    doctor::Look { width, colour }
}

async fn back_up(config: Config, target: PathBuf) -> anyhow::Result<()> {
    let made = until_told(move |stop| backup::make(&config, &target, Utc::now(), stop)).await?;
    for (file, bytes) in made.files {
        say(&format!("{file}  {}\n", HumanBytes(bytes)))?;
    }
    say(&format!("backup made: {}\n", made.path.display()))
}

async fn restore(config: Config, source: PathBuf) -> anyhow::Result<()> {
    let restored = until_told(move |stop| backup::restore(&config, &source, Utc::now(), stop)).await?;
    say(&format!("restored: {}\n", restored.files.join(", ")))?;
    restored.aside.map_or(Ok(()), |aside| say(&format!("the files before are in {}\n", aside.display())))
}

/// Works on a thread of its own; SIGTERM and SIGINT tell it to stop, and its end is awaited.
async fn until_told<T: Send + 'static, E: std::error::Error + Send + Sync + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T, E> + Send + 'static,
) -> anyhow::Result<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let mut working = tokio::task::spawn_blocking(move || work(&told));
    let done = tokio::select! {
        done = &mut working => done,
        () = signal::terminated() => {
            stop.store(true, Ordering::Relaxed);
            working.await
        }
    };
    Ok(done??)
}

/// The value of an environment variable; bytes that are no UTF-8 become replacement characters, which no setting takes.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn say(text: &str) -> anyhow::Result<()> {
    said(io::stdout().write_all(text.as_bytes()))
}

fn said(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}
