//! App passwords and API tokens of the account.

use super::super::{Answer, App, Caller, Json, Problem};
use super::{change, checked_text, done, read_time, time};
use crate::clock;
use crate::rights::Rights;
use crate::secret::Secret;
use crate::store::{NewToken, StoreError, Token, TokenKind};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Tokens per account.
const MOST: usize = 50;

fn row(token: &Token) -> Value {
    let mut row = json!({
        "id": token.id,
        "kind": token.kind,
        "name": token.name,
        "rights": token.rights,
        "created": time(token.created),
    });
    for (key, value) in [
        ("spaces", token.spaces.as_ref().map(|s| json!(s))),
        ("last_used", token.last_used.map(|t| time(t).into())),
        ("expires", token.expires.map(|t| time(t).into())),
    ] {
        if let Some(value) = value {
            row[key] = value;
        }
    }
    row
}

pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let rows: Vec<Value> = app.store.tokens(caller.account()?.id)?.iter().map(row).collect();
    Ok(Json(json!({ "tokens": rows })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    name: String,
    kind: TokenKind,
    /// Limited by the account's rights at the time of use.
    rights: Rights,
    #[serde(default)]
    spaces: Option<Vec<String>>,
    #[serde(default)]
    expires: Option<String>,
}

/// The secret is in this answer only.
pub async fn add(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Add>) -> Answer<Response> {
    caller.must_be_confirmed()?;
    let account = caller.account()?.id;
    let name = checked_text(&body.name, "name", 100, false)?;
    if body.rights.is_none() {
        return Err(Problem::invalid("A token needs at least one right."));
    }
    let expires = body.expires.as_deref().map(read_time).transpose()?;
    if expires.is_some_and(|at| at <= clock::now()) {
        return Err(Problem::invalid("The token would be over already."));
    }
    if app.store.tokens(account)?.len() >= MOST {
        return Err(Problem::conflict(
            "too_many",
            format!("An account has at most {MOST} tokens: remove one first."),
        ));
    }
    let secret = match body.kind {
        TokenKind::AppPassword => Secret::typed(),
        TokenKind::Token => Secret::new(),
    };
    let secret = secret.map_err(|e| Problem::from(StoreError::from(e)))?;
    let digest = secret.digest();
    let (kind, rights, spaces) = (body.kind, body.rights.closed(), body.spaces);
    let id = change(&app, &caller, move |store, event| {
        let new = NewToken { account, kind, name: &name, digest, rights, spaces: spaces.as_deref(), expires };
        store.add_token(&new, event)
    })
    .await?;
    let answer = json!({ "id": id, "secret": secret.expose() });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub async fn remove(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<i64>) -> Answer<StatusCode> {
    let account = caller.account()?.id;
    done(change(&app, &caller, move |store, event| store.remove_token(account, id, event)).await?)
}
