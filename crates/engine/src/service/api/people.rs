//! People and faces over HTTP, under the rules of `albumen people` and `albumen faces`: lists, why, what is worth
//! asking, and what users say.
//!
//! Promises: a token that is limited to some spaces sees and changes theirs only; what belongs to another space is
//! a 404, like what is not there. An edit is durable before it is answered. People are given by id (also the id of
//! one who was merged away), never by a name, which may be borne in another space; save for "this is ...", where a
//! name is one of the face's own space.

use super::{Answer, Refusal, ask, asked, broken, given, no_such};
use crate::service::Service;
use crate::service::access::Access;
use crate::service::events::Event;
use albumen_index::people::{
    Answer as Reply, EditDone, EditError, EditLine, FaceLine, FaceList, Mark, PersonLine, Question, SameName,
    Suggestions, Why,
};
use albumen_index::{Editor, IndexReader};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Suggestions of each kind, unless the request says otherwise, and at the most.
const SUGGESTIONS: usize = 20;
const MOST_SUGGESTIONS: usize = 1000;

/// Edits in a list, unless the request says otherwise.
const EDITS: usize = 50;

impl From<EditError> for Refusal {
    fn from(e: EditError) -> Refusal {
        match e {
            EditError::NotFound(why) => Refusal(StatusCode::NOT_FOUND, why),
            EditError::Conflict(why) => Refusal(StatusCode::CONFLICT, why),
            EditError::Invalid(why) => Refusal(StatusCode::BAD_REQUEST, why),
            EditError::NameTaken { .. } => Refusal(StatusCode::CONFLICT, e.to_string()),
            EditError::Index(e) => e.into(),
        }
    }
}

/// A body, as extracted.
type Body<T> = Result<Json<T>, JsonRejection>;

