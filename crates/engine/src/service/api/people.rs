//! People over HTTP, with the rules of `albumen people` and `albumen faces`: lists, reasons, questions and edits.
//!
//! Promises: a token restricted to some spaces reads and changes only these; an object of another space is a 404, like
//! a missing one. An edit is durable before the response. People are given by id (including ids of merged people),
//! never by name, because names are only unique within a space; the exception is assigning a face, where a name refers
//! to the face's own space.

use super::handles::{EditHandle, ReadHandle};
use super::refusal::{Answer, Body, Refusal, asked, bad, for_all_spaces, given, no_such};
use crate::service::access::Access;
use crate::service::events::Event;
use albumen_index::people::{
    Answer as Reply, EditDone, EditError, EditLine, PersonAndFaces, PersonLine, Question, SameName,
    Suggestions,
};
use albumen_index::{Editor, IndexReader};
use axum::Json;
use axum::extract::{Extension, FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Default and maximum number of suggestions of each kind.
const SUGGESTIONS: usize = 20;
const MOST_SUGGESTIONS: usize = 1000;

/// Default number of edits in a list.
const EDITS: usize = 50;

impl From<EditError> for Refusal {
    fn from(e: EditError) -> Refusal {
        match e {
            EditError::NotFound(why) => Refusal::new(StatusCode::NOT_FOUND, why),
            EditError::Conflict(kind, why) => Refusal::conflict(kind, why),
            EditError::Invalid(why) => Refusal::new(StatusCode::BAD_REQUEST, why),
            EditError::NameTaken { .. } => Refusal::new(StatusCode::CONFLICT, e.to_string()),
            EditError::Index(e) => e.into(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InSpace {
    space: Option<String>,
    /// Include hidden people.
    #[serde(default)]
    hidden: bool,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct People {
    people: Vec<PersonLine>,
}

pub(super) async fn list(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Query(q): Query<InSpace>,
) -> Answer<Json<People>> {
    let spaces = asked(&access, q.space)?;
    let people = reads.ask(move |index| index.people(spaces.as_deref(), q.hidden, q.limit)).await?;
    Ok(Json(People { people }))
}

pub(super) async fn suggest(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Query(q): Query<InSpace>,
) -> Answer<Json<Suggestions>> {
    let spaces = asked(&access, q.space)?;
    let most = q.limit.unwrap_or(SUGGESTIONS).min(MOST_SUGGESTIONS);
    Ok(Json(reads.ask(move |index| index.suggest_people(spaces.as_deref(), most)).await?))
}

#[derive(Debug, Serialize)]
pub(super) struct Questions {
    questions: Vec<Question>,
}

/// Suggested questions, best first.
pub(super) async fn questions(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Query(q): Query<PartOf>,
) -> Answer<Json<Questions>> {
    let spaces = asked(&access, q.space)?;
    let most = q.limit.unwrap_or(SUGGESTIONS).min(MOST_SUGGESTIONS);
    let questions = reads.ask(move |index| index.questions(spaces.as_deref(), most)).await?;
    Ok(Json(Questions { questions }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerRequest {
    question: String,
    answer: Reply,
}

pub(super) async fn answer(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    author: Author,
    body: Body<AnswerRequest>,
) -> Answer<Json<EditDone>> {
    let AnswerRequest { question, answer } = given(body)?;
    edit(&edits, author, move |index| {
        // The caller must have access to every object in the id.
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
pub(super) struct Edits {
    edits: Vec<EditLine>,
}

/// Edits that can be undone, newest first.
pub(super) async fn edits(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Query(q): Query<PartOf>,
) -> Answer<Json<Edits>> {
    let spaces = asked(&access, q.space)?;
    let most = q.limit.unwrap_or(EDITS).min(MOST_SUGGESTIONS);
    let edits = reads.ask(move |index| index.people_edits(spaces.as_deref(), most)).await?;
    Ok(Json(Edits { edits }))
}

/// The account of a server that edits, from the query `account`; without it, the edit is one of the command line. The
/// server decides what each account may change, so a token restricted to some spaces cannot name one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Author(Option<i64>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAccount {
    account: Option<i64>,
}

impl Author {
    fn signs(self, index: &mut Editor) {
        if let Some(account) = self.0 {
            index.act_for(account);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Author {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Author, Response> {
        let query = Query::<OfAccount>::from_request_parts(parts, state).await;
        let Query(OfAccount { account }) = query.map_err(IntoResponse::into_response)?;
        let access = parts.extensions.get::<Access>();
        if account.is_some() {
            access
                .map_or_else(|| Err(no_such("account")), for_all_spaces)
                .map_err(IntoResponse::into_response)?;
        }
        Ok(Author(account))
    }
}

/// Limits of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartOf {
    space: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn person(
    State(reads): State<ReadHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Answer<Json<PersonAndFaces>> {
    let found = reads
        .ask(move |index| -> Answer<_> {
            see_person(index, &access, &id)?;
            Ok(index.person(&id)?)
        })
        .await?;
    Ok(Json(found))
}

/// What to do when another person of the space has the name.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Merge,
    Separate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NameRequest {
    /// `null` removes the name.
    #[serde(deserialize_with = "Option::deserialize")]
    name: Option<String>,
    same_name: Option<Choice>,
}

pub(super) async fn name(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    author: Author,
    body: Body<NameRequest>,
) -> Answer<Response> {
    let NameRequest { name, same_name } = given(body)?;
    let same = match same_name {
        None => SameName::Refuse,
        Some(Choice::Merge) => SameName::Merge,
        Some(Choice::Separate) => SameName::Separate,
    };
    let named = edits.change(move |index, _| -> Answer<_> {
        author.signs(index);
        see_person(index, &access, &id)?;
        match index.name_person(&id, name.as_deref(), same) {
            // The client shows both people and lets the user decide, so the response contains both.
            Err(EditError::NameTaken { bearer, was, people }) => Ok(Err(json!({
                "error": format!(
                    "there is {bearer} already: give same_name, `merge` if {was} is the same person, `separate` if two \
                     people share the name"
                ),
                "reason": "name_taken",
                "people": people,
            }))),
            other => Ok(Ok(other?)),
        }
    });
    Ok(match named.await? {
        Ok(done) => told(&edits, done).into_response(),
        Err(taken) => (StatusCode::CONFLICT, Json(taken)).into_response(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeRequest {
    people: Vec<String>,
    /// A photo may show the person twice.
    #[serde(default)]
    also: bool,
}

pub(super) async fn merge(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    author: Author,
    body: Body<MergeRequest>,
) -> Answer<Json<EditDone>> {
    let MergeRequest { people, also } = given(body)?;
    if people.len() < 2 {
        return Err(bad("`people` needs two ids or more"));
    }
    edit(&edits, author, move |index| {
        people.iter().try_for_each(|p| see_person(index, &access, p))?;
        Ok(index.merge_people_in(&people, None, also)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApartRequest {
    people: [String; 2],
}

/// Records that two people are different.
pub(super) async fn apart(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    author: Author,
    body: Body<ApartRequest>,
) -> Answer<Json<EditDone>> {
    let [a, b] = given(body)?.people;
    edit(&edits, author, move |index| {
        [&a, &b].into_iter().try_for_each(|p| see_person(index, &access, p))?;
        Ok(index.tell_apart(&a, &b, None)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SplitRequest {
    faces: Vec<i64>,
}

pub(super) async fn split(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    author: Author,
    body: Body<SplitRequest>,
) -> Answer<Json<EditDone>> {
    let faces = given(body)?.faces;
    if faces.is_empty() {
        return Err(bad("`faces` needs one face or more"));
    }
    edit(&edits, author, move |index| {
        see_person(index, &access, &id)?;
        Ok(index.split_person(&id, &faces)?)
    })
    .await
}

pub(super) async fn hide(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    author: Author,
) -> Answer<Json<EditDone>> {
    set_hidden(&edits, access, author, id, true).await
}

/// `POST /v1/people/{id}/unhide`; `/show` is its former name.
pub(super) async fn unhide(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    author: Author,
) -> Answer<Json<EditDone>> {
    set_hidden(&edits, access, author, id, false).await
}

async fn set_hidden(
    edits: &EditHandle,
    access: Access,
    author: Author,
    id: String,
    hidden: bool,
) -> Answer<Json<EditDone>> {
    edit(edits, author, move |index| {
        see_person(index, &access, &id)?;
        Ok(index.hide_person(&id, hidden)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverRequest {
    face: i64,
}

pub(super) async fn cover(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
    author: Author,
    body: Body<CoverRequest>,
) -> Answer<Json<EditDone>> {
    let face = given(body)?.face;
    edit(&edits, author, move |index| {
        see_person(index, &access, &id)?;
        Ok(index.set_cover(&id, face)?)
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UndoRequest {
    /// Absent: the last one visible to the caller.
    edit: Option<i64>,
}

pub(super) async fn undo(
    State(edits): State<EditHandle>,
    Extension(access): Extension<Access>,
    author: Author,
    body: Body<UndoRequest>,
) -> Answer<Json<EditDone>> {
    let which = given(body)?.edit;
    edit(&edits, author, move |index| Ok(index.undo_people_edit(which, access.spaces())?)).await
}

/// Makes an edit, publishes its event, and returns the result.
pub(super) async fn edit(
    edits: &EditHandle,
    author: Author,
    make: impl FnOnce(&mut Editor) -> Answer<EditDone> + Send + 'static,
) -> Answer<Json<EditDone>> {
    let done = edits.change(move |index, _| {
        author.signs(index);
        make(index)
    });
    Ok(told(edits, done.await?))
}

fn told(edits: &EditHandle, done: EditDone) -> Json<EditDone> {
    if let Some(space) = &done.space {
        edits.tell(Event::person_changed(done.person.clone(), space.clone()));
    }
    Json(done)
}

/// Rejects a person that does not exist or whose space the caller may not read.
pub(super) fn see_person(index: &IndexReader, access: &Access, id: &str) -> Answer<()> {
    let seen = index.space_of_person(id)?.filter(|space| access.may_see(space));
    seen.map(drop).ok_or_else(|| no_such("person"))
}

pub(super) fn see_face(index: &IndexReader, access: &Access, face: i64) -> Answer<()> {
    let seen = index.space_of_face(face)?.filter(|space| access.may_see(space));
    seen.map(drop).ok_or_else(|| no_such("face"))
}
