//! HTTP + JSON over a Unix socket (whoever may open it may do all) and over loopback TCP (with a token, perhaps
//! limited to some spaces). docs/openapi.yaml describes it; a test holds the two together.

mod connections;
mod edits;
mod people;

use super::access::Access;
use super::events::{self, Event};
use super::recognition::later_stages;
use super::{Order, Service, ServiceError, client};
use crate::config::{Config, Spaces, TcpToken};
use crate::pipeline::progress::Progress;
use albumen_core::clock::now;
use albumen_core::vocabulary::Stage;
use albumen_files::{absolute, patience};
use albumen_index::Error as IndexError;
use albumen_index::again::Again;
use albumen_index::view::{Detail, ItemView};
use albumen_index::{Editor, IndexReader};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Extension, Path as UrlPath, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connections::{Connections, Limits, Own};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Component, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Seconds after which a client that was told "too many" may come again, and one that was told of a full disk.
const RETRY_AFTER_S: u64 = 5;
const RETRY_FULL_AFTER_S: u64 = 60;
/// Items, or files that failed, a page: unless the request says otherwise, and at the most.
const USUAL_PAGE: usize = 100;
const PAGE: usize = 1000;
/// The longest that a request with `wait` is kept open.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A secret, and what whoever knows it may see.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: String,
    access: Access,
}

/// The spaces that a question is about: the one it names, else all that may be seen (`None`: all there are).
fn asked(access: &Access, space: Option<String>) -> Answer<Option<Vec<String>>> {
    match space {
        Some(space) if !access.may_see(&space) => Err(no_such("space")),
        Some(space) => Ok(Some(vec![space])),
        None => Ok(access.spaces().map(<[String]>::to_vec)),
    }
}

/// The sockets, bound before anything else: what cannot listen should say so at once.
pub struct Listeners {
    unix: Option<(UnixListener, PathBuf)>,
    tcp: Option<std::net::TcpListener>,
}

/// Binds what the config names.
pub fn listen(config: &Config) -> Result<Listeners, ServiceError> {
    let socket = &config.service.socket;
    let fail = |why: String| ServiceError::Socket { path: socket.clone(), why };
    let unix = match socket.as_os_str().is_empty() {
        true => None,
        false => {
            if let Some(dir) = socket.parent() {
                std::fs::create_dir_all(dir).map_err(|e| fail(e.to_string()))?;
            }
            // Only what an ended service left: the index lock says that no other one runs on this index.
            if std::fs::symlink_metadata(socket).is_ok_and(|m| m.file_type().is_socket()) {
                if std::os::unix::net::UnixStream::connect(socket).is_ok() {
                    return Err(fail("another service answers there".into()));
                }
                std::fs::remove_file(socket).map_err(|e| fail(e.to_string()))?;
            }
            let listener = UnixListener::bind(socket).map_err(|e| fail(e.to_string()))?;
            std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660))
                .map_err(|e| fail(e.to_string()))?;
            listener.set_nonblocking(true)?;
            Some((listener, socket.clone()))
        }
    };
    let tcp = match &config.service.tcp {
        Some(address) => {
            let listener = std::net::TcpListener::bind(address.get_ref())?;
            listener.set_nonblocking(true)?;
            Some(listener)
        }
        None => None,
    };
    Ok(Listeners { unix, tcp })
}

/// The tokens of the config, those that lie in files read.
pub fn read_tokens(config: &Config) -> Result<Vec<Token>, ServiceError> {
    let mut tokens = Vec::new();
    for t in &config.service.tokens {
        let secret = match (&t.token, &t.file) {
            (Some(secret), _) => secret.get_ref().clone(),
            (None, Some(file)) => {
                let why = |e| format!("the token `{}` in {} cannot be read: {e}", t.name, file.display());
                std::fs::read_to_string(file).map_err(|e| ServiceError::Token(why(e)))?.trim().to_owned()
            }
            (None, None) => continue,
        };
        if secret.len() < TcpToken::SHORTEST {
            let why = format!("the token `{}` has fewer than {} characters", t.name, TcpToken::SHORTEST);
            return Err(ServiceError::Token(why));
        }
        let spaces = t.spaces.as_ref().map(|s| s.iter().map(|n| n.get_ref().clone()).collect());
        tokens.push(Token { secret, access: Access::to(spaces) });
    }
    Ok(tokens)
}

