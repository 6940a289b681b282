//! Requests for work: paths to index, stages to do again, and the state of a request.

use super::handles::{ReadHandle, RequestHandle};
use super::refusal::{Answer, Body, Refusal, bad, broken, given, no_such};
use crate::service::access::Access;
use albumen_core::clock::now;
use albumen_core::vocabulary::Stage;
use albumen_files::absolute;
use albumen_index::again::{Again, Reindexed};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

/// The maximum time that a request with `wait` is kept open.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexRequest {
    #[serde(default)]
    paths: Vec<PathBuf>,
    #[serde(default)]
    path_bytes: Vec<String>,
    #[serde(default)]
    priority: Priority,
    /// Respond when everything is done, including recognition.
    #[serde(default)]
    wait: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Priority {
    #[default]
    Upload,
    Background,
}

pub(super) async fn index(
    State(requests): State<RequestHandle>,
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    body: Body<IndexRequest>,
) -> Answer<Response> {
    let request = given(body)?;
    requests.refuse_when_full()?;
    let uploads = requests.config().service.uploads;
    let paths = all_paths(request.paths, &request.path_bytes)?;
    if paths.is_empty() || paths.len() > uploads.max_paths {
        return Err(bad(format!("`paths` needs 1 to {} paths", uploads.max_paths)));
    }
    if requests.counters().uploads_waiting() >= uploads.max_waiting {
        let why = format!("{} requests wait already; come again later", uploads.max_waiting);
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let priority = match request.priority {
        Priority::Upload => 0,
        Priority::Background => 1,
    };
    // Durable before the response.
    let kept = requests.keep(access, paths, move |index, paths| Ok(index.add_job(priority, paths, now())?));
    let (id, spaces) = kept.await?;
    if priority == 0 {
        requests.counters().upload_waits(id, Some(spaces));
    }
    requests.take_up(priority);
    if !request.wait {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "job": id, "state": "queued" }))).into_response());
    }
    let mut commits = requests.commits();
    let waiting = async {
        loop {
            let view = job_view(&requests, &reads, id).await?.ok_or_else(|| no_such("job"))?;
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

/// The paths of a request: as text and, if that is not UTF-8, as base64 of the bytes, in the form of items.
fn all_paths(mut paths: Vec<PathBuf>, bytes: &[String]) -> Answer<Vec<PathBuf>> {
    for encoded in bytes {
        let decoded = STANDARD.decode(encoded);
        let why = |e| bad(format!("`path_bytes` has {encoded:?}, no base64: {e}"));
        paths.push(OsString::from_vec(decoded.map_err(why)?).into());
    }
    Ok(paths)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReindexRequest {
    stages: Vec<Stage>,
    /// Empty: all folders that the caller may access.
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

/// Makes stages due again, which are then done as background work.
pub(super) async fn reindex(
    State(requests): State<RequestHandle>,
    Extension(access): Extension<Access>,
    body: Body<ReindexRequest>,
) -> Answer<Response> {
    let request = given(body)?;
    requests.refuse_when_full()?;
    let most = requests.config().service.uploads.max_paths;
    let mut paths = all_paths(request.paths, &request.path_bytes)?;
    if request.stages.is_empty() || paths.len() > most {
        return Err(bad(format!("`stages` needs one stage or more, `paths` at most {most} paths")));
    }
    if paths.is_empty() {
        paths = requests.visible_folders(access.clone()).await?;
    }
    let again = Again {
        stages: request.stages,
        failed: request.failed,
        missing: request.missing,
        older_than: request.older_than,
    };
    let kept = requests.keep(access, paths, move |index, paths| {
        let scopes = paths.iter().filter_map(|p| index.scope_of(&absolute(p)).transpose());
        let scopes = scopes.collect::<albumen_index::Result<Vec<_>>>()?;
        Ok(index.reindex(&scopes, &again, paths, now())?)
    });
    let (Reindexed { job, files: stages }, _) = kept.await?;
    requests.take_up(1);
    let body = Json(json!({ "job": job, "state": "queued", "stages": stages }));
    Ok((StatusCode::ACCEPTED, body).into_response())
}

#[derive(Debug, Serialize)]
struct JobView {
    job: i64,
    /// `queued`, then `visible` (facts and thumbnails are available), then `done` (faces and subjects as well).
    state: &'static str,
    /// Files waiting for developing, and files waiting for recognition.
    waiting: u64,
    unrecognised: u64,
    /// Why recognition is not awaited although files are due for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    items: Vec<i64>,
}

/// Maximum number of items in the response of a job.
const ITEMS_NAMED: usize = 1000;

async fn job_view(requests: &RequestHandle, reads: &ReadHandle, id: i64) -> Answer<Option<JobView>> {
    let requests = requests.clone();
    let view = reads.ask(move |index| -> albumen_index::Result<_> {
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
            let stages = requests.later_stages(index, &scope)?;
            let left = index.left_to_do(&scope, &stages, now())?;
            view.waiting += left.waiting;
            view.unrecognised += left.due;
            let room = ITEMS_NAMED - view.items.len();
            view.items.extend(index.items_in(&scope, room)?);
        }
        view.reason = requests.models().incomplete().filter(|_| view.unrecognised > 0);
        view.state = match (job.done, job.queued && view.waiting == 0) {
            (Some(_), _) => "done",
            (None, true) => "visible",
            (None, false) => "queued",
        };
        Ok(Some(view))
    });
    view.await
}

pub(super) async fn job(
    State(requests): State<RequestHandle>,
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
) -> Answer<Response> {
    let r = requests.clone();
    let visible = reads.ask(move |index| -> albumen_index::Result<_> {
        let Some(job) = index.job(id)? else { return Ok(false) };
        let spaces = r.spaces_of(&job.paths);
        Ok(spaces.map_or(!access.is_limited(), |spaces| access.may_see_all(spaces.iter())))
    });
    match visible.await?.then_some(job_view(&requests, &reads, id).await?).flatten() {
        Some(view) => Ok(Json(view).into_response()),
        None => Err(no_such("job")),
    }
}
