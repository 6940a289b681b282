//! Shared spaces, for administrators: access, grants on folders, visibility. Also the passwords of folders,
//! for visitors.

use super::super::cookie::Cookie;
use super::super::{Answer, App, Caller, Json, Problem};
use super::change;
use super::sessions::with_cookie;
use crate::clock::now;
use crate::config::{Space, SpaceKind, Spaces, client_network};
use crate::password::check_quality;
use crate::rights::{Rights, Who};
use crate::secret::Secret;
use crate::sign_in::{Refusal, run};
use crate::store::{Access, FolderPath, Grant, StoreError, Throttle, UnlockKind, Visibility, folder_key};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds that an unlocked folder stays open.
const UNLOCKED_FOR: i64 = 12 * 3600;

/// A shared space of the config.
pub fn shared<'a>(spaces: &'a Spaces, name: &str) -> Answer<&'a Space> {
    spaces.named(name).filter(|s| s.kind == SpaceKind::Shared).ok_or_else(Problem::not_found)
}

/// A personal space without an owner in the config.
pub fn personal<'a>(spaces: &'a Spaces, name: &str) -> Answer<&'a Space> {
    let space = spaces.named(name).filter(|s| s.kind == SpaceKind::Personal);
    let space = space
        .ok_or_else(|| Problem::invalid(format!("There is no personal space {name:?} in albumen.toml.")))?;
    if space.owner.is_some() || space.is_match {
        return Err(Problem::conflict(
            "space_taken",
            format!("albumen.toml says whose the space {name:?} is."),
        ));
    }
    Ok(space)
}