/// Serves until the service is told to stop.
pub fn serve(service: &Arc<Service>, listeners: Listeners) -> Result<(), ServiceError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()?;
    runtime.block_on(async {
        let routes = routes(service.clone());
        let connections = Connections::new(Limits::within(crate::pipeline::descriptors::limit()));
        let mut serving = tokio::task::JoinSet::new();
        if let Some((unix, _)) = &listeners.unix {
            let listener = tokio::net::UnixListener::from_std(unix.try_clone()?)?;
            let app = routes.clone().layer(Extension(Access::ALL));
            serving.spawn(connections::accept_unix(listener, app, connections.clone()));
        }
        if let Some(tcp) = listeners.tcp {
            let listener = tokio::net::TcpListener::from_std(tcp)?;
            let app = routes.layer(axum::middleware::from_fn_with_state(service.clone(), check_token));
            serving.spawn(connections::accept_tcp(listener, app, connections));
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let watchdog = sd_notify::watchdog_enabled().map(|w| w / 2);
        let mut beat = watchdog.map(tokio::time::interval);
        // The request to stop is looked for here, so that open event streams do not keep the service alive.
        while !service.shared.shutdown.requested() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if let Some(beat) = &mut beat
                && tokio::time::timeout(Duration::ZERO, beat.tick()).await.is_ok()
            {
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        serving.abort_all();
        Ok::<(), ServiceError>(())
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    if let Some((_, path)) = listeners.unix {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn routes(service: Arc<Service>) -> Router {
    let body = service.config().service.uploads.max_body.0 as usize;
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/v1/index", post(index))
        .route("/v1/reindex", post(reindex))
        .route("/v1/jobs/{id}", get(job))
        .route("/v1/status", get(status))
        .route("/v1/events", get(events))
        .route("/v1/items", get(items))
        .route("/v1/items/{id}", get(item))
        .route("/v1/failures", get(failures))
        .route("/v1/people", get(people::list))
        .route("/v1/people/suggest", get(people::suggest))
        .route("/v1/people/ask", get(people::questions))
        .route("/v1/people/answer", post(people::answer))
        .route("/v1/people/edits", get(people::edits))
        .route("/v1/people/merge", post(people::merge))
        .route("/v1/people/apart", post(people::apart))
        .route("/v1/people/undo", post(people::undo))
        .route("/v1/people/{id}", get(people::person))
        .route("/v1/people/{id}/name", post(people::name))
        .route("/v1/people/{id}/split", post(people::split))
        .route("/v1/people/{id}/hide", post(people::hide))
        .route("/v1/people/{id}/unhide", post(people::unhide))
        .route("/v1/people/{id}/show", post(people::unhide))
        .route("/v1/people/{id}/cover", post(people::cover))
        .route("/v1/faces", get(people::faces))
        .route("/v1/faces/{id}", get(people::face))
        .route("/v1/faces/{id}/why", get(people::why))
        .route("/v1/faces/{id}/assign", post(people::assign))
        .route("/v1/faces/{id}/reject", post(people::reject))
        .route("/v1/faces/{id}/mark", post(people::mark))
        .route("/v1/items/edit", post(edits::edit))
        .route("/v1/items/undo", post(edits::undo))
        .route("/v1/albums", post(edits::add_album))
        .route("/v1/albums/{id}", patch(edits::change_album).delete(edits::delete_album))
        .route("/v1/albums/{id}/items", post(edits::fill_album))
        .route("/v1/edited", post(edited))
        .route("/v1/pause", post(pause))
        .route("/v1/resume", post(resume))
        .route("/v1/reload", post(reload))
        .layer(DefaultBodyLimit::max(body))
        .layer(axum::middleware::from_fn(
            move |Extension(own): Extension<Own>, request: Request, next: Next| {
                connections::with_body(body, own, request, next)
            },
        ))
        .layer(axum::middleware::map_response(refused_in_json))
        .with_state(service)
}

/// Gives refusals that are not ours (of a parameter, a path, a method) the form of all others.
async fn refused_in_json(response: Response) -> Response {
    /// They are a line each.
    const LONGEST: usize = 4096;
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !status.is_client_error() || is_json {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).cloned();
    let said = axum::body::to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
    let why = match (status, said.is_empty()) {
        (StatusCode::NOT_FOUND, true) => {
            "there is nothing at this path; docs/openapi.yaml lists them".to_owned()
        }
        (StatusCode::METHOD_NOT_ALLOWED, _) => "this path is asked by another method".to_owned(),
        _ => String::from_utf8_lossy(&said).into_owned(),
    };
    let mut refused = Refusal(status, why).into_response();
    refused.headers_mut().extend(allowed.map(|a| (header::ALLOW, a)));
    refused
}

/// An answer that is no success: status, and the reason in words.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.0, Json(json!({ "error": self.1 }))).into_response();
        let mut after =
            |seconds| response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        let _ = match self.0 {
            StatusCode::TOO_MANY_REQUESTS => after(RETRY_AFTER_S),
            StatusCode::INSUFFICIENT_STORAGE => after(RETRY_FULL_AFTER_S),
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            _ => None,
        };
        response
    }
}

type Answer<T> = Result<T, Refusal>;

fn broken(e: impl std::fmt::Display) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("the index cannot be used: {e}"))
}

impl From<IndexError> for Refusal {
    fn from(e: IndexError) -> Refusal {
        match e {
            IndexError::DiskFull => {
                let why = "the disk with the index is full: nothing was changed; make room and ask again";
                Refusal(StatusCode::INSUFFICIENT_STORAGE, why.into())
            }
            e => Refusal(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()),
        }
    }
}

/// Refuses a request that could not be kept.
fn can_keep(service: &Service) -> Answer<()> {
    match service.room.lacks() {
        None => Ok(()),
        Some(why) => Err(Refusal(StatusCode::INSUFFICIENT_STORAGE, why)),
    }
}

fn no_such(what: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

/// Asks the index, on a thread that may wait.
async fn ask<T: Send + 'static, E: Into<Refusal>>(
    service: &Arc<Service>,
    question: impl FnOnce(&IndexReader) -> Result<T, E> + Send + 'static,
) -> Answer<T> {
    let service = service.clone();
    tokio::task::spawn_blocking(move || {
        let index = service.reader().map_err(broken)?;
        let answer = question(&index).map_err(Into::into);
        service.give_back(index);
        answer
    })
    .await
    .map_err(broken)?
}

/// A JSON body, or the refusal in the form of all others.
fn given<T>(body: Result<Json<T>, axum::extract::rejection::JsonRejection>) -> Answer<T> {
    body.map(|Json(value)| value).map_err(|e| match e.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal(status, "the body is larger than `service.uploads.max_body` of the config".into())
        }
        status => Refusal(status, e.body_text()),
    })
}

