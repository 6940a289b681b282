//! Items and failures, in pages and singly.

use super::handles::ReadHandle;
use super::refusal::{Answer, asked, no_such};
use crate::service::access::Access;
use albumen_index::Paged;
use albumen_index::view::{Detail, ItemView};
use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Items, or failed files, per page: default and maximum.
const USUAL_PAGE: usize = 100;
const PAGE: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    after: i64,
    #[serde(default)]
    limit: Option<usize>,
    space: Option<String>,
}

impl Page {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL_PAGE).clamp(1, PAGE)
    }
}

/// Serialised directly: 100 items as a tree of JSON values would cost the single API thread a millisecond.
#[derive(Debug, Serialize)]
pub(super) struct Items {
    items: Vec<ItemView>,
    next: Option<i64>,
}

pub(super) async fn items(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Query(page): Query<Page>,
) -> Answer<Json<Items>> {
    let limit = page.limit();
    let spaces = asked(&access, page.space)?;
    let found = reads.ask(move |index| index.item_page(page.after, limit, spaces.as_deref()));
    let Paged { rows: items, next } = found.await?;
    Ok(Json(Items { items, next }))
}

pub(super) async fn item(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
) -> Answer<Response> {
    let found = reads.ask(move |index| -> albumen_index::Result<_> {
        match index.item_of(id)? {
            Some(id) => index.item_view(id, Detail::Full),
            None => Ok(None),
        }
    });
    // An item of an inaccessible space is treated as missing.
    match found.await?.filter(|v| access.may_see(&v.space)) {
        Some(view) => Ok(Json(view).into_response()),
        None => Err(no_such("item")),
    }
}

pub(super) async fn failures(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Query(page): Query<Page>,
) -> Answer<Json<serde_json::Value>> {
    let limit = page.limit();
    let spaces = asked(&access, page.space)?;
    let found = reads.ask(move |index| index.failure_page(page.after, limit, spaces.as_deref()));
    let Paged { rows: failures, next } = found.await?;
    Ok(Json(json!({ "failures": failures, "next": next })))
}
