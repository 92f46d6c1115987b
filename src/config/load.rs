//! From the merged settings to the typed configuration. Every mistake is collected before any is reported.

use super::layers::{self, Flag, Setting};
use super::mistake::{ConfigError, Mistake};
use super::{
    Api, Artifacts, Auth, Broker, Clients, Config, DEFAULT_ENDPOINT, LogFormat, NamedEndpoint, Peers, Retention, Runs,
    Secret, Stages, Store, Timetable, Tls, Upload, Webhooks, Worker, endpoint, mongo_tls, node, schedule,
};
use crate::domain::Endpoint;
use chrono::TimeDelta;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

/// How long a delivery to an endpoint goes on at a stretch.
const SLICE: Duration = Duration::from_secs(20);

/// Loads the configuration: flag over environment over file over default.
///
/// `get` gives the value of an environment variable; an empty one counts as set.
///
/// # Errors
/// All mistakes at once.
pub fn load(get: &dyn Fn(&str) -> Option<String>, file: Option<&Path>, flags: &[Flag]) -> Result<Config, ConfigError> {
    let mut mistakes = Vec::new();
    let merged = layers::merge(get, file, flags, &mut mistakes);
    let mut reader = Reader { settings: merged.settings, mistakes };
    let mut config = reader.config();
    let path = file.map(|path| path.display().to_string()).unwrap_or_default();
    // A file that cannot be read is noted already.
    let is_read = !reader.mistakes.iter().any(|mistake| mistake.what == layers::FILE);
    config.timetable.config_file = file.filter(|_| is_read).map(Path::to_path_buf);
    config.schedules = schedule::read(&config.timetable, &mut reader.mistakes);
    config.timetable.config_file = file.map(Path::to_path_buf);
    let tables = merged.endpoints.unwrap_or_default();
    endpoint::read(&tables, &path, &mut config.webhooks, &mut reader.mistakes);
    if reader.mistakes.is_empty() { Ok(config) } else { Err(ConfigError { mistakes: reader.mistakes }) }
}

/// All settings in force with their origin, in the order of the table.
///
/// # Errors
/// All mistakes at once, as [`load`].
pub fn settings(
    get: &dyn Fn(&str) -> Option<String>,
    file: Option<&Path>,
    flags: &[Flag],
) -> Result<Vec<Setting>, ConfigError> {
    load(get, file, flags)?;
    Ok(layers::merge(get, file, flags, &mut Vec::new()).settings)
}

/// How the log is to be written, for whoever starts it before the settings are checked; text where they do not say.
pub fn log_format(get: &dyn Fn(&str) -> Option<String>, file: Option<&Path>, flags: &[Flag]) -> LogFormat {
    let settings = layers::merge(get, file, flags, &mut Vec::new()).settings;
    Reader { settings, mistakes: Vec::new() }.log_format()
}

/// The node's name, for whoever needs it before the settings are checked.
pub fn node_name(get: &dyn Fn(&str) -> Option<String>, file: Option<&Path>, flags: &[Flag]) -> String {
    let settings = layers::merge(get, file, flags, &mut Vec::new()).settings;
    Reader { settings, mistakes: Vec::new() }.node_name()
}

