//! Edits of items by accounts. The engine stores them; this module checks the rights of the account.

use super::super::guard::Credential;
use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{Ask, read, within_scope};
use crate::engine::{self, EngineError};
use crate::rights::Rights;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Items in one request.
pub const MOST_ITEMS: usize = 1000;
/// Seconds after which a client may retry an edit that the engine could not accept.
const RETRY_AFTER: i64 = 5;

/// One request to the engine that changes something.
pub async fn ask_engine(app: &Arc<App>, method: &'static str, path: String, body: Value) -> Answer<Value> {
    let away = || {
        Problem::busy(
            "The engine does not run now: nothing was changed. Photos can be looked at.",
            RETRY_AFTER,
        )
    };
    let Some(socket) = app.config.socket.clone() else { return Err(away()) };
    let asked =
        tokio::task::spawn_blocking(move || engine::request(&socket, method, &path, Some(&body))).await;
    let (status, answer) = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(e @ EngineError::Away(_))) => {
            tracing::warn!("{e}");
            return Err(away());
        }
        Ok(Err(e)) => {
            tracing::error!("{e}");
            let detail =
                "The engine did not answer: look whether the change was made before you make it again.";
            return Err(Problem::busy(detail, RETRY_AFTER));
        }
        Err(e) => {
            tracing::error!("a request to the engine was stopped: {e}");
            return Err(Problem::internal());
        }
    };
    if status < 300 {
        return Ok(answer);
    }
    let why = answer["error"].as_str().unwrap_or("it gives no reason").to_owned();
    let mut letters = why.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let sentence = format!("{first}{}.", letters.as_str());
    Err(match status {
        400 => Problem::invalid(sentence),
        404 => Problem::not_found(),
        409 => Problem::conflict("refused", sentence),
        507 => {
            let detail = "The disk of the photo library's index is full: an administrator must make room.";
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "The disk is full", detail)
        }
        _ => {
            tracing::error!("the engine refuses a change ({status}): {why}");
            Problem::internal()
        }
    })
}

/// A token may change items only with the right to manage.
pub fn may_change(caller: &Caller) -> Answer<()> {
    match &caller.credential {
        Credential::Token(token) if !token.rights.manage => Err(Problem::not_found()),
        _ => Ok(()),
    }
}

/// Refuses the request if an item may not be seen or the rights on it are insufficient; both are answered as
/// not found.
pub fn check_items(ask: &Ask<'_>, items: &[i64], needed: Rights) -> Answer<()> {
    for &item in items {
        let item = ask.index.visible_item(item).map_err(read)?.ok_or_else(Problem::not_found)?;
        if !Rights::from_bits(item.rights).include(needed) {
            return Err(Problem::not_found());
        }
    }
    Ok(())
}

pub fn check_count(items: &[i64]) -> Answer<()> {
    if items.len() > MOST_ITEMS {
        Err(Problem::invalid(format!("At most {MOST_ITEMS} items at once.")))
    } else {
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    ids: Vec<i64>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    shift_taken: Option<String>,
    #[serde(default)]
    add_tags: Vec<String>,
    #[serde(default)]
    remove_tags: Vec<String>,
}

/// `+02:00:00` or `-26:30:00`, hours, minutes and seconds, as seconds.
fn shift(text: &str) -> Answer<i64> {
    let read = || -> Option<i64> {
        let (sign, rest) = text.split_at_checked(1)?;
        let sign = match sign {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let parts: Vec<&str> = rest.split(':').collect();
        let &[hours, minutes, seconds] = parts.as_slice() else { return None };
        let number = |text: &str, longest: usize| {
            let is_number = (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            if is_number { text.parse::<i64>().ok() } else { None }
        };
        // A thousand years of hours have seven digits.
        let (hours, minutes, seconds) = (number(hours, 7)?, number(minutes, 2)?, number(seconds, 2)?);
        (minutes < 60 && seconds < 60).then_some(sign * (hours * 3600 + minutes * 60 + seconds))
    };
    read().ok_or_else(|| {
        Problem::invalid(format!("{text:?} is no span of time: write +02:00:00 or -26:30:00."))
    })
}

pub async fn edit(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Edit>) -> Answer<Response> {
    may_change(&caller)?;
    check_count(&body.ids)?;
    if body.ids.is_empty() {
        return Err(Problem::invalid("Which items? Give their ids."));
    }
    const KNOWN: [&str; 5] = ["title", "description", "rating", "taken", "favourite"];
    if let Some(key) = body.set.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let known = KNOWN.join(", ");
        return Err(Problem::invalid(match key.as_str() {
            "gps" => "Positions cannot be edited yet.".to_owned(),
            key => format!("There is no {key:?} to set: there are {known}."),
        }));
    }
    let shift_taken = body.shift_taken.as_deref().map(shift).transpose()?;
    // Favourites are each account's own; all else changes what others see.
    let is_own = shift_taken.is_none()
        && body.add_tags.is_empty()
        && body.remove_tags.is_empty()
        && body.set.keys().all(|key| key == "favourite");
    let needed = if is_own { Rights::VIEW } else { Rights { view: true, manage: true, ..Rights::NONE } };
    let ids = body.ids.clone();
    within_scope(&app, &caller, move |ask| check_items(ask, &ids, needed)).await?;
    let mut request = json!({
        "account": caller.account()?.id,
        "ids": body.ids,
        "set": body.set,
        "add_tags": body.add_tags,
        "remove_tags": body.remove_tags,
    });
    if let Some(seconds) = shift_taken {
        request["shift_taken"] = seconds.into();
    }
    let done = ask_engine(&app, "POST", "/v1/items/edit".into(), request).await?;
    let mut answer = json!({ "changed": done["changed"] });
    if let Some(edit) = done["edit"].as_i64() {
        answer["undo"] = edit.to_string().into();
    }
    Ok(Json(answer).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    undo: String,
}

/// Undoes an edit of the caller's own, if the caller could still make it. An edit of another account is not
/// found.
pub async fn undo(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Undo>) -> Answer<Response> {
    may_change(&caller)?;
    let edit: i64 = body.undo.parse().map_err(|_| Problem::not_found())?;
    let account = caller.account()?.id;
    within_scope(&app, &caller, move |ask| {
        let logged = ask.index.logged_edit(edit).map_err(read)?;
        let logged = logged.filter(|l| l.account == account).ok_or_else(Problem::not_found)?;
        if logged.is_undone {
            return Err(Problem::conflict("undone", "This was taken back already."));
        }
        let needed =
            if logged.is_own { Rights::VIEW } else { Rights { view: true, manage: true, ..Rights::NONE } };
        check_items(ask, &logged.items, needed)
    })
    .await?;
    let request = json!({ "account": account, "edit": edit });
    let done = ask_engine(&app, "POST", "/v1/items/undo".into(), request).await?;
    Ok(Json(json!({ "changed": done["changed"] })).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_sign_hours_minutes_and_seconds() {
        for (text, seconds) in
            [("+02:00:00", 7200), ("-26:30:05", -95405), ("+0:00:01", 1), ("-9999999:00:00", -35999996400)]
        {
            assert_eq!(shift(text).ok(), Some(seconds), "{text}");
        }
        for wrong in [
            "",
            "02:00:00",
            "+2",
            "+02:00",
            "+02:60:00",
            "+02:00:60",
            "+-2:00:00",
            "+99999999:00:00",
            "é2:00:00",
        ] {
            assert!(shift(wrong).is_err(), "{wrong}");
        }
    }
}
