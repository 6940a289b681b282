//! TLS: rustls with ring, TLS 1.2 and 1.3, certificates that can be replaced while connections are served.

use super::authority::{Authority, Issued, RENEW_DAYS};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto::ring};
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

/// The protocol by which an ACME server validates a name (RFC 8737).
pub(crate) const ACME_PROTOCOL: &[u8] = b"acme-tls/1";

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
    current: RwLock<Arc<CertifiedKey>>,
    loaded: Mutex<(Source, Known)>,
    /// The answers to an ACME server, by host name.
    challenges: Mutex<HashMap<String, Arc<CertifiedKey>>>,
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
        let (current, loaded) = (RwLock::new(key), Mutex::new((source, known)));
        Ok(Certificates { current, loaded, challenges: Mutex::default() })
    }

    /// Loads a newer certificate, if there is one; returns whether it did. If the new one is unusable, the
    /// old one stays.
    pub fn refresh(&self, now: i64) -> Result<bool, TlsError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = match &*loaded {
            (Source::Files { certificate, key }, Known::Files(times)) => *times == times_of(certificate, key),
            (Source::Local { .. }, Known::Until(until)) => until - now > RENEW_DAYS * 86_400,
            _ => false,
        };
        if is_same {
            return Ok(false);
        }
        let (key, new) = read(&loaded.0, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = key;
        loaded.1 = new;
        Ok(true)
    }

    /// Uses another source from now on. If it is unusable, the old one stays.
    pub(crate) fn replace(&self, source: Source, now: i64) -> Result<(), TlsError> {
        let (key, known) = read(&source, now)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = key;
        *loaded = (source, known);
        Ok(())
    }

    /// Whether the certificate is of the local authority.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.loaded.lock().unwrap_or_else(PoisonError::into_inner).0, Source::Local { .. })
    }

    /// Sets the certificate that validates a name to an ACME server; `None` removes it.
    pub(crate) fn set_challenge(&self, name: &str, key: Option<Arc<CertifiedKey>>) {
        let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        match key {
            Some(key) => challenges.insert(name.to_owned(), key),
            None => challenges.remove(name),
        };
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
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|offered| offered.eq([ACME_PROTOCOL])) {
            let name = hello.server_name()?.to_ascii_lowercase();
            return self.challenges.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        }
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// The server's configuration: HTTP/2 if the client supports it, sessions resumed by tickets. `has_acme`: ACME
/// servers are answered.
pub fn server_config(certificates: Arc<Certificates>, has_acme: bool) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| TlsError::Setup(e.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if has_acme {
        config.alpn_protocols.push(ACME_PROTOCOL.to_vec());
    }
    config.ticketer = ring::Ticketer::new().map_err(|e| TlsError::Setup(e.to_string()))?;
    Ok(Arc::new(config))
}