/// Takes values out of the settings; a mistake is noted and a placeholder returned, so that reading goes on.
struct Reader {
    settings: Vec<Setting>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn config(&mut self) -> Config {
        Config {
            production: self.text("env") == "production",
            log_format: self.log_format(),
            metrics_bind: self.optional("metrics.bind"),
            api: Api {
                host: self.text("api.host"),
                port: self.number("api.port"),
                threads: self.number("api.threads"),
                page_rows: self.number("api.page_rows"),
                max_page_rows: self.number("api.max_page_rows"),
                max_body_bytes: self.number("api.max_body_bytes"),
                query_timeout: self.seconds("api.query_seconds"),
            },
            artifacts: Artifacts {
                pdf_rows: self.number("artifacts.pdf_rows"),
                xlsx_rows: self.number("artifacts.xlsx_rows"),
                yaml_rows: self.number("artifacts.yaml_rows"),
            },
            clients: Clients {
                max_connections: self.number("clients.max_connections"),
                patience: self.seconds("clients.patience_seconds"),
                rate: NonZeroU32::new(self.number("clients.rate")),
                burst: NonZeroU32::new(self.number("clients.rate_burst")).unwrap_or(NonZeroU32::MIN),
                refused_per_minute: NonZeroU32::new(self.number("clients.refused_rate")),
                proxies: self.text("clients.trusted_proxies").split_terminator(',').flat_map(str::parse).collect(),
            },
            auth: Auth {
                key: self.secret("auth.key"),
                accepted_keys: self.secrets("auth.accepted_keys"),
                noauth: self.secret("auth.noauth"),
                accepted_noauths: self.secrets("auth.accepted_noauths"),
                token_lifetime: Some(self.seconds("auth.token_seconds")).filter(|time| !time.is_zero()),
            },
            tls: Tls { ca_file: self.optional("tls.ca_file").map(Into::into) },
            store: Store {
                mongo_uri: self.mongo_uri(),
                mongo_database: self.text("store.mongo_database"),
                data_dir: self.text("store.data_dir").into(),
            },
            broker: Broker {
                url: self.optional("broker.url").map(Secret::new),
                queue: self.text("broker.queue"),
                sent_events: self.text("broker.sent_events") == "on",
                max_priority: Some(self.number("broker.max_priority")).filter(|highest| *highest > 0),
            },
            peers: self.peers(),
            stages: Stages {
                batch_rows: self.number("stages.batch_rows"),
                batches_in_flight: self.number("stages.batches_in_flight"),
                fetch_rows: self.number("stages.fetch_rows"),
                upload: if self.text("stages.upload") == "api" { Upload::Api } else { Upload::Store },
            },
            worker: self.worker(),
            runs: Runs {
                lease: self.seconds("runs.lease_seconds"),
                crashes: self.number("runs.crashes"),
                wait_limit: self.seconds("runs.wait_seconds"),
                lost_limit: self.seconds("runs.lost_seconds"),
            },
            retention: Retention {
                unknown: self.days("retention.unknown_days"),
                runs: self.days("retention.run_days"),
                max_share: self.number("retention.max_share"),
            },
            webhooks: self.webhooks(),
            timetable: Timetable {
                platform: self.text("beat.source") == "platform",
                zone: self.text("beat.timezone").parse().unwrap_or_default(),
                config_file: None,
                schedules_file: self.optional("beat.schedules_file").map(Into::into),
            },
            schedules: Vec::new(),
        }
    }

    fn webhooks(&mut self) -> Webhooks {
        Webhooks {
            endpoints: self.endpoint().into_iter().collect(),
            rule: self.text("webhooks.allow").parse().unwrap_or_default(),
            plain: self.text("webhooks.http") == "allow",
            timeout: self.seconds("webhooks.timeout_seconds"),
            retries: self.number("webhooks.retries"),
            retry_pause: self.seconds("webhooks.retry_seconds"),
            batch_rows: self.number("webhooks.batch_rows"),
            batch_bytes: self.number("webhooks.batch_bytes"),
            concurrency: self.number("webhooks.concurrency"),
            slice: SLICE,
        }
    }

    /// The endpoint for all reports of the environment; those of the file come later.
    fn endpoint(&mut self) -> Option<NamedEndpoint> {
        let secrets = self.text("webhooks.secret").lines().filter_map(|secret| secret.parse().ok()).collect();
        let url = self.optional("webhooks.url")?.parse().ok()?;
        Some(NamedEndpoint { name: DEFAULT_ENDPOINT.to_owned(), endpoint: Endpoint { url, secrets }, reports: None })
    }

    fn log_format(&mut self) -> LogFormat {
        if self.text("log.format") == "json" { LogFormat::Json } else { LogFormat::Text }
    }