type Shared = State<Arc<Service>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InSpace {
    space: Option<String>,
    /// Hidden people, too.
    #[serde(default)]
    hidden: bool,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
pub struct People {
    people: Vec<PersonLine>,
}

pub async fn list(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Query(q): Query<InSpace>,
) -> Answer<Json<People>> {
    let spaces = asked(&access, q.space)?;
    let people = ask(&service, move |index| index.people(spaces.as_deref(), q.hidden)).await?;
    Ok(Json(People { people }))
}

pub async fn suggest(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Query(q): Query<InSpace>,
) -> Answer<Json<Suggestions>> {
    let spaces = asked(&access, q.space)?;
    let most = q.limit.unwrap_or(SUGGESTIONS).min(MOST_SUGGESTIONS);
    Ok(Json(ask(&service, move |index| index.suggest_people(spaces.as_deref(), most)).await?))
}

#[derive(Debug, Serialize)]
pub struct Questions {
    questions: Vec<Question>,
}

/// What is worth asking, best first.
pub async fn questions(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Query(q): Query<PartOf>,
) -> Answer<Json<Questions>> {
    let spaces = asked(&access, q.space)?;
    let most = q.limit.unwrap_or(SUGGESTIONS).min(MOST_SUGGESTIONS);
    let questions = ask(&service, move |index| index.questions(spaces.as_deref(), most)).await?;
    Ok(Json(Questions { questions }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    question: String,
    answer: Reply,
}

pub async fn answer(
    State(service): Shared,
    Extension(access): Extension<Access>,
    body: Body<AnswerRequest>,
) -> Answer<Json<EditDone>> {
    let AnswerRequest { question, answer } = given(body)?;
    edit(&service, move |index| {
        // Every part that names something must be the caller's to see.
        for part in question.split(':').skip(1) {
            match part.parse() {
                Ok(face) => see_face(index, &access, face)?,
                Err(_) => see_person(index, &access, part)?,
            }
        }
        Ok(index.answer(&question, answer)?)
    })
    .await
}

#[derive(Debug, Serialize)]
pub struct Edits {
    edits: Vec<EditLine>,
}

/// The edits that can be undone, the last first.
pub async fn edits(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Query(q): Query<PartOf>,
) -> Answer<Json<Edits>> {
    let spaces = asked(&access, q.space)?;
    let most = q.limit.unwrap_or(EDITS).min(MOST_SUGGESTIONS);
    let edits = ask(&service, move |index| index.people_edits(spaces.as_deref(), most)).await?;
    Ok(Json(Edits { edits }))
}

/// Some of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartOf {
    space: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
pub struct Person {
    person: PersonLine,
    faces: Vec<FaceLine>,
}

pub async fn person(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Answer<Json<Person>> {
    let (person, faces) = ask(&service, move |index| -> Answer<_> {
        see_person(index, &access, &id)?;
        Ok(index.person(&id)?)
    })
    .await?;
    Ok(Json(Person { person, faces }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichFaces {
    item: Option<i64>,
    person: Option<String>,
    space: Option<String>,
    limit: Option<usize>,
    /// Also those that the last look did not find.
    #[serde(default)]
    lost: bool,
}

#[derive(Debug, Serialize)]
pub struct Faces {
    faces: Vec<FaceLine>,
}

/// The faces of an item, of a person, or those that have no person.
pub async fn faces(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Query(q): Query<WhichFaces>,
) -> Answer<Json<Faces>> {
    let list = FaceList { lost: q.lost, limit: q.limit };
    let faces = ask(&service, move |index| -> Answer<_> {
        match (q.item, q.person) {
            (Some(_), Some(_)) => {
                Err(Refusal(StatusCode::BAD_REQUEST, "give `item` or `person`, not both".into()))
            }
            (Some(item), None) => {
                let seen = index.path_and_space(item)?.filter(|(_, space)| access.may_see(space));
                seen.ok_or_else(|| no_such("item"))?;
                Ok(index.faces_of(item, list)?)
            }
            (None, Some(person)) => {
                see_person(index, &access, &person)?;
                Ok(index.person_in(&person, None, list)?.1)
            }
            (None, None) => Ok(index.waiting_faces(asked(&access, q.space)?.as_deref(), q.limit)?),
        }
    })
    .await?;
    Ok(Json(Faces { faces }))
}

pub async fn face(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
) -> Answer<Json<FaceLine>> {
    let found = ask(&service, move |index| -> Answer<_> {
        see_face(index, &access, id)?;
        Ok(index.face(id)?)
    });
    Ok(Json(found.await?))
}

pub async fn why(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
) -> Answer<Json<Why>> {
    let found = ask(&service, move |index| -> Answer<_> {
        see_face(index, &access, id)?;
        Ok(index.why_face(id)?)
    });
    Ok(Json(found.await?))
}

/// What to do when another person of the space bears the name.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Merge,
    Separate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameRequest {
    /// `null` takes the name away for good.
    #[serde(deserialize_with = "Option::deserialize")]
    name: Option<String>,
    same_name: Option<Choice>,
}

pub async fn name(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    body: Body<NameRequest>,
) -> Answer<Response> {
    let NameRequest { name, same_name } = given(body)?;
    let same = match same_name {
        None => SameName::Refuse,
        Some(Choice::Merge) => SameName::Merge,
        Some(Choice::Separate) => SameName::Separate,
    };
    let named = change(&service, move |index| -> Answer<_> {
        see_person(index, &access, &id)?;
        match index.name_person(&id, name.as_deref(), same) {
            // Whoever asked shows both and asks which it is: so it must know whom.
            Err(EditError::NameTaken { bearer, was, people }) => Ok(Err(json!({
                "error": format!(
                    "there is {bearer} already: give same_name, `merge` if {was} is the same person, `separate` if two \
                     people share the name"
                ),
                "people": people,
            }))),
            other => Ok(Ok(other?)),
        }
    });
    Ok(match named.await? {
        Ok(done) => told(&service, done).into_response(),
        Err(taken) => (StatusCode::CONFLICT, Json(taken)).into_response(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    people: Vec<String>,
    /// Both faces of a photo that shows the person twice are right.
    #[serde(default)]
    also: bool,
}

pub async fn merge(
    State(service): Shared,
    Extension(access): Extension<Access>,
    body: Body<MergeRequest>,
) -> Answer<Json<EditDone>> {
    let MergeRequest { people, also } = given(body)?;
    if people.len() < 2 {
        return Err(Refusal(StatusCode::BAD_REQUEST, "`people` needs two ids or more".into()));
    }
    edit(&service, move |index| {
        people.iter().try_for_each(|p| see_person(index, &access, p))?;
        Ok(index.merge_people_in(&people, None, also)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApartRequest {
    people: [String; 2],
}

/// "These are two."
pub async fn apart(
    State(service): Shared,
    Extension(access): Extension<Access>,
    body: Body<ApartRequest>,
) -> Answer<Json<EditDone>> {
    let [a, b] = given(body)?.people;
    edit(&service, move |index| {
        [&a, &b].into_iter().try_for_each(|p| see_person(index, &access, p))?;
        Ok(index.tell_apart(&a, &b, None)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRequest {
    faces: Vec<i64>,
}

pub async fn split(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    body: Body<SplitRequest>,
) -> Answer<Json<EditDone>> {
    let faces = given(body)?.faces;
    if faces.is_empty() {
        return Err(Refusal(StatusCode::BAD_REQUEST, "`faces` needs one face or more".into()));
    }
    edit(&service, move |index| {
        see_person(index, &access, &id)?;
        Ok(index.split_person(&id, &faces)?)
    })
    .await
}

pub async fn hide(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Answer<Json<EditDone>> {
    set_hidden(&service, access, id, true).await
}

/// `POST /v1/people/{id}/unhide`; `/show` is its old name.
pub async fn unhide(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Answer<Json<EditDone>> {
    set_hidden(&service, access, id, false).await
}

async fn set_hidden(
    service: &Arc<Service>,
    access: Access,
    id: String,
    hidden: bool,
) -> Answer<Json<EditDone>> {
    edit(service, move |index| {
        see_person(index, &access, &id)?;
        Ok(index.hide_person(&id, hidden)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverRequest {
    face: i64,
}

pub async fn cover(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    body: Body<CoverRequest>,
) -> Answer<Json<EditDone>> {
    let face = given(body)?.face;
    edit(&service, move |index| {
        see_person(index, &access, &id)?;
        Ok(index.set_cover(&id, face)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignRequest {
    /// An id, or a name of the face's space; a new name makes a new person.
    person: String,
    /// Another face of the photo that is taken for the person is right, too.
    #[serde(default)]
    also: bool,
}

pub async fn assign(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    body: Body<AssignRequest>,
) -> Answer<Json<EditDone>> {
    let AssignRequest { person, also } = given(body)?;
    if person.trim().is_empty() {
        return Err(Refusal(StatusCode::BAD_REQUEST, "`person` needs an id or a name".into()));
    }
    edit(&service, move |index| {
        see_face(index, &access, id)?;
        is_not_anothers(index, &access, &person)?;
        Ok(index.assign_face_also(id, &person, also)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectRequest {
    /// Absent: whom the face is taken for.
    person: Option<String>,
}

pub async fn reject(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    body: Body<RejectRequest>,
) -> Answer<Json<EditDone>> {
    let person = given(body)?.person;
    edit(&service, move |index| {
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
pub struct MarkRequest {
    /// `null` takes it back.
    #[serde(deserialize_with = "Option::deserialize")]
    mark: Option<Mark>,
}

/// "This is no face", "this is nobody to be known".
pub async fn mark(
    State(service): Shared,
    Extension(access): Extension<Access>,
    Path(id): Path<i64>,
    body: Body<MarkRequest>,
) -> Answer<Json<EditDone>> {
    let mark = given(body)?.mark;
    edit(&service, move |index| {
        see_face(index, &access, id)?;
        Ok(index.mark_face(id, mark)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoRequest {
    /// Absent: the last one that may be seen.
    edit: Option<i64>,
}

pub async fn undo(
    State(service): Shared,
    Extension(access): Extension<Access>,
    body: Body<UndoRequest>,
) -> Answer<Json<EditDone>> {
    let which = given(body)?.edit;
    edit(&service, move |index| Ok(index.undo_people_edit(which, access.spaces())?)).await
}

/// Changes the index on a thread that may wait: for another writer, and for the disk.
async fn change<T: Send + 'static>(
    service: &Arc<Service>,
    change: impl FnOnce(&mut Editor) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let dir = service.index_dir.clone();
    let changed = tokio::task::spawn_blocking(move || {
        let mut index = Editor::open(&dir).map_err(broken)?;
        change(&mut index)
    });
    changed.await.map_err(broken)?
}

/// Makes an edit, tells those who listen, and answers what it did.
async fn edit(
    service: &Arc<Service>,
    make: impl FnOnce(&mut Editor) -> Answer<EditDone> + Send + 'static,
) -> Answer<Json<EditDone>> {
    Ok(told(service, change(service, make).await?))
}

fn told(service: &Service, done: EditDone) -> Json<EditDone> {
    if let Some(space) = &done.space {
        service.tell(Event::person_changed(done.person.clone(), space.clone()));
    }
    Json(done)
}

/// Refuses a person that is not there, or whose space the caller may not see.
fn see_person(index: &IndexReader, access: &Access, id: &str) -> Answer<()> {
    let seen = index.space_of_person(id)?.filter(|space| access.may_see(space));
    seen.map(drop).ok_or_else(|| no_such("person"))
}

/// Where an id may stand or a name: an id of another space's person is not there; a name is looked up in the space.
fn is_not_anothers(index: &IndexReader, access: &Access, named: &str) -> Answer<()> {
    match index.space_of_person(named)? {
        Some(space) if !access.may_see(&space) => Err(no_such("person")),
        _ => Ok(()),
    }
}

fn see_face(index: &IndexReader, access: &Access, face: i64) -> Answer<()> {
    let seen = index.space_of_face(face)?.filter(|space| access.may_see(space));
    seen.map(drop).ok_or_else(|| no_such("face"))
}