async fn check_token(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let given = given.and_then(|v| v.split_once(' '));
    let given =
        given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token);
    // Hashes are compared, so that the time says nothing about how much of a token was right.
    let digest = blake3::hash(given.as_bytes());
    let access = {
        let tokens = service.tokens.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let same = |t: &&Token| blake3::hash(t.secret.as_bytes()) == digest;
        tokens.iter().find(same).map(|t| t.access.clone())
    };
    match access {
        Some(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        None => Refusal(StatusCode::UNAUTHORIZED, "a valid bearer token is needed".into()).into_response(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexRequest {
    #[serde(default)]
    paths: Vec<PathBuf>,
    #[serde(default)]
    path_bytes: Vec<String>,
    #[serde(default)]
    priority: Priority,
    /// Answer when everything is done, recognition too.
    #[serde(default)]
    wait: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Priority {
    #[default]
    Upload,
    Background,
}

async fn index(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    body: Result<Json<IndexRequest>, axum::extract::rejection::JsonRejection>,
) -> Answer<Response> {
    let request = given(body)?;
    can_keep(&service)?;
    let uploads = service.config().service.uploads;
    let paths = all_paths(request.paths, &request.path_bytes)?;
    if paths.is_empty() || paths.len() > uploads.max_paths {
        let why = format!("`paths` needs 1 to {} paths", uploads.max_paths);
        return Err(Refusal(StatusCode::BAD_REQUEST, why));
    }
    if service.tally.uploads_waiting() >= uploads.max_waiting {
        let why = format!("{} requests wait already; come again later", uploads.max_waiting);
        return Err(Refusal(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let priority = match request.priority {
        Priority::Upload => 0,
        Priority::Background => 1,
    };
    let keeper = service.clone();
    // Looking at paths may wait for a disk that sleeps, or for a network mount whose server is gone.
    let (id, spaces) = tokio::task::spawn_blocking(move || -> Answer<_> {
        let spaces = are_inside(&keeper, &access, &paths)?;
        // Durable before it is answered.
        let index = Editor::open(&keeper.index_dir).map_err(broken)?;
        Ok((index.add_job(priority, &paths, now())?, spaces))
    })
    .await
    .map_err(broken)??;
    if priority == 0 {
        service.tally.upload_waits(id, Some(spaces));
    }
    let _ = if priority == 0 { &service.uploads } else { &service.scanner }.send(Order::Requests);
    if !request.wait {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "job": id, "state": "queued" }))).into_response());
    }
    let mut commits = service.commits.subscribe();
    let waiting = async {
        loop {
            let view = job_view(&service, id).await?.ok_or_else(|| no_such("job"))?;
            if view.state == "done" {
                return Ok(Json(view).into_response());
            }
            if commits.changed().await.is_err() {
                return Err(broken("the service is being stopped"));
            }
        }
    };
    match tokio::time::timeout(LONGEST_WAIT, waiting).await {
        Ok(answer) => answer,
        Err(_) => Ok((StatusCode::ACCEPTED, Json(json!({ "job": id, "state": "queued" }))).into_response()),
    }
}

/// The paths of a request: as text, and, where that is not UTF-8, as base64 of the bytes, as items give them.
fn all_paths(mut paths: Vec<PathBuf>, bytes: &[String]) -> Answer<Vec<PathBuf>> {
    for encoded in bytes {
        let decoded = STANDARD.decode(encoded);
        let why =
            |e| Refusal(StatusCode::BAD_REQUEST, format!("`path_bytes` has {encoded:?}, no base64: {e}"));
        paths.push(OsString::from_vec(decoded.map_err(why)?).into());
    }
    Ok(paths)
}

/// The spaces of some paths. Refuses what is not an absolute path in a space that the caller may see. May wait for a disk.
fn are_inside(service: &Service, access: &Access, paths: &[PathBuf]) -> Answer<BTreeSet<String>> {
    let spaces = Spaces::resolve(&service.config().spaces);
    let mut found = BTreeSet::new();
    for path in paths {
        if !path.is_absolute() {
            let why = format!("{:?} is not an absolute path", path.display().to_string());
            return Err(Refusal(StatusCode::BAD_REQUEST, why));
        }
        let real = absolute(path);
        // A `..` that is left leads out of a folder that is not there, and nobody knows where to.
        let is_known = real.components().all(|part| part != Component::ParentDir);
        match spaces.holding(&real).filter(|(space, _)| is_known && access.may_see(&space.name)) {
            Some((space, _)) => found.insert(space.name.clone()),
            None => {
                let why = format!("{} is outside the configured spaces", path.display());
                return Err(Refusal(StatusCode::FORBIDDEN, why));
            }
        };
    }
    Ok(found)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReindexRequest {
    stages: Vec<Stage>,
    /// Empty: all that the caller may see.
    #[serde(default)]
    paths: Vec<PathBuf>,
    #[serde(default)]
    path_bytes: Vec<String>,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    missing: bool,
    older_than: Option<u32>,
}

/// Stages made due again, and then done as background work.
async fn reindex(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    body: Result<Json<ReindexRequest>, axum::extract::rejection::JsonRejection>,
) -> Answer<Response> {
    let request = given(body)?;
    can_keep(&service)?;
    let most = service.config().service.uploads.max_paths;
    let mut paths = all_paths(request.paths, &request.path_bytes)?;
    if request.stages.is_empty() || paths.len() > most {
        let why = format!("`stages` needs one stage or more, `paths` at most {most} paths");
        return Err(Refusal(StatusCode::BAD_REQUEST, why));
    }
    let again = Again {
        stages: request.stages,
        failed: request.failed,
        missing: request.missing,
        older_than: request.older_than,
    };
    let keeper = service.clone();
    let (job, stages) = tokio::task::spawn_blocking(move || -> Answer<_> {
        are_inside(&keeper, &access, &paths)?;
        if paths.is_empty() {
            let spaces = Spaces::resolve(&keeper.config().spaces);
            let seen = spaces.iter().filter(|s| access.may_see(&s.name));
            paths = seen.flat_map(|s| s.folders.clone()).collect();
        }
        let index = Editor::open(&keeper.index_dir).map_err(broken)?;
        let scopes = paths.iter().filter_map(|p| index.scope_of(&absolute(p)).transpose());
        let scopes = scopes.collect::<albumen_index::Result<Vec<_>>>()?;
        Ok(index.reindex(&scopes, &again, &paths, now())?)
    })
    .await
    .map_err(broken)??;
    let _ = service.scanner.send(Order::Requests);
    let body = Json(json!({ "job": job, "state": "queued", "stages": stages }));
    Ok((StatusCode::ACCEPTED, body).into_response())
}

#[derive(Debug, Serialize)]
struct JobView {
    job: i64,
    /// `queued`, then `visible` (facts and thumbnails are there), then `done` (faces and subjects, too).
    state: &'static str,
    /// Files that wait to be developed, and files that wait for recognition.
    waiting: u64,
    unrecognised: u64,
    /// Why files wait for recognition that nobody waits for any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    items: Vec<i64>,
}

/// Items named in a job's answer at the most.
const ITEMS_NAMED: usize = 1000;

async fn job_view(service: &Arc<Service>, id: i64) -> Answer<Option<JobView>> {
    let s = service.clone();
    ask(service, move |index| -> albumen_index::Result<_> {
        let Some(job) = index.job(id)? else { return Ok(None) };
        let mut view = JobView {
            job: id,
            state: "queued",
            waiting: 0,
            unrecognised: 0,
            reason: None,
            items: Vec::new(),
        };
        for path in &job.paths {
            let Some(scope) = index.scope_of(&absolute(path))? else { continue };
            let stages = later_stages(&s, index, &scope)?;
            let (waiting, due) = index.left_to_do(&scope, &stages, now())?;
            view.waiting += waiting;
            view.unrecognised += due;
            let room = ITEMS_NAMED - view.items.len();
            view.items.extend(index.items_in(&scope, room)?);
        }
        view.reason = s.models.incomplete().filter(|_| view.unrecognised > 0);
        view.state = match (job.done, job.queued && view.waiting == 0) {
            (Some(_), _) => "done",
            (None, true) => "visible",
            (None, false) => "queued",
        };
        Ok(Some(view))
    })
    .await
}

async fn job(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    UrlPath(id): UrlPath<i64>,
) -> Answer<Response> {
    let s = service.clone();
    let visible = ask(&service, move |index| -> albumen_index::Result<_> {
        let Some(job) = index.job(id)? else { return Ok(false) };
        let spaces = s.spaces_of(&job.paths);
        Ok(spaces.map_or(!access.is_limited(), |spaces| access.may_see_all(spaces.iter())))
    })
    .await?;
    match visible.then_some(job_view(&service, id).await?).flatten() {
        Some(view) => Ok(Json(view).into_response()),
        None => Err(no_such("job")),
    }
}

/// A full disk is no reason to start the service anew, so it is told and no error.
async fn healthz(State(service): State<Arc<Service>>) -> &'static str {
    if service.room.is_there() { "ok\n" } else { "disk full\n" }
}

async fn status(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
) -> Json<serde_json::Value> {
    let p = &service.shared.progress;
    let sofar = service.tally.sofar(&access);
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": service.started.elapsed().as_secs(),
        "idle": service.queue.is_idle(),
        "paused": service.gate.is_paused(),
        "held_back": service.gate.held_back(),
        "disk_full": service.room.lacks(),
        "put_off": service.queue.put_off(),
        "hanging": if access.is_limited() { Vec::new() } else { patience::hanging() },
        "uploads_waiting": sofar.uploads_waiting,
        "developed": sofar.developed,
        "recognised": sofar.recognised,
        "failed": sofar.failed,
        "slowest_now": p
            .slowest_now()
            .filter(|_| !access.is_limited())
            .map(|(path, seconds)| json!({ "path": path, "seconds": seconds })),
        "index": service.tally.counts(&access),
        "missing": service.models.missing(),
        "broken": service.models.incomplete(),
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: i64,
    #[serde(default)]
    limit: Option<usize>,
    space: Option<String>,
}

impl Page {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL_PAGE).clamp(1, PAGE)
    }
}

