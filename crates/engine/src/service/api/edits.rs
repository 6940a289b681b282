//! Item edits and albums of server accounts. The server decides what each account may do and sends its id; these routes
//! are not available to tokens restricted to some spaces.

use super::handles::EditHandle;
use super::refusal::{Answer, Body, Refusal, bad, for_all_spaces, given, no_such};
use crate::service::access::Access;
use crate::service::events::{Event, Of};
use albumen_core::clock::now;
use albumen_index::account_edits::AccountEdit;
use albumen_index::albums::{AlbumChange, AlbumError, AlbumFilled};
use albumen_index::edits::Edit;
use albumen_index::jobs::FileInSpace;
use albumen_index::overrides::{DateEdit, Field};
use albumen_index::position::Position;
use albumen_index::{Editor, IndexReader};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Items in one edit: other writers wait while they are changed.
const MOST_EDITED: usize = 20_000;
/// Items added to or removed from an album in one request.
const MOST_ITEMS: usize = 1000;
/// Characters of a title or tag, and of a description.
const LONGEST_LINE: usize = 1000;
const LONGEST_TEXT: usize = 100_000;

impl From<AlbumError> for Refusal {
    fn from(e: AlbumError) -> Refusal {
        let status = match &e {
            AlbumError::Missing(_) | AlbumError::Unknown(_) => StatusCode::NOT_FOUND,
            AlbumError::Taken(_) | AlbumError::Searching(..) | AlbumError::ByHand(_) => StatusCode::CONFLICT,
            AlbumError::Nameless | AlbumError::Nested | AlbumError::Search(_) => StatusCode::BAD_REQUEST,
            AlbumError::Index(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match e {
            AlbumError::Index(e) => e.into(),
            e => Refusal::new(status, e.to_string()),
        }
    }
}

/// Changes the index and publishes the events.
async fn change<T: Send + 'static>(
    edits: &EditHandle,
    access: &Access,
    work: impl FnOnce(&mut Editor, &EditHandle) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    for_all_spaces(access)?;
    edits.change(work).await
}

fn tell_edited(index: &IndexReader, edits: &EditHandle, items: &[i64]) -> Answer<()> {
    for &item in items {
        if let Some(FileInSpace { path, space, .. }) = index.file_in_space(item)? {
            edits.tell(Event::edited(Of { item, path: &path, space: &space }));
        }
    }
    Ok(())
}

/// Deserialises the value of a present key, which may be null.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Set {
    #[serde(deserialize_with = "there")]
    title: Option<Option<String>>,
    #[serde(deserialize_with = "there")]
    description: Option<Option<String>>,
    #[serde(deserialize_with = "there")]
    rating: Option<Option<i8>>,
    #[serde(deserialize_with = "there")]
    taken: Option<Option<String>>,
    #[serde(deserialize_with = "there")]
    gps: Option<Option<BTreeMap<String, f64>>>,
    favourite: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditRequest {
    account: i64,
    ids: Vec<i64>,
    #[serde(default)]
    set: Set,
    /// Seconds.
    #[serde(default)]
    shift_taken: Option<i64>,
    #[serde(default)]
    add_tags: Vec<String>,
    #[serde(default)]
    remove_tags: Vec<String>,
}

/// A text in stored form; an empty one means that there is none.
fn text(text: Option<String>, what: &str, longest: usize) -> Answer<Option<String>> {
    let Some(text) = text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()) else { return Ok(None) };
    if text.chars().count() > longest {
        return Err(bad(format!("the {what} is longer than {longest} characters")));
    }
    Ok(Some(text))
}

/// A position from its keys `lat` and `lon`: degrees, WGS 84.
fn position(gps: BTreeMap<String, f64>) -> Answer<Position> {
    match (gps.get("lat"), gps.get("lon"), gps.len()) {
        (Some(&lat), Some(&lon), 2) => Position::new(lat, lon).map_err(bad),
        _ => Err(bad("a position has `lat` and `lon`, in degrees")),
    }
}

fn account_edit(request: EditRequest) -> Answer<AccountEdit> {
    let EditRequest { set, shift_taken, add_tags, remove_tags, .. } = request;
    let mut edits = Vec::new();
    if let Some(title) = set.title {
        edits.push(Edit::Title(text(title, "title", LONGEST_LINE)?));
    }
    if let Some(description) = set.description {
        edits.push(Edit::Description(text(description, "description", LONGEST_TEXT)?));
    }
    if let Some(rating) = set.rating {
        if rating.is_some_and(|r| !(-1..=5).contains(&r)) {
            return Err(bad("a rating is a number from -1 (rejected) to 5"));
        }
        edits.push(Edit::Rating(rating));
    }
    match set.taken {
        Some(Some(_)) if shift_taken.is_some() => {
            return Err(bad("`taken` and `shift_taken` exclude each other"));
        }
        Some(Some(date)) => edits.push(Edit::Taken(DateEdit::parse(&date).map_err(bad)?)),
        Some(None) => edits.push(Edit::Forget(Field::Taken)),
        None => {}
    }
    if let Some(gps) = set.gps {
        edits.push(Edit::Gps(gps.map(position).transpose()?));
    }
    for (tags, as_edit) in [(remove_tags, Edit::RemoveTag as fn(String) -> Edit), (add_tags, Edit::AddTag)] {
        for tag in tags {
            let tag = text(Some(tag), "tag", LONGEST_LINE)?.ok_or_else(|| bad("a tag needs a name"))?;
            edits.push(as_edit(tag));
        }
    }
    if edits.is_empty() && shift_taken.is_none() && set.favourite.is_none() {
        return Err(bad("nothing is to be changed: give `set`, `shift_taken`, `add_tags` or `remove_tags`"));
    }
    Ok(AccountEdit { edits, shift_taken, favourite: set.favourite })
}

