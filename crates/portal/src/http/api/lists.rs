//! Lists of the library: the timeline, items, folders, people. Each is read within the caller's scope, so that what it may not
//! see is in no count, page or cover.

use super::super::{Answer, App, Caller, Json, Problem};
use super::items::shown_item;
use crate::clock::now;
use crate::config::Space;
use crate::library::{LibraryError, Scope};
use crate::rights::{Rights, scope};
use crate::store::FolderPath;
use albumen_index::Index;
use albumen_index::query::Query as Search;
use albumen_index::read::folders::{FolderContent, SubFolder};
use albumen_index::search::{Cursor, Order, Page, SearchError, Within};
use albumen_index::view::Detail;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Items of a page: without a wish, and at the most in either form.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 500;
const LARGEST_GRID: usize = 5000;
/// Ids in one request.
const IDS: usize = 500;

/// What a list is asked for with. Every route reads the keys that it knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    space: Option<String>,
    q: Option<String>,
    folder: Option<String>,
    person: Option<String>,
    day: Option<String>,
    sort: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
    after: Option<String>,
    format: Option<String>,
    path: Option<String>,
    ids: Option<String>,
}

type AskedQuery = Result<Query<Asked>, QueryRejection>;

fn asked(query: AskedQuery) -> Answer<Asked> {
    query
        .map(|Query(asked)| asked)
        .map_err(|e| Problem::invalid(format!("The query of the address does not fit: {e}.")))
}

/// Asks the index within the caller's scope, on a thread that may wait.
async fn within_scope<T: Send + 'static>(
    app: &Arc<App>,
    caller: &Caller,
    ask: impl FnOnce(&Index, &Scope) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let scope = scope(&*app.policy()?, &caller.subject, now());
    // What a link with hidden details shows has no dates, names and folders to be listed by.
    if scope.hide_details {
        return Err(Problem::not_found());
    }
    let library = app.library.clone();
    let asked = tokio::task::spawn_blocking(move || {
        library.ask(|index| -> Result<Answer<T>, rusqlite::Error> {
            index.look_as(library.visible(index, &scope)?);
            Ok(ask(index, &scope))
        })
    });
    asked.await.map_err(|e| LibraryError::Stopped(e.to_string()))??
}

fn read(e: impl std::error::Error + Send + Sync + 'static) -> Problem {
    LibraryError::Read(Box::new(e)).into()
}

/// A search that cannot be understood is the caller's to mend; anything else is ours.
fn searched(e: SearchError) -> Problem {
    match e {
        SearchError::Sql(e) => read(e),
        other => Problem::invalid(format!("{other}.")),
    }
}

fn search(asked: &Asked) -> Answer<Search> {
    Search::parse(asked.q.as_deref().unwrap_or("")).map_err(|e| Problem::invalid(format!("{e}.")))
}

/// Days as the timeline names them: one, or `A..B` in either order.
fn days(text: &str) -> Answer<Within> {
    if text == "undated" {
        return Ok(Within::Undated);
    }
    let (a, b) = text.split_once("..").unwrap_or((text, text));
    let is_day = |day: &str| {
        let digits =
            |from: usize, to: usize| day.get(from..to).is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit()));
        let dash = |at: usize| day.as_bytes().get(at) == Some(&b'-');
        match day.len() {
            4 => digits(0, 4),
            7 => digits(0, 4) && dash(4) && digits(5, 7),
            10 => digits(0, 4) && dash(4) && digits(5, 7) && dash(7) && digits(8, 10),
            _ => false,
        }
    };
    if !is_day(a) || !is_day(b) {
        return Err(Problem::invalid(format!(
            "{text:?} is no day: write 2023-07-01, 1965-07, 1965, undated, or two days with .. between them."
        )));
    }
    let (first, last) = if a <= b { (a, b) } else { (b, a) };
    Ok(Within::Days { first: first.into(), last: last.into() })
}

fn order(text: Option<&str>) -> Answer<Order> {
    Ok(match text {
        None | Some("-taken") => Order::NewestFirst,
        Some("taken") => Order::OldestFirst,
        Some("-added") => Order::AddedLast,
        Some("added") => Order::AddedFirst,
        Some("name") => Order::Name,
        Some("size") => Order::Size,
        Some("rating") => Order::Rating,
        Some(other) => {
            let known = "-taken, taken, -added, added, name, size, rating";
            return Err(Problem::invalid(format!("Items cannot be sorted by {other:?}: there are {known}.")));
        }
    })
}

/// What a request narrows a list to. A space or folder that is not visible is like one that is not there: nothing is in it.
fn narrowed(app: &App, index: &Index, asked: &Asked) -> Answer<Vec<Within>> {
    let mut within: Vec<Within> = asked.space.iter().cloned().map(Within::Space).collect();
    if let Some(folder) = &asked.folder {
        let spaces = app.config.resolve_spaces();
        let space = asked.space.as_deref();
        let space = space.ok_or_else(|| Problem::invalid("A folder needs its space: add space=NAME."))?;
        let folder = spaces.named(space).and_then(|s| s.folder(folder));
        let ids = match folder {
            Some(f) => index.folder_ids(&f.space, &f.volume, &f.path, false).map_err(read)?,
            None => Vec::new(),
        };
        within.push(Within::Folders(ids));
    }
    within.extend(asked.person.iter().cloned().map(Within::Person));
    if let Some(day) = &asked.day {
        within.push(days(day)?);
    }
    Ok(within)
}

