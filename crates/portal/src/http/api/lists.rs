//! Lists of the library: the timeline, items, folders. Each is read within the caller's scope, so
//! that counts, pages and covers include visible items only.

use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{Ask, AskedQuery, asked, order, read, searched, within_scope};
use super::items::shown_item;
use crate::config::Space;
use crate::rights::Rights;
use crate::store::FolderPath;
use albumen_index::IndexReader;
use albumen_index::read::files::VisibleItem;
use albumen_index::read::folders::{FolderContent, SubFolder};
use albumen_index::read::grid::flag;
use albumen_index::search::{Cursor, Page};
use albumen_index::view::Detail;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// Items per page: default, and the maximum in either form.
const PAGE: usize = 100;
const GRID: usize = 1000;
const LARGEST_PAGE: usize = 500;
const LARGEST_GRID: usize = 5000;
/// Ids in one request.
const IDS: usize = 500;

pub async fn timeline(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let timeline = within_scope(&app, &caller, move |ask| {
        let within = ask.narrowed(&asked)?;
        ask.index.timeline(&ask.search(&asked)?, &within).map_err(searched)
    });
    Ok(Json(timeline.await?).into_response())
}

pub async fn items(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(&app, &caller, move |ask| {
        let is_grid = match asked.format.as_deref() {
            None => false,
            Some("grid") => true,
            Some(other) => {
                return Err(Problem::invalid(format!("There is no format {other:?}; there is grid.")));
            }
        };
        let (usual, largest) = if is_grid { (GRID, LARGEST_GRID) } else { (PAGE, LARGEST_PAGE) };
        let after = asked.after.as_deref().filter(|a| !a.is_empty());
        let page = Page {
            limit: asked.limit.unwrap_or(usual).clamp(1, largest),
            after: after.map(str::parse::<Cursor>).transpose().map_err(searched)?,
            within: ask.narrowed(&asked)?,
            is_scoped: true,
            order: order(asked.sort.as_deref())?,
            offset: asked.offset.unwrap_or(0),
            ..Page::default()
        };
        let found = ask.index.search(&ask.search(&asked)?, &page).map_err(searched)?;
        let mut answer = if is_grid {
            let mut grid = ask.index.grid(&found.items).map_err(read)?;
            grid.mark(&favourites(ask, &found.items)?, flag::FAVOURITE);
            serde_json::to_value(grid).map_err(read)?
        } else {
            json!({ "items": whole_items(ask, &found.items)? })
        };
        if let (Some(keys), Some(next)) = (answer.as_object_mut(), found.next) {
            keys.insert("next".into(), next.to_string().into());
        }
        Ok(answer)
    });
    Ok(Json(answer.await?).into_response())
}

/// The given items that are favourites of the account.
fn favourites(ask: &Ask<'_>, items: &[i64]) -> Answer<HashSet<i64>> {
    match ask.subject.account() {
        Some(account) => ask.index.favourites_among(account, items).map_err(read),
        None => Ok(HashSet::new()),
    }
}

fn whole_items(ask: &Ask<'_>, ids: &[i64]) -> Answer<Vec<Value>> {
    let Ask { index, scope, .. } = ask;
    let spaces = ask.app.spaces()?;
    let favourites = favourites(ask, ids)?;
    let mut items = Vec::with_capacity(ids.len());
    for &id in ids {
        // Removed between two queries.
        let Some(VisibleItem { place, rights }) = index.visible_item(id).map_err(read)? else { continue };
        let Some(view) = index.item_view(id, Detail::Full).map_err(read)? else { continue };
        let folder = FolderPath::new(&place.space, place.volume, place.folder);
        let shown = spaces.named(&place.space).and_then(|s| s.shown(&folder)).unwrap_or_default();
        let has_people = scope.shows_people(&place.space);
        let mut item = shown_item(id, view, &shown, Rights::from_bits(rights), has_people)?;
        if favourites.contains(&id) {
            item["favourite"] = true.into();
        }
        items.push(item);
    }
    Ok(items)
}

pub async fn thumbhashes(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let text = asked.ids.unwrap_or_default();
    let ids: Option<Vec<i64>> =
        text.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().ok()).collect();
    let ids = ids.filter(|ids| ids.len() <= IDS);
    let ids = ids.ok_or_else(|| {
        Problem::invalid(format!("ids takes at most {IDS} numbers with commas between them."))
    })?;
    let answer = within_scope(&app, &caller, move |ask| {
        let index = ask.index;
        let mut seen = Vec::with_capacity(ids.len());
        for id in ids {
            if index.visible_item(id).map_err(read)?.is_some() {
                seen.push(id);
            }
        }
        let hashes = index.thumbhashes(&seen).map_err(read)?.into_iter();
        Ok(hashes
            .map(|h| (h.item.to_string(), STANDARD.encode(h.thumbhash).into()))
            .collect::<Map<_, Value>>())
    });
    Ok(Json(answer.await?).into_response())
}

pub async fn folders(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let name = asked.space.ok_or_else(|| Problem::invalid("Which space? Add space=NAME."))?;
    let path = asked.path.unwrap_or_default();
    let answer = within_scope(&app, &caller, move |ask| {
        let index = ask.index;
        let spaces = ask.app.spaces()?;
        let space = spaces.named(&name).ok_or_else(Problem::not_found)?;
        let content = match space.folder(&path) {
            Some(f) => index.folder_content(&f.space, &f.volume, &f.path).map_err(read)?,
            None if path.trim_matches('/').is_empty() => top_of(index, space)?,
            None => None,
        };
        let content = content.ok_or_else(Problem::not_found)?;
        let path = path.trim_matches('/');
        let mut folders = Vec::with_capacity(content.folders.len());
        for sub in content.folders {
            let name = String::from_utf8_lossy(&sub.name).into_owned();
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let mut shown = json!({ "name": name, "path": below, "items": sub.items });
            if let (Some(keys), Some(id)) = (shown.as_object_mut(), sub.cover) {
                let key = index.thumbnail_key(id).map_err(read)?.unwrap_or(0);
                keys.insert("cover".into(), json!({ "id": id, "key": key }));
            }
            folders.push(shown);
        }
        Ok(json!({ "space": name, "path": path, "items": content.items, "folders": folders }))
    });
    Ok(Json(answer.await?).into_response())
}

/// The top of a space with several folders: these, under the names that clients use.
fn top_of(index: &IndexReader, space: &Space) -> Answer<Option<FolderContent>> {
    let mut top = FolderContent::default();
    for folder in &space.folders {
        use std::os::unix::ffi::OsStrExt;
        let at = FolderPath::new(&space.name, folder.as_os_str().as_bytes(), "");
        let Some(content) = index.folder_content(&at.space, &at.volume, &at.path).map_err(read)? else {
            continue;
        };
        let name = space.shown(&at).unwrap_or_default().into_bytes();
        let items = content.items + content.folders.iter().map(|f| f.items).sum::<u64>();
        let cover = content.folders.iter().find_map(|f| f.cover);
        top.folders.push(SubFolder { name, items, cover });
    }
    Ok(Some(top).filter(|top| !top.folders.is_empty()))
}
