//! HTTP: the table of routes, the access to each, and the answers.

pub mod api;
mod assets;
mod client;
mod compress;
mod cookie;
pub mod files;
mod frame;
mod guard;
mod json;
mod pages;
mod problem;
mod routes;

pub use client::{Client, Peer};
pub use guard::{Caller, Credential};
pub use json::Json;
pub use problem::Problem;
pub use routes::{Access, Route, routes};

use crate::config::{Config, Spaces, Tls};
use crate::library::Library;
use crate::net::authority::Authority;
use crate::password::Hasher;
use crate::relay::Relay;
use crate::rights::{Object, Policy, Rights, Subject, rights};
use crate::store::{Store, StoreError};
use axum::Router;
use axum::http::StatusCode;
use std::sync::{Arc, PoisonError, RwLock};

/// The answer of a handler.
pub type Answer<T> = Result<T, Problem>;

/// State shared by all requests.
pub struct App {
    pub config: Config,
    pub store: Arc<Store>,
    pub hasher: Hasher,
    /// Names in `Host` that are this portal, in lower case; IP addresses always are.
    pub hosts: Vec<String>,
    /// The local authority, if the portal issued its certificate itself.
    pub authority: Option<Arc<Authority>>,
    pub library: Arc<Library>,
    /// Open passkey challenges.
    pub challenges: api::passkeys::Challenges,
    /// The engine's events.
    pub relay: Arc<Relay>,
    pub streams: api::events::Streams,
    /// The current rules, their version, and the spaces that they were read for.
    held: RwLock<Option<Held>>,
}

#[derive(Clone)]
struct Held {
    version: i64,
    policy: Arc<Policy>,
    spaces: Arc<Spaces>,
}

impl App {
    pub fn new(
        config: Config,
        store: Arc<Store>,
        hosts: Vec<String>,
        authority: Option<Arc<Authority>>,
    ) -> App {
        let (hasher, challenges) = (Hasher::default(), api::passkeys::Challenges::default());
        let library = Arc::new(Library::new(config.index.clone()));
        let relay = Arc::new(Relay::new(config.socket.clone()));
        App {
            config,
            store,
            hasher,
            hosts,
            authority,
            library,
            challenges,
            relay,
            streams: api::events::Streams::default(),
            held: RwLock::new(None),
        }
    }

    /// The current rules. They are read again after any process has changed them.
    pub fn policy(&self) -> Result<Arc<Policy>, StoreError> {
        Ok(self.held()?.policy)
    }

    /// The spaces, with their folders as they were on the disk when the rules were read.
    pub fn spaces(&self) -> Result<Arc<Spaces>, StoreError> {
        Ok(self.held()?.spaces)
    }

    fn held(&self) -> Result<Held, StoreError> {
        let version = self.store.policy_version()?;
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = held.filter(|h| h.version == version) {
            return Ok(held);
        }
        let spaces = Arc::new(self.config.resolve_spaces());
        let (version, policy) = self.store.policy(&spaces)?;
        let held = Held { version, policy: Arc::new(policy), spaces };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
        Ok(held)
    }

    /// Drops the cached rules: folders on the disk or the config may have changed.
    pub fn forget_policy(&self) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The current rights of a subject on an object.
    pub fn rights(&self, subject: &Subject, object: &Object<'_>) -> Result<Rights, StoreError> {
        Ok(rights(&*self.policy()?, subject, object, crate::clock::now()))
    }

    pub fn has_tls(&self) -> bool {
        self.config.portal.tls != Tls::Off
    }

    /// The address of a page below `base_path`; `path` does not begin with a slash.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.config.portal.base_path)
    }
}

/// The router of the whole portal.
pub fn router(app: Arc<App>) -> Router {
    let mut api = Router::new();
    for route in routes() {
        api = api.route(route.path, guard::guarded(route, app.clone()));
    }
    let api = api
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async {
            let detail = "This address does not take requests of this kind.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Not possible here", detail)
        })
        .layer(axum::middleware::from_fn(compress::compress));
    let inner = pages::routes().nest("/api/v1", api);
    let base = app.config.portal.base_path.trim_end_matches('/').to_owned();
    let whole = if base.is_empty() {
        inner
    } else {
        let home = app.config.portal.base_path.clone();
        Router::new()
            .route(
                &base,
                axum::routing::get(move || async move { axum::response::Redirect::permanent(&home) }),
            )
            // With the slash at its end: the first page is `/photos/`, not `/photos`.
            .nest(&app.config.portal.base_path, inner)
            .fallback(|| async { Problem::not_found() })
    };
    whole.layer(axum::middleware::from_fn_with_state(app.clone(), frame::frame)).with_state(app)
}
