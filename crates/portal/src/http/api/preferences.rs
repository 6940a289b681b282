//! The preferences of an account: keys of the application, JSON values.

use super::super::{Answer, App, Caller, Json, Problem};
use super::change as change_store;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const MOST: usize = 100;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 4096;

pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> Answer<Response> {
    Ok(Json(app.store.preferences(caller.account()?.id)?).into_response())
}

/// Changes the named keys; `null` resets one to its default.
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(changes): Json<BTreeMap<String, Value>>,
) -> Answer<StatusCode> {
    let account = caller.account()?.id;
    for (key, value) in &changes {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if key.is_empty() || key.len() > LONGEST_KEY || !key.chars().all(fits) {
            return Err(Problem::invalid(format!("{key:?} cannot be the name of a preference.")));
        }
        if value.to_string().len() > LONGEST_VALUE {
            return Err(Problem::invalid(format!(
                "The value of {key:?} is longer than {LONGEST_VALUE} bytes."
            )));
        }
    }
    let mut all = app.store.preferences(account)?;
    all.extend(changes.clone());
    if all.len() > MOST {
        return Err(Problem::invalid(format!("An account has at most {MOST} preferences.")));
    }
    change_store(&app, &caller, move |store, _| store.set_preferences(account, &changes)).await?;
    Ok(StatusCode::NO_CONTENT)
}
