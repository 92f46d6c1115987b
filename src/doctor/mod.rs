//! `doctor`: looks at everything that the service needs, and says of each part how it is and what to do about it.
//!
//! Every check runs, whatever the others find, all at once and each for a bounded time. Nothing is made or changed that
//! a start would not make, and nothing that stays: `folder`, `parts` (store and broker) and `services` (the platform's,
//! and the clock by theirs) look, `show` writes what was found.

mod folder;
mod parts;
mod services;
mod show;

pub use show::{Look, json, text};

use crate::config::{Config, ConfigError, Origin, Setting};
use crate::peers::Peers;
use crate::tls;
use futures_util::future::{join, join_all};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long one check may take.
const LIMIT: Duration = Duration::from_secs(15);

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Ok,
    /// The service works, but somebody should know.
    Warning,
    /// The service does not work, or not wholly.
    Failed,
}

impl State {
    /// The word for people and machines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub found: String,
    /// What to do about it; empty where nothing is to be done.
    pub advice: String,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), advice: String::new() }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, state: State::Warning, found: found.into(), advice: advice.into() }
    }

    fn failed(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, state: State::Failed, found: found.into(), advice: advice.into() }
    }
}

/// Looks at everything that these settings name.
pub async fn examine(config: Config, settings: &[Setting]) -> Vec<Finding> {
    let trusted = tls::client(config.tls.ca_file.as_deref());
    let mut findings = vec![configuration(settings), secrets(&config)];
    let config = Arc::new(config);
    let tls = match trusted {
        Ok(tls) => tls,
        Err(error) => {
            let found = with_causes(&error);
            findings.push(Finding::failed("TLS", found, "correct MAESTRO_CA_FILE, or unset it"));
            return findings;
        }
    };
    let peers = Peers::new(Arc::clone(&config), &tls);
    let checks: Vec<Check<'_>> = vec![
        ("data folder", Box::pin(async { folder::look(&config) })),
        ("report store", Box::pin(parts::store(&config))),
        ("broker", Box::pin(parts::broker(&config, &tls))),
        ("audit service", Box::pin(services::audit(&config, &peers))),
        ("WebSocket service", Box::pin(services::websocket(&config, &peers))),
    ];
    let bounded = checks.into_iter().map(|(name, check)| async move {
        tokio::time::timeout(LIMIT, check).await.unwrap_or_else(|_| vec![late(name)])
    });
    let data_api = async {
        let looked = tokio::time::timeout(LIMIT, services::data_api(&config, &peers)).await;
        looked.unwrap_or_else(|_| vec![late("Data API")])
    };
    let (others, data_api) = join(join_all(bounded), data_api).await;
    findings.extend(others.into_iter().flatten().chain(data_api));
    findings
}

/// A check's name, and its findings when it has ended.
type Check<'a> = (&'static str, Pin<Box<dyn Future<Output = Vec<Finding>> + 'a>>);

/// What there is to say where the settings themselves are wrong.
#[must_use]
pub fn mistaken(error: &ConfigError) -> Vec<Finding> {
    let told = error.mistakes.iter().map(|mistake| {
        Finding::failed("configuration", mistake.to_string(), "correct it; `maestro-reports config` lists all settings")
    });
    told.collect()
}

fn configuration(settings: &[Setting]) -> Finding {
    let own = settings.iter().filter(|setting| setting.origin != Origin::Default).count();
    Finding::ok("configuration", format!("{} settings, {own} of them your own", settings.len()))
}

fn secrets(config: &Config) -> Finding {
    let defaults = config.default_secrets();
    if defaults.is_empty() {
        return Finding::ok("secrets", "none of them is a published default");
    }
    let found = format!("published defaults: {}", defaults.join(", "));
    let advice = "set secrets of your own, the same in all services of the platform; `openssl rand -hex 32` makes one";
    if config.production {
        Finding::failed("secrets", found, advice)
    } else {
        Finding::warning("secrets", found, advice)
    }
}

fn late(check: &'static str) -> Finding {
    let advice = "see whether it is overloaded, or whether something on the way swallows connections";
    Finding::failed(check, format!("no answer within {} s", LIMIT.as_secs()), advice)
}

/// An error's text with its causes, as far as it does not repeat them itself.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let why = cause.to_string();
        if text.contains(&why) { text } else { format!("{text}: {why}") }
    })
}
