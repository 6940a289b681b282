//! The routes as a table, which a test compares with docs/openapi.yaml.

use super::refusal::refused_in_json;
use super::{connections, control, edits, faces, people, reading, requests, status};
use crate::service::Service;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::middleware::Next;
use axum::routing::{MethodFilter, MethodRouter, on};
use connections::Own;
use std::sync::Arc;

/// A method of a path, with its handler.
pub struct Route {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: &'static str,
    pub path: &'static str,
    handler: fn(MethodFilter) -> MethodRouter<Arc<Service>>,
}

macro_rules! routes {
    ($($method:ident $path:literal $handler:path;)*) => {
        &[$(Route { method: stringify!($method), path: $path, handler: |m| on(m, $handler) }),*]
    };
}

/// All routes.
pub const ROUTES: &[Route] = routes! {
    GET "/healthz" status::healthz;
    GET "/metrics" status::metrics;
    POST "/v1/index" requests::index;
    POST "/v1/reindex" requests::reindex;
    GET "/v1/jobs/{id}" requests::job;
    GET "/v1/status" status::status;
    GET "/v1/events" status::events;
    GET "/v1/items" reading::items;
    GET "/v1/items/{id}" reading::item;
    GET "/v1/failures" reading::failures;
    GET "/v1/people" people::list;
    GET "/v1/people/suggest" people::suggest;
    GET "/v1/people/ask" people::questions;
    POST "/v1/people/answer" people::answer;
    GET "/v1/people/edits" people::edits;
    POST "/v1/people/merge" people::merge;
    POST "/v1/people/apart" people::apart;
    POST "/v1/people/undo" people::undo;
    GET "/v1/people/{id}" people::person;
    POST "/v1/people/{id}/name" people::name;
    POST "/v1/people/{id}/split" people::split;
    POST "/v1/people/{id}/hide" people::hide;
    POST "/v1/people/{id}/unhide" people::unhide;
    POST "/v1/people/{id}/show" people::unhide;
    POST "/v1/people/{id}/cover" people::cover;
    GET "/v1/faces" faces::list;
    GET "/v1/faces/{id}" faces::face;
    GET "/v1/faces/{id}/why" faces::why;
    POST "/v1/faces/{id}/assign" faces::assign;
    POST "/v1/faces/{id}/reject" faces::reject;
    POST "/v1/faces/{id}/mark" faces::mark;
    POST "/v1/items/edit" edits::edit;
    POST "/v1/items/undo" edits::undo;
    POST "/v1/albums" edits::add_album;
    PATCH "/v1/albums/{id}" edits::change_album;
    DELETE "/v1/albums/{id}" edits::delete_album;
    POST "/v1/albums/{id}/items" edits::fill_album;
    POST "/v1/edited" control::edited;
    POST "/v1/pause" control::pause;
    POST "/v1/resume" control::resume;
    POST "/v1/reload" control::reload;
};

pub(super) fn router(service: Arc<Service>) -> Router {
    let longest_body = service.config().service.uploads.max_body.0 as usize;
    let add = |router: Router<Arc<Service>>, route: &Route| {
        let method = route.method.parse().ok().and_then(|m: axum::http::Method| m.try_into().ok());
        router.route(route.path, (route.handler)(method.expect("a method of the table is one of HTTP's")))
    };
    ROUTES
        .iter()
        .fold(Router::new(), add)
        .layer(DefaultBodyLimit::max(longest_body))
        .layer(axum::middleware::from_fn(
            move |Extension(own): Extension<Own>, request: Request, next: Next| {
                connections::with_body(longest_body, own, request, next)
            },
        ))
        .layer(axum::middleware::map_response(refused_in_json))
        .with_state(service)
}
