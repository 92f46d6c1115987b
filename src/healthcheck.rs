//! `healthcheck`: asks a process of this program whether it answers, for containers that hold no other client.

use crate::config::Config;
use anyhow::{Context, anyhow, bail};
use std::net::IpAddr;
use std::time::Duration;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/healthz` where the process with this configuration answers it: at `MAESTRO_METRICS_BIND`, else at the port of
/// the API; or the given address.
///
/// # Errors
/// Where nobody answers in time, or not with 200.
pub async fn run(config: &Config, url: Option<String>) -> anyhow::Result<()> {
    let url = url.unwrap_or_else(|| own(config));
    let client = awc::Client::builder().timeout(PATIENCE).finish();
    // awc's error cannot leave its thread; its text is what is left of it.
    let answer = client.get(&url).send().await.map_err(|error| anyhow!("{error}"));
    let status = answer.with_context(|| format!("{url} does not answer"))?.status();
    if !status.is_success() {
        bail!("{url} answers {status}");
    }
    Ok(())
}

fn own(config: &Config) -> String {
    let (host, port) = match config.metrics_bind.as_deref().and_then(|bind| bind.rsplit_once(':')) {
        Some((host, port)) => (host.trim_matches(['[', ']']), port.to_owned()),
        None => (config.api.host.as_str(), config.api.port.to_string()),
    };
    let host = match host.parse::<IpAddr>() {
        // Listening on every address includes the one of this host alone.
        Ok(IpAddr::V4(ip)) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(ip)) if ip.is_unspecified() => "[::1]".to_owned(),
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
    };
    format!("http://{host}:{port}/healthz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_asked_where_it_listens() {
        for (host, bind, url) in [
            ("0.0.0.0", "", "http://127.0.0.1:5005/healthz"),
            ("::", "", "http://[::1]:5005/healthz"),
            ("reports", "", "http://reports:5005/healthz"),
            ("0.0.0.0", "[::]:9105", "http://[::1]:9105/healthz"),
            ("0.0.0.0", "10.0.0.3:9105", "http://10.0.0.3:9105/healthz"),
        ] {
            let get = |name: &str| match name {
                "MAESTRO_HOST" => Some(host.to_owned()),
                "MAESTRO_METRICS_BIND" => Some(bind.to_owned()),
                _ => None,
            };
            assert_eq!(own(&crate::config::load(&get, None, &[]).unwrap()), url);
        }
    }
}
