//! Edits of people and faces. The engine stores them with the account; this module checks the rights of the account, which
//! needs the right to manage the whole space.

use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{Ask, read, within_scope};
use super::asking_engine::{engine_answer, may_change, refused};
use crate::rights::Rights;
use albumen_index::people::{Answer as Reply, Conflict, Mark};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::sync::Arc;

/// What `undo` of these edits begins with; the number of the edit follows.
const UNDO: &str = "people:";

/// The engine's message is for the command line and may contain paths.
fn contradiction(conflict: Conflict) -> Problem {
    let (kind, detail) = match conflict {
        Conflict::InOnePhoto => (
            "in_one_photo",
            "Both are in the same photo. If one of the faces is wrong, correct it first; if both are right, as in a \
             mirror or a collage, confirm that.",
        ),
        Conflict::Rejected => {
            ("rejected", "A face of one of them was rejected for the other: undo that first.")
        }
        Conflict::Apart => ("apart", "They were marked as different people: undo that first."),
        Conflict::OnePerson => ("one_person", "They are one person already."),
        Conflict::OtherSpace => ("other_space", "They are in different spaces, which do not share people."),
        Conflict::SeveralPeople => ("several_people", "Several people have this name: choose one of them."),
        Conflict::BothNamed => ("both_named", "Both people have a name: hide one of them instead."),
        Conflict::LaterEdit => ("later_edit", "A later change depends on this one: undo that one first."),
        Conflict::OtherVersion => {
            ("other_version", "This change was made by another version and cannot be undone.")
        }
    };
    Problem::conflict(kind, detail)
}

/// The engine's result of an edit.
#[derive(Debug, Deserialize)]
struct Done {
    edit: i64,
    person: Option<String>,
    joined: u64,
    #[serde(default)]
    left: Vec<i64>,
}

/// Sends an edit of the caller's account, whose rights are checked.
async fn send(app: &Arc<App>, caller: &Caller, path: &str, body: Value) -> Answer<Done> {
    let path = format!("{path}?account={}", caller.account()?.id);
    let (status, answer) = engine_answer(app, "POST", path, Some(body)).await?;
    if status < 300 {
        return serde_json::from_value(answer).map_err(read);
    }
    if let Some(taken) = answer["people"].as_array() {
        let ids: Vec<String> = taken.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let people = within_scope(app, caller, move |ask| {
            let people = ids.iter().map(|id| ask.shown_person(ask.person(id, Rights::MANAGE)?));
            people.collect::<Answer<Vec<_>>>()
        });
        let detail = "Another person has this name: merge the two, or keep two people of one name.";
        return Err(Problem::conflict("name_taken", detail).with_people(people.await?));
    }
    let reason = serde_json::from_value::<Conflict>(answer["reason"].clone());
    Err(reason.map_or_else(|_| refused(status, &answer), contradiction))
}

/// Sends an edit and answers with its effect.
async fn edit(app: &Arc<App>, caller: &Caller, path: &str, body: Value) -> Answer<Response> {
    let done = send(app, caller, path, body).await?;
    let mut answer = json!({ "undo": format!("{UNDO}{}", done.edit) });
    if let Some(id) = done.person {
        let person = within_scope(app, caller, move |ask| {
            let person = ask.index.person_shown(&id).map_err(read)?;
            person.map(|person| ask.shown_person(person)).transpose()
        });
        if let Some(person) = person.await? {
            answer["person"] = person;
        }
    }
    if done.joined > 0 {
        answer["joined"] = done.joined.into();
    }
    if !done.left.is_empty() {
        answer["left"] = done.left.into();
    }
    Ok(Json(answer).into_response())
}

/// The ids of people whom the caller may edit, as they are now: after merges.
async fn people(app: &Arc<App>, caller: &Caller, ids: Vec<String>) -> Answer<Vec<String>> {
    may_change(caller)?;
    within_scope(app, caller, move |ask| {
        ids.iter().map(|id| Ok(ask.person(id, Rights::MANAGE)?.id)).collect::<Answer<Vec<_>>>()
    })
    .await
}

async fn person(app: &Arc<App>, caller: &Caller, id: String) -> Answer<String> {
    people(app, caller, vec![id]).await?.pop().ok_or_else(Problem::not_found)
}

impl Ask<'_> {
    /// Refuses a person, given by id or by name, whom the caller may not edit. A name is of the face's space.
    fn check_named(&self, named: &str) -> Answer<()> {
        match self.index.space_of_person(named).map_err(read)? {
            Some(space) if !self.people_rights(&space).include(Rights::MANAGE) => Err(Problem::not_found()),
            _ => Ok(()),
        }
    }
}

/// A face that the caller may edit, and the person of the request.
async fn face(
    app: &Arc<App>,
    caller: &Caller,
    id: Result<Path<i64>, PathRejection>,
    person: Option<String>,
) -> Answer<i64> {
    may_change(caller)?;
    let Ok(Path(id)) = id else { return Err(Problem::not_found()) };
    within_scope(app, caller, move |ask| {
        ask.face(id, Rights::MANAGE)?;
        person.map_or(Ok(()), |person| ask.check_named(&person))
    })
    .await?;
    Ok(id)
}

/// Deserialises the value of a present key, which may be null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

