//! Signing in: password, second factor, delays, and the session that follows.
//!
//! Promises: an attempt is counted before it is checked; an account that does not exist, is disabled or has
//! no password gets the same answer as a wrong password, after the same work; failures do not affect existing
//! sessions.

use crate::clock::now;
use crate::config::client_network;
use crate::password::Hasher;
use crate::secret::{Digest, Secret};
use crate::store::{Account, Event, NewSession, Store, StoreError, Throttle};
use crate::totp;
use std::net::IpAddr;
use std::sync::Arc;

/// The lifetime of a session in seconds: kept by "remember me", else in total, else without use.
pub const KEPT_FOR: i64 = 30 * 24 * 3600;
pub const LONGEST: i64 = 7 * 24 * 3600;
pub const IDLE: i64 = 12 * 3600;

/// The input of a sign-in.
pub struct Attempt {
    pub account: String,
    pub password: String,
    pub otp: Option<String>,
    pub remember: bool,
    pub address: IpAddr,
    pub agent: String,
    /// A session that this one replaces.
    pub replaced: Option<Digest>,
}

/// A session that has begun.
pub struct SignedIn {
    pub account: Account,
    pub token: Secret,
    /// Lifetime of the cookie in seconds; `None`: until the browser closes.
    pub max_age: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the name or the password is wrong")]
    Wrong,
    #[error("this account needs a code of its authenticator app, or a recovery code, as well")]
    CodeNeeded,
    #[error("the code is wrong, or was used already")]
    CodeWrong,
    #[error("too many failed attempts: try again in {0} seconds")]
    Wait(i64),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks an attempt and begins a session.
pub async fn sign_in(store: &Arc<Store>, hasher: &Hasher, attempt: Attempt) -> Result<SignedIn, Refusal> {
    let address = attempt.address.to_string();
    let account = store.account_named(&attempt.account)?;
    let checked = check(store, hasher, &attempt, account.as_ref()).await;
    if matches!(checked, Err(Refusal::Wrong | Refusal::CodeWrong)) {
        // Only existing names are logged: text typed into the wrong field may be a password.
        let name = account.as_ref().map_or("", |a| &a.name);
        let store = store.clone();
        let (name, address) = (name.to_owned(), address.clone());
        run(move || {
            store.audit(&Event { at: now(), account: &name, address: &address }, "sign_in_failed", "")
        })
        .await?;
    }
    let hash = checked?;
    let Some(account) = account else { return Err(Refusal::Wrong) };
    let method = "password";
    let signed_in = begin(
        store,
        account,
        Begin {
            hash: Some(hash),
            method,
            remember: attempt.remember,
            address,
            agent: attempt.agent,
            replaced: attempt.replaced,
        },
    )
    .await?;
    signed_in.ok_or(Refusal::Wrong)
}

/// Confirms an account again within a session: the same checks and delays, and no new session.
pub async fn confirm(store: &Arc<Store>, hasher: &Hasher, attempt: &Attempt) -> Result<(), Refusal> {
    let account = store.account_named(&attempt.account)?;
    check(store, hasher, attempt, account.as_ref()).await.map(|_| ())
}

/// Returns the password hash that matched.
async fn check(
    store: &Arc<Store>,
    hasher: &Hasher,
    attempt: &Attempt,
    account: Option<&Account>,
) -> Result<String, Refusal> {
    let network = client_network(attempt.address);
    let knows = match account {
        Some(account) => store.knows_network(account.id, &network, now())?,
        None => false,
    };
    let name = account.map_or(attempt.account.as_str(), |a| &a.name);
    // Failures of others at an account must not lock out its owner, who signs in from a known network.
    let of_account = if knows { Throttle::pair(name, &network) } else { Throttle::account(name) };
    let counted = [of_account, Throttle::network(&network)];
    let wait = {
        let (store, counted) = (store.clone(), counted.clone());
        run(move || store.attempt(&counted, now())).await?
    };
    if wait > 0 {
        return Err(Refusal::Wait(wait));
    }

    let enabled = account.filter(|a| a.disabled.is_none());
    let hash = match enabled {
        Some(account) => store.password_hash(account.id)?,
        None => None,
    };
    let is_right = hasher.verify(attempt.password.clone(), hash.clone()).await;
    let (Some(account), Some(hash), true) = (enabled, hash, is_right) else { return Err(Refusal::Wrong) };

    if let Some(totp) = store.totp(account.id)?.filter(|t| t.confirmed.is_some()) {
        let Some(code) = attempt.otp.as_deref().map(str::trim).filter(|c| !c.is_empty()) else {
            let (store, counted) = (store.clone(), counted.clone());
            run(move || store.uncount(&counted)).await?;
            return Err(Refusal::CodeNeeded);
        };
        let step = totp::verify(&totp.secret, code, now(), totp.last_step);
        let (store, id, name) = (store.clone(), account.id, account.name.clone());
        let (code, address) = (Digest::of_typed(code), attempt.address.to_string());
        let used = run(move || match step {
            Some(step) => store.use_totp(id, step, totp.last_step),
            None => {
                let event = Event { at: now(), account: &name, address: &address };
                store.use_recovery_code(id, code, &event)
            }
        });
        if !used.await? {
            return Err(Refusal::CodeWrong);
        }
    }
    let [of_account, of_network] = counted;
    let (store, id) = (store.clone(), account.id);
    run(move || {
        store.succeeded(&[of_account], &of_network)?;
        store.learn_network(id, &network, now())
    })
    .await?;
    Ok(hash)
}

/// The input of a new session.
pub struct Begin {
    /// The password hash that was checked: if it has changed meanwhile, no session begins.
    pub hash: Option<String>,
    pub method: &'static str,
    pub remember: bool,
    pub address: String,
    pub agent: String,
    pub replaced: Option<Digest>,
}

/// Begins a session without further checks. `None` if the account was disabled or got another password
/// meanwhile.
pub async fn begin(
    store: &Arc<Store>,
    account: Account,
    with: Begin,
) -> Result<Option<SignedIn>, StoreError> {
    let token = Secret::new()?;
    let digest = token.digest();
    let at = now();
    let lives = if with.remember { KEPT_FOR } else { LONGEST };
    let (store, id, name) = (store.clone(), account.id, account.name.clone());
    let remember = with.remember;
    let begun = run(move || {
        let new = NewSession {
            account: id,
            digest,
            expires: at + lives,
            is_kept: with.remember,
            method: with.method,
            agent: &with.agent,
            password: with.hash.as_deref(),
        };
        store.add_session(&new, with.replaced, &Event { at, account: &name, address: &with.address })
    })
    .await?;
    let max_age = remember.then_some(KEPT_FOR);
    Ok(begun.map(|_| SignedIn { account, token, max_age }))
}

/// Runs blocking work on a thread that may block.
pub async fn run<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(e) => Err(E::from(StoreError::Stopped(e.to_string()))),
    }
}
