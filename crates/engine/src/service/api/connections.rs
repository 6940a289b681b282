//! The connections of the API: limits on their total number, their number per peer, and their duration.
//!
//! An idle connection costs its client nothing and the service a descriptor. When a limit is reached, the connection
//! that has been idle for longest is closed in favour of the new one; a new connection is refused only while as many
//! requests are in progress as there may be connections.
//!
//! Promises: no peer can lock out another; reading a request head, reading a body, the pause until the next request and
//! writing to a slow client all have time limits; the number of connections leaves enough descriptors for the engine's
//! own work.

use super::refusal::Refusal;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

/// Time limit for a request head, from the connection or the end of the previous request.
const HEAD: Duration = Duration::from_secs(15);
/// Time limit for a request body.
const BODY: Duration = Duration::from_secs(30);
/// How long a client may leave a response unread.
const UNREAD: Duration = Duration::from_secs(60);
/// Retry interval of accept when no descriptor is available.
const NONE_LEFT: Duration = Duration::from_millis(50);

/// Maximum number of connections if there are plenty of descriptors; [`LEAST`] is the minimum.
const MOST: usize = 256;
const LEAST: usize = 16;
/// Descriptors that are not for connections: connections to the index (three each), sockets to workers, watches, and a
/// folder listing for each level of a walk of two scanners.
const RESERVE: u64 = 640;

/// The peer of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process, by its user id.
    User(u32),
    Address(std::net::IpAddr),
}

/// Limits on the number of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub all: usize,
    pub of_one_peer: usize,
    /// Event streams, which are long-lived.
    pub streams: usize,
}

impl Limits {
    /// The limits of a process with this RLIMIT_NOFILE.
    pub(super) fn within(descriptors: u64) -> Limits {
        let left = descriptors.saturating_sub(RESERVE) / 2;
        let all = usize::try_from(left).unwrap_or(MOST).clamp(LEAST, MOST);
        Limits { all, of_one_peer: all * 3 / 4, streams: all / 2 }
    }
}

/// The open connections.
#[derive(Clone)]
pub(super) struct Connections(Arc<Inner>);

struct Inner {
    limits: Limits,
    open: Mutex<BTreeMap<u64, Open>>,
    streams: AtomicUsize,
}

struct Open {
    peer: Peer,
    state: Arc<State>,
}

/// The state of one connection.
#[derive(Default)]
struct State {
    /// Requests in progress.
    requests: AtomicUsize,
    /// Bytes wait for the client to read them.
    is_writing: AtomicBool,
    /// Start of the idle time; `None`: idle since it was opened.
    quiet_since: Mutex<Option<Instant>>,
    closed: Notify,
}

impl State {
    fn is_quiet(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0 && !self.is_writing.load(Ordering::Relaxed)
    }

