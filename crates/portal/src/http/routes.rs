//! The API's routes as data: the router is built from this table, the test of rights runs every row for every
//! subject, and a test compares docs/portal-openapi.yaml with it in both directions.

use super::App;
use super::api::{
    accounts, albums, audit, edits, events, factors, failures, groups, history, items, lists, me, named,
    passkeys, people, people_edits, preferences, search, sessions, settings, setup, spaces, tokens,
};
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::{Arc, LazyLock};

/// Whom a route is for. Others get the answer to an unknown address, or 401 if an account may have access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Every client: sign-in, setup, health.
    Anyone,
    /// Every client, each with the part of the library that is visible to it.
    Library,
    /// Accounts, also through a token.
    SignedIn,
    /// The account itself, for its own sign-in, tokens, preferences and history; not through a token.
    Own,
    /// Administrators; not through a token.
    Administrator,
}

/// One method of one path.
pub struct Route {
    pub method: Method,
    /// Below `/api/v1`.
    pub path: &'static str,
    pub access: Access,
    /// The maximum size of the body, bytes.
    pub body: usize,
    pub handler: fn(MethodFilter) -> MethodRouter<Arc<App>>,
}

/// Bytes of a JSON body, unless the row sets another limit.
const BODY: usize = 64 << 10;

/// Bytes of a body with the ids of 20,000 items.
const MANY_IDS: usize = 512 << 10;

