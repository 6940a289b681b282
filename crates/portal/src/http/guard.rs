//! Checks before each route of the API: the caller, whether the route admits the caller, and whether the
//! request comes from the portal's pages.

use super::client::Client;
use super::cookie::Cookie;
use super::frame::is_same_origin;
use super::routes::{Access, Route};
use super::{Answer, App, Problem};
use crate::clock::now;
use crate::rights::{Object, Subject};
use crate::secret::Digest;
use crate::sign_in::{IDLE, run};
use crate::store::{Account, Event, Session, StoreError, Token, TokenKind};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The time limit for an answer, its body read; long answers must begin within it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the caller is authenticated.
#[derive(Debug, Clone)]
pub enum Credential {
    Nothing,
    Cookie(Session),
    /// Named by a trusted proxy.
    Proxy,
    Token(Token),
}

/// The caller of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    pub subject: Subject,
    pub account: Option<Account>,
    pub credential: Credential,
    pub address: IpAddr,
    /// Digest of the cookie that identifies unlocked folders and links.
    pub visitor: Option<Digest>,
    pub agent: String,
}

impl Caller {
    /// The account; the guard of a route that needs one ensures that there is one.
    pub fn account(&self) -> Answer<&Account> {
        self.account.as_ref().ok_or_else(Problem::sign_in_needed)
    }

    pub fn session(&self) -> Option<&Session> {
        match &self.credential {
            Credential::Cookie(session) => Some(session),
            _ => None,
        }
    }

    /// Refuses the request if the password was not given in the last ten minutes. A trusted proxy is
    /// responsible for that itself.
    pub fn must_be_confirmed(&self) -> Answer<()> {
        const RECENT: i64 = 600;
        match &self.credential {
            Credential::Proxy => Ok(()),
            Credential::Cookie(session) if (0..RECENT).contains(&(now() - session.confirmed)) => Ok(()),
            _ => Err(Problem::confirm_needed()),
        }
    }

    /// For the audit log; `address` is the caller's as text.
    pub fn event<'a>(&'a self, address: &'a str) -> Event<'a> {
        Event { at: now(), account: self.account.as_ref().map_or("", |a| &a.name), address }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Caller, Problem> {
        // A route without a guard has no caller, and is refused.
        parts.extensions.get::<Caller>().cloned().ok_or_else(Problem::internal)
    }
}

/// A route with its guard, body limit and time limit.
pub(super) fn guarded(route: &'static Route, app: Arc<App>) -> MethodRouter<Arc<App>> {
    let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::TRACE);
    (route.handler)(filter)
        .route_layer(DefaultBodyLimit::max(route.body))
        .route_layer(from_fn_with_state((app, route), guard))
}

type GuardState = (Arc<App>, &'static Route);

async fn guard(State((app, route)): State<GuardState>, request: Request, next: Next) -> Response {
    let work = async {
        let (mut parts, body) = request.into_parts();
        let caller = match admit(&app, route, &parts).await {
            Ok(caller) => caller,
            Err(problem) => return problem.into_response(),
        };
        parts.extensions.insert(caller);
        next.run(Request::from_parts(parts, body)).await
    };
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(response) => response,
        Err(_) => {
            let detail = "The request was not complete in time.";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail).into_response()
        }
    }
}

