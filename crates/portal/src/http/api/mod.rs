//! Handlers of `/api/v1`. The table in [`super::routes`] defines the access to each.

pub mod accounts;
pub mod albums;
pub mod asking;
pub mod asking_engine;
pub mod audit;
pub mod edits;
pub mod events;
pub mod factors;
pub mod failures;
pub mod groups;
pub mod history;
pub mod items;
pub mod lists;
pub mod me;
pub mod named;
pub mod passkeys;
pub mod people;
pub mod people_edits;
pub mod preferences;
pub mod search;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod spaces;
pub mod tokens;

use super::{Answer, App, Caller, Problem};
use crate::sign_in;
use crate::store::{AccountError, Event, GroupError, Store, StoreError};
use axum::http::StatusCode;
use std::sync::Arc;

/// A change of the store, on a thread that may block. The event names the caller.
async fn change<T: Send + 'static>(
    app: &Arc<App>,
    caller: &Caller,
    work: impl FnOnce(&Store, &Event<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Answer<T> {
    let (store, caller) = (app.store.clone(), caller.clone());
    Ok(sign_in::run(move || work(&store, &caller.event(&caller.address.to_string()))).await?)
}

async fn change_account<T: Send + 'static>(
    app: &Arc<App>,
    caller: &Caller,
    work: impl FnOnce(&Store, &Event<'_>) -> Result<T, AccountError> + Send + 'static,
) -> Answer<T> {
    let (store, caller) = (app.store.clone(), caller.clone());
    Ok(sign_in::run(move || work(&store, &caller.event(&caller.address.to_string()))).await?)
}

async fn change_group<T: Send + 'static>(
    app: &Arc<App>,
    caller: &Caller,
    work: impl FnOnce(&Store, &Event<'_>) -> Result<T, GroupError> + Send + 'static,
) -> Answer<T> {
    let (store, caller) = (app.store.clone(), caller.clone());
    Ok(sign_in::run(move || work(&store, &caller.event(&caller.address.to_string()))).await?)
}

/// 204 if the object existed, else not found.
fn done(was_there: bool) -> Answer<StatusCode> {
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Validates a displayed text: not empty unless allowed, no control characters, limited to a line.
fn checked_text(text: &str, what: &str, longest: usize, may_be_empty: bool) -> Answer<String> {
    let text = text.trim();
    if text.is_empty() && !may_be_empty {
        return Err(Problem::invalid(format!("The {what} is empty.")));
    }
    if text.chars().count() > longest {
        return Err(Problem::invalid(format!("The {what} is longer than {longest} characters.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!("The {what} has control characters in it.")));
    }
    Ok(text.to_owned())
}

/// Unix seconds as RFC 3339, for answers.
fn time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map(|t| t.to_string()).unwrap_or_default()
}

/// RFC 3339, or a date (its end), as Unix seconds.
fn read_time(text: &str) -> Answer<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_second());
    }
    let day = text.parse::<jiff::civil::Date>().ok();
    let end = day.and_then(|d| d.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::system()).ok());
    let wrong =
        || Problem::invalid(format!("{text:?} is no time: write 2027-01-31T12:00:00Z or 2027-01-31."));
    end.map(|z| z.timestamp().as_second()).ok_or_else(wrong)
}
