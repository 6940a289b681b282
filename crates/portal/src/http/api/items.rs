//! One item: its details, its pictures, its file.

use super::super::files::{Served, answer, shown_type};
use super::super::{Answer, App, Caller, Json, Problem};
use crate::clock::now;
use crate::library::{self, LibraryError};
use crate::rights::{Object, Rights, rights, scope};
use crate::store::FolderPath;
use albumen_index::located::Located;
use albumen_index::view::{Detail, ItemView};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// For a picture whose address contains its version.
const FOR_EVER: &str = "private, max-age=31536000, immutable";
/// Stored, and revalidated on each use.
const ASK_AGAIN: &str = "private, no-cache";
const SIZES: [&str; 4] = ["sm", "m", "xl", "preview"];

/// A path that cannot be parsed is an unknown address.
fn path<T>(path: Result<Path<T>, PathRejection>) -> Answer<T> {
    path.map(|Path(path)| path).map_err(|_| Problem::not_found())
}

/// An item that the caller may see, and the caller's rights on it. Others are not found.
async fn visible(app: &Arc<App>, caller: &Caller, id: i64) -> Answer<(Located, FolderPath, Rights)> {
    let found = app.library.read(move |index| index.located(id)).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    let folder = FolderPath::new(&found.space, found.volume.clone(), found.folder.clone());
    let object = Object::Item { id, folder: &folder, albums: &[] };
    let may = rights(&*app.policy()?, &caller.subject, &object, now());
    if may.view { Ok((found, folder, may)) } else { Err(Problem::not_found()) }
}

pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Answer<Response> {
    let id = path(id)?;
    let (located, folder, may) = visible(&app, &caller, id).await?;
    let view = app.library.read(move |index| index.item_view(id, Detail::Full)).await?;
    let Some(view) = view else { return Err(Problem::not_found()) };
    let scope = scope(&*app.policy()?, &caller.subject, now());
    // The engine has a folder of the volume; clients get a path in the space.
    let shown = app.spaces()?.named(&located.space).and_then(|s| s.shown(&folder));
    let mut item = shown_item(id, view, &shown.unwrap_or_default(), may, scope.shows_people(&located.space))?;
    if let Some(account) = caller.subject.account() {
        let favourites = app.library.read(move |index| index.favourites_among(account, &[id])).await?;
        if favourites.contains(&id) {
            item["favourite"] = true.into();
        }
    }
    Ok(Json(item).into_response())
}

/// An item as clients see it: the output of `albumen show` without absolute paths and stages.
pub fn shown_item(id: i64, view: ItemView, folder: &str, may: Rights, has_people: bool) -> Answer<Value> {
    let mut item = serde_json::to_value(view).map_err(|e| LibraryError::Read(Box::new(e)))?;
    let Some(keys) = item.as_object_mut() else { return Err(Problem::internal()) };
    for key in ["path", "path_bytes", "volume", "stages", "content_hash"] {
        keys.remove(key);
    }
    if !has_people {
        keys.remove("faces");
        keys.remove("regions");
    }
    for derivative in keys.get_mut("derivatives").and_then(|d| d.as_array_mut()).into_iter().flatten() {
        if let Some(derivative) = derivative.as_object_mut() {
            let version = derivative.remove("path").and_then(|p| p.as_str().map(version));
            derivative.insert("version".into(), json!(version));
        }
    }
    keys.insert("folder".into(), json!(folder));
    keys.insert("id".into(), json!(id));
    keys.insert("rights".into(), json!(may));
    Ok(item)
}

/// A short string that changes with the picture. The path of a derivative contains content, version and
/// settings.
pub fn version(derivative: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, derivative.as_bytes());
    digest.as_ref()[..6].iter().map(|b| format!("{b:02x}")).collect()
}

#[derive(Deserialize)]
pub struct Versioned {
    #[serde(default)]
    v: Option<String>,
}

