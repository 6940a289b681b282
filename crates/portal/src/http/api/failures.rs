//! Failures and running work of the items that an account may see.

use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{Ask, AskedQuery, asked, read, within_scope};
use super::time;
use crate::config::Spaces;
use crate::store::FolderPath;
use albumen_index::Paged;
use albumen_index::failures::Failure;
use albumen_index::jobs::JobRow;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Files per page: default and maximum.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;
/// The number of jobs listed, newest first.
const JOBS: usize = 100;

/// A failure without absolute paths; the reason may name the file by one.
fn shown(failure: Failure, path: &Path, place: Value) -> Answer<Value> {
    let whole = path.to_string_lossy();
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    let reason = failure.reason.replace(whole.as_ref(), &name);
    let mut line = serde_json::to_value(failure).map_err(read)?;
    let (Some(line), Value::Object(place)) = (line.as_object_mut(), place) else {
        return Err(Problem::internal());
    };
    line.remove("path");
    line.insert("reason".into(), reason.into());
    line.extend(place);
    Ok(Value::Object(std::mem::take(line)))
}

/// A path of a space as clients see it: the space, and the path below it.
pub fn place_of(spaces: &Spaces, path: &Path) -> Option<(String, String, FolderPath)> {
    use std::os::unix::ffi::OsStrExt;
    let inside = |space: &'_ crate::config::Space| {
        let found = space.folders.iter().filter_map(|folder| Some((folder, path.strip_prefix(folder).ok()?)));
        let (folder, rest) = found.min_by_key(|(_, rest)| rest.components().count())?;
        let at = FolderPath::new(&space.name, folder.as_os_str().as_bytes(), rest.as_os_str().as_bytes());
        Some((space.name.clone(), space.shown(&at)?, at))
    };
    let found = spaces.iter().filter_map(inside);
    found.min_by_key(|(_, _, at)| at.depth())
}

pub async fn failures(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let after = match asked.after.as_deref().filter(|a| !a.is_empty()) {
        None => 0,
        Some(after) => after
            .parse()
            .ok()
            .filter(|after| *after >= 0_i64)
            .ok_or_else(|| Problem::invalid(format!("after={after:?} is not the `next` of a page.")))?,
    };
    let files = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let answer = within_scope(&app, &caller, move |ask| {
        let spaces = ask.app.spaces()?;
        let Paged { rows: page, next } = ask.index.visible_failures(after, files).map_err(read)?;
        let mut failures = Vec::with_capacity(page.len());
        for seen in page {
            let folder = FolderPath::new(&seen.space, seen.volume, seen.folder);
            let shown_folder = spaces.named(&seen.space).and_then(|s| s.shown(&folder)).unwrap_or_default();
            let name = String::from_utf8_lossy(&seen.name).into_owned();
            let place = json!({ "id": seen.file, "space": seen.space, "folder": shown_folder, "name": name });
            let path = seen.failure.path.clone();
            failures.push(shown(seen.failure, Path::new(&path), place)?);
        }
        // Folders that could not be scanned have no file whose rights could be checked: they are shown only
        // to callers that see the whole space.
        let mut folders = Vec::new();
        if after == 0 && ask.scope.items.is_none() {
            let whole = ask.scope.spaces.iter().filter(|s| s.rights.view).map(|s| s.space.clone());
            for failure in ask.index.folders_not_walked(&whole.collect::<Vec<_>>()).map_err(read)? {
                let path = failure.path.clone();
                let Some((space, shown_path, _)) = place_of(&spaces, Path::new(&path)) else { continue };
                folders.push(shown(
                    failure,
                    Path::new(&path),
                    json!({ "space": space, "folder": shown_path }),
                )?);
            }
        }
        let mut answer = json!({ "failures": failures, "folders": folders });
        if let Some(next) = next {
            answer["next"] = next.to_string().into();
        }
        Ok(answer)
    });
    Ok(Json(answer.await?).into_response())
}

/// Index requests to the engine, newest first; only those whose places the account may all see.
pub async fn jobs(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let answer = within_scope(&app, &caller, move |ask| {
        let spaces = ask.app.spaces()?;
        let jobs = ask.index.newest_jobs(JOBS).map_err(read)?;
        let shown: Vec<Value> = jobs.iter().filter_map(|job| job_shown(ask, &spaces, job)).collect();
        Ok(json!({ "jobs": shown }))
    });
    Ok(Json(answer.await?).into_response())
}

pub fn job_shown(ask: &Ask<'_>, spaces: &Spaces, job: &JobRow) -> Option<Value> {
    let mut places = Vec::with_capacity(job.paths.len());
    for path in &job.paths {
        let (space, folder, at) = place_of(spaces, path)?;
        if !ask.scope.folder_rights(&at).view {
            return None;
        }
        places.push(json!({ "space": space, "path": folder }));
    }
    if places.is_empty() {
        return None;
    }
    let state = match (job.done, job.queued) {
        (Some(_), _) => "done",
        (None, true) => "working",
        (None, false) => "waiting",
    };
    let mut shown = json!({
        "id": job.id,
        "state": state,
        "priority": if job.priority == 0 { "upload" } else { "background" },
        "created": time(job.created),
        "places": places,
    });
    if let Some(done) = job.done {
        shown["done"] = time(done).into();
    }
    Some(shown)
}
