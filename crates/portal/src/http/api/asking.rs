//! How routes query the library: the query of the address, the caller's scope, and the conditions of a list.

use super::super::{Answer, App, Caller, Problem};
use crate::clock::now;
use crate::library::{LibraryError, Scope};
use crate::rights::{Object, Rights, Subject, rights, scope};
use albumen_index::IndexReader;
use albumen_index::albums::AccountAlbum;
use albumen_index::query::{Filter, Query as Search};
use albumen_index::search::{Order, SearchError, Within};
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The parameters of a list. Every route reads the keys that it supports.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    pub space: Option<String>,
    pub q: Option<String>,
    pub folder: Option<String>,
    pub album: Option<i64>,
    pub person: Option<String>,
    pub day: Option<String>,
    pub sort: Option<String>,
    pub limit: Option<usize>,
    pub offset: Option<usize>,
    pub after: Option<String>,
    pub format: Option<String>,
    pub path: Option<String>,
    pub ids: Option<String>,
    pub hidden: bool,
    pub r#box: Option<String>,
    pub zoom: Option<u8>,
}

pub type AskedQuery = Result<Query<Asked>, QueryRejection>;

pub fn asked(query: AskedQuery) -> Answer<Asked> {
    query
        .map(|Query(asked)| asked)
        .map_err(|e| Problem::invalid(format!("The query of the address does not fit: {e}.")))
}

/// A query of the index within the scope of a subject.
pub struct Ask<'a> {
    pub app: &'a App,
    pub subject: &'a Subject,
    pub index: &'a IndexReader,
    pub scope: &'a Scope,
}

/// Queries the index within the caller's scope, on a thread that may block.
pub async fn within_scope<T: Send + 'static>(
    app: &Arc<App>,
    caller: &Caller,
    ask: impl FnOnce(&Ask<'_>) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let (app, subject) = (app.clone(), caller.subject.clone());
    let asked = tokio::task::spawn_blocking(move || ask_as(&app, &subject, ask));
    asked.await.map_err(|e| LibraryError::Stopped(e.to_string()))?
}

/// The same, on a thread that may block.
pub fn ask_as<T>(app: &App, subject: &Subject, ask: impl FnOnce(&Ask<'_>) -> Answer<T>) -> Answer<T> {
    let scope = scope(&*app.policy()?, subject, now());
    // A link with hidden details has no dates, names and folders to list by.
    if scope.hide_details {
        return Err(Problem::not_found());
    }
    app.library.ask(|index| -> Result<Answer<T>, albumen_index::Error> {
        index.look_as(app.library.visible(index, &scope)?);
        Ok(ask(&Ask { app, subject, index, scope: &scope }))
    })?
}

pub fn read(e: impl std::error::Error + Send + Sync + 'static) -> Problem {
    LibraryError::Read(Box::new(e)).into()
}

/// A search that cannot be parsed is the caller's error; anything else is a server error.
pub fn searched(e: SearchError) -> Problem {
    match e {
        SearchError::Index(e) => read(e),
        other => Problem::invalid(format!("{other}.")),
    }
}

/// Days as the timeline names them: one, or `A..B` in either order.
pub fn days(text: &str) -> Answer<Within> {
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

pub fn order(text: Option<&str>) -> Answer<Order> {
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

impl Ask<'_> {
    /// The search of a request. The albums that it names are the caller's own and the others that it may see; favourites are its own.
    pub fn search(&self, asked: &Asked) -> Answer<Search> {
        let text = asked.q.as_deref().unwrap_or("");
        let mut search = Search::parse(text).map_err(|e| Problem::invalid(format!("{e}.")))?;
        let albums = if search.names_albums() { self.albums()? } else { Vec::new() };
        for filter in search.terms.iter_mut().flat_map(|t| &mut t.any_of) {
            match filter {
                Filter::Album(name) => {
                    let is_meant = |album: &AccountAlbum| album.name.to_lowercase() == name.to_lowercase();
                    let ids = albums.iter().filter(|(album, _)| is_meant(album)).map(|(album, _)| album.id);
                    *filter = Filter::AlbumIds(ids.collect());
                }
                Filter::Favourite(account) => *account = self.subject.account(),
                _ => {}
            }
        }
        Ok(search)
    }

    /// The conditions of a request. A space, folder or album that is not visible is treated as one that does
    /// not exist: the list is empty.
    pub fn narrowed(&self, asked: &Asked) -> Answer<Vec<Within>> {
        let mut within: Vec<Within> = asked.space.iter().cloned().map(Within::Space).collect();
        if let Some(folder) = &asked.folder {
            let spaces = self.app.spaces()?;
            let space = asked.space.as_deref();
            let space = space.ok_or_else(|| Problem::invalid("A folder needs its space: add space=NAME."))?;
            let folder = spaces.named(space).and_then(|s| s.folder(folder));
            let ids = match folder {
                Some(f) => self.index.folder_ids(&f.space, &f.volume, &f.path, false).map_err(read)?,
                None => Vec::new(),
            };
            within.push(Within::Folders(ids));
        }
        if let Some(id) = asked.album {
            within.push(match self.album(id)? {
                Some((album, _)) => album.within().map_err(searched)?,
                None => Within::Items(Vec::new()),
            });
        }
        within.extend(asked.person.iter().cloned().map(Within::Person));
        if let Some(day) = &asked.day {
            within.push(days(day)?);
        }
        Ok(within)
    }

    /// As [`crate::library::Library::kept`], for a query that depends only on its text and the scope.
    pub fn kept(&self, question: &str, make: impl FnOnce() -> Answer<Value>) -> Answer<Arc<Value>> {
        self.app.library.kept(self.scope, question, make)
    }

    /// Albums that the caller may see, ordered by name, and the caller's rights on them.
    pub fn albums(&self) -> Answer<Vec<(AccountAlbum, Rights)>> {
        let policy = self.app.policy()?;
        let albums = self.index.account_albums().map_err(read)?.into_iter();
        let with_rights = albums.map(|album| {
            let object = Object::Album { id: album.id, owner: album.owner };
            let may = rights(&policy, self.subject, &object, now());
            (album, may)
        });
        Ok(with_rights.filter(|(_, may)| may.view).collect())
    }

    /// An album that the caller may see.
    pub fn album(&self, id: i64) -> Answer<Option<(AccountAlbum, Rights)>> {
        let Some(album) = self.index.account_album(id).map_err(read)? else { return Ok(None) };
        let object = Object::Album { id, owner: album.owner };
        let may = rights(&*self.app.policy()?, self.subject, &object, now());
        Ok(may.view.then_some((album, may)))
    }

    /// Adds the cover: the id of its item and the key of its thumbnails; nothing if there is none yet.
    pub fn with_cover(&self, mut shown: Value, item: Option<i64>) -> Answer<Value> {
        let Some(item) = item else { return Ok(shown) };
        let cover = self.index.cover(item).map_err(read)?;
        if let (Some(keys), Some(cover)) = (shown.as_object_mut(), cover) {
            keys.insert("cover".into(), json!({ "id": cover.id, "key": cover.key }));
        }
        Ok(shown)
    }
}

/// `key:"value"` of the search language; `None` for a value that cannot be quoted in it.
pub fn term(key: &str, value: &str) -> Option<String> {
    (!value.contains('"') && !value.trim().is_empty()).then(|| format!("{key}:\"{value}\""))
}

/// Adds the search that finds the object, if there is one.
pub fn with_query(mut shown: Value, query: Option<String>) -> Value {
    if let (Some(keys), Some(query)) = (shown.as_object_mut(), query) {
        keys.insert("query".into(), query.into());
    }
    shown
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
