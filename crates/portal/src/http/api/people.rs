//! People and their faces, for callers who may view the whole space. Lists are read from the index; what needs face
//! vectors, which the portal never reads, is asked of the engine.

use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{Ask, AskedQuery, asked, read, within_scope};
use super::asking_engine::ask_engine;
use crate::percent::percent;
use crate::rights::Rights;
use albumen_index::people::{FaceLine, FaceList, FacePlace, PersonLine};
use albumen_index::read::suggest::{fits, typed};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const COMPANIONS: usize = 12;
/// Faces per page: default and maximum.
const FACES: usize = 100;
const MOST_FACES: usize = 1000;
/// Questions in an answer: default and maximum.
const QUESTIONS: usize = 20;
const MOST_QUESTIONS: usize = 1000;

impl Ask<'_> {
    /// The caller's rights on the people of a space: none where the caller does not see the whole space.
    pub fn people_rights(&self, space: &str) -> Rights {
        // A link to selected items shows none.
        if self.scope.items.is_some() {
            return Rights::NONE;
        }
        let whole = self.scope.spaces.iter().find(|s| s.space == space && s.rights.view);
        whole.map_or(Rights::NONE, |s| s.rights)
    }

    /// A person on whom the caller has these rights.
    pub fn person(&self, id: &str, needed: Rights) -> Answer<PersonLine> {
        let person = self.index.person_shown(id).map_err(read)?;
        let person = person.filter(|p| self.people_rights(&p.space).include(needed));
        person.ok_or_else(Problem::not_found)
    }

    /// A face on which the caller has these rights.
    pub fn face(&self, id: i64, needed: Rights) -> Answer<FaceLine> {
        let face = self.index.face_shown(id).map_err(read)?.ok_or_else(Problem::not_found)?;
        let space = self.index.space_of_face(id).map_err(read)?;
        let may = space.map_or(Rights::NONE, |space| self.people_rights(&space));
        if may.include(needed) { Ok(face) } else { Err(Problem::not_found()) }
    }

    /// The spaces of a list of people: those where the caller has these rights, or of them the one that is asked for.
    fn people_spaces(&self, asked: Option<&str>, needed: Rights) -> Vec<String> {
        let spaces = self.scope.spaces.iter().map(|s| &s.space);
        let is_asked = |space: &&String| asked.is_none_or(|asked| asked == space.as_str());
        spaces.filter(is_asked).filter(|space| self.people_rights(space).include(needed)).cloned().collect()
    }

    pub fn shown_person(&self, person: PersonLine) -> Answer<Value> {
        let may = self.people_rights(&person.space);
        let mut shown = json!({
            "id": person.id,
            "space": person.space,
            "hidden": person.hidden,
            "items": person.items,
            "faces": person.faces,
            "rights": { "manage": may.manage },
        });
        if let Some(name) = person.name {
            shown["name"] = name.into();
        }
        if let Some(face) = person.cover
            && let Some(FacePlace { item, area }) = self.index.face_place(face).map_err(read)?
        {
            shown["cover"] = json!({ "id": item, "key": self.key(item)?, "box": area, "face": face });
        }
        Ok(shown)
    }

    /// The key of an item's thumbnails.
    fn key(&self, item: i64) -> Answer<u32> {
        Ok(self.index.thumbnail_key(item).map_err(read)?.unwrap_or(0))
    }

    fn shown_face(&self, face: &FaceLine) -> Answer<Value> {
        let mut shown = json!({
            "id": face.id,
            "item": face.file,
            "key": self.key(face.file)?,
            "box": face.area,
            "quality": face.quality,
        });
        // After a photo was moved, its faces have people of the previous space until the next clustering.
        if let Some(person) = &face.person
            && let Some(space) = self.index.space_of_person(person).map_err(read)?
            && self.people_rights(&space).view
        {
            shown["person"] = named(person, face.name.as_deref());
        }
        if let Some(how) = &face.how {
            shown["assigned_by"] = how.as_str().into();
        }
        if let Some(mark) = &face.mark {
            shown["mark"] = mark.as_str().into();
        }
        Ok(shown)
    }

    /// The picture of a face; `None` if the face was removed meanwhile.
    fn picture(&self, face: i64) -> Answer<Option<Value>> {
        let Some(FacePlace { item, area }) = self.index.face_place(face).map_err(read)? else {
            return Ok(None);
        };
        Ok(Some(json!({ "id": face, "item": item, "key": self.key(item)?, "box": area })))
    }

    fn shown_names(&self, people: &[String]) -> Answer<Vec<Value>> {
        let mut shown = Vec::new();
        for id in people {
            let person = self.index.person_shown(id).map_err(read)?;
            let person = person.filter(|p| self.people_rights(&p.space).view);
            shown.extend(person.map(|p| named(&p.id, p.name.as_deref())));
        }
        Ok(shown)
    }
}

