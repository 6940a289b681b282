//! User edits of people and faces. Each function is one durable transaction and can be undone.
//!
//! An edit changes rows through [`Edit`], which records the previous state of each row; undo restores them in reverse
//! order. An edit whose rows a later edit also changed can only be undone after that later edit.

mod change;
mod find;
mod rows;
mod undo;

use super::{Conflict, EditError, copies_of_face, faces_of_photo, name_of, path_of, people_named};
use crate::Editor;
use albumen_library::people::names;
pub(super) use change::Edit;
use change::file_of;
use find::where_and_how_many;
pub(super) use find::{find_person, label};
use rusqlite::OptionalExtension;
use serde::Serialize;
pub use undo::{EditLine, LoggedPeopleEdit};

type Result<T> = std::result::Result<T, EditError>;

/// What to do when another person of the space already has the name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SameName {
    /// Fail with an error that names both.
    #[default]
    Refuse,
    /// Merge them: they are the same person.
    Merge,
    /// Keep two people with the same name; they are never proposed as one.
    Separate,
}

/// What an edit did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EditDone {
    /// Argument of `undo`.
    pub edit: i64,
    /// Description for users.
    pub words: String,
    /// The person that remains: kept, named or created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Faces assigned to a person as a consequence.
    pub joined: u64,
    /// Faces unassigned from a person because another face of their photo was assigned to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<i64>,
    /// The space of the edit, for notifications.
    #[serde(skip)]
    pub space: Option<String>,
}

impl Editor {
    /// Sets a person's name, or removes it (`None`).
    pub fn name_person(&mut self, person: &str, name: Option<&str>, same: SameName) -> Result<EditDone> {
        self.name_person_in(person, None, name, same, false)
    }

    /// Like [`Editor::name_person`], for a person of `space`, where `person` may be a name used in several spaces. With
    /// `also`, two people that are merged may have faces in the same photo.
    pub fn name_person_in(
        &mut self,
        person: &str,
        space: Option<&str>,
        name: Option<&str>,
        same: SameName,
        also: bool,
    ) -> Result<EditDone> {
        let name = name.map(names::clean).transpose().map_err(|e| EditError::Invalid(e.to_string()))?;
        let (mut edit, id) = Edit::of_person(self, person, space)?;
        let was = edit.label(&id)?;
        let Some(name) = name else {
            edit.edit_person(&id, |row| (row.name_said, row.name) = (true, None))?;
            return edit.finish(format!("took the name from {was}"), Some(id), false);
        };
        let is_named = name_of(&edit.tx, &id)?.is_some();
        let mut kept = id.clone();
        let others: Vec<String> =
            people_named(&edit.tx, edit.space, &name)?.into_iter().filter(|p| *p != id).collect();
        if let Some(other) = others.first() {
            match same {
                SameName::Refuse => {
                    let bearer = format!("{} ({})", edit.label(other)?, where_and_how_many(&edit.tx, other)?);
                    return Err(EditError::NameTaken { bearer, was, people: others });
                }
                SameName::Separate => {
                    for other in &others {
                        edit.set_apart(&id, other, true)?;
                    }
                }
                SameName::Merge => {
                    kept = other.clone();
                    edit.merge(&kept, &id, also)?;
                }
            }
        }
        edit.edit_person(&kept, |row| (row.name_said, row.name) = (true, Some(name.clone())))?;
        let words = if kept == id {
            let verb = if is_named { ("renamed", " to") } else { ("named", "") };
            format!("{} {was}{} {name}", verb.0, verb.1)
        } else {
            format!("merged {was} into {}, who remains", edit.label(&kept)?)
        };
        edit.finish(words, Some(kept), true)
    }

    /// Merges people. Keeps the id of the named person, else of the oldest; of two names, keeps the one given first.
    pub fn merge_people(&mut self, people: &[String]) -> Result<EditDone> {
        self.merge_people_in(people, None, false)
    }

