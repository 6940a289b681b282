//! Cookies: one for the session, one for the folders and links that a visitor has unlocked.
//!
//! With TLS their names begin with `__Host-`: the browser then accepts them only from this host over TLS, for
//! all paths.

use crate::http::App;
use axum::http::{HeaderMap, HeaderValue, header};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    Session,
    Visitor,
}

impl Cookie {
    pub(super) fn name(self, app: &App) -> &'static str {
        match (self, app.has_tls()) {
            (Cookie::Session, true) => "__Host-albumen",
            (Cookie::Session, false) => "albumen_session",
            (Cookie::Visitor, true) => "__Host-albumen-visitor",
            (Cookie::Visitor, false) => "albumen_visitor",
        }
    }

    /// The value that the client sends; the first, if there are several.
    pub(super) fn read(self, app: &App, headers: &HeaderMap) -> Option<String> {
        let name = self.name(app);
        let pairs =
            headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.to_owned())
    }

    /// Sets it; without `max_age` (seconds) until the browser closes.
    pub(super) fn set(self, app: &App, value: &str, max_age: Option<i64>) -> Option<HeaderValue> {
        let secure = if app.has_tls() { "; Secure" } else { "" };
        let age = max_age.map(|s| format!("; Max-Age={s}")).unwrap_or_default();
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.name(app));
        HeaderValue::from_str(&text).ok()
    }

    pub(super) fn clear(self, app: &App) -> Option<HeaderValue> {
        self.set(app, "", Some(0))
    }
}
