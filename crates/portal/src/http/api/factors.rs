//! The second factor: time-based codes, and recovery codes for a lost phone.

use super::super::{Answer, App, Caller, Json, Problem};
use super::sessions::{rotate, with_cookie};
use super::{change, done};
use crate::clock::now;
use crate::secret::{self, Digest, NoRandom, Secret, base32};
use crate::store::StoreError;
use crate::totp;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const CODES: usize = 10;

pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let account = caller.account()?.id;
    let is_on = app.store.totp(account)?.is_some_and(|t| t.confirmed.is_some());
    let left = app.store.recovery_codes_left(account)?;
    Ok(Json(json!({ "on": is_on, "recovery_codes_left": left })).into_response())
}

/// A new secret for the authenticator app; not in force until a code has confirmed it.
pub async fn prepare(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    caller.must_be_confirmed()?;
    let account = caller.account()?.clone();
    let secret: [u8; 20] = secret::random().map_err(no_random)?;
    let id = account.id;
    if !change(&app, &caller, move |store, _| store.prepare_totp(id, &secret)).await? {
        return Err(Problem::conflict(
            "second_factor_on",
            "There is a second factor already: switch it off first.",
        ));
    }
    let issuer = format!("Albumen {}", app.hosts.first().map_or("", String::as_str));
    let uri = totp::uri(&secret, &account.name, issuer.trim());
    Ok(Json(json!({ "secret": base32(&secret), "uri": uri })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    code: String,
}

/// Puts it in force. Other sessions end, this one gets another token; the recovery codes are returned once.
pub async fn confirm(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Confirm>,
) -> Answer<Response> {
    caller.must_be_confirmed()?;
    let account = caller.account()?.id;
    let prepared = app.store.totp(account)?.filter(|t| t.confirmed.is_none());
    let Some(prepared) = prepared else {
        return Err(Problem::conflict("second_factor_not_prepared", "Ask for a new secret first."));
    };
    let Some(step) = totp::verify(&prepared.secret, &body.code, now(), prepared.last_step) else {
        let detail =
            "This is not the code of the app at this time: check that the clock of the phone is right.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "wrong_code", "The code is wrong", detail));
    };
    let (texts, digests) = codes().map_err(no_random)?;
    let session = caller.session().cloned();
    let current = session.as_ref().map(|s| s.id);
    change(&app, &caller, move |store, event| store.confirm_totp(account, step, &digests, current, event))
        .await?;
    let answer = Json(json!({ "recovery_codes": texts })).into_response();
    let Some(session) = session else { return Ok(answer) };
    let cookie = rotate(&app, &session).await?.headers().get(header::SET_COOKIE).cloned();
    Ok(with_cookie(answer, cookie))
}

pub async fn renew_codes(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    caller.must_be_confirmed()?;
    let account = caller.account()?.id;
    if app.store.totp(account)?.is_none_or(|t| t.confirmed.is_none()) {
        return Err(Problem::conflict("second_factor_off", "There is no second factor."));
    }
    let (texts, digests) = codes().map_err(no_random)?;
    change(&app, &caller, move |store, event| store.renew_recovery_codes(account, &digests, event)).await?;
    Ok(Json(json!({ "recovery_codes": texts })).into_response())
}

pub async fn remove(State(app): State<Arc<App>>, caller: Caller) -> Answer<StatusCode> {
    caller.must_be_confirmed()?;
    let account = caller.account()?.id;
    done(change(&app, &caller, move |store, event| store.remove_totp(account, event)).await?)
}

fn codes() -> Result<(Vec<String>, Vec<Digest>), NoRandom> {
    let secrets = (0..CODES).map(|_| Secret::recovery()).collect::<Result<Vec<_>, _>>()?;
    Ok((
        secrets.iter().map(|s| s.expose().to_owned()).collect(),
        secrets.iter().map(Secret::digest).collect(),
    ))
}

fn no_random(e: NoRandom) -> Problem {
    StoreError::from(e).into()
}