    /// Like [`Editor::merge_people`], for people of a space; with `also`, two of them may have faces in the same photo.
    pub fn merge_people_in(
        &mut self,
        people: &[String],
        space: Option<&str>,
        also: bool,
    ) -> Result<EditDone> {
        let Some(first) = people.first() else {
            return Err(EditError::NotFound("no people were given to merge".into()));
        };
        let (mut edit, id) = Edit::of_person(self, first, space)?;
        let mut ids = vec![id];
        for other in &people[1..] {
            let other = edit.person(other)?;
            if !ids.contains(&other) {
                ids.push(other);
            }
        }
        if ids.len() < 2 {
            return Err(EditError::conflict(Conflict::OnePerson, "these are one person already"));
        }
        let mut named = None;
        let mut ranked = Vec::new();
        for id in &ids {
            let (seq, name): (i64, Option<String>) =
                edit.tx.query_row("SELECT seq, name FROM persons WHERE id = ?1", [id], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })?;
            if name.is_some() && named.is_none() {
                named = Some(id.clone());
            }
            ranked.push((seq, id.clone()));
        }
        ranked.sort();
        let kept = named.unwrap_or_else(|| ranked[0].1.clone());
        let mut gone = Vec::new();
        for id in ids.iter().filter(|id| **id != kept) {
            let faces: i64 = edit.tx.query_row(
                "SELECT count(*) FROM faces WHERE person_id = ?1 AND lost = 0",
                [id],
                |r| r.get(0),
            )?;
            gone.push(format!("{} ({faces} face(s))", edit.label(id)?));
            edit.merge(&kept, id, also)?;
        }
        let words = format!("merged {} into {}, who remains", gone.join(" and "), edit.label(&kept)?);
        edit.finish(words, Some(kept), true)
    }

    /// Records that two people are different: they are never proposed as one again.
    pub fn tell_apart(&mut self, one: &str, other: &str, space: Option<&str>) -> Result<EditDone> {
        let (mut edit, a) = Edit::of_person(self, one, space)?;
        let b = edit.person(other)?;
        if a == b {
            let why = format!("{} is one person: split it first", edit.label(&a)?);
            return Err(EditError::conflict(Conflict::OnePerson, why));
        }
        edit.set_apart(&a, &b, true)?;
        let words = format!("told {} and {} apart", edit.label(&a)?, edit.label(&b)?);
        edit.finish(words, None, false)
    }

    /// Moves faces of a person to a new person.
    pub fn split_person(&mut self, person: &str, faces: &[i64]) -> Result<EditDone> {
        self.split_person_in(person, None, faces)
    }

    /// Like [`Editor::split_person`], for a person of a space.
    pub fn split_person_in(&mut self, person: &str, space: Option<&str>, faces: &[i64]) -> Result<EditDone> {
        let (mut edit, id) = Edit::of_person(self, person, space)?;
        let Some(&founder) = faces.first() else {
            return Err(EditError::NotFound("no faces were given to split off".into()));
        };
        for face in faces {
            let is: Option<String> = edit
                .tx
                .query_row("SELECT person_id FROM faces WHERE id = ?1", [face], |r| r.get(0))
                .optional()?
                .flatten();
            if is.as_deref() != Some(&id) {
                return Err(EditError::NotFound(format!("face {face} is not one of {}", edit.label(&id)?)));
            }
        }
        edit.apart_in_photos(faces)?;
        let new = edit.born(founder)?;
        for &face in faces {
            edit.assert_not(face, &id)?;
        }
        for &face in faces {
            edit.assert_is(face, &new, false)?;
        }
        edit.set_apart(&id, &new, true)?;
        let words = format!("split {} face(s) off {}", faces.len(), edit.label(&id)?);
        edit.finish(words, Some(new), true)
    }

    /// Hides a person from lists, or shows it again.
    pub fn hide_person(&mut self, person: &str, hidden: bool) -> Result<EditDone> {
        self.hide_person_in(person, None, hidden)
    }

    /// Like [`Editor::hide_person`], for a person of a space.
    pub fn hide_person_in(&mut self, person: &str, space: Option<&str>, hidden: bool) -> Result<EditDone> {
        let (mut edit, id) = Edit::of_person(self, person, space)?;
        edit.edit_person(&id, |row| row.hidden = hidden)?;
        let words = format!("{} {}", if hidden { "hid" } else { "unhid" }, edit.label(&id)?);
        edit.finish(words, Some(id), false)
    }

    /// Hides the unnamed ones of some people.
    pub(super) fn hide_unnamed(&mut self, people: &[String]) -> Result<EditDone> {
        let Some(first) = people.first() else {
            return Err(EditError::NotFound("no people were given to hide".into()));
        };
        let (mut edit, first) = Edit::of_person(self, first, None)?;
        let mut hidden = Vec::new();
        for id in
            [Ok(first)].into_iter().chain(people[1..].iter().map(|p| edit.person(p))).collect::<Vec<_>>()
        {
            let id = id?;
            if name_of(&edit.tx, &id)?.is_none() {
                edit.edit_person(&id, |row| row.hidden = true)?;
                hidden.push(id);
            }
        }
        if hidden.is_empty() {
            let why = "both have a name: hide one (albumen people hide)";
            return Err(EditError::conflict(Conflict::BothNamed, why));
        }
        let words = format!("hid {}", hidden.join(" and "));
        edit.finish(words, None, false)
    }

    /// Makes one of a person's faces its cover.
    pub fn set_cover(&mut self, person: &str, face: i64) -> Result<EditDone> {
        self.set_cover_in(person, None, face)
    }

    /// Like [`Editor::set_cover`], for a person of a space.
    pub fn set_cover_in(&mut self, person: &str, space: Option<&str>, face: i64) -> Result<EditDone> {
        let (mut edit, id) = Edit::of_person(self, person, space)?;
        let of: Option<Option<String>> = edit
            .tx
            .query_row("SELECT person_id FROM faces WHERE id = ?1", [face], |r| r.get(0))
            .optional()?;
        if of.flatten().as_deref() != Some(&id) {
            return Err(EditError::NotFound(format!("face {face} is not one of {}", edit.label(&id)?)));
        }
        edit.edit_person(&id, |row| row.cover_face = Some(face))?;
        let words = format!("made face {face} the cover of {}", edit.label(&id)?);
        edit.finish(words, Some(id), false)
    }

    /// Assigns a face to a person given by id or name; a name that is new in the space creates a person.
    pub fn assign_face(&mut self, face: i64, person: &str) -> Result<EditDone> {
        self.assign_face_also(face, person, false)
    }

    /// Like [`Editor::assign_face`]; with `also`, another face of the photo assigned to the person stays assigned.
    pub fn assign_face_also(&mut self, face: i64, person: &str, also: bool) -> Result<EditDone> {
        let mut edit = Edit::of_face(self, face)?;
        let id = match edit.person(person) {
            Ok(id) => id,
            Err(EditError::NotFound(_)) if !looks_like_id(person) => {
                let name = names::clean(person).map_err(|e| EditError::Invalid(e.to_string()))?;
                let id = edit.born(face)?;
                edit.edit_person(&id, |row| (row.name_said, row.name) = (true, Some(name)))?;
                id
            }
            Err(e) => return Err(e),
        };
        edit.assert_is(face, &id, also)?;
        let who = edit.label(&id)?;
        let mut words = format!("said that face {face} is {who}");
        if !edit.left.is_empty() {
            let left: Vec<String> = edit.left.iter().map(i64::to_string).collect();
            words += &format!(
                "; face {} of the same photo is {who} no longer (if both are right, as in a mirror: assign again with --also)",
                left.join(", ")
            );
        }
        edit.finish(words, Some(id), true)
    }

    /// Asserts that a face is not a person: the assigned one, or `person`.
    pub fn reject_face(&mut self, face: i64, person: Option<&str>) -> Result<EditDone> {
        let mut edit = Edit::of_face(self, face)?;
        let id = match person {
            Some(person) => edit.person(person)?,
            None => edit
                .tx
                .query_row("SELECT person_id FROM faces WHERE id = ?1", [face], |r| {
                    r.get::<_, Option<String>>(0)
                })?
                .ok_or_else(|| {
                    EditError::NotFound(format!("face {face} has no person: say whom it is not"))
                })?,
        };
        edit.assert_not(face, &id)?;
        let words = format!("said that face {face} is not {}", edit.label(&id)?);
        edit.finish(words, Some(id), true)
    }
}

impl Edit<'_> {
    /// Checks that no two of the faces are in one photo: they cannot be split off into one person.
    fn apart_in_photos(&self, faces: &[i64]) -> Result<()> {
        for (i, &face) in faces.iter().enumerate() {
            let file = file_of(&self.tx, face)?;
            let copies = copies_of_face(&self.tx, face)?;
            let photo: Vec<i64> = faces_of_photo(&self.tx, file)?.into_iter().map(|f| f.0).collect();
            if faces[i + 1..].iter().any(|f| photo.contains(f) && !copies.contains(f)) {
                let why = format!(
                    "two of these faces are in {}: they cannot be one person",
                    path_of(&self.tx, file)?
                );
                return Err(EditError::conflict(Conflict::InOnePhoto, why));
            }
        }
        Ok(())
    }
}

/// Whether a text has the form of a person's id, so that a mistyped id does not become a name.
fn looks_like_id(text: &str) -> bool {
    text.len() == 17 && text.starts_with('p') && text[1..].bytes().all(|b| b.is_ascii_hexdigit())
}
