//! Passkeys: registering them, and signing in with one. They count as both factors: the device asks for a PIN or fingerprint.

use super::super::frame::host;
use super::super::{Answer, App, Caller, Client, Json, Problem};
use super::sessions::begun;
use super::{change, checked_text, done, time};
use crate::clock::now;
use crate::config::client_network;
use crate::secret;
use crate::sign_in::{Begin, Refusal, begin, run};
use crate::store::{Event, Passkey, StoreError, Throttle};
use crate::webauthn::{self, ALGORITHMS, Site, WebauthnError, decode, encode};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Passkeys per account.
const MOST: usize = 20;
/// Seconds that a challenge is valid, and the maximum number of open ones.
const OPEN_FOR: i64 = 300;
const OPEN: usize = 1000;

/// Open challenges. They are in memory: after a restart the browser has to start again.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<HashMap<String, (Option<i64>, i64)>>);

impl Challenges {
    /// A new one, to be answered for an account (registration) or by any passkey (sign-in).
    fn open(&self, account: Option<i64>) -> Answer<String> {
        let challenge = encode(&secret::random::<32>().map_err(|e| Problem::from(StoreError::from(e)))?);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (_, until)| (0..=OPEN_FOR).contains(&(*until - now())));
        if open.len() >= OPEN {
            return Err(Problem::busy("Too many sign-ins at once.", 60));
        }
        open.insert(challenge.clone(), (account, now() + OPEN_FOR));
        Ok(challenge)
    }

    /// Closes it; returns whether it was open for this account.
    fn close(&self, challenge: &str, account: Option<i64>) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.remove(challenge);
        found.is_some_and(|(of, until)| of == account && (0..=OPEN_FOR).contains(&(until - now())))
    }
}

/// The site as the browser sees it; none for an IP address or without TLS, where browsers do not offer
/// passkeys.
fn site(client: &Client, uri: &Uri, headers: &HeaderMap) -> Answer<Site> {
    let host = host(uri, headers).unwrap_or_default();
    let id = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned();
    let is_name = id.trim_matches(['[', ']']).parse::<IpAddr>().is_err() && !id.is_empty();
    if !is_name || !(client.has_tls || id == "localhost") {
        let detail = "Passkeys need a host name and a certificate that the browser trusts: open the portal by its name.";
        return Err(Problem::conflict("no_passkeys_here", detail));
    }
    let scheme = if client.has_tls { "https" } else { "http" };
    Ok(Site { origin: format!("{scheme}://{host}"), id })
}

fn refused(e: WebauthnError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "passkey", "The passkey was not accepted", format!("{e}."))
}

fn row(passkey: &Passkey) -> Value {
    let mut row = json!({ "id": passkey.id, "name": passkey.name, "created": time(passkey.created) });
    if let Some(at) = passkey.last_used {
        row["last_used"] = time(at).into();
    }
    row
}

pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    let rows: Vec<Value> = app.store.passkeys(caller.account()?.id)?.iter().map(row).collect();
    Ok(Json(json!({ "passkeys": rows })).into_response())
}

