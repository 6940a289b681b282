//! Requests of handlers to the engine, and its errors as the portal's own.

use super::super::guard::Credential;
use super::super::{Answer, App, Caller, Problem};
use crate::engine::{self, EngineError};
use axum::http::StatusCode;
use serde_json::Value;
use std::sync::Arc;

/// Seconds after which a client may retry a request that the engine could not accept.
const RETRY_AFTER: i64 = 5;

/// One request; the status and the body of the engine's answer.
pub async fn engine_answer(
    app: &Arc<App>,
    method: &'static str,
    path: String,
    body: Option<Value>,
) -> Answer<(u16, Value)> {
    let away = || {
        let detail = if method == "GET" {
            "The engine does not run now, and this needs it. Photos can be looked at."
        } else {
            "The engine does not run now: nothing was changed. Photos can be looked at."
        };
        Problem::busy(detail, RETRY_AFTER)
    };
    let Some(socket) = app.config.socket.clone() else { return Err(away()) };
    let asked =
        tokio::task::spawn_blocking(move || engine::request(&socket, method, &path, body.as_ref())).await;
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(e @ EngineError::Away(_))) => {
            tracing::warn!("{e}");
            Err(away())
        }
        Ok(Err(e)) => {
            tracing::error!("{e}");
            let detail =
                "The engine did not answer: look whether the change was made before you make it again.";
            Err(Problem::busy(detail, RETRY_AFTER))
        }
        Err(e) => {
            tracing::error!("a request to the engine was stopped: {e}");
            Err(Problem::internal())
        }
    }
}

/// An error of the engine. Its text is shown for errors that the caller can correct.
pub fn refused(status: u16, answer: &Value) -> Problem {
    let why = answer["error"].as_str().unwrap_or("it gives no reason");
    let mut letters = why.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let sentence = format!("{first}{}.", letters.as_str());
    match status {
        // 422: a value of another type.
        400 | 422 => Problem::invalid(sentence),
        404 => Problem::not_found(),
        409 => Problem::conflict("refused", sentence),
        507 => {
            let detail = "The disk of the photo library's index is full: an administrator must make room.";
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "The disk is full", detail)
        }
        _ => {
            tracing::error!("the engine refuses a request ({status}): {why}");
            Problem::internal()
        }
    }
}

/// One request; the errors of the engine become the portal's own.
pub async fn ask_engine(
    app: &Arc<App>,
    method: &'static str,
    path: String,
    body: Option<Value>,
) -> Answer<Value> {
    let (status, answer) = engine_answer(app, method, path, body).await?;
    if status < 300 { Ok(answer) } else { Err(refused(status, &answer)) }
}

/// A token may change the library only with the right to manage.
pub fn may_change(caller: &Caller) -> Answer<()> {
    match &caller.credential {
        Credential::Token(token) if !token.rights.manage => Err(Problem::not_found()),
        _ => Ok(()),
    }
}