    fn quiet_since(&self) -> Option<Instant> {
        *self.quiet_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request in progress.
struct Answering(Arc<State>);

impl Answering {
    fn of(state: &Arc<State>) -> Answering {
        state.requests.fetch_add(1, Ordering::Relaxed);
        Answering(state.clone())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.quiet_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts an event stream while it is sent.
pub(super) struct Streaming {
    connections: Connections,
    _answering: Answering,
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.connections.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connection of a request.
#[derive(Clone)]
pub(super) struct Own {
    connections: Connections,
    state: Arc<State>,
}

impl Own {
    /// A guard to keep with an event stream; an error if there are too many.
    pub(super) fn streams(&self) -> Result<Streaming, Refusal> {
        let (streams, most) = (&self.connections.0.streams, self.connections.0.limits.streams);
        if streams.fetch_add(1, Ordering::Relaxed) >= most {
            streams.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("{most} event streams are open already"),
            ));
        }
        Ok(Streaming { connections: self.connections.clone(), _answering: Answering::of(&self.state) })
    }
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Connections {
        let (open, streams) = (Mutex::default(), AtomicUsize::new(0));
        Connections(Arc::new(Inner { limits, open, streams }))
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of open connections.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.open().len()
    }

    /// Registers a connection, and closes an idle one for it if necessary; `None`: there are too many.
    fn admit(&self, peer: Peer) -> Option<Admitted> {
        let mut open = self.open();
        let limits = self.0.limits;
        let of_peer = open.values().filter(|o| o.peer == peer).count();
        if of_peer >= limits.of_one_peer {
            close_quietest(&mut open, |o| o.peer == peer)?;
        }
        if open.len() >= limits.all {
            // Of the peer with the most connections: others keep theirs.
            let many = |o: &Open| open.values().filter(|other| other.peer == o.peer).count();
            let most = open.values().filter(|o| o.state.is_quiet()).max_by_key(|o| many(o))?.peer;
            close_quietest(&mut open, |o| o.peer == most)?;
        }
        let id = open.last_key_value().map_or(0, |(id, _)| id + 1);
        let state = Arc::new(State::default());
        open.insert(id, Open { peer, state: state.clone() });
        Some(Admitted { id, state, connections: self.clone() })
    }

    /// Frees descriptors by closing the connection that has been idle for longest.
    fn close_one(&self) {
        close_quietest(&mut self.open(), |_| true);
    }

    /// Serves one connection until it ends.
    fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: Peer,
        app: Router,
    ) -> impl Future<Output = ()> + Send + 'static {
        let admitted = self.admit(peer);
        let connections = self.clone();
        async move {
            let Some(admitted) = admitted else { return refuse(stream).await };
            let state = admitted.state.clone();
            let own = Own { connections, state: state.clone() };
            let app = app.layer(Extension(own));
            let io = TokioIo::new(Watched::new(stream, state.clone()));
            let service = TowerToHyperService::new(app);
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD);
            tokio::select! {
                // Errors of a connection concern only its client.
                _ = http.serve_connection(io, service) => {}
                () = state.closed.notified() => {}
            }
            drop(admitted);
        }
    }
}

/// Closes the matching connection that has been idle for longest; `None`: none is idle.
fn close_quietest(open: &mut BTreeMap<u64, Open>, among: impl Fn(&Open) -> bool) -> Option<()> {
    let quiet = open.iter().filter(|(_, o)| among(o) && o.state.is_quiet());
    // First those without any request, in order of arrival.
    let id = *quiet.min_by_key(|(id, o)| (o.state.quiet_since(), **id))?.0;
    let closed = open.remove(&id)?;
    closed.state.closed.notify_one();
    Some(())
}

/// A registered connection.
struct Admitted {
    id: u64,
    state: Arc<State>,
    connections: Connections,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        // After it was closed in favour of another, its id may be in use again.
        if open.get(&self.id).is_some_and(|o| Arc::ptr_eq(&o.state, &self.state)) {
            open.remove(&self.id);
        }
    }
}

/// Sends a client the response for an overloaded service.
async fn refuse(mut stream: impl AsyncWrite + Unpin) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 5\r\n\
        Connection: close\r\nContent-Length: 53\r\n\r\n{\"error\":\"too many connections are open; come again\"}\n";
    // It fits into the send buffer of a new connection.
    let written = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, ANSWER));
    let _ = tokio::time::timeout(Duration::from_secs(1), written).await;
}

/// Accepts connections until its task is cancelled.
pub(super) async fn accept_unix(listener: tokio::net::UnixListener, app: Router, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let user = stream.peer_cred().map_or(u32::MAX, |peer| peer.uid());
                tokio::spawn(connections.serve(stream, Peer::User(user), app.clone()));
            }
            Err(e) => accept_failed(&connections, &e).await,
        }
    }
}

