//! TLS: rustls with ring, TLS 1.2 and 1.3, certificates that can be replaced while connections are served.

use super::authority::{Authority, Issued, RENEW_DAYS};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto::ring};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificate {path} cannot be used: {why}", path = .path.display())]
    Certificate { path: PathBuf, why: String },
    #[error("the key {path} cannot be used: {why}", path = .path.display())]
    Key { path: PathBuf, why: String },
    #[error("key and certificate do not belong together: {0}")]
    Pair(String),
    #[error("the local certificate authority at {path} cannot be used: {why}", path = .path.display())]
    Authority { path: PathBuf, why: String },
    #[error("no certificate can be made: {0}")]
    Issue(String),
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// A certificate chain with its key, if they match.
pub fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, TlsError> {
    let key = ring::sign::any_supported_type(&key).map_err(|e| TlsError::Pair(e.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(e) => Err(TlsError::Pair(e.to_string())),
    }
}

/// The source of certificates.
pub enum Source {
    Files { certificate: PathBuf, key: PathBuf },
    Local { authority: Arc<Authority>, names: Vec<String>, addresses: Vec<IpAddr> },
}

/// The current certificate. Open connections keep theirs.
pub struct Certificates {
    source: Source,
    current: RwLock<Arc<CertifiedKey>>,
    known: Mutex<Known>,
}

/// How a newer one is detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Modification times of both files.
    Files([Option<SystemTime>; 2]),
    Until(i64),
}

impl Certificates {
    pub fn load(source: Source, now: i64) -> Result<Certificates, TlsError> {
        let (key, known) = read(&source, now)?;
        Ok(Certificates { source, current: RwLock::new(key), known: Mutex::new(known) })
    }

    /// Loads a newer certificate, if there is one; returns whether it did. If the new one is unusable, the
    /// old one stays.
    pub fn refresh(&self, now: i64) -> Result<bool, TlsError> {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = match (&self.source, known) {
            (Source::Files { certificate, key }, Known::Files(times)) => times == times_of(certificate, key),
            (Source::Local { .. }, Known::Until(until)) => until - now > RENEW_DAYS * 86_400,
            _ => false,
        };
        if is_same {
            return Ok(false);
        }
        let (key, new) = read(&self.source, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = key;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(true)
    }
}

fn times_of(certificate: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok())
}

fn read(source: &Source, now: i64) -> Result<(Arc<CertifiedKey>, Known), TlsError> {
    match source {
        Source::Local { authority, names, addresses } => {
            let Issued { key, until } = authority.issue(names, addresses, now)?;
            Ok((key, Known::Until(until)))
        }
        Source::Files { certificate, key } => {
            let times = times_of(certificate, key);
            let fail = |e: rustls::pki_types::pem::Error| TlsError::Certificate {
                path: certificate.clone(),
                why: e.to_string(),
            };
            let chain = CertificateDer::pem_file_iter(certificate)
                .map_err(fail)?
                .collect::<Result<Vec<_>, _>>()
                .map_err(fail)?;
            if chain.is_empty() {
                let why = "there is no certificate in it".to_owned();
                return Err(TlsError::Certificate { path: certificate.clone(), why });
            }
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|e| TlsError::Key { path: key.clone(), why: e.to_string() })?;
            Ok((Arc::new(certified(chain, private)?), Known::Files(times)))
        }
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// The server's configuration: HTTP/2 if the client supports it, sessions resumed by tickets.
pub fn server_config(certificates: Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| TlsError::Setup(e.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new().map_err(|e| TlsError::Setup(e.to_string()))?;
    Ok(Arc::new(config))
}