    fn mongo_uri(&mut self) -> Option<Secret> {
        let uri = self.optional("store.mongo_uri")?;
        Some(Secret::new(match self.optional("tls.ca_file") {
            Some(file) => mongo_tls::with_authorities(&uri, Path::new(&file)),
            None => uri,
        }))
    }

    fn peers(&mut self) -> Peers {
        Peers {
            data_uri: self.text("peers.data_uri"),
            report_uri: self.text("peers.report_uri"),
            audit_uri: self.optional("peers.audit_uri"),
            websocket_uri: self.optional("peers.websocket_uri"),
            websocket_secret: self.secret("peers.websocket_secret"),
            timeout: self.seconds("peers.timeout_seconds"),
        }
    }

    fn node_name(&mut self) -> String {
        node::expand(&self.text("worker.hostname"), &gethostname::gethostname().to_string_lossy())
    }

    fn autoscale(&mut self) -> Option<RangeInclusive<usize>> {
        let text = self.optional("worker.autoscale")?;
        let (max, min) = text.split_once(',')?;
        Some(min.parse().ok()?..=max.parse().ok()?)
    }

    fn time_limit(&mut self) -> Option<Duration> {
        let limits = [self.seconds("worker.time_limit_seconds"), self.seconds("worker.soft_time_limit_seconds")];
        limits.into_iter().filter(|limit| !limit.is_zero()).min()
    }

    fn worker(&mut self) -> Worker {
        Worker {
            queues: self.text("worker.queues").split(',').map(str::to_owned).collect(),
            concurrency: match self.text("worker.concurrency").as_str() {
                "auto" => std::thread::available_parallelism().map_or(1, usize::from),
                number => number.parse().unwrap_or(1),
            },
            autoscale: self.autoscale(),
            prefetch_multiplier: self.number("worker.prefetch_multiplier"),
            time_limit: self.time_limit(),
            hostname: self.node_name(),
            task_events: self.text("worker.task_events") == "on",
            mingle: self.text("worker.mingle") == "on",
            track_started: self.text("worker.track_started") == "on",
            heartbeat: Some(self.seconds("worker.heartbeat_seconds")).filter(|pause| !pause.is_zero()),
            shutdown: self.seconds("worker.shutdown_seconds"),
            task_retries: self.number("worker.task_retries"),
            notice_retries: self.number("worker.notice_retries"),
            retry_pause: self.seconds("worker.retry_seconds"),
        }
    }

    /// The value in its normal form; an empty text where it is a mistake.
    fn text(&mut self, key: &str) -> String {
        // A key without a setting was already reported when the layers were merged.
        let Some(Setting { var, text, origin }) = self.settings.iter().find(|setting| setting.var.key == key) else {
            return String::new();
        };
        // Bytes of the environment that are no UTF-8 arrive as replacement characters.
        let checked = if text.contains('\u{FFFD}') { Err("UTF-8".to_owned()) } else { var.kind.check(text) };
        checked.unwrap_or_else(|expected| {
            let got: String = var.kind.shown(text).chars().take(80).collect();
            let message = format!("expected {expected}, got {got:?}");
            self.mistakes.push(Mistake { what: var.name.to_owned(), origin: origin.clone(), message });
            String::new()
        })
    }

    fn optional(&mut self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    fn secret(&mut self, key: &str) -> Secret {
        Secret::new(self.text(key))
    }

    fn secrets(&mut self, key: &str) -> Vec<Secret> {
        self.text(key).lines().map(Secret::new).collect()
    }

    /// A number that the kind has checked; the type is wide enough for the kind's range.
    fn number<T: TryFrom<u64> + Default>(&mut self, key: &str) -> T {
        self.text(key).parse::<u64>().ok().and_then(|number| T::try_from(number).ok()).unwrap_or_default()
    }

    /// `None` for 0.
    fn days(&mut self, key: &str) -> Option<TimeDelta> {
        Some(TimeDelta::days(self.number(key))).filter(|days| !days.is_zero())
    }

    fn seconds(&mut self, key: &str) -> Duration {
        Duration::from_secs(self.number(key))
    }
}