macro_rules! table {
    ($($method:ident $path:literal $access:ident $handler:path $([$body:ident])?;)*) => {
        vec![$(Route {
            method: Method::$method,
            path: $path,
            access: Access::$access,
            body: table!(@body $($body)?),
            handler: |filter| on(filter, $handler),
        }),*]
    };
    (@body) => { BODY };
    (@body $body:ident) => { $body };
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    table! {
        GET    "/health"                       Anyone        settings::health;
        GET    "/setup"                        Anyone        setup::state;
        POST   "/setup"                        Anyone        setup::first_account;
        POST   "/session"                      Anyone        sessions::sign_in;
        DELETE "/session"                      Own           sessions::sign_out;
        POST   "/session/confirm"              Own           sessions::confirm;
        POST   "/session/passkey/begin"        Anyone        passkeys::begin_sign_in;
        POST   "/session/passkey"              Anyone        passkeys::sign_in;
        POST   "/unlock"                       Anyone        spaces::unlock;

        GET    "/me"                           SignedIn      me::show;
        PATCH  "/me"                           Own           me::change;
        POST   "/me/password"                  Own           me::change_password;
        GET    "/me/activity"                  Own           audit::own;
        GET    "/sessions"                     Own           sessions::list;
        DELETE "/sessions"                     Own           sessions::end_others;
        DELETE "/sessions/{id}"                Own           sessions::end;
        GET    "/tokens"                       Own           tokens::list;
        POST   "/tokens"                       Own           tokens::add;
        DELETE "/tokens/{id}"                  Own           tokens::remove;
        GET    "/second-factor"                Own           factors::show;
        POST   "/second-factor"                Own           factors::prepare;
        POST   "/second-factor/confirm"        Own           factors::confirm;
        POST   "/second-factor/recovery-codes" Own           factors::renew_codes;
        DELETE "/second-factor"                Own           factors::remove;
        GET    "/passkeys"                     Own           passkeys::list;
        POST   "/passkeys/begin"               Own           passkeys::begin_registration;
        POST   "/passkeys"                     Own           passkeys::register;
        DELETE "/passkeys/{id}"                Own           passkeys::remove;
        GET    "/preferences"                  Own           preferences::show;
        PATCH  "/preferences"                  Own           preferences::change;
        GET    "/searches"                     Own           history::list;
        POST   "/searches"                     Own           history::add;
        DELETE "/searches"                     Own           history::clear;
        DELETE "/searches/{id}"                Own           history::remove;

        GET    "/timeline"                     Library       lists::timeline;
        GET    "/items"                        Library       lists::items;
        GET    "/items/thumbhashes"            Library       lists::thumbhashes;
        GET    "/folders"                      Library       lists::folders;
        GET    "/people"                       Library       people::list;
        GET    "/people/questions"             Library       people::questions;
        POST   "/people/answer"                SignedIn      people_edits::answer;
        POST   "/people/merge"                 SignedIn      people_edits::merge;
        POST   "/people/apart"                 SignedIn      people_edits::apart;
        GET    "/people/{id}"                  Library       people::show;
        PATCH  "/people/{id}"                  SignedIn      people_edits::change;
        GET    "/people/{id}/faces"            Library       people::faces;
        POST   "/people/{id}/split"            SignedIn      people_edits::split;
        POST   "/faces/{id}/assign"            SignedIn      people_edits::assign;
        POST   "/faces/{id}/reject"            SignedIn      people_edits::reject;
        POST   "/faces/{id}/mark"              SignedIn      people_edits::mark;
        GET    "/faces/{id}/why"               Library       people::why;
        GET    "/tags"                         Library       named::tags;
        GET    "/subjects"                     Library       named::subjects;
        GET    "/places"                       Library       named::places;
        GET    "/search/suggest"               Library       search::suggest;
        GET    "/facets"                       Library       search::facets;
        GET    "/map"                          Library       search::map;
        GET    "/albums"                       Library       albums::list;
        POST   "/albums"                       SignedIn      albums::add;
        GET    "/albums/{id}"                  Library       albums::show;
        PATCH  "/albums/{id}"                  SignedIn      albums::change;
        DELETE "/albums/{id}"                  SignedIn      albums::remove;
        POST   "/albums/{id}/items"            SignedIn      albums::fill;
        POST   "/items/edit"                   SignedIn      edits::edit [MANY_IDS];
        POST   "/undo"                         SignedIn      edits::undo;
        GET    "/events"                       SignedIn      events::events;
        GET    "/failures"                     SignedIn      failures::failures;
        GET    "/jobs"                         SignedIn      failures::jobs;
        GET    "/items/{id}"                   Library       items::show;
        GET    "/items/{id}/thumbnail/{size}"  Library       items::thumbnail;
        GET    "/items/{id}/original"          Library       items::original;
        GET    "/items/{id}/motion"            Library       items::motion;
        GET    "/items/{id}/faces"             Library       people::of_item;

        GET    "/accounts"                     SignedIn      accounts::list;
        POST   "/accounts"                     Administrator accounts::add;
        GET    "/accounts/{name}"              Administrator accounts::show;
        PATCH  "/accounts/{name}"              Administrator accounts::change;
        DELETE "/accounts/{name}"              Administrator accounts::remove;
        POST   "/accounts/{name}/password"     Administrator accounts::set_password;
        DELETE "/accounts/{name}/sessions"     Administrator accounts::end_sessions;
        GET    "/groups"                       SignedIn      groups::list;
        POST   "/groups"                       Administrator groups::add;
        PATCH  "/groups/{name}"                Administrator groups::change;
        DELETE "/groups/{name}"                Administrator groups::remove;
        GET    "/spaces"                       Administrator spaces::list;
        PATCH  "/spaces/{name}"                Administrator spaces::switch;
        GET    "/spaces/{name}/access"         Administrator spaces::access;
        PUT    "/spaces/{name}/access"         Administrator spaces::set_access;
        GET    "/spaces/{name}/grants"         Administrator spaces::grants;
        PUT    "/spaces/{name}/grants"         Administrator spaces::grant;
        GET    "/spaces/{name}/visibility"     Administrator spaces::visibility;
        PUT    "/spaces/{name}/visibility"     Administrator spaces::set_visibility;
        GET    "/settings"                     Administrator settings::show;
        PATCH  "/settings"                     Administrator settings::change;
        GET    "/audit"                        Administrator audit::all;
    }
});

pub fn routes() -> &'static [Route] {
    &ROUTES
}