/// The options for `navigator.credentials.create`.
pub async fn begin_registration(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<Response> {
    caller.must_be_confirmed()?;
    let site = site(&client, &uri, &headers)?;
    let account = caller.account()?;
    let known = app.store.passkeys(account.id)?;
    if known.len() >= MOST {
        return Err(Problem::conflict(
            "too_many",
            format!("An account has at most {MOST} passkeys: remove one first."),
        ));
    }
    let challenge = app.challenges.open(Some(account.id))?;
    let excluded: Vec<Value> =
        known.iter().map(|p| json!({ "type": "public-key", "id": encode(&p.credential) })).collect();
    let algorithms: Vec<Value> =
        ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
    Ok(Json(json!({
        "challenge": challenge,
        "rp": { "id": site.id, "name": "Albumen" },
        "user": {
            "id": encode(format!("albumen-{}", account.id).as_bytes()),
            "name": account.name,
            "displayName": account.display_name,
        },
        "pubKeyCredParams": algorithms,
        "authenticatorSelection": { "residentKey": "required", "userVerification": "required" },
        "excludeCredentials": excluded,
        "attestation": "none",
        "timeout": OPEN_FOR * 1000,
    }))
    .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    name: String,
    challenge: String,
    client_data: String,
    attestation: String,
}

pub async fn register(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Registration>,
) -> Answer<Response> {
    caller.must_be_confirmed()?;
    let site = site(&client, &uri, &headers)?;
    let account = caller.account()?.id;
    let name = checked_text(&body.name, "name", 100, false)?;
    if !app.challenges.close(&body.challenge, Some(account)) {
        return Err(refused(WebauthnError::Challenge));
    }
    let (client_data, attestation) =
        (decode(&body.client_data).map_err(refused)?, decode(&body.attestation).map_err(refused)?);
    let new = webauthn::register(&site, &body.challenge, &client_data, &attestation).map_err(refused)?;
    let added = change(&app, &caller, move |store, event| {
        store.add_passkey(account, &new.id, &new.public_key, new.counter, &name, event)
    })
    .await?;
    if added {
        return Ok(StatusCode::CREATED.into_response());
    }
    Err(Problem::conflict("passkey_known", "This passkey is registered already."))
}

pub async fn remove(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<i64>) -> Answer<StatusCode> {
    caller.must_be_confirmed()?;
    let account = caller.account()?.id;
    done(change(&app, &caller, move |store, event| store.remove_passkey(account, id, event)).await?)
}

/// The options for `navigator.credentials.get`. They list no credentials: the user chooses one.
pub async fn begin_sign_in(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    _: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<Response> {
    let site = site(&client, &uri, &headers)?;
    let challenge = app.challenges.open(None)?;
    Ok(Json(json!({
        "challenge": challenge,
        "rpId": site.id,
        "userVerification": "required",
        "timeout": OPEN_FOR * 1000,
    }))
    .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    challenge: String,
    credential: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    remember: bool,
}

pub async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Assertion>,
) -> Answer<Response> {
    let site = site(&client, &uri, &headers)?;
    let network = Throttle::network(&client_network(caller.address));
    let (store, counted) = (app.store.clone(), network.clone());
    let wait = run(move || store.attempt(&[counted], now())).await?;
    if wait > 0 {
        return Err(Refusal::Wait(wait).into());
    }
    let is_open = app.challenges.close(&body.challenge, None);
    let known = app.store.passkey(&decode(&body.credential).map_err(refused)?)?;
    let account = match &known {
        Some(passkey) => app.store.account(passkey.account)?.filter(|a| a.disabled.is_none()),
        None => None,
    };
    let (Some(passkey), Some(account), true) = (known, account, is_open) else {
        return Err(Refusal::Wrong.into());
    };
    let parts = [&body.client_data, &body.authenticator_data, &body.signature].map(|t| decode(t));
    let [client_data, data, signature] = parts;
    let (client_data, data, signature) =
        (client_data.map_err(refused)?, data.map_err(refused)?, signature.map_err(refused)?);
    let verified = webauthn::verify(
        &site,
        &body.challenge,
        &client_data,
        &data,
        &signature,
        &passkey.public_key,
        passkey.counter,
    );
    let (store, address, name) = (app.store.clone(), caller.address.to_string(), account.name.clone());
    let counter = match verified {
        Ok(counter) => counter,
        Err(e) => {
            let action = if e == WebauthnError::Copied { "passkey_copied" } else { "sign_in_failed" };
            run(move || store.audit(&Event { at: now(), account: &name, address: &address }, action, ""))
                .await?;
            return Err(refused(e));
        }
    };
    run(move || {
        store.succeeded(&[], &network)?;
        store.use_passkey(passkey.id, counter, now())
    })
    .await?;
    let with = Begin {
        hash: None,
        method: "passkey",
        remember: body.remember,
        address: caller.address.to_string(),
        agent: caller.agent.clone(),
        replaced: super::super::cookie::Cookie::Session.read(&app, &headers).map(|s| secret::Digest::of(&s)),
    };
    let signed_in = begin(&app.store, account, with).await?.ok_or(Refusal::Wrong)?;
    Ok(begun(&app, &signed_in))
}
