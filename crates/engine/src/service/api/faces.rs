//! Faces over HTTP, under the rules of [`super::people`].

use super::handles::{EditHandle, ReadHandle};
use super::people::{Author, edit, see_face, see_person};
use super::refusal::{Answer, Body, asked, bad, given, no_such};
use crate::service::access::Access;
use albumen_index::IndexReader;
use albumen_index::people::{EditDone, FaceLine, FaceList, Mark, Why};
use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichFaces {
    item: Option<i64>,
    person: Option<String>,
    space: Option<String>,
    limit: Option<usize>,
    /// Include faces that the last detection did not find.
    #[serde(default)]
    lost: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Faces {
    faces: Vec<FaceLine>,
}

/// The faces of an item or of a person, or unassigned ones.
pub(super) async fn list(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Query(q): Query<WhichFaces>,
) -> Answer<Json<Faces>> {
    let list = FaceList { lost: q.lost, limit: q.limit };
    let faces = reads
        .ask(move |index| -> Answer<_> {
            match (q.item, q.person) {
                (Some(_), Some(_)) => Err(bad("give `item` or `person`, not both")),
                (Some(item), None) => {
                    let seen = index.file_in_space(item)?.filter(|file| access.may_see(&file.space));
                    seen.ok_or_else(|| no_such("item"))?;
                    Ok(index.faces_of(item, list)?)
                }
                (None, Some(person)) => {
                    see_person(index, &access, &person)?;
                    Ok(index.person_in(&person, None, list)?.faces)
                }
                (None, None) => Ok(index.waiting_faces(asked(&access, q.space)?.as_deref(), q.limit)?),
            }
        })
        .await?;
    Ok(Json(Faces { faces }))
}

pub(super) async fn face(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
) -> Answer<Json<FaceLine>> {
    let found = reads.ask(move |index| -> Answer<_> {
        see_face(index, &access, id)?;
        Ok(index.face(id)?)
    });
    Ok(Json(found.await?))
}

pub(super) async fn why(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
) -> Answer<Json<Why>> {
    let found = reads.ask(move |index| -> Answer<_> {
        see_face(index, &access, id)?;
        Ok(index.why_face(id)?)
    });
    Ok(Json(found.await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignRequest {
    /// An id, or a name of the face's space; a new name creates a person.
    person: String,
    /// Another face of the photo that is assigned to the person stays assigned.
    #[serde(default)]
    also: bool,
}

pub(super) async fn assign(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    author: Author,
    body: Body<AssignRequest>,
) -> Answer<Json<EditDone>> {
    let AssignRequest { person, also } = given(body)?;
    if person.trim().is_empty() {
        return Err(bad("`person` needs an id or a name"));
    }
    edit(&edits, author, move |index| {
        see_face(index, &access, id)?;
        is_not_anothers(index, &access, &person)?;
        Ok(index.assign_face_also(id, &person, also)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RejectRequest {
    /// Absent: the person that the face is assigned to.
    person: Option<String>,
}

pub(super) async fn reject(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    author: Author,
    body: Body<RejectRequest>,
) -> Answer<Json<EditDone>> {
    let person = given(body)?.person;
    edit(&edits, author, move |index| {
        see_face(index, &access, id)?;
        if let Some(person) = &person {
            is_not_anothers(index, &access, person)?;
        }
        Ok(index.reject_face(id, person.as_deref())?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkRequest {
    /// `null` removes the mark.
    #[serde(deserialize_with = "Option::deserialize")]
    mark: Option<Mark>,
}

/// Marks a face as no face or as an unknown person.
pub(super) async fn mark(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    author: Author,
    body: Body<MarkRequest>,
) -> Answer<Json<EditDone>> {
    let mark = given(body)?.mark;
    edit(&edits, author, move |index| {
        see_face(index, &access, id)?;
        Ok(index.mark_face(id, mark)?)
    })
    .await
}

/// For a parameter that is an id or a name: the id of a person in an inaccessible space is treated as missing; a name
/// is resolved in the face's space.
fn is_not_anothers(index: &IndexReader, access: &Access, named: &str) -> Answer<()> {
    match index.space_of_person(named)? {
        Some(space) if !access.may_see(&space) => Err(no_such("person")),
        _ => Ok(()),
    }
}
