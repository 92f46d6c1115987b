//! TLS of every connection that this process makes: whom it trusts, and what is wrong with a server that it does not.
//!
//! Certificates are checked against the system's authorities and those of `MAESTRO_CA_FILE`, in addition. (The file alone
//! is trusted where `SSL_CERT_FILE`, which takes the place of the system's, names it too.) There is no switch that turns
//! the check off.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The authorities in the file of `MAESTRO_CA_FILE` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// It cannot be read, or what looks like a certificate in it is broken.
    #[error("MAESTRO_CA_FILE: {} cannot be read as certificates in PEM", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: pem::Error,
    },
    /// It holds none.
    #[error("MAESTRO_CA_FILE: expected certificates in PEM (-----BEGIN CERTIFICATE-----) in {}, found none", .0.display())]
    Empty(PathBuf),
    /// One of them is no certificate of an authority.
    #[error("MAESTRO_CA_FILE: certificate {number} of {} cannot be used as an authority", path.display())]
    NoAuthority {
        /// The file.
        path: PathBuf,
        /// Its place in the file, from 1.
        number: usize,
        /// The cause.
        #[source]
        source: rustls::Error,
    },
    /// The cryptography of this build does not fit together.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// The configuration of a client that trusts the system's authorities and those in `ca_file`. It offers TLS 1.2 and 1.3
/// and no application protocol (ALPN).
///
/// # Errors
/// Where `ca_file` cannot be read or holds no authority. A system without authorities is no error: then its servers
/// are not trusted.
pub fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, CaFileError> {
    let mut roots = system_roots();
    if let Some(path) = ca_file {
        add(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(CaFileError::Setup)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!("an authority of the system is left out: {error}");
    }
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    log::debug!("authorities of the system: {added} trusted, {ignored} not understood");
    roots
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), CaFileError> {
    let unreadable = |source| CaFileError::Unreadable { path: path.to_owned(), source };
    let mut number = 0;
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        number += 1;
        let certificate = certificate.map_err(unreadable)?;
        roots.add(certificate).map_err(|source| CaFileError::NoAuthority { path: path.to_owned(), number, source })?;
    }
    if number == 0 { Err(CaFileError::Empty(path.to_owned())) } else { Ok(()) }
}

/// What is wrong with a server's certificate or its TLS, for people, where that is why a connection failed: looks for
/// rustls' error among the causes of `error`.
#[must_use]
pub fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(wrong(error));
        }
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // The source of an I/O error is that of the error inside it, which would be passed over.
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn wrong(error: &rustls::Error) -> String {
    if let rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) = error {
        return "it does not speak TLS at this port".to_owned();
    }
    let rustls::Error::InvalidCertificate(error) = error else { return error.to_string() };
    // The signature is bad where an authority of the same name with another key is trusted.
    if let CertificateError::UnknownIssuer | CertificateError::BadSignature = error {
        return "its certificate was issued by an unknown authority (MAESTRO_CA_FILE names further ones)".to_owned();
    }
    if let CertificateError::NotValidForNameContext { expected, presented } = error {
        let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
        let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
        return format!("its certificate is for {names} and not for {}", expected.to_str());
    }
    if let CertificateError::ExpiredContext { not_after, .. } = error {
        return format!("its certificate expired on {}", moment(*not_after));
    }
    if let CertificateError::NotValidYetContext { not_before, .. } = error {
        return format!("its certificate is not valid before {}", moment(*not_before));
    }
    format!("its certificate is not accepted: {error}")
}

/// The name in `DnsName("name")`, as rustls writes it.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    chrono::DateTime::from_timestamp(seconds, 0).map_or_else(|| "a far time".to_owned(), |time| time.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use tempfile::NamedTempFile;

    fn refused(content: &str) -> String {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let error = client(Some(file.path())).unwrap_err();
        format!("{error}: {:?}", error.source()).replace(&file.path().display().to_string(), "FILE")
    }

    #[test]
    fn authorities_are_added_to_the_systems() {
        let system = system_roots().len();
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        writeln!(file, "# ours\n{}{}", authority.pem(), authority.pem()).unwrap();
        let mut roots = system_roots();
        add(&mut roots, file.path()).unwrap();
        assert_eq!(roots.len(), system + 2);
        client(Some(file.path())).unwrap();
    }

    #[test]
    fn a_file_without_an_authority_is_refused_and_says_why() {
        let missing = client(Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
        assert!(missing.source().unwrap().to_string().contains("No such file"), "{missing:?}");
        let private_key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for nothing in ["", "no certificate", &private_key] {
            assert!(refused(nothing).contains("in FILE, found none"), "{}", refused(nothing));
        }
        assert!(refused("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").contains("FILE cannot be read"));
        assert!(refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").contains("certificate 1 of"));
    }

    #[test]
    fn a_certificate_is_named_as_the_cause_however_deep_it_lies() {
        let error = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let nested = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        assert!(distrust(&nested).unwrap().contains("unknown authority"));
        assert_eq!(distrust(&io::Error::other("refused")), None);
        let plain = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert!(distrust(&io::Error::new(io::ErrorKind::InvalidData, plain)).unwrap().contains("does not speak TLS"));
    }
}
