//! Signing in and out, and the list of the account's sessions.

use super::super::cookie::Cookie;
use super::super::{Answer, App, Caller, Json, Problem};
use super::{change, done, time};
use crate::secret::{Digest, Secret};
use crate::sign_in::{Attempt, SignedIn, run};
use crate::{clock, sign_in as checks};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    account: String,
    password: String,
    #[serde(default)]
    otp: Option<String>,
    #[serde(default)]
    remember: bool,
}

pub async fn sign_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Answer<Response> {
    let attempt = Attempt {
        account: body.account,
        password: body.password,
        otp: body.otp,
        remember: body.remember,
        address: caller.address,
        agent: caller.agent,
        replaced: Cookie::Session.read(&app, &headers).map(|s| Digest::of(&s)),
    };
    let signed_in = checks::sign_in(&app.store, &app.hasher, attempt).await?;
    Ok(begun(&app, &signed_in))
}

/// The answer that starts a session.
pub fn begun(app: &App, signed_in: &SignedIn) -> Response {
    let account = &signed_in.account;
    let body = json!({
        "account": {"name": account.name, "display_name": account.display_name, "admin": account.is_admin}
    });
    with_cookie(
        Json(body).into_response(),
        Cookie::Session.set(app, signed_in.token.expose(), signed_in.max_age),
    )
}

pub fn with_cookie(mut response: Response, cookie: Option<axum::http::HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Ends the session and clears the portal's data in the browser.
pub async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let session = caller.session().ok_or_else(|| {
        Problem::conflict(
            "signed_in_by_proxy",
            "You were signed in by the proxy in front of the portal: sign out there.",
        )
    })?;
    let (account, id) = (session.account, session.id);
    change(&app, &caller, move |store, event| store.end_session(account, id, event)).await?;
    let mut response = with_cookie(StatusCode::NO_CONTENT.into_response(), Cookie::Session.clear(&app));
    let clear = axum::http::HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", clear);
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    password: String,
    #[serde(default)]
    otp: Option<String>,
}

/// Confirms the password before a change of security settings. The session gets another token.
pub async fn confirm(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Confirm>,
) -> Answer<Response> {
    let Some(session) = caller.session().cloned() else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let attempt = Attempt {
        account: caller.account()?.name.clone(),
        password: body.password,
        otp: body.otp,
        remember: false,
        address: caller.address,
        agent: caller.agent.clone(),
        replaced: None,
    };
    checks::confirm(&app.store, &app.hasher, &attempt).await?;
    rotate(&app, &session).await
}

/// Another token for a session; the answer has the cookie.
pub async fn rotate(app: &Arc<App>, session: &crate::store::Session) -> Answer<Response> {
    let token = Secret::new().map_err(|e| Problem::from(crate::store::StoreError::from(e)))?;
    let (store, id, digest) = (app.store.clone(), session.id, token.digest());
    run(move || store.rotate_session(id, digest, clock::now())).await?;
    let max_age = session.is_kept.then(|| session.expires - clock::now());
    let cookie = Cookie::Session.set(app, token.expose(), max_age);
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), cookie))
}

#[derive(Serialize)]
struct Row {
    id: i64,
    created: String,
    last_used: String,
    expires: String,
    remember: bool,
    method: String,
    address: String,
    agent: String,
    current: bool,
}

pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let current = caller.session().map(|s| s.id);
    let rows = app.store.sessions(caller.account()?.id, clock::now())?;
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|s| Row {
            id: s.id,
            created: time(s.created),
            last_used: time(s.last_used),
            expires: time(s.expires),
            remember: s.is_kept,
            method: s.method,
            address: s.address,
            agent: s.agent,
            current: Some(s.id) == current,
        })
        .collect();
    Ok(Json(json!({ "sessions": rows })).into_response())
}

pub async fn end(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<i64>) -> Answer<StatusCode> {
    let account = caller.account()?.id;
    done(change(&app, &caller, move |store, event| store.end_session(account, id, event)).await?)
}

/// All except the caller's.
pub async fn end_others(State(app): State<Arc<App>>, caller: Caller) -> Answer<StatusCode> {
    let (account, current) = (caller.account()?.id, caller.session().map(|s| s.id));
    change(&app, &caller, move |store, event| store.end_sessions(account, current, event)).await?;
    Ok(StatusCode::NO_CONTENT)
}
