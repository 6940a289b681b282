//! The listener: accepts, limits, serves, and shuts down cleanly.

use super::connections::{Activity, Connections, Limits, Running};
use super::stream::Impatient;
use super::tls::{ACME_PROTOCOL, Certificates};
use crate::config::client_network;
use crate::http::{App, Peer};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

const LIMITS: Limits = Limits { in_all: 512, per_peer: 128 };
/// The time limit of a handshake, and of the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// The idle limits of a connection before its first request, and between two requests, seconds.
const FIRST_REQUEST: u64 = 15;
const NEXT_REQUEST: u64 = 75;
/// The time limit of a write without progress.
const STALLED: Duration = Duration::from_secs(45);
/// The time limit of running requests at shutdown.
const LAST_REQUESTS: Duration = Duration::from_secs(8);
/// Bytes of the head of a request.
const HEAD_BYTES: u32 = 16 << 10;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {why}")]
    Listen { address: SocketAddr, why: std::io::Error },
    #[error("the socket cannot be used: {0}")]
    Socket(#[from] std::io::Error),
}

/// Serves until `stop`.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<(Arc<rustls::ServerConfig>, Arc<Certificates>)>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let router = crate::http::router(app.clone());
    let acceptor = tls.as_ref().map(|(config, _)| TlsAcceptor::from(config.clone()));
    let connections = Connections::new(LIMITS);
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = tasks.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // Mostly out of descriptors: closed connections release some.
                tracing::warn!("a connection cannot be accepted: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let peer = crate::config::plain_address(address.ip());
        let is_proxy = app.config.portal.trusted_proxies.contain(peer);
        let Some(place) = connections.admit(&client_network(peer), is_proxy) else { continue };
        let has_public_certificate = tls.as_ref().is_some_and(|(_, certificates)| !certificates.is_local());
        let (router, acceptor, stop) = (router.clone(), acceptor.clone(), stop.clone());
        tasks.spawn(async move {
            let peer = Peer { address: peer, has_tls: acceptor.is_some(), has_public_certificate };
            let evicted = place.activity.clone();
            tokio::select! {
                () = connection(stream, peer, router, acceptor, &place.activity, stop) => {}
                // The slot is released at once: the connection was idle.
                () = evicted.evicted.notified() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    let rest = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_REQUESTS, rest).await.is_err() {
        tracing::info!("connections that did not end in time were cut");
    }
    Ok(())
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    acceptor: Option<TlsAcceptor>,
    activity: &Arc<Activity>,
    stop: watch::Receiver<bool>,
) {
    // Answers are written in one piece: delaying only slows the last packet.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, STALLED);
    match acceptor {
        None => requests(stream, peer, router, activity, stop).await,
        Some(acceptor) => match tokio::time::timeout(HEAD, acceptor.accept(stream)).await {
            // The handshake was all that the ACME server came for (RFC 8737).
            Ok(Ok(mut stream)) if stream.get_ref().1.alpn_protocol() == Some(ACME_PROTOCOL) => {
                let _ = stream.shutdown().await;
            }
            Ok(Ok(stream)) => requests(stream, peer, router, activity, stop).await,
            Ok(Err(e)) => tracing::debug!("no TLS with a client: {e}"),
            Err(_) => tracing::debug!("a client was too slow with its TLS handshake"),
        },
    }
}

async fn requests<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: Peer,
    router: Router,
    activity: &Arc<Activity>,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (router, running) = (router.clone(), activity.begin());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let response = match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            Ok::<_, Infallible>(response.map(|body| Counted { body, _running: running }))
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES as usize)
        .max_headers(64)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(HEAD_BYTES)
        .max_send_buf_size(256 << 10)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    let served = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    let mut ending = false;
    loop {
        tokio::select! {
            end = served.as_mut() => {
                if let Err(e) = end {
                    tracing::debug!("a connection ended: {e}");
                }
                return;
            }
            _ = stop.wait_for(|stop| *stop), if !ending => {
                served.as_mut().graceful_shutdown();
                ending = true;
            }
            _ = tick.tick() => {
                let longest = if activity.has_served() { NEXT_REQUEST } else { FIRST_REQUEST };
                let idle = activity.idle_seconds();
                // A client that does not close its side is dropped.
                if idle > longest + 10 {
                    return;
                }
                if idle > longest && !ending {
                    served.as_mut().graceful_shutdown();
                    ending = true;
                }
            }
        }
    }
}

/// An answer's body, during which the connection is busy.
struct Counted {
    body: Body,
    _running: Running,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
