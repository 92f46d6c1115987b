//! Secrets that everybody knows: the defaults of the three secret settings.

use super::env;
use super::mistake::{ConfigError, Mistake, Origin};
use super::{Config, Secret};
use std::net::IpAddr;

impl Config {
    /// The variables whose secret is the published default.
    #[must_use]
    pub fn default_secrets(&self) -> Vec<&'static str> {
        let (auth, one) = (&self.auth, std::slice::from_ref::<Secret>);
        // Who is accepted with a published secret is as bad as who signs with one.
        let secrets: [(&str, &str, &[Secret]); 5] = [
            ("auth.key", "auth.key", one(&auth.key)),
            ("auth.accepted_keys", "auth.key", &auth.accepted_keys),
            ("auth.noauth", "auth.noauth", one(&auth.noauth)),
            ("auth.accepted_noauths", "auth.noauth", &auth.accepted_noauths),
            ("peers.websocket_secret", "peers.websocket_secret", one(&self.peers.websocket_secret)),
        ];
        let published = secrets.into_iter().filter_map(|(key, of, secrets)| {
            let default = env::find(of)?.default;
            secrets.iter().any(|secret| secret.expose() == default).then(|| env::find(key))?
        });
        published.map(|var| var.name).collect()
    }

    /// Refuses default secrets in production, whoever listens; elsewhere gives a warning for people where the
    /// process listens on a `host` that other machines reach.
    ///
    /// # Errors
    /// Names each variable with a default secret.
    pub fn guard_secrets(&self, host: Option<&str>) -> Result<Option<String>, ConfigError> {
        let names = self.default_secrets();
        if names.is_empty() {
            return Ok(None);
        }
        if self.production {
            let message = "expected a secret of your own, as MAESTRO_ENV=production; this one is published";
            let mistake = |name: &&str| Mistake {
                what: (*name).to_owned(),
                origin: Origin::Default,
                message: message.to_owned(),
            };
            return Err(ConfigError { mistakes: names.iter().map(mistake).collect() });
        }
        Ok(host.filter(|host| !is_loopback(host)).map(|host| {
            let names = names.join(", ");
            format!("INSECURE: listening on {host} with published default secrets: anyone can sign tokens; set {names}")
        }))
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    fn config(pairs: &[(&str, &str)]) -> crate::config::Config {
        let get = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        load(&get, None, &[]).unwrap()
    }

    #[test]
    fn default_secrets_are_warned_of_where_others_can_reach_them() {
        let config = config(&[]);
        for host in ["127.0.0.1", "::1", "localhost"] {
            assert_eq!(config.guard_secrets(Some(host)).unwrap(), None, "{host}");
        }
        for host in ["0.0.0.0", "::", "reports.example.org"] {
            assert!(config.guard_secrets(Some(host)).unwrap().unwrap().contains("MAESTRO_NOAUTH"), "{host}");
        }
        assert_eq!(config.guard_secrets(None).unwrap(), None);
    }

    #[test]
    fn production_refuses_each_default_secret_even_on_loopback() {
        let error =
            config(&[("MAESTRO_ENV", "production"), ("MAESTRO_NOAUTH", "mine")]).guard_secrets(None).unwrap_err();
        let names: Vec<_> = error.mistakes.iter().map(|mistake| mistake.what.as_str()).collect();
        assert_eq!(names, ["MAESTRO_SECRETJWT_PRIVATE", "MAESTRO_WEBSOCKET_SECRET"]);
    }

    #[test]
    fn a_default_secret_among_those_accepted_is_refused_too() {
        let config = config(&[
            ("MAESTRO_ENV", "production"),
            ("MAESTRO_SECRETJWT_PRIVATE", "a"),
            ("MAESTRO_SECRETJWT_ACCEPTED", "b,defaultSecretKeyPrivate"),
            ("MAESTRO_NOAUTH", "c"),
            ("MAESTRO_NOAUTH_ACCEPTED", "defaultSecretNoAuthToken"),
            ("MAESTRO_WEBSOCKET_SECRET", "d"),
        ]);
        assert_eq!(config.default_secrets(), ["MAESTRO_SECRETJWT_ACCEPTED", "MAESTRO_NOAUTH_ACCEPTED"]);
        assert!(config.guard_secrets(None).is_err());
    }

    #[test]
    fn own_secrets_are_fine_in_production() {
        let config = config(&[
            ("MAESTRO_ENV", "production"),
            ("MAESTRO_SECRETJWT_PRIVATE", "a"),
            ("MAESTRO_NOAUTH", "b"),
            ("MAESTRO_WEBSOCKET_SECRET", "c"),
        ]);
        assert_eq!(config.guard_secrets(Some("0.0.0.0")).unwrap(), None);
    }
}
