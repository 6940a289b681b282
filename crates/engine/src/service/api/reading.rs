//! Items and failures, by pages and one by one.

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

/// Items, or files that failed, a page: unless the request says otherwise, and at the most.
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

/// Written as it is: 100 items as a tree of JSON values would cost the one thread that answers a millisecond.
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
    // Another space's item is as if it were not there.
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
