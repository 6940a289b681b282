//! What an account has searched for.

use super::super::{Answer, App, Caller, Json};
use super::{change, checked_text, done};
use crate::clock::now;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let entries = app.store.searches(caller.account()?.id)?;
    let rows: Vec<Value> =
        entries.iter().map(|e| json!({ "id": e.id, "query": e.query, "at": super::time(e.at) })).collect();
    Ok(Json(json!({ "searches": rows })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    query: String,
}

pub async fn add(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Add>) -> Answer<StatusCode> {
    let account = caller.account()?.id;
    let query = checked_text(&body.query, "search", 1000, false)?;
    change(&app, &caller, move |store, _| store.add_search(account, &query, now())).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn remove(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<i64>) -> Answer<StatusCode> {
    let account = caller.account()?.id;
    done(change(&app, &caller, move |store, _| store.remove_searches(account, Some(id))).await? > 0)
}

pub async fn clear(State(app): State<Arc<App>>, caller: Caller) -> Answer<StatusCode> {
    let account = caller.account()?.id;
    change(&app, &caller, move |store, _| store.remove_searches(account, None)).await?;
    Ok(StatusCode::NO_CONTENT)
}
