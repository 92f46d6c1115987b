//! Certificates for the tests, and a proxy that puts TLS in front of a server that has none.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// An authority of a test's own, with its certificate in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
    _folder: Option<TempDir>,
}

/// A server's certificate and key.
pub(crate) struct Identity {
    /// The certificate in PEM.
    pub(crate) certificate: String,
    /// Its key in PEM.
    pub(crate) key: String,
    config: Arc<ServerConfig>,
}

impl Authority {
    /// A new authority, which nobody trusts yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Self::in_folder(folder.path());
        Self { _folder: Some(folder), ..authority }
    }

    /// As [`Authority::new`] with its file in this folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the tests' authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = folder.join("ca.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file, _folder: None }
    }

    /// The file for `MAESTRO_CA_FILE`; it goes with the authority.
    pub(crate) fn file(&self) -> PathBuf {
        self.file.clone()
    }

    /// A certificate for a host, a name or an IP address.
    pub(crate) fn issue(&self, host: &str) -> Identity {
        self.sign(CertificateParams::new([host.to_owned()]).unwrap())
    }

    /// A certificate for a host that was valid in 2020.
    pub(crate) fn issue_expired(&self, host: &str) -> Identity {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 12, 31));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], secret).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem(), config: Arc::new(config) }
    }
}

/// Takes TLS connections and hands them on in the clear; ends when dropped.
pub(crate) struct TlsProxy {
    /// The port that it listens on, at 127.0.0.1.
    pub(crate) port: u16,
    _alive: oneshot::Sender<()>,
}

impl TlsProxy {
    /// Starts a proxy in front of a server.
    pub(crate) fn start(identity: &Identity, server: SocketAddr) -> Self {
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
        let (alive, dropped) = oneshot::channel::<()>();
        let (sender, started) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap().port()).unwrap();
                tokio::select! {
                    () = accept(&listener, &acceptor, server) => {}
                    _ = dropped => {}
                }
            });
        });
        Self { port: started.recv().unwrap(), _alive: alive }
    }

    /// As [`TlsProxy::start`] in front of `http://HOST:PORT` or `mongodb://HOST:PORT`.
    pub(crate) fn before(identity: &Identity, url: &str) -> Self {
        let address = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
        Self::start(identity, address.parse().unwrap())
    }
}

async fn accept(listener: &TcpListener, acceptor: &TlsAcceptor, server: SocketAddr) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that does not trust us goes away, and so does a server that ends: nothing to be told here.
            let Ok(mut client) = acceptor.accept(client).await else { return };
            let Ok(mut server) = TcpStream::connect(server).await else { return };
            copy_bidirectional(&mut client, &mut server).await.ok();
        });
    }
}