/// The caller of a request, if the route admits it.
async fn admit(app: &Arc<App>, route: &Route, request: &Parts) -> Answer<Caller> {
    let headers = &request.headers;
    let client = request.extensions.get::<Client>().cloned().ok_or_else(Problem::internal)?;
    let caller = identify(app, &client, headers).await?;

    let origin = is_same_origin(&client, &request.uri, headers);
    let is_change = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let is_ambient =
        matches!(caller.credential, Credential::Cookie(_) | Credential::Proxy) || caller.visitor.is_some();
    let is_ours = match (is_change, &caller.credential) {
        // Browsers never add a bearer token by themselves.
        (_, Credential::Token(_)) => true,
        (true, _) if is_ambient => origin == Some(true),
        // A sign-in request from another site could sign the user in to another account.
        (true, _) => origin != Some(false),
        // Another site may link here, but must not learn anything from an embedded picture or script.
        (false, _) => !is_embedded_elsewhere(headers),
    };
    if !is_ours {
        return Err(Problem::cross_site());
    }
    let allowed =
        |object: Object<'_>| -> Answer<bool> { Ok(!app.rights(&caller.subject, &object)?.is_none()) };
    let own = |caller: &Caller| caller.account.as_ref().map(|a| a.id);
    match route.access {
        Access::Anyone | Access::Library => Ok(caller),
        _ if caller.account.is_none() => Err(Problem::sign_in_needed()),
        Access::SignedIn => match own(&caller) {
            Some(id) if allowed(Object::Profile(id))? => Ok(caller),
            _ => Err(Problem::not_found()),
        },
        Access::Own => {
            let id = own(&caller).ok_or_else(Problem::sign_in_needed)?;
            let is_own = app.rights(&caller.subject, &Object::Profile(id))?.manage;
            if is_own { Ok(caller) } else { Err(Problem::not_found()) }
        }
        Access::Administrator => {
            if allowed(Object::Administration)? {
                Ok(caller)
            } else {
                Err(Problem::not_found())
            }
        }
    }
}

fn is_embedded_elsewhere(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|v| v == value);
    says("sec-fetch-site", "cross-site") && !says("sec-fetch-mode", "navigate")
}

async fn identify(app: &Arc<App>, client: &Client, headers: &HeaderMap) -> Answer<Caller> {
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let visitor = Cookie::Visitor.read(app, headers).map(|secret| Digest::of(&secret));
    let unlocked = match visitor {
        Some(visitor) => app.store.unlocks(visitor, now())?.folders,
        None => Vec::new(),
    };
    let caller = |subject, account, credential| Caller {
        subject,
        account,
        credential,
        address: client.address,
        visitor,
        agent: agent.clone(),
    };

    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let secret = authorization.to_str().ok().and_then(|v| v.split_once(' '));
        let Some((_, secret)) = secret.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
            return Err(Problem::bad_token());
        };
        let token = app.store.token(Digest::of(secret.trim()), TokenKind::Token, now())?;
        let Some(token) = token else { return Err(Problem::bad_token()) };
        let Some(account) = app.store.account(token.account)? else { return Err(Problem::bad_token()) };
        let (store, used) = (app.store.clone(), token.clone());
        if token.last_used.is_none_or(|last| now() - last > 300) {
            run(move || store.touch_token(&used, now())).await?;
        }
        let subject =
            Subject::Token { account: token.account, rights: token.rights, spaces: token.spaces.clone() };
        return Ok(Caller { visitor: None, ..caller(subject, Some(account), Credential::Token(token)) });
    }

    if client.is_proxied
        && let Some(name) = named_by_proxy(app, headers)
    {
        let account = app.store.account_named(&name)?.filter(|a| a.disabled.is_none());
        let Some(account) = account else { return Err(Problem::sign_in_needed()) };
        let subject = Subject::Account { id: account.id, unlocked };
        return Ok(caller(subject, Some(account), Credential::Proxy));
    }

    if let Some(secret) = Cookie::Session.read(app, headers)
        && let Some(session) = app.store.session(Digest::of(&secret), now(), IDLE)?
        && let Some(account) = app.store.account(session.account)?
    {
        if now() - session.last_used > 300 {
            let (store, used) = (app.store.clone(), session.clone());
            run(move || store.touch_session(&used, now()).map(|_| ()).or_else(forgive_full)).await?;
        }
        let subject = Subject::Account { id: account.id, unlocked };
        return Ok(caller(subject, Some(account), Credential::Cookie(session)));
    }
    Ok(caller(Subject::Visitor { unlocked }, None, Credential::Nothing))
}

/// A full disk must not prevent reading: the time of the last use is then not recorded.
fn forgive_full(e: StoreError) -> Result<(), StoreError> {
    if matches!(e, StoreError::Full) { Ok(()) } else { Err(e) }
}

fn named_by_proxy(app: &App, headers: &HeaderMap) -> Option<String> {
    let name = &app.config.portal.trusted_header;
    if name.is_empty() {
        return None;
    }
    headers.get(name)?.to_str().ok().map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned)
}
