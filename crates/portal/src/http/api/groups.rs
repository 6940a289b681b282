//! Groups of accounts.

use super::super::{Answer, App, Caller, Json, Problem};
use super::change_group;
use crate::rights::Object;
use crate::store::Group;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

fn full(group: &Group) -> Value {
    json!({ "name": group.name, "members": group.members })
}

/// Administrators see the members; other accounts the names of those they can share with.
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let is_admin = !app.rights(&caller.subject, &Object::Administration)?.is_none();
    let brief = |group: &Group| json!({ "name": group.name });
    let rows: Vec<Value> =
        app.store.groups()?.iter().map(|group| if is_admin { full(group) } else { brief(group) }).collect();
    Ok(Json(json!({ "groups": rows })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    name: String,
    #[serde(default)]
    members: Vec<String>,
}

pub async fn add(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Add>) -> Answer<Response> {
    let group = change_group(&app, &caller, move |store, event| {
        let group = store.add_group(&body.name, event)?;
        store.change_group(group.id, None, &body.members, &[], event)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(full(&group))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Change {
    name: Option<String>,
    add: Vec<String>,
    remove: Vec<String>,
}

pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<Change>,
) -> Answer<Response> {
    let id = app.store.group_named(&name)?.ok_or_else(Problem::not_found)?.id;
    let group = change_group(&app, &caller, move |store, event| {
        store.change_group(id, body.name.as_deref(), &body.add, &body.remove, event)
    })
    .await?;
    Ok(Json(full(&group)).into_response())
}

pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let id = app.store.group_named(&name)?.ok_or_else(Problem::not_found)?.id;
    change_group(&app, &caller, move |store, event| store.remove_group(id, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}
