//! The HTTP client for ACME: a connection for each request, with the portal's own TLS and limits on time and
//! size. It also records `Retry-After` of refusals, which instant-acme does not report.

use super::fault::Fault;
use super::schedule;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The time limit of a request.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an answer.
const LONGEST: usize = 1 << 20;

type Why = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
    /// Unix seconds.
    retry_after: Arc<Mutex<Option<i64>>>,
}

impl Client {
    /// Trusts the certificate authorities of the system and those in the file `ca`.
    pub(super) fn new(ca: Option<&Path>) -> Result<Client, Fault> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca {
            let fail = |why: String| Fault::Authorities { path: path.to_owned(), why };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|e| fail(e.to_string()))? {
                let certificate = certificate.map_err(|e| fail(e.to_string()))?;
                roots.add(certificate).map_err(|e| fail(e.to_string()))?;
            }
        }
        if roots.is_empty() {
            return Err(Fault::NoAuthorities);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| Fault::Internal(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Client { tls: TlsConnector::from(Arc::new(config)), retry_after: Arc::default() })
    }

    /// The latest time before which a refusal forbade another attempt.
    pub(super) fn retry_after(&self) -> Option<i64> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the time before which the server forbids another attempt.
    pub(super) fn hold_off(&self, until: i64) {
        let mut held = self.retry_after.lock().unwrap_or_else(PoisonError::into_inner);
        *held = (*held).max(Some(until));
    }

    async fn exchange(&self, mut request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Why> {
        let uri = request.uri().clone();
        if uri.scheme_str() != Some("https") {
            return Err(format!("{uri} is not https").into());
        }
        let authority = uri.authority().ok_or_else(|| format!("{uri} has no host"))?;
        let host = authority.host().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(443))).await?;
        let stream = self.tls.connect(ServerName::try_from(host.to_owned())?, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        request.headers_mut().insert(HOST, HeaderValue::from_str(authority.as_str())?);
        *request.uri_mut() = uri.path_and_query().map_or(Uri::from_static("/"), |path| path.clone().into());
        let answered = async {
            let (parts, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, LONGEST).collect().await?.to_bytes();
            Ok::<_, Why>(Response::from_parts(parts, body))
        };
        tokio::pin!(answered);
        // The connection does the work of the request, and may end before its answer is read.
        let response = tokio::select! {
            response = &mut answered => response?,
            ended = connection => {
                ended?;
                answered.await?
            }
        };
        self.checked(response)
    }

    /// A refusal that is not a problem document is an error of the address or of a proxy.
    fn checked(&self, response: Response<Bytes>) -> Result<BytesResponse, Why> {
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            let header = |name| parts.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
            let now = crate::clock::now();
            if let Some(until) = header(RETRY_AFTER).and_then(|value| schedule::retry_after(value, now)) {
                self.hold_off(until);
            }
            if !header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/problem+json")) {
                return Err(format!("the answer is {}", parts.status).into());
            }
        }
        Ok(BytesResponse { parts, body: Box::new(body) })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            match tokio::time::timeout(LIMIT, client.exchange(request)).await {
                Ok(answer) => answer.map_err(Error::Other),
                Err(_) => Err(Error::Other(format!("no answer within {} s", LIMIT.as_secs()).into())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    #[test]
    fn a_refusal_without_a_problem_document_is_an_error_and_its_retry_after_counts() {
        let dir = tempfile::tempdir().unwrap();
        let certificate = rcgen::generate_simple_self_signed(["ca".to_owned()]).unwrap().cert.pem();
        std::fs::write(dir.path().join("ca.pem"), certificate).unwrap();
        let client = Client::new(Some(&dir.path().join("ca.pem"))).unwrap();
        let answer = |status: StatusCode, kind: &str, retry: Option<&str>| {
            let mut answer = Response::builder().status(status).header(CONTENT_TYPE, kind);
            if let Some(retry) = retry {
                answer = answer.header(RETRY_AFTER, retry);
            }
            client.checked(answer.body(Bytes::new()).unwrap()).is_ok()
        };
        assert!(answer(StatusCode::OK, "application/json", Some("5")));
        assert!(answer(StatusCode::FORBIDDEN, "application/problem+json", None));
        assert_eq!(client.retry_after(), None);
        let before = crate::clock::now();
        assert!(answer(
            StatusCode::TOO_MANY_REQUESTS,
            "application/problem+json; charset=utf-8",
            Some("86400")
        ));
        assert!(!answer(StatusCode::SERVICE_UNAVAILABLE, "text/html", Some("60")));
        assert!(client.retry_after().unwrap() >= before + 86_400, "the latest counts");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(matches!(Client::new(Some(&path)), Err(Fault::Authorities { .. })), "it is missing");
    }
}