/// Written as it is: 100 items as a tree of JSON values would cost the one thread that answers a millisecond.
#[derive(Debug, Serialize)]
struct Items {
    items: Vec<ItemView>,
    next: Option<i64>,
}

async fn items(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    Query(page): Query<Page>,
) -> Answer<Json<Items>> {
    let limit = page.limit();
    let spaces = asked(&access, page.space)?;
    let found = ask(&service, move |index| index.item_page(page.after, limit, spaces.as_deref()));
    let (items, next) = found.await?;
    Ok(Json(Items { items, next }))
}

async fn item(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    UrlPath(id): UrlPath<i64>,
) -> Answer<Response> {
    let found = ask(&service, move |index| -> albumen_index::Result<_> {
        match index.item_of(id)? {
            Some(id) => index.item_view(id, Detail::Full),
            None => Ok(None),
        }
    })
    .await?;
    // Another space's item is as if it were not there.
    match found.filter(|v| access.may_see(&v.space)) {
        Some(view) => Ok(Json(view).into_response()),
        None => Err(no_such("item")),
    }
}

async fn failures(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    Query(page): Query<Page>,
) -> Answer<Json<serde_json::Value>> {
    let limit = page.limit();
    let spaces = asked(&access, page.space)?;
    let found = ask(&service, move |index| index.failure_page(page.after, limit, spaces.as_deref()));
    let (failures, next) = found.await?;
    Ok(Json(json!({ "failures": failures, "next": next })))
}

