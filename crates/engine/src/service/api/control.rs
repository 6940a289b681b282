//! Control: pause, resume, reload, and notification of edits by other processes.

use super::handles::{ControlHandle, EditHandle, ReadHandle};
use super::refusal::{Answer, Body, Refusal, for_all_spaces, given};
use crate::service::access::Access;
use crate::service::client;
use crate::service::events::{self, Event};
use albumen_index::jobs::FileInSpace;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Publishes events for edits that another process has made. Changes nothing.
pub(super) async fn edited(
    State(reads): State<ReadHandle>,
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    body: Body<client::Edited>,
) -> Answer<Json<Value>> {
    for_all_spaces(&access)?;
    let edited = given(body)?;
    let told = reads.ask(move |index| -> Answer<_> {
        let mut told = 0;
        let mut tell = |event| {
            told += 1;
            edits.tell(event);
        };
        for item in edited.items {
            if let Some(FileInSpace { path, space, .. }) = index.file_in_space(item)? {
                tell(Event::edited(events::Of { item, path: &path, space: &space }));
            }
        }
        for client::EditedPeople { space, person } in edited.people {
            let is_there = match &person {
                Some(person) => index.space_of_person(person)?.as_ref() == Some(&space),
                None => index.space_id(&space)?.is_some(),
            };
            if is_there {
                tell(Event::person_changed(person, space));
            }
        }
        edited.albums.into_iter().for_each(|album| tell(Event::album_changed(album)));
        Ok(told)
    });
    Ok(Json(json!({ "told": told.await? })))
}

pub(super) async fn pause(
    State(control): State<ControlHandle>,
    Extension(access): Extension<Access>,
) -> Answer<Json<Value>> {
    control.pause(&access)?;
    Ok(Json(json!({ "paused": true })))
}

pub(super) async fn resume(
    State(control): State<ControlHandle>,
    Extension(access): Extension<Access>,
) -> Answer<Json<Value>> {
    control.resume(&access)?;
    Ok(Json(json!({ "paused": false })))
}

pub(super) async fn reload(
    State(control): State<ControlHandle>,
    Extension(access): Extension<Access>,
) -> Answer<Json<Value>> {
    match control.reload(&access).await? {
        Ok(changed) => Ok(Json(json!({ "changed": changed }))),
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, format!("the old config stays: {why}"))),
    }
}
