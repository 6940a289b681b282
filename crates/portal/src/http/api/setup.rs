//! The first account, by the one-time link that the first start wrote.

use super::super::{Answer, App, Caller, Json, Problem};
use super::checked_text;
use super::sessions::begun;
use crate::password::check_quality;
use crate::sign_in::{Begin, begin, run};
use crate::store::{Event, NewAccount};
use crate::{clock, setup};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Whether the portal still waits for its first account.
pub async fn state(State(app): State<Arc<App>>, _: Caller) -> Answer<Response> {
    Ok(Json(json!({ "needed": !app.store.has_accounts()? })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct First {
    pub token: String,
    pub account: String,
    pub password: String,
    #[serde(default)]
    pub display_name: Option<String>,
}

pub async fn first_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<First>,
) -> Answer<Response> {
    create(&app, &caller, body).await
}

/// Makes the account and signs it in.
pub async fn create(app: &Arc<App>, caller: &Caller, body: First) -> Answer<Response> {
    let store = app.store.clone();
    if !run(move || setup::is_valid(&store, &body.token, clock::now())).await? {
        let detail = "The link is used, over, or not of this portal. Start the portal anew for another one.";
        return Err(Problem::conflict("setup_over", detail));
    }
    check_quality(&body.password, &body.account)?;
    let display_name =
        checked_text(body.display_name.as_deref().unwrap_or(&body.account), "display name", 100, false)?;
    let hash = app.hasher.hash(body.password).await?;
    let (store, address, checked) = (app.store.clone(), caller.address.to_string(), hash.clone());
    let added = run(move || {
        let new = NewAccount {
            name: &body.account,
            display_name: &display_name,
            password: Some(&checked),
            is_admin: true,
            space: None,
        };
        let event = Event { at: clock::now(), account: &body.account, address: &address };
        store.add_first_account(&new, &event)
    })
    .await?;
    let Some(id) = added else {
        return Err(Problem::conflict("setup_over", "There is an account already: sign in with it."));
    };
    setup::remove(&app.store, &app.config.portal.state)?;
    let account = app.store.account(id)?.ok_or_else(Problem::internal)?;
    let with = Begin {
        hash: Some(hash),
        method: "setup",
        remember: false,
        address: caller.address.to_string(),
        agent: caller.agent.clone(),
        replaced: None,
    };
    let signed_in = begin(&app.store, account, with).await?.ok_or_else(Problem::internal)?;
    Ok(begun(app, &signed_in))
}