fn named(id: &str, name: Option<&str>) -> Value {
    let mut person = json!({ "id": id });
    if let Some(name) = name {
        person["name"] = name.into();
    }
    person
}

/// Most items first.
pub async fn list(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(&app, &caller, move |ask| {
        let question = format!("people {:?} {} {:?} {:?}", asked.space, asked.hidden, asked.q, asked.limit);
        ask.kept(&question, || {
            let spaces = ask.people_spaces(asked.space.as_deref(), Rights::VIEW);
            let begin = typed(asked.q.as_deref().unwrap_or(""));
            let fits = |p: &PersonLine| {
                begin.is_empty() || p.name.as_ref().is_some_and(|name| fits(name, &begin).is_some())
            };
            let people = ask.index.people_shown(&spaces, asked.hidden).map_err(read)?;
            let people = people.into_iter().filter(fits).take(asked.limit.unwrap_or(usize::MAX));
            Ok(json!({ "people": people.map(|p| ask.shown_person(p)).collect::<Answer<Vec<_>>>()? }))
        })
    });
    Ok(Json(&*answer.await?).into_response())
}

pub async fn show(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answer<Response> {
    let answer = within_scope(&app, &caller, move |ask| {
        let person = ask.person(&id, Rights::VIEW)?;
        let mut companions = Vec::new();
        let seen = ask.index.companions(&person.id, COMPANIONS).map_err(read)?;
        for companion in seen.into_iter().filter(|c| ask.people_rights(&c.person.space).view) {
            let shown = ask.shown_person(companion.person)?;
            companions.push(json!({ "person": shown, "items": companion.items }));
        }
        Ok(json!({ "person": ask.shown_person(person)?, "companions": companions }))
    });
    Ok(Json(answer.await?).into_response())
}

/// Best first.
pub async fn faces(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    query: AskedQuery,
) -> Answer<Response> {
    let asked = asked(query)?;
    let limit = asked.limit.unwrap_or(FACES).clamp(1, MOST_FACES);
    let after = asked.after.filter(|after| !after.is_empty()).map(|after| after.parse::<i64>()).transpose();
    let after = after.map_err(|_| Problem::invalid("after takes the `next` of the previous page."))?;
    let answer = within_scope(&app, &caller, move |ask| {
        let person = ask.person(&id, Rights::VIEW)?;
        let faces = ask.index.faces_shown(&person.id, after, limit).map_err(read)?;
        let shown = faces.iter().map(|face| ask.shown_face(face)).collect::<Answer<Vec<_>>>()?;
        let mut answer = json!({ "faces": shown });
        if let Some(last) = faces.last().filter(|_| faces.len() == limit) {
            answer["next"] = last.id.to_string().into();
        }
        Ok(answer)
    });
    Ok(Json(answer.await?).into_response())
}

/// From left to right.
pub async fn of_item(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Answer<Response> {
    let Ok(Path(id)) = id else { return Err(Problem::not_found()) };
    let answer = within_scope(&app, &caller, move |ask| {
        let item = ask.index.visible_item(id).map_err(read)?.ok_or_else(Problem::not_found)?;
        let may = ask.people_rights(&item.place.space);
        if !may.view {
            return Err(Problem::not_found());
        }
        let faces = ask.index.faces_of(id, FaceList::default()).map_err(read)?;
        let shown = faces.iter().map(|face| ask.shown_face(face)).collect::<Answer<Vec<_>>>()?;
        Ok(json!({ "faces": shown, "rights": { "manage": may.manage } }))
    });
    Ok(Json(answer.await?).into_response())
}

/// The parts of an engine's question that the portal uses.
#[derive(Debug, Deserialize)]
struct Question {
    question: String,
    kind: String,
    a: Side,
    b: Side,
    similarity: f64,
    required: f64,
}

#[derive(Debug, Deserialize)]
struct Side {
    face: i64,
    person: Option<String>,
    name: Option<String>,
    items: Option<u64>,
}

impl Ask<'_> {
    fn shown_side(&self, side: Side) -> Answer<Option<Value>> {
        let Some(picture) = self.picture(side.face)? else { return Ok(None) };
        let mut shown = json!({ "face": picture });
        if let Some(person) = side.person {
            shown["person"] = named(&person, side.name.as_deref());
        }
        if let Some(items) = side.items {
            shown["items"] = items.into();
        }
        Ok(Some(shown))
    }

    fn shown_question(&self, space: &str, question: Question) -> Answer<Option<Value>> {
        let Question { question, kind, a, b, similarity, required } = question;
        let (Some(a), Some(b)) = (self.shown_side(a)?, self.shown_side(b)?) else { return Ok(None) };
        Ok(Some(json!({
            "question": question,
            "kind": kind,
            "space": space,
            "a": a,
            "b": b,
            "similarity": similarity,
            "required": required,
        })))
    }
}

/// Of the spaces that the caller may manage, those that lack the least first.
pub async fn questions(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let limit = asked.limit.unwrap_or(QUESTIONS).clamp(1, MOST_QUESTIONS);
    let spaces =
        within_scope(&app, &caller, move |ask| Ok(ask.people_spaces(asked.space.as_deref(), Rights::MANAGE)));
    let mut questions: Vec<(String, Question)> = Vec::new();
    for space in spaces.await? {
        let path = format!("/v1/people/ask?limit={limit}&space={}", percent(&space));
        let mut answer = ask_engine(&app, "GET", path, None).await?;
        let of_space: Vec<Question> = serde_json::from_value(answer["questions"].take()).map_err(read)?;
        questions.extend(of_space.into_iter().map(|question| (space.clone(), question)));
    }
    let lacks = |question: &Question| question.required - question.similarity;
    questions.sort_by(|(_, a), (_, b)| lacks(a).total_cmp(&lacks(b)));
    questions.truncate(limit);
    let answer = within_scope(&app, &caller, move |ask| {
        let mut shown = Vec::new();
        for (space, question) in questions {
            shown.extend(ask.shown_question(&space, question)?);
        }
        Ok(json!({ "questions": shown }))
    });
    Ok(Json(answer.await?).into_response())
}

/// The parts of an engine's explanation that the portal uses.
#[derive(Debug, Deserialize)]
struct Why {
    similarity: Option<f64>,
    required: Option<f64>,
    candidates: Vec<Candidate>,
    #[serde(default)]
    rejected: Vec<String>,
    #[serde(default)]
    in_photo: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Candidate {
    person: String,
    name: Option<String>,
    similarity: f64,
    required: f64,
    exemplars: Vec<Exemplar>,
}

#[derive(Debug, Deserialize)]
struct Exemplar {
    face: i64,
    similarity: f64,
}

impl Ask<'_> {
    fn shown_candidate(&self, candidate: Candidate) -> Answer<Value> {
        let mut exemplars = Vec::new();
        for Exemplar { face, similarity } in candidate.exemplars {
            let picture = self.picture(face)?;
            exemplars.extend(picture.map(|face| json!({ "face": face, "similarity": similarity })));
        }
        Ok(json!({
            "person": named(&candidate.person, candidate.name.as_deref()),
            "similarity": candidate.similarity,
            "required": candidate.required,
            "exemplars": exemplars,
        }))
    }
}

pub async fn why(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Answer<Response> {
    let Ok(Path(id)) = id else { return Err(Problem::not_found()) };
    within_scope(&app, &caller, move |ask| ask.face(id, Rights::VIEW)).await?;
    let answer = ask_engine(&app, "GET", format!("/v1/faces/{id}/why"), None).await?;
    let why: Why = serde_json::from_value(answer).map_err(read)?;
    let answer = within_scope(&app, &caller, move |ask| {
        let face = ask.face(id, Rights::VIEW)?;
        let candidates = why.candidates.into_iter().map(|candidate| ask.shown_candidate(candidate));
        let mut shown = json!({
            "face": ask.shown_face(&face)?,
            "candidates": candidates.collect::<Answer<Vec<_>>>()?,
            "rejected": ask.shown_names(&why.rejected)?,
            "in_photo": ask.shown_names(&why.in_photo)?,
        });
        for (key, value) in [("similarity", why.similarity), ("required", why.required)] {
            if let Some(value) = value {
                shown[key] = value.into();
            }
        }
        Ok(shown)
    });
    Ok(Json(answer.await?).into_response())
}