/// `v` is the version that the client has: with it the answer is cached without expiry, otherwise it is
/// revalidated each time.
pub async fn thumbnail(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Path<(i64, String)>, PathRejection>,
    query: Result<Query<Versioned>, QueryRejection>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (id, size) = path(asked)?;
    if !SIZES.contains(&size.as_str()) {
        return Err(Problem::not_found());
    }
    let known = query.ok().and_then(|Query(q)| q.v);
    let policy = app.policy()?;
    let (library, subject) = (app.library.clone(), caller.subject.clone());
    // One switch to a blocking thread, for both the rows and the file.
    let opened = tokio::task::spawn_blocking(move || -> Answer<_> {
        let found = library.ask(|index| -> albumen_index::Result<_> {
            match index.located(id)? {
                Some(located) => Ok(Some((located, index.derived(id, &size)?, index.thumbnail_key(id)?))),
                None => Ok(None),
            }
        })?;
        let Some((located, derived, key)) = found else { return Err(Problem::not_found()) };
        let folder = FolderPath::new(&located.space, located.volume, located.folder);
        let object = Object::Item { id, folder: &folder, albums: &[] };
        if !rights(&policy, &subject, &object, now()).view {
            return Err(Problem::not_found());
        }
        let Some(derived) = derived else { return Err(Problem::not_found()) };
        let (file, stat) = library.open_derived(&derived.path)?;
        Ok((file, stat.size, derived.path, key))
    });
    let (file, length, name, key) = opened.await.map_err(|e| LibraryError::Stopped(e.to_string()))??;
    let version = version(&name);
    // Clients have the version from an item, or the key of all sizes from a grid.
    let is_current = known.is_some_and(|known| {
        known == version || Some(known.as_str()) == key.map(|k| k.to_string()).as_deref()
    });
    let caching = if is_current { FOR_EVER } else { ASK_AGAIN };
    let etag = format!("\"{version}\"");
    Ok(answer(Served { file, length, etag, media_type: "image/jpeg", caching, save_as: None }, &headers))
}

#[derive(Deserialize)]
pub struct Saved {
    /// Any value: the file is to be saved, not displayed.
    #[serde(default)]
    download: Option<String>,
}

/// The original file, for callers that may download originals.
pub async fn original(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    query: Result<Query<Saved>, QueryRejection>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (located, _, may) = visible(&app, &caller, path(id)?).await?;
    if !may.download || !app.policy()?.may_have_originals(&caller.subject) {
        return Err(Problem::not_found());
    }
    let name = String::from_utf8_lossy(&located.name).into_owned();
    let media_type = located.format.as_deref().and_then(shown_type);
    let is_saved = media_type.is_none() || query.is_ok_and(|Query(q)| q.download.is_some());
    let file_name = located.name.clone();
    send(located, file_name, media_type, is_saved.then_some(name), &headers).await
}

/// The clip of a Live Photo that is a separate file.
pub async fn motion(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    headers: HeaderMap,
) -> Answer<Response> {
    let id = path(id)?;
    let (located, _, _) = visible(&app, &caller, id).await?;
    if app.policy()?.hides_details(&caller.subject) {
        return Err(Problem::not_found());
    }
    let clip = app.library.read(move |index| index.live_video(id)).await?;
    let clip = clip.ok_or_else(Problem::not_found)?;
    send(located, clip, Some("video/quicktime"), None, &headers).await
}

/// A file of the item's folder, opened beneath its volume.
async fn send(
    located: Located,
    name: Vec<u8>,
    media_type: Option<&'static str>,
    save_as: Option<String>,
    headers: &HeaderMap,
) -> Answer<Response> {
    if let Some(why) = &located.offline {
        return Err(Problem::busy(format!("The disk of this photo is not there: {why}."), 60));
    }
    let opened = tokio::task::spawn_blocking(move || {
        let root = std::path::Path::new(OsStr::from_bytes(&located.volume));
        let below =
            if located.folder.is_empty() { name } else { [&located.folder[..], b"/", &name].concat() };
        library::open(root, &below)
    });
    let (file, stat) = match opened.await.map_err(|e| LibraryError::Stopped(e.to_string()))? {
        Ok(opened) => opened,
        Err(e) => {
            // Removed since it was indexed, or not readable by the portal's user.
            tracing::warn!("{e}");
            return Err(Problem::not_found());
        }
    };
    let etag = format!("\"{:x}-{:x}\"", stat.mtime_ns, stat.size);
    let served = Served {
        file,
        length: stat.size,
        etag,
        media_type: media_type.unwrap_or("application/octet-stream"),
        caching: ASK_AGAIN,
        save_as,
    };
    Ok(answer(served, headers))
}
