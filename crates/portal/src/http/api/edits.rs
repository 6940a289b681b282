//! Edits of items by accounts. The engine stores them; this module checks the rights of the account.

use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{Ask, read, within_scope};
use super::asking_engine::{ask_engine, may_change};
use super::people_edits;
use crate::rights::Rights;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Items added to or removed from an album in one request.
pub const MOST_ITEMS: usize = 1000;
/// Items in one edit.
const MOST_EDITED: usize = 20_000;
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

pub fn check_count(items: &[i64], most: usize) -> Answer<()> {
    if items.len() > most { Err(Problem::invalid(format!("At most {most} items at once."))) } else { Ok(()) }
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
    check_count(&body.ids, MOST_EDITED)?;
    if body.ids.is_empty() {
        return Err(Problem::invalid("Which items? Give their ids."));
    }
    const KNOWN: [&str; 6] = ["title", "description", "rating", "taken", "gps", "favourite"];
    if let Some(key) = body.set.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let known = KNOWN.join(", ");
        return Err(Problem::invalid(format!("There is no {key:?} to set: there are {known}.")));
    }
    let shift_taken = body.shift_taken.as_deref().map(shift).transpose()?;
    // Favourites are each account's own; all else changes what others see.
    let is_own = shift_taken.is_none()
        && body.add_tags.is_empty()
        && body.remove_tags.is_empty()
        && body.set.keys().all(|key| key == "favourite");
    let needed = if is_own { Rights::VIEW } else { Rights::MANAGE };
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
    let done = ask_engine(&app, "POST", "/v1/items/edit".into(), Some(request)).await?;
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
    if let Some(edit) = people_edits::edit_of(&body.undo) {
        return people_edits::undo(&app, &caller, edit).await;
    }
    let edit: i64 = body.undo.parse().map_err(|_| Problem::not_found())?;
    let account = caller.account()?.id;
    within_scope(&app, &caller, move |ask| {
        let logged = ask.index.logged_edit(edit).map_err(read)?;
        let logged = logged.filter(|l| l.account == account).ok_or_else(Problem::not_found)?;
        if logged.is_undone {
            return Err(Problem::conflict("undone", "This was taken back already."));
        }
        let needed = if logged.is_own { Rights::VIEW } else { Rights::MANAGE };
        check_items(ask, &logged.items, needed)
    })
    .await?;
    let request = json!({ "account": account, "edit": edit });
    let done = ask_engine(&app, "POST", "/v1/items/undo".into(), Some(request)).await?;
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
