//! Albums: those that an account owns or is invited to, and the items in them that it may see. The engine
//! stores them.

use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{Ask, searched, within_scope};
use super::asking_engine::{ask_engine, may_change};
use super::edits::{MOST_ITEMS, check_count, check_items};
use super::{checked_text, time};
use crate::rights::Rights;
use albumen_index::albums::AccountAlbum;
use albumen_index::albums::AlbumContent;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// An album with the number of its items that the caller may see.
fn shown(ask: &Ask<'_>, album: &AccountAlbum, may: Rights) -> Answer<Value> {
    let AlbumContent { items, cover } = ask.index.album_content(album).map_err(searched)?;
    let policy = ask.app.policy()?;
    let owner = policy.accounts.get(&album.owner).map(|a| a.name.clone()).unwrap_or_default();
    let mut line = json!({
        "id": album.id,
        "name": album.name,
        "owner": owner,
        "items": items,
        "rights": may,
        "created": time(album.created),
    });
    if !album.description.is_empty() {
        line["description"] = album.description.as_str().into();
    }
    if let Some(query) = &album.query {
        line["query"] = query.as_str().into();
    }
    ask.with_cover(line, cover)
}

pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let answer = within_scope(&app, &caller, |ask| {
        let albums = ask.albums()?;
        let shown = albums.iter().map(|(album, may)| shown(ask, album, *may));
        Ok(json!({ "albums": shown.collect::<Answer<Vec<_>>>()? }))
    });
    Ok(Json(answer.await?).into_response())
}

pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Answer<Response> {
    let Ok(Path(id)) = id else { return Err(Problem::not_found()) };
    Ok(one(&app, &caller, id).await?.into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    items: Vec<i64>,
}

/// The maximum length of names and of searches.
const LONGEST_NAME: usize = 200;
const LONGEST_QUERY: usize = 4000;
const LONGEST_DESCRIPTION: usize = 10_000;

fn checked_query(query: Option<String>) -> Answer<Option<String>> {
    query.map(|query| checked_text(&query, "search", LONGEST_QUERY, false)).transpose()
}

pub async fn add(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<New>) -> Answer<Response> {
    may_change(&caller)?;
    check_count(&body.items, MOST_ITEMS)?;
    let name = checked_text(&body.name, "name", LONGEST_NAME, false)?;
    let query = checked_query(body.query)?;
    let items = body.items.clone();
    within_scope(&app, &caller, move |ask| check_items(ask, &items, Rights::VIEW)).await?;
    let mut request = json!({ "account": caller.account()?.id, "name": name, "items": body.items });
    if let Some(query) = query {
        request["query"] = query.into();
    }
    let done = ask_engine(&app, "POST", "/v1/albums".into(), Some(request)).await?;
    let id = done["album"].as_i64().ok_or_else(Problem::internal)?;
    Ok((StatusCode::CREATED, one(&app, &caller, id).await?).into_response())
}

async fn one(app: &Arc<App>, caller: &Caller, id: i64) -> Answer<Json<Value>> {
    let answer = within_scope(app, caller, move |ask| {
        let (album, may) = ask.album(id)?.ok_or_else(Problem::not_found)?;
        shown(ask, &album, may)
    });
    Ok(Json(answer.await?))
}

/// An album on which the caller has the rights that are needed.
async fn allowed(
    app: &Arc<App>,
    caller: &Caller,
    id: Result<Path<i64>, PathRejection>,
    needed: Rights,
) -> Answer<i64> {
    may_change(caller)?;
    let Ok(Path(id)) = id else { return Err(Problem::not_found()) };
    within_scope(app, caller, move |ask| match ask.album(id)? {
        Some((_, may)) if may.include(needed) => Ok(id),
        _ => Err(Problem::not_found()),
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    query: Option<String>,
    /// 0: the newest item.
    #[serde(default)]
    cover: Option<i64>,
}

pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    Json(body): Json<Change>,
) -> Answer<Response> {
    let id = allowed(&app, &caller, id, Rights::MANAGE).await?;
    let mut request = json!({});
    if let Some(name) = body.name {
        request["name"] = checked_text(&name, "name", LONGEST_NAME, false)?.into();
    }
    if let Some(text) = body.description {
        if text.chars().count() > LONGEST_DESCRIPTION {
            let why = format!("The description is longer than {LONGEST_DESCRIPTION} characters.");
            return Err(Problem::invalid(why));
        }
        request["description"] = text.into();
    }
    if let Some(query) = checked_query(body.query)? {
        request["query"] = query.into();
    }
    match body.cover {
        None => {}
        Some(0) => request["cover"] = Value::Null,
        Some(cover) => {
            within_scope(&app, &caller, move |ask| check_items(ask, &[cover], Rights::VIEW)).await?;
            request["cover"] = cover.into();
        }
    }
    ask_engine(&app, "PATCH", format!("/v1/albums/{id}"), Some(request)).await?;
    Ok(one(&app, &caller, id).await?.into_response())
}

pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Answer<StatusCode> {
    let id = allowed(&app, &caller, id, Rights::MANAGE).await?;
    ask_engine(&app, "DELETE", format!("/v1/albums/{id}"), Some(json!({}))).await?;
    // Ids are not reused; the rights of its guests can be deleted.
    super::change(&app, &caller, move |store, event| store.forget_album(id, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    #[serde(default)]
    add: Vec<i64>,
    #[serde(default)]
    remove: Vec<i64>,
}

/// An account that may add photos to an album adds those that it may see itself; only the owner also removes
/// them.
pub async fn fill(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    Json(body): Json<Fill>,
) -> Answer<Response> {
    check_count(&body.add, MOST_ITEMS)?;
    check_count(&body.remove, MOST_ITEMS)?;
    let needed =
        if body.remove.is_empty() { Rights { view: true, ..Rights::UPLOAD } } else { Rights::MANAGE };
    let id = allowed(&app, &caller, id, needed).await?;
    let add = body.add.clone();
    within_scope(&app, &caller, move |ask| check_items(ask, &add, Rights::VIEW)).await?;
    let request = json!({ "account": caller.account()?.id, "add": body.add, "remove": body.remove });
    let done = ask_engine(&app, "POST", format!("/v1/albums/{id}/items"), Some(request)).await?;
    Ok(Json(json!({ "added": done["added"], "removed": done["removed"] })).into_response())
}
