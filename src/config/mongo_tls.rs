//! Gives MongoDB's address the file of authorities.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::Path;

/// The address with the option `tlsCAFile`, where it asks for TLS and names no file itself. The driver trusts the
/// authorities in that file only.
pub(super) fn with_authorities(uri: &str, ca_file: &Path) -> String {
    let options = uri.split_once('?').map_or("", |(_, options)| options);
    let options: Vec<_> = options.split('&').filter_map(|option| option.split_once('=')).collect();
    let has = |name: &str| options.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    let is_on = |name: &str| options.iter().any(|(key, value)| key.eq_ignore_ascii_case(name) && *value == "true");
    let uses_tls = is_on("tls") || is_on("ssl") || has("tlsCertificateKeyFile");
    if !uses_tls || has("tlsCAFile") {
        return uri.to_owned();
    }
    format!("{uri}&tlsCAFile={}", utf8_percent_encode(&ca_file.to_string_lossy(), NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_asks_for_tls_gets_the_file() {
        for (uri, expected) in [
            ("mongodb://h/?tls=true", "mongodb://h/?tls=true&tlsCAFile=%2Fa%20b%2Fca%2Epem"),
            ("mongodb://h/?w=1&SSL=true", "mongodb://h/?w=1&SSL=true&tlsCAFile=%2Fa%20b%2Fca%2Epem"),
            ("mongodb://h", "mongodb://h"),
            ("mongodb://tls=true@h/?tls=false", "mongodb://tls=true@h/?tls=false"),
            ("mongodb://h/?tls=true&tlscafile=own.pem", "mongodb://h/?tls=true&tlscafile=own.pem"),
        ] {
            assert_eq!(with_authorities(uri, Path::new("/a b/ca.pem")), expected);
        }
    }
}
