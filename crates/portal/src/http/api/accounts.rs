//! Accounts, for administrators; their names, for all accounts that share with each other.

use super::super::{Answer, App, Caller, Json, Problem};
use super::me::checked_language;
use super::{change_account, checked_text, time};
use crate::password::check_quality;
use crate::rights::Object;
use crate::store::{Access, Account, AccountChange, NewAccount};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::sync::Arc;

fn found(app: &App, name: &str) -> Answer<Account> {
    app.store.account_named(name)?.ok_or_else(Problem::not_found)
}

fn brief(account: &Account) -> Value {
    json!({ "name": account.name, "display_name": account.display_name })
}

fn full(app: &App, account: &Account) -> Answer<Value> {
    let mut row = json!({
        "name": account.name,
        "display_name": account.display_name,
        "admin": account.is_admin,
        "disabled": account.disabled.is_some(),
        "created": time(account.created),
        "language": account.language,
        "second_factor": app.store.totp(account.id)?.is_some_and(|t| t.confirmed.is_some()),
    });
    if let Some(space) = &account.space {
        row["space"] = space.as_str().into();
    }
    let access = app.store.space_access(account.id)?;
    row["access"] = access.into_iter().map(|(space, access)| (space, json!(access))).collect();
    Ok(row)
}

/// Administrators see all; others the names of those they can share with.
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let all = app.store.accounts()?;
    let is_admin = !app.rights(&caller.subject, &Object::Administration)?.is_none();
    let rows: Vec<Value> = if is_admin {
        all.iter().map(|a| full(&app, a)).collect::<Answer<_>>()?
    } else {
        all.iter().filter(|a| a.disabled.is_none()).map(brief).collect()
    };
    Ok(Json(json!({ "accounts": rows })).into_response())
}

pub async fn show(State(app): State<Arc<App>>, _: Caller, Path(name): Path<String>) -> Answer<Response> {
    Ok(Json(full(&app, &found(&app, &name)?)?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    name: String,
    password: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    admin: bool,
    /// Access to shared spaces, by their names.
    #[serde(default)]
    access: std::collections::BTreeMap<String, Access>,
}

pub async fn add(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Add>) -> Answer<Response> {
    caller.must_be_confirmed()?;
    check_quality(&body.password, &body.name)?;
    let display_name =
        checked_text(body.display_name.as_deref().unwrap_or(&body.name), "display name", 100, false)?;
    let spaces = app.config.resolve_spaces();
    for space in body.access.keys() {
        super::spaces::shared(&spaces, space)?;
    }
    let hash = app.hasher.hash(body.password).await?;
    let (name, is_admin, access) = (body.name, body.admin, body.access);
    let id = change_account(&app, &caller, move |store, event| {
        let new = NewAccount {
            name: &name,
            display_name: &display_name,
            password: Some(&hash),
            is_admin,
            space: None,
        };
        let id = store.add_account(&new, event)?;
        for (space, access) in &access {
            store.set_space_access(id, &name, space, Some(*access), event)?;
        }
        Ok(id)
    })
    .await?;
    let account = app.store.account(id)?.ok_or_else(Problem::internal)?;
    Ok((StatusCode::CREATED, Json(full(&app, &account)?)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    admin: Option<bool>,
    #[serde(default)]
    disabled: Option<bool>,
    /// `null` removes the space.
    #[serde(default, deserialize_with = "said")]
    space: Option<Option<String>>,
}

/// Distinguishes `null` from a missing key.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

pub async fn change_one(app: &Arc<App>, caller: &Caller, name: &str, body: Change) -> Answer<Account> {
    let id = found(app, name)?.id;
    if let Some(Some(space)) = &body.space {
        super::spaces::personal(&app.config.resolve_spaces(), space)?;
    }
    let change = AccountChange {
        display_name: body.display_name.map(|t| checked_text(&t, "display name", 100, false)).transpose()?,
        language: body.language.map(|t| checked_language(&t)).transpose()?,
        is_admin: body.admin,
        is_disabled: body.disabled,
        space: body.space,
    };
    change_account(app, caller, move |store, event| store.change_account(id, &change, event)).await
}

pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<Change>,
) -> Answer<Response> {
    if body.admin.is_some() || body.space.is_some() {
        caller.must_be_confirmed()?;
    }
    let account = change_one(&app, &caller, &name, body).await?;
    Ok(Json(full(&app, &account)?).into_response())
}

pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    caller.must_be_confirmed()?;
    let id = found(&app, &name)?.id;
    change_account(&app, &caller, move |store, event| store.remove_account(id, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    password: String,
}

/// For an account that lost its own. Ends all its sessions and tokens.
pub async fn set_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<SetPassword>,
) -> Answer<StatusCode> {
    caller.must_be_confirmed()?;
    let account = found(&app, &name)?;
    check_quality(&body.password, &account.name)?;
    let hash = app.hasher.hash(body.password).await?;
    change_account(&app, &caller, move |store, event| store.set_password(account.id, &hash, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn end_sessions(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let id = found(&app, &name)?.id;
    super::change(&app, &caller, move |store, event| store.end_sessions(id, None, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}