#[derive(Debug, Clone, Copy, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum SameName {
    Merge,
    Separate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    same_name: Option<SameName>,
    hidden: Option<bool>,
    cover: Option<i64>,
}

pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<Change>,
) -> Answer<Response> {
    let id = person(&app, &caller, id).await?;
    let (what, request) = match body {
        Change { name: Some(name), same_name, hidden: None, cover: None } => {
            let mut request = json!({ "name": name });
            if let Some(same_name) = same_name {
                request["same_name"] = json!(same_name);
            }
            ("name", request)
        }
        Change { name: None, same_name: None, hidden: Some(hidden), cover: None } => {
            (if hidden { "hide" } else { "unhide" }, json!({}))
        }
        Change { name: None, same_name: None, hidden: None, cover: Some(face) } => {
            ("cover", json!({ "face": face }))
        }
        _ => {
            let detail = "Give exactly one of name, hidden and cover; same_name belongs to a name.";
            return Err(Problem::invalid(detail));
        }
    };
    edit(&app, &caller, &format!("/v1/people/{id}/{what}"), request).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    people: Vec<String>,
    #[serde(default)]
    also: bool,
}

pub async fn merge(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Merge>) -> Answer<Response> {
    if body.people.len() < 2 {
        return Err(Problem::invalid("Which people? Give two ids or more."));
    }
    let people = people(&app, &caller, body.people).await?;
    edit(&app, &caller, "/v1/people/merge", json!({ "people": people, "also": body.also })).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apart {
    people: [String; 2],
}

pub async fn apart(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Apart>) -> Answer<Response> {
    let people = people(&app, &caller, body.people.into()).await?;
    edit(&app, &caller, "/v1/people/apart", json!({ "people": people })).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    faces: Vec<i64>,
}

pub async fn split(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<Split>,
) -> Answer<Response> {
    let id = person(&app, &caller, id).await?;
    if body.faces.is_empty() {
        return Err(Problem::invalid("Which faces? Give one id or more."));
    }
    edit(&app, &caller, &format!("/v1/people/{id}/split"), json!({ "faces": body.faces })).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionAnswer {
    question: String,
    answer: Reply,
}

pub async fn answer(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<QuestionAnswer>,
) -> Answer<Response> {
    may_change(&caller)?;
    let parts: Vec<String> = body.question.split(':').map(str::to_owned).collect();
    within_scope(&app, &caller, move |ask| match &parts[..] {
        [kind, face, person] if kind == "is" => {
            ask.face(face.parse().map_err(|_| Problem::not_found())?, Rights::MANAGE)?;
            ask.person(person, Rights::MANAGE).map(drop)
        }
        [kind, a, b] if kind == "same" => {
            ask.person(a, Rights::MANAGE)?;
            ask.person(b, Rights::MANAGE).map(drop)
        }
        _ => Err(Problem::invalid("This is no question: give one as it was asked.")),
    })
    .await?;
    let request = json!({ "question": body.question, "answer": body.answer });
    edit(&app, &caller, "/v1/people/answer", request).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    person: String,
    #[serde(default)]
    also: bool,
}

pub async fn assign(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    Json(body): Json<Assign>,
) -> Answer<Response> {
    let id = face(&app, &caller, id, Some(body.person.clone())).await?;
    if body.person.trim().is_empty() {
        return Err(Problem::invalid("Which person? Give an id or a name."));
    }
    let request = json!({ "person": body.person, "also": body.also });
    edit(&app, &caller, &format!("/v1/faces/{id}/assign"), request).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    person: Option<String>,
}

pub async fn reject(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    Json(body): Json<Reject>,
) -> Answer<Response> {
    let id = face(&app, &caller, id, body.person.clone()).await?;
    let request = body.person.map_or_else(|| json!({}), |person| json!({ "person": person }));
    edit(&app, &caller, &format!("/v1/faces/{id}/reject"), request).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkFace {
    /// `null` removes the mark.
    #[serde(deserialize_with = "Option::deserialize")]
    mark: Option<Mark>,
}

pub async fn mark(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    Json(body): Json<MarkFace>,
) -> Answer<Response> {
    let id = face(&app, &caller, id, None).await?;
    edit(&app, &caller, &format!("/v1/faces/{id}/mark"), json!({ "mark": body.mark })).await
}

/// The number of an edit of people, from the text for undo.
pub fn edit_of(undo: &str) -> Option<&str> {
    undo.strip_prefix(UNDO)
}

/// Undoes an edit of the caller's own, if the caller could still make it.
pub async fn undo(app: &Arc<App>, caller: &Caller, edit: &str) -> Answer<Response> {
    may_change(caller)?;
    let edit: i64 = edit.parse().map_err(|_| Problem::not_found())?;
    let account = caller.account()?.id;
    within_scope(app, caller, move |ask| {
        let logged = ask.index.logged_people_edit(edit).map_err(read)?;
        let logged = logged.filter(|l| l.account == Some(account)).ok_or_else(Problem::not_found)?;
        if !ask.people_rights(&logged.space).include(Rights::MANAGE) {
            return Err(Problem::not_found());
        }
        if logged.is_undone {
            return Err(Problem::conflict("undone", "This was taken back already."));
        }
        Ok(())
    })
    .await?;
    send(app, caller, "/v1/people/undo", json!({ "edit": edit })).await?;
    Ok(Json(json!({})).into_response())
}
