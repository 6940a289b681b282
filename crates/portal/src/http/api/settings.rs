//! Settings of the whole portal, and the health check.

use super::super::{Answer, App, Caller, Json};
use super::change as change_store;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// For monitoring: the portal answers and can read its database.
pub async fn health(State(app): State<Arc<App>>, _: Caller) -> Answer<Response> {
    app.store.policy_version()?;
    Ok(Json(json!({ "portal": "ok" })).into_response())
}

pub async fn show(State(app): State<Arc<App>>, _: Caller) -> Answer<Response> {
    Ok(Json(app.store.switches()?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    accounts_download_originals: Option<bool>,
    #[serde(default)]
    guests_download_originals: Option<bool>,
}

pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Change>,
) -> Answer<Response> {
    let switches = change_store(&app, &caller, move |store, event| {
        let mut switches = store.switches()?;
        if let Some(value) = body.accounts_download_originals {
            switches.accounts_download_originals = value;
        }
        if let Some(value) = body.guests_download_originals {
            switches.guests_download_originals = value;
        }
        store.set_switches(switches, event)?;
        Ok(switches)
    })
    .await?;
    Ok(Json(switches).into_response())
}
