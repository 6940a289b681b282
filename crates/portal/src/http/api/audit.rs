//! The audit log.

use super::super::{Answer, App, Caller, Json, Problem};
use crate::store::{AuditEntry, AuditFilter};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const USUAL: u32 = 100;
const MOST: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    after: Option<i64>,
}

type Question = Result<Query<Asked>, QueryRejection>;

fn filter(asked: Question) -> Answer<AuditFilter> {
    let Query(asked) = asked.map_err(|e| Problem::invalid(e.body_text()))?;
    let limit = asked.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid(format!("limit goes from 1 to {MOST}.")));
    }
    Ok(AuditFilter { account: asked.account, before: asked.after, limit })
}

fn page(entries: &[AuditEntry], limit: u32) -> Response {
    let rows: Vec<Value> = entries
        .iter()
        .map(|e| {
            let mut row = json!(e);
            row["at"] = super::time(e.at).into();
            row
        })
        .collect();
    let mut answer = json!({ "entries": rows });
    if entries.len() == limit as usize
        && let Some(last) = entries.last()
    {
        answer["next"] = last.id.into();
    }
    Json(answer).into_response()
}

pub async fn all(State(app): State<Arc<App>>, _: Caller, asked: Question) -> Answer<Response> {
    let filter = filter(asked)?;
    Ok(page(&app.store.audit_entries(&filter)?, filter.limit))
}

/// The entries about the account: its own actions and those that affected it.
pub async fn own(State(app): State<Arc<App>>, caller: Caller, asked: Question) -> Answer<Response> {
    let filter = AuditFilter { account: Some(caller.account()?.name.clone()), ..filter(asked)? };
    Ok(page(&app.store.audit_entries(&filter)?, filter.limit))
}