pub async fn list(State(app): State<Arc<App>>, _: Caller) -> Answer<Response> {
    let policy = app.policy()?;
    let spaces = app.config.resolve_spaces();
    let rows: Vec<Value> = spaces
        .iter()
        .filter_map(|space| {
            let rules = policy.spaces.get(&space.name)?;
            let mut row = json!({ "name": space.name, "kind": space.kind, "off": rules.is_off });
            if let Some(owner) = rules.owner.and_then(|id| policy.accounts.get(&id)) {
                row["owner"] = owner.name.as_str().into();
            }
            Some(row)
        })
        .collect();
    Ok(Json(json!({ "spaces": rows })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    off: bool,
}

pub async fn switch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<Switch>,
) -> Answer<StatusCode> {
    shared(&app.config.resolve_spaces(), &name)?;
    change(&app, &caller, move |store, event| store.switch_space(&name, body.off, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn access(State(app): State<Arc<App>>, _: Caller, Path(name): Path<String>) -> Answer<Response> {
    shared(&app.config.resolve_spaces(), &name)?;
    let policy = app.policy()?;
    let rows: BTreeMap<&str, Access> = policy
        .accounts
        .values()
        .filter_map(|account| Some((account.name.as_str(), *account.access.get(&name)?)))
        .collect();
    Ok(Json(json!({ "access": rows })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAccess {
    account: String,
    access: SaidAccess,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SaidAccess {
    None,
    Custom,
    Full,
}

pub async fn set_access(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<SetAccess>,
) -> Answer<StatusCode> {
    shared(&app.config.resolve_spaces(), &name)?;
    let account = app.store.account_named(&body.account)?;
    let account =
        account.ok_or_else(|| Problem::invalid(format!("There is no account {:?}.", body.account)))?;
    let access = match body.access {
        SaidAccess::None => None,
        SaidAccess::Custom => Some(Access::Custom),
        SaidAccess::Full => Some(Access::Full),
    };
    change(&app, &caller, move |store, event| {
        store.set_space_access(account.id, &account.name, &name, access, event)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn grants(State(app): State<Arc<App>>, _: Caller, Path(name): Path<String>) -> Answer<Response> {
    let spaces = app.config.resolve_spaces();
    let space = shared(&spaces, &name)?;
    let policy = app.policy()?;
    let groups = app.store.groups()?;
    let mut rows = Vec::new();
    for grant in app.store.grants(&name)? {
        // A folder that is no longer in the config has no path to show.
        let Some(path) = space.shown(&grant.folder) else { continue };
        let mut row = json!({ "path": path, "rights": grant.rights });
        match grant.who {
            Who::Account(id) => row["account"] = policy.accounts.get(&id).map(|a| a.name.as_str()).into(),
            Who::Group(id) => {
                row["group"] = groups.iter().find(|g| g.id == id).map(|g| g.name.as_str()).into()
            }
        }
        rows.push(row);
    }
    Ok(Json(json!({ "grants": rows })).into_response())
}

fn folder(space: &Space, path: &str) -> Answer<FolderPath> {
    space.folder(path).ok_or_else(|| Problem::invalid(format!("{path:?} is no folder of this space.")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetGrant {
    path: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    group: Option<String>,
    /// No rights remove the grant.
    rights: Rights,
}

pub async fn grant(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<SetGrant>,
) -> Answer<StatusCode> {
    let spaces = app.config.resolve_spaces();
    let folder = folder(shared(&spaces, &name)?, &body.path)?;
    let who = match (&body.account, &body.group) {
        (Some(account), None) => app.store.account_named(account)?.map(|a| Who::Account(a.id)),
        (None, Some(group)) => app.store.group_named(group)?.map(|g| Who::Group(g.id)),
        _ => return Err(Problem::invalid("A grant is for either an account or a group.")),
    };
    let who = who.ok_or_else(|| Problem::invalid("There is no account or group of this name."))?;
    let grant = Grant { folder, who, rights: body.rights };
    change(&app, &caller, move |store, event| store.grant(&grant, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn visibility(
    State(app): State<Arc<App>>,
    _: Caller,
    Path(name): Path<String>,
) -> Answer<Response> {
    let spaces = app.config.resolve_spaces();
    let space = shared(&spaces, &name)?;
    let said = app.store.visibility(&name)?;
    let rows: Vec<Value> = said
        .iter()
        .filter_map(|(folder, kind)| Some(json!({ "path": space.shown(folder)?, "visibility": kind })))
        .collect();
    Ok(Json(json!({ "folders": rows })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetVisibility {
    path: String,
    /// `null`: as the parent folder.
    visibility: Option<Visibility>,
    #[serde(default)]
    password: Option<String>,
}

pub async fn set_visibility(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<SetVisibility>,
) -> Answer<StatusCode> {
    let spaces = app.config.resolve_spaces();
    let folder = folder(shared(&spaces, &name)?, &body.path)?;
    if folder.depth() > 2 {
        return Err(Problem::invalid(
            "Folders of the first two levels are public or have a password; others are as those above.",
        ));
    }
    let password = match (body.visibility, body.password) {
        (Some(Visibility::Password), Some(password)) => {
            check_quality(&password, &name)?;
            Some(app.hasher.hash(password).await?)
        }
        (Some(Visibility::Password), None) => return Err(Problem::invalid("The password is missing.")),
        (_, Some(_)) => return Err(Problem::invalid("Only a folder of visibility `password` has one.")),
        _ => None,
    };
    change(&app, &caller, move |store, event| {
        store.set_visibility(&folder, body.visibility, password.as_deref(), event)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    space: String,
    path: String,
    password: String,
}

/// Unlocks a folder by its password, until the browser closes and for half a day at most. A folder that has
/// no password or does not exist gives the same answer as a wrong password.
pub async fn unlock(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Unlock>,
) -> Answer<Response> {
    let spaces = app.config.resolve_spaces();
    let folder = shared(&spaces, &body.space).ok().and_then(|s| s.folder(&body.path));
    let object = folder.as_ref().map_or_else(|| format!("{}/{}", body.space, body.path), folder_key);
    let network = Throttle::network(&client_network(caller.address));
    let counted = [Throttle::object(&object), network.clone()];
    let (store, tried) = (app.store.clone(), counted.clone());
    let wait = run(move || store.attempt(&tried, now())).await?;
    if wait > 0 {
        return Err(Refusal::Wait(wait).into());
    }
    let known = match &folder {
        Some(folder) if app.policy()?.spaces.get(&body.space).is_some_and(|s| !s.is_off) => {
            app.store.folder_password(folder)?
        }
        _ => None,
    };
    let (hash, version) = known.unzip();
    if !app.hasher.verify(body.password, hash).await {
        let detail = "The password is wrong.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "wrong_password", "The folder stays closed", detail));
    }
    let Some(version) = version else { return Err(Problem::internal()) };
    // Always a new secret, so that a cookie set by another page has no effect.
    let secret = Secret::new().map_err(|e| Problem::from(StoreError::from(e)))?;
    let (store, digest, old) = (app.store.clone(), secret.digest(), caller.visitor);
    run(move || {
        let [object_count, network_count] = counted;
        store.succeeded(&[object_count], &network_count)?;
        if let Some(old) = old {
            store.move_unlocks(old, digest)?;
        }
        store.add_unlock(digest, UnlockKind::Folder, &object, version, now(), now() + UNLOCKED_FOR)
    })
    .await?;
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), Cookie::Visitor.set(&app, secret.expose(), None)))
}