/// Like [`accept_unix`].
pub(super) async fn accept_tcp(listener: tokio::net::TcpListener, app: Router, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                // Responses are small: send them without Nagle's delay.
                let _ = stream.set_nodelay(true);
                tokio::spawn(connections.serve(stream, Peer::Address(from.ip()), app.clone()));
            }
            Err(e) => accept_failed(&connections, &e).await,
        }
    }
}

async fn accept_failed(connections: &Connections, e: &io::Error) {
    // The client disconnected before accept, which is not an error of the service.
    if matches!(e.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    connections.close_one();
    tracing::warn!("a connection cannot be taken in: {e}");
    tokio::time::sleep(NONE_LEFT).await;
}

/// Runs after the token check: reads the body within its time and size limits. Until then its connection counts as
/// idle.
pub(super) async fn with_body(most: usize, own: Own, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let announced =
        head.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let too_long = || {
        let why = "the body is larger than `service.uploads.max_body` of the config";
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why.into()).into_response()
    };
    if announced.is_some_and(|len| len > most as u64) {
        return too_long();
    }
    let body = match tokio::time::timeout(BODY, axum::body::to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(e)) if is_too_long(&e) => return too_long(),
        Ok(Err(e)) => {
            return Refusal::new(StatusCode::BAD_REQUEST, format!("the body cannot be read: {e}"))
                .into_response();
        }
        Err(_) => {
            let why = format!("the body took more than {} s", BODY.as_secs());
            let mut late = Refusal::new(StatusCode::REQUEST_TIMEOUT, why).into_response();
            late.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            return late;
        }
    };
    let _answering = Answering::of(&own.state);
    next.run(Request::from_parts(head, Body::from(body))).await
}

fn is_too_long(e: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(e);
    while let Some(e) = cause {
        if e.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = e.source();
    }
    false
}

/// A stream that measures how long it has waited for its client to read.
struct Watched<S> {
    stream: S,
    state: Arc<State>,
    unread: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    fn new(stream: S, state: Arc<State>) -> Watched<S> {
        Watched { stream, state, unread: None }
    }

    fn wrote<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let waits = written.is_pending();
        self.state.is_writing.store(waits, Ordering::Relaxed);
        if !waits {
            self.unread = None;
            return written;
        }
        let unread = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(UNREAD)));
        match unread.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_leave_room_for_the_engine() {
        assert_eq!(Limits::within(1 << 20).all, MOST);
        for descriptors in [64, 256, 1024, 4096] {
            let limits = Limits::within(descriptors);
            assert!((LEAST..=MOST).contains(&limits.all) && limits.of_one_peer < limits.all, "{limits:?}");
            assert!(limits.all as u64 <= LEAST as u64 + descriptors / 2, "{descriptors}: {limits:?}");
        }
    }

    #[test]
    fn a_quiet_connection_makes_room_and_one_with_a_request_does_not() {
        let limits = Limits { all: 4, of_one_peer: 3, streams: 1 };
        let (connections, peer) = (Connections::new(limits), Peer::User(1));
        let first: Vec<Admitted> = (0..3).map(|_| connections.admit(peer).unwrap()).collect();
        let busy = Answering::of(&first[0].state);
        let fourth = connections.admit(peer).unwrap();
        assert_eq!(connections.count(), 3, "the second made room");
        assert!(
            connections.open().contains_key(&first[0].id) && !connections.open().contains_key(&first[1].id)
        );
        // Another peer has its own share, and beyond it replaces connections of the peer with the most.
        let other: Vec<Admitted> = (0..2).map(|_| connections.admit(Peer::User(2)).unwrap()).collect();
        assert_eq!(connections.count(), 4);
        assert!(other.iter().all(|o| connections.open().contains_key(&o.id)));
        let all_busy: Vec<Answering> = connections.open().values().map(|o| Answering::of(&o.state)).collect();
        assert!(connections.admit(Peer::User(3)).is_none());
        drop((all_busy, busy, fourth, first, other));
        assert_eq!(connections.count(), 0);
    }
}