fn check_count(items: &[i64], most: usize) -> Answer<()> {
    if items.len() > most { Err(bad(format!("at most {most} items at once"))) } else { Ok(()) }
}

pub(super) async fn edit(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    body: Body<EditRequest>,
) -> Answer<Json<Value>> {
    let mut request = given(body)?;
    check_count(&request.ids, MOST_EDITED)?;
    let (account, ids) = (request.account, std::mem::take(&mut request.ids));
    let edit = account_edit(request)?;
    change(&edits, &access, move |index, edits| {
        let edited = index.edit_as(account, &ids, &edit, now())?;
        tell_edited(index, edits, &edited.items)?;
        let mut answer = json!({ "changed": edited.items.len() });
        if let Some(edit) = edited.edit {
            answer["edit"] = edit.into();
        }
        Ok(Json(answer))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UndoRequest {
    account: i64,
    edit: i64,
}

pub(super) async fn undo(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    body: Body<UndoRequest>,
) -> Answer<Json<Value>> {
    let UndoRequest { account, edit } = given(body)?;
    change(&edits, &access, move |index, edits| {
        let changed = index.undo_as(account, edit)?.ok_or_else(|| no_such("edit that can be undone"))?;
        tell_edited(index, edits, &changed)?;
        Ok(Json(json!({ "changed": changed.len() })))
    })
    .await
}

fn owner(index: &IndexReader, album: i64) -> Answer<i64> {
    Ok(index.account_album(album)?.ok_or(AlbumError::Missing(album))?.owner)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAlbum {
    account: i64,
    name: String,
    query: Option<String>,
    #[serde(default)]
    items: Vec<i64>,
}

pub(super) async fn add_album(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    body: Body<NewAlbum>,
) -> Answer<Json<Value>> {
    let new = given(body)?;
    check_count(&new.items, MOST_ITEMS)?;
    change(&edits, &access, move |index, edits| {
        let album = index.create_account_album(new.account, &new.name, new.query.as_deref(), &new.items)?;
        edits.tell(Event::account_album_changed(album, new.account));
        Ok(Json(json!({ "album": album })))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedAlbum {
    name: Option<String>,
    description: Option<String>,
    query: Option<String>,
    #[serde(default, deserialize_with = "there")]
    cover: Option<Option<i64>>,
}

pub(super) async fn change_album(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    body: Body<ChangedAlbum>,
) -> Answer<Json<Value>> {
    let ChangedAlbum { name, description, query, cover } = given(body)?;
    let description = description
        .map(|d| text(Some(d), "description", LONGEST_TEXT))
        .transpose()?
        .map(Option::unwrap_or_default);
    let wanted = AlbumChange { name, description, query, cover };
    change(&edits, &access, move |index, edits| {
        let owner = owner(index, id)?;
        index.change_account_album(id, &wanted)?;
        edits.tell(Event::account_album_changed(id, owner));
        Ok(Json(json!({ "album": id })))
    })
    .await
}

pub(super) async fn delete_album(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
) -> Answer<Json<Value>> {
    change(&edits, &access, move |index, edits| {
        let owner = owner(index, id)?;
        index.delete_account_album(id)?;
        edits.tell(Event::account_album_changed(id, owner));
        Ok(Json(json!({ "album": id })))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilledAlbum {
    account: i64,
    #[serde(default)]
    add: Vec<i64>,
    #[serde(default)]
    remove: Vec<i64>,
}

pub(super) async fn fill_album(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    body: Body<FilledAlbum>,
) -> Answer<Json<Value>> {
    let FilledAlbum { account, add, remove } = given(body)?;
    check_count(&add, MOST_ITEMS)?;
    check_count(&remove, MOST_ITEMS)?;
    change(&edits, &access, move |index, edits| {
        let owner = owner(index, id)?;
        let AlbumFilled { added, removed } = index.fill_account_album(id, account, &add, &remove)?;
        edits.tell(Event::account_album_changed(id, owner));
        Ok(Json(json!({ "album": id, "added": added, "removed": removed })))
    })
    .await
}