pub async fn timeline(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let inner = app.clone();
    let timeline = within_scope(&app, &caller, move |index, _| {
        let within = narrowed(&inner, index, &asked)?;
        index.timeline(&search(&asked)?, &within).map_err(searched)
    });
    Ok(Json(timeline.await?).into_response())
}

pub async fn items(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let inner = app.clone();
    let answer = within_scope(&app, &caller, move |index, scope| {
        let is_grid = match asked.format.as_deref() {
            None => false,
            Some("grid") => true,
            Some(other) => {
                return Err(Problem::invalid(format!("There is no format {other:?}; there is grid.")));
            }
        };
        let largest = if is_grid { LARGEST_GRID } else { LARGEST_PAGE };
        let after = asked.after.as_deref().filter(|a| !a.is_empty());
        let page = Page {
            limit: asked.limit.unwrap_or(PAGE).clamp(1, largest),
            after: after.map(str::parse::<Cursor>).transpose().map_err(searched)?,
            within: narrowed(&inner, index, &asked)?,
            is_scoped: true,
            order: order(asked.sort.as_deref())?,
            offset: asked.offset.unwrap_or(0),
            ..Page::default()
        };
        let found = index.search(&search(&asked)?, &page).map_err(searched)?;
        let mut answer = match is_grid {
            true => serde_json::to_value(index.grid(&found.items).map_err(read)?).map_err(read)?,
            false => json!({ "items": whole_items(&inner, index, scope, &found.items)? }),
        };
        if let (Some(keys), Some(next)) = (answer.as_object_mut(), found.next) {
            keys.insert("next".into(), next.to_string().into());
        }
        Ok(answer)
    });
    Ok(Json(answer.await?).into_response())
}

fn whole_items(app: &App, index: &Index, scope: &Scope, ids: &[i64]) -> Answer<Vec<Value>> {
    let spaces = app.config.resolve_spaces();
    let mut items = Vec::with_capacity(ids.len());
    for &id in ids {
        // Gone between two questions.
        let Some((place, bits)) = index.visible_item(id).map_err(read)? else { continue };
        let Some(view) = index.item_view(id, Detail::Full).map_err(read)? else { continue };
        let folder = FolderPath::new(&place.space, place.volume, place.folder);
        let shown = spaces.named(&place.space).and_then(|s| s.shown(&folder)).unwrap_or_default();
        let has_people = scope.shows_people(&place.space);
        items.push(shown_item(id, view, &shown, Rights::from_bits(bits), has_people)?);
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
    let answer = within_scope(&app, &caller, move |index, _| {
        let mut seen = Vec::with_capacity(ids.len());
        for id in ids {
            if index.visible_item(id).map_err(read)?.is_some() {
                seen.push(id);
            }
        }
        let hashes = index.thumbhashes(&seen).map_err(read)?.into_iter();
        Ok(hashes.map(|(id, hash)| (id.to_string(), STANDARD.encode(hash).into())).collect::<Map<_, Value>>())
    });
    Ok(Json(answer.await?).into_response())
}

pub async fn folders(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let name = asked.space.ok_or_else(|| Problem::invalid("Which space? Add space=NAME."))?;
    let path = asked.path.unwrap_or_default();
    let inner = app.clone();
    let answer = within_scope(&app, &caller, move |index, _| {
        let spaces = inner.config.resolve_spaces();
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

/// The top of a space with several folders: these, under the names that clients know.
fn top_of(index: &Index, space: &Space) -> Answer<Option<FolderContent>> {
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

/// People of spaces that are seen whole, those in most items first; hidden ones are left out.
pub async fn people(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(&app, &caller, move |index, scope| {
        let is_asked = |name: &str| asked.space.as_deref().is_none_or(|space| space == name);
        let spaces = scope.spaces.iter().filter(|s| s.rights.view && is_asked(&s.space));
        let spaces: Vec<String> = spaces.map(|s| s.space.clone()).collect();
        if spaces.is_empty() || scope.items.is_some() {
            return Ok(json!({ "people": [] }));
        }
        let mut people = index.people(Some(&spaces), false).map_err(read)?;
        people.sort_by(|a, b| b.items.cmp(&a.items).then_with(|| a.id.cmp(&b.id)));
        let mut shown = Vec::with_capacity(people.len());
        for person in people {
            let mut line = json!({
                "id": person.id, "space": person.space, "items": person.items, "faces": person.faces,
            });
            let Some(keys) = line.as_object_mut() else { continue };
            if let Some(name) = person.name {
                keys.insert("name".into(), name.into());
            }
            if let Some(face) = person.cover {
                let face = index.face(face).map_err(read)?;
                let key = index.thumbnail_key(face.file).map_err(read)?.unwrap_or(0);
                keys.insert("cover".into(), json!({ "id": face.file, "key": key, "box": face.area }));
            }
            shown.push(line);
        }
        Ok(json!({ "people": shown }))
    });
    Ok(Json(answer.await?).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_either_order_and_nothing_else_is() {
        let range = |first: &str, last: &str| Within::Days { first: first.into(), last: last.into() };
        assert_eq!(days("2023-07-01").ok(), Some(range("2023-07-01", "2023-07-01")));
        assert_eq!(days("2023-07-31..1965").ok(), Some(range("1965", "2023-07-31")));
        assert_eq!(days("undated").ok(), Some(Within::Undated));
        for wrong in
            ["", "today", "2023-7-1", "2023-07-01..", "2023-07-01T10", "20230701", "..", "2023-07-0%"]
        {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