async fn events(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    Extension(own): Extension<Own>,
) -> Answer<impl IntoResponse> {
    let streaming = own.streams()?;
    let heard = tokio_stream::wrappers::BroadcastStream::new(service.events.subscribe());
    let events = heard.filter_map(move |event: Result<Event, _>| {
        // Counted until the stream ends.
        let _ = &streaming;
        let event = match event {
            Ok(event) => event.heard_with(&access, || service.tally.sofar(&access))?,
            // Whoever was too slow is told so; the next ones still come.
            Err(BroadcastStreamRecvError::Lagged(count)) => Event::missed(count),
        };
        let data = serde_json::to_string(&event).ok()?;
        Some(Ok::<_, std::convert::Infallible>(
            axum::response::sse::Event::default().event(event.event).data(data),
        ))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// What concerns everybody is not for a token that is limited to some spaces.
fn for_all_spaces(access: &Access) -> Answer<()> {
    match access.is_limited() {
        false => Ok(()),
        true => Err(Refusal(StatusCode::FORBIDDEN, "this token is limited to some spaces".into())),
    }
}

/// Another program has edited the index: listeners hear of it. Nothing is changed.
async fn edited(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
    body: Result<Json<client::Edited>, axum::extract::rejection::JsonRejection>,
) -> Answer<Json<serde_json::Value>> {
    for_all_spaces(&access)?;
    let edited = given(body)?;
    let s = service.clone();
    let told = ask(&service, move |index| -> Answer<_> {
        let mut told = 0;
        let mut tell = |event| {
            told += 1;
            s.tell(event);
        };
        for item in edited.items {
            if let Some((path, space)) = index.path_and_space(item)? {
                tell(Event::edited(events::Of { item, path: &path, space: &space }));
            }
        }
        for client::EditedPeople { space, person } in edited.people {
            let is_there = match &person {
                Some(person) => index.space_of_person(person)?.as_ref() == Some(&space),
                None => index.space_id(&space)?.is_some(),
            };
            if is_there {
                tell(Event::person_changed(person, space));
            }
        }
        edited.albums.into_iter().for_each(|album| tell(Event::album_changed(album)));
        Ok(told)
    });
    Ok(Json(json!({ "told": told.await? })))
}

async fn pause(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
) -> Answer<Json<serde_json::Value>> {
    for_all_spaces(&access)?;
    service.gate.pause(true);
    Ok(Json(json!({ "paused": true })))
}

async fn resume(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
) -> Answer<Json<serde_json::Value>> {
    for_all_spaces(&access)?;
    service.gate.pause(false);
    service.work_again();
    Ok(Json(json!({ "paused": false })))
}

async fn reload(
    State(service): State<Arc<Service>>,
    Extension(access): Extension<Access>,
) -> Answer<Json<serde_json::Value>> {
    for_all_spaces(&access)?;
    // It reads files, and of patterns folders.
    let reloaded = tokio::task::spawn_blocking(move || service.reload()).await.map_err(broken)?;
    match reloaded {
        Ok(changed) => Ok(Json(json!({ "changed": changed }))),
        Err(why) => Err(Refusal(StatusCode::CONFLICT, format!("the old config stays: {why}"))),
    }
}

/// Prometheus text format. What is told of the whole process is not for a token that is limited to some spaces.
async fn metrics(State(service): State<Arc<Service>>, Extension(access): Extension<Access>) -> Response {
    let p = &service.shared.progress;
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: f64| {
        text +=
            &format!("# HELP albumen_{name} {help}\n# TYPE albumen_{name} {kind}\nalbumen_{name} {value}\n");
    };
    let sofar = service.tally.sofar(&access);
    line("developed_total", "counter", "Files developed.", sofar.developed as f64);
    line("recognised_total", "counter", "Files recognised.", sofar.recognised as f64);
    line("failed_total", "counter", "Files that failed.", sofar.failed as f64);
    line("uploads_waiting", "gauge", "Requests that wait.", sofar.uploads_waiting as f64);
    let paused = f64::from(u8::from(service.gate.is_paused()));
    line("paused", "gauge", "1 while background work is paused.", paused);
    let full = f64::from(u8::from(!service.room.is_there()));
    line("disk_full", "gauge", "1 while the disk with the index is full and work waits.", full);
    if let Some(c) = service.tally.counts(&access) {
        line("items", "gauge", "Items in the index.", c.items as f64);
        line("pending", "gauge", "Files that wait to be developed.", c.pending as f64);
    }
    if !access.is_limited() {
        line("bytes_total", "counter", "Bytes of files developed.", Progress::get(&p.bytes_done) as f64);
        line("memory_peak_bytes", "gauge", "Highest PSS of all processes.", p.peak_pss() as f64);
        for (stage, seconds) in p.stage_cpu_s() {
            text += &format!("albumen_stage_cpu_seconds_total{{stage=\"{stage}\"}} {seconds}\n");
        }
    }
    Response::builder()
        .header(header::CONTENT_TYPE, "text/plain; version=0.0.4")
        .body(Body::from(text))
        .expect("a constant header and a string")
}
