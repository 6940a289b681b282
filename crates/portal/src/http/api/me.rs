//! The caller's account.

use super::super::{Answer, App, Caller, Credential, Json, Problem};
use super::sessions::begun;
use super::{change_account, checked_text};
use crate::clock::now;
use crate::config::SpaceKind;
use crate::password::check_quality;
use crate::rights::{Object, Rights, rights, scope};
use crate::sign_in::{Attempt, Begin, begin, confirm};
use crate::store::{AccountChange, FolderPath};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

#[derive(Serialize)]
struct SpaceRow {
    name: String,
    kind: SpaceKind,
    /// On the space as a whole, or on its top folder.
    rights: Rights,
    /// Whether all of it is visible, or only some of its folders.
    whole: bool,
}

/// The account, and the spaces in which it sees anything.
pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let account = caller.account()?;
    let policy = app.policy()?;
    let scope = scope(&policy, &caller.subject, now());
    let mut spaces = Vec::new();
    for space in app.spaces()?.iter() {
        let whole = scope.spaces.iter().find(|s| s.space == space.name);
        let row = |rights, whole| SpaceRow { name: space.name.clone(), kind: space.kind, rights, whole };
        if let Some(whole) = whole {
            spaces.push(row(whole.rights, true));
        } else if scope.folders.iter().any(|f| f.folder.space == space.name && f.rights.view) {
            let tops =
                space.folders.iter().map(|f| FolderPath::new(&space.name, f.as_os_str().as_bytes(), ""));
            let mut on_tops = tops.map(|top| rights(&policy, &caller.subject, &Object::Folder(&top), now()));
            let first = on_tops.next().unwrap_or(Rights::NONE);
            spaces.push(row(on_tops.fold(first, |all, rights| all & rights), false));
        }
    }
    let mut answer = json!({
        "account": {
            "name": account.name,
            "display_name": account.display_name,
            "admin": account.is_admin,
            "language": account.language,
        },
        "spaces": spaces,
        "may_have_originals": scope.has_originals,
    });
    if !matches!(caller.credential, Credential::Token(_)) {
        let second = app.store.totp(account.id)?.is_some_and(|t| t.confirmed.is_some());
        answer["account"]["second_factor"] = second.into();
        answer["account"]["has_password"] = account.has_password.into();
    }
    Ok(Json(answer).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    language: Option<String>,
}

pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Change>,
) -> Answer<StatusCode> {
    let id = caller.account()?.id;
    let display_name = body.display_name.map(|t| checked_text(&t, "display name", 100, false)).transpose()?;
    let language = body.language.map(|t| checked_language(&t)).transpose()?;
    let change = AccountChange { display_name, language, ..AccountChange::default() };
    change_account(&app, &caller, move |store, event| store.change_account(id, &change, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A language tag, or "" for the browser's.
pub fn checked_language(tag: &str) -> Answer<String> {
    let fits = tag.len() <= 35 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if fits {
        Ok(tag.to_owned())
    } else {
        Err(Problem::invalid(format!("{tag:?} is no language: write de or en-GB.")))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    current: String,
    new: String,
    #[serde(default)]
    otp: Option<String>,
}

/// Ends all sessions and tokens of the old password, and continues in a new session.
pub async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<NewPassword>,
) -> Answer<Response> {
    let account = caller.account()?.clone();
    check_quality(&body.new, &account.name)?;
    let attempt = Attempt {
        account: account.name.clone(),
        password: body.current,
        otp: body.otp,
        remember: false,
        address: caller.address,
        agent: caller.agent.clone(),
        replaced: None,
    };
    confirm(&app.store, &app.hasher, &attempt).await?;
    let hash = app.hasher.hash(body.new).await?;
    let (id, new) = (account.id, hash.clone());
    change_account(&app, &caller, move |store, event| store.set_password(id, &new, event)).await?;
    let remember = caller.session().is_some_and(|s| s.is_kept);
    let address = caller.address.to_string();
    let with = Begin {
        hash: Some(hash),
        method: "password",
        remember,
        address,
        agent: caller.agent,
        replaced: None,
    };
    let signed_in = begin(&app.store, account, with).await?.ok_or_else(Problem::sign_in_needed)?;
    Ok(begun(&app, &signed_in))
}
