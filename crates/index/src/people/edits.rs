//! User edits of people and faces. Each function is one durable transaction and can be undone.
//!
//! An edit changes rows through [`Edit`], which records the previous state of each row; undo restores them in reverse
//! order. An edit whose rows a later edit also changed can only be undone after that later edit.

use super::{
    EditError, Mark, cluster, copies_of_face, counts, faces_of_photo, found_person, is_free, name_of,
    path_of, people_named, refresh_renamed, resolve, rivals, space_of_file,
};
use crate::{Editor, IndexReader};
use albumen_library::people::names;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

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

/// An edit that can be undone, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EditLine {
    /// Argument of `undo`.
    pub edit: i64,
    /// Time of the edit, UTC.
    pub at: String,
    pub space: String,
    /// Description for users.
    pub words: String,
    /// The later edit that must be undone first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

/// A row as it was before an edit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Before {
    Face {
        id: i64,
        person: Option<String>,
        how: Option<String>,
        similarity: Option<f64>,
        required: Option<f64>,
        clustered: bool,
    },
    /// A face that clustering moved because of the edit. Restored as an assignment by clustering.
    Moved {
        id: i64,
        to: Option<String>,
        person: Option<String>,
        how: Option<String>,
        similarity: Option<f64>,
        required: Option<f64>,
        clustered: bool,
    },
    Mark {
        face: i64,
        mark: Option<String>,
        lost: bool,
    },
    FaceEdit {
        face: i64,
        person: String,
        verdict: Option<String>,
    },
    PersonEdit {
        person: String,
        row: Option<PersonEditRow>,
    },
    Alias {
        alias: String,
        person: Option<String>,
    },
    Apart {
        a: String,
        b: String,
        stood: bool,
    },
    Born {
        person: String,
    },
}

/// A row of `person_edits`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct PersonEditRow {
    name_said: bool,
    name: Option<String>,
    hidden: bool,
    cover_face: Option<i64>,
}

impl Before {
    /// The key of the row; a row that a later edit changed too blocks undo.
    fn key(&self) -> String {
        match self {
            Before::Face { id, .. } => format!("face {id}"),
            Before::Moved { id, .. } => format!("moved {id}"),
            Before::Mark { face, .. } => format!("mark {face}"),
            Before::FaceEdit { face, person, .. } => format!("said {face} {person}"),
            Before::PersonEdit { person, .. } => format!("person {person}"),
            Before::Alias { alias, .. } => format!("alias {alias}"),
            Before::Apart { a, b, .. } => format!("apart {a} {b}"),
            Before::Born { person } => format!("born {person}"),
        }
    }
}

/// An edit in progress.
pub(super) struct Edit<'a> {
    pub(super) tx: Transaction<'a>,
    space: i64,
    before: Vec<Before>,
    /// Faces unassigned in favour of another face of their photo.
    left: Vec<i64>,
}

impl<'a> Edit<'a> {
    fn new(tx: Transaction<'a>, space: i64) -> Edit<'a> {
        Edit { tx, space, before: Vec::new(), left: Vec::new() }
    }

    /// An edit in the space of a person. `person` is an id, an alias or a name that is unique in `space`, or across
    /// all spaces. Returns the id, too.
    fn of_person(index: &'a mut Editor, person: &str, space: Option<&str>) -> Result<(Edit<'a>, String)> {
        let tx = index.begin()?;
        let id = find_person(&tx, person, space)?;
        let space = space_of(&tx, &id)?;
        Ok((Edit::new(tx, space), id))
    }

    /// An edit in the space of a face.
    pub(super) fn of_face(index: &'a mut Editor, face: i64) -> Result<Edit<'a>> {
        let tx = index.begin()?;
        let file = file_of(&tx, face)?;
        let space = space_of_file(&tx, file)?;
        Ok(Edit::new(tx, space))
    }

    /// Resolves a second person of the edit, which must be in the same space.
    fn person(&self, named: &str) -> Result<String> {
        // Names are unique per space only: do not match people of other spaces.
        let id = match resolve(&self.tx, named)? {
            Some(id) => id,
            None => only_one(&self.tx, named, people_named(&self.tx, self.space, named)?)?,
        };
        if space_of(&self.tx, &id)? != self.space {
            return Err(EditError::Conflict(format!(
                "{named} belongs to another space: people are never shared between spaces"
            )));
        }
        Ok(id)
    }

    pub(super) fn set_face(&mut self, face: i64, person: Option<&str>, how: Option<&str>) -> Result<()> {
        let was = self.tx.query_row(
            "SELECT person_id, how, similarity, required, clustered FROM faces WHERE id = ?1",
            [face],
            |r| {
                Ok(Before::Face {
                    id: face,
                    person: r.get(0)?,
                    how: r.get(1)?,
                    similarity: r.get(2)?,
                    required: r.get(3)?,
                    clustered: r.get(4)?,
                })
            },
        )?;
        self.before.push(was);
        self.tx.execute(
            "UPDATE faces SET person_id = ?2, how = ?3, similarity = NULL, required = NULL, clustered = 0 WHERE id = ?1",
            params![face, person, how],
        )?;
        Ok(())
    }

    /// Marks a face as no face or as an unknown person; `None` removes the mark.
    pub(super) fn set_mark(&mut self, face: i64, mark: Option<Mark>) -> Result<()> {
        let (was, lost): (Option<String>, bool) =
            self.tx.query_row("SELECT mark, lost FROM faces WHERE id = ?1", [face], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?;
        if was.as_deref() == mark.map(Mark::name) {
            return Ok(());
        }
        let no_face = Some(Mark::NoFace.name());
        let lost_now = mark == Some(Mark::NoFace) || lost && was.as_deref() != no_face;
        self.before.push(Before::Mark { face, mark: was, lost });
        put_mark(&self.tx, face, mark.map(Mark::name), lost_now)
    }

    pub(super) fn say(&mut self, face: i64, person: &str, verdict: Option<&str>) -> Result<()> {
        let was: Option<String> = self
            .tx
            .query_row(
                "SELECT verdict FROM face_edits WHERE face_id = ?1 AND person_id = ?2",
                params![face, person],
                |r| r.get(0),
            )
            .optional()?;
        self.before.push(Before::FaceEdit { face, person: person.to_owned(), verdict: was });
        put_face_edit(&self.tx, face, person, verdict)
    }

    fn edit_person(&mut self, person: &str, change: impl FnOnce(&mut PersonEditRow)) -> Result<()> {
        let was = person_edit(&self.tx, person)?;
        let mut row = was.clone().unwrap_or_default();
        change(&mut row);
        self.before.push(Before::PersonEdit { person: person.to_owned(), row: was });
        put_person_edit(&self.tx, person, Some(&row))
    }

    fn alias(&mut self, alias: &str, person: &str) -> Result<()> {
        let was: Option<String> = self
            .tx
            .query_row("SELECT person_id FROM person_aliases WHERE alias = ?1", [alias], |r| r.get(0))
            .optional()?;
        self.before.push(Before::Alias { alias: alias.to_owned(), person: was });
        put_alias(&self.tx, alias, Some(person))
    }

    pub(super) fn set_apart(&mut self, one: &str, other: &str, stands: bool) -> Result<()> {
        let (a, b) = if one < other { (one, other) } else { (other, one) };
        let stood = are_apart(&self.tx, a, b)?;
        self.before.push(Before::Apart { a: a.to_owned(), b: b.to_owned(), stood });
        put_apart(&self.tx, a, b, stands)
    }

    fn born(&mut self, face: i64) -> Result<String> {
        let (content, area) = self.tx.query_row(
            "SELECT coalesce(f.content_hash, 'file ' || f.id), a.x, a.y, a.w, a.h
               FROM faces a JOIN files f ON f.id = a.file_id WHERE a.id = ?1",
            [face],
            |r| Ok((r.get::<_, String>(0)?, [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?])),
        )?;
        let person = found_person(&self.tx, self.space, &content, &area)?;
        self.before.push(Before::Born { person: person.clone() });
        Ok(person)
    }

    /// Assigns a face and its copies to a person, replacing earlier assertions. Another face of the photo that
    /// clustering assigned to the person is unassigned; with `also`, it stays assigned.
    pub(super) fn assert_is(&mut self, face: i64, person: &str, also: bool) -> Result<()> {
        for other in rivals(&self.tx, face, person)? {
            if also {
                self.say(other, person, Some("is"))?;
                self.set_face(other, Some(person), Some("edit"))?;
            } else {
                self.left.push(other);
                self.set_face(other, None, None)?;
            }
        }
        for copy in copies_of_face(&self.tx, face)? {
            self.forget_who(copy, Some(person))?;
            self.set_mark(copy, None)?;
            self.say(copy, person, Some("is"))?;
            self.set_face(copy, Some(person), Some("edit"))?;
        }
        Ok(())
    }

    /// Removes assertions that a face is a person, except for `save`.
    pub(super) fn forget_who(&mut self, face: i64, save: Option<&str>) -> Result<()> {
        let said: Vec<String> = {
            let mut st = self.tx.prepare_cached(
                "SELECT person_id FROM face_edits WHERE face_id = ?1 AND verdict = 'is' AND person_id IS NOT ?2",
            )?;
            st.query_map(params![face, save], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        said.iter().try_for_each(|old| self.say(face, old, None))
    }

    /// Asserts that a face and its copies are not a person; faces assigned to the person become unassigned.
    pub(super) fn assert_not(&mut self, face: i64, person: &str) -> Result<()> {
        for copy in copies_of_face(&self.tx, face)? {
            self.say(copy, person, Some("not"))?;
            let is: Option<String> =
                self.tx.query_row("SELECT person_id FROM faces WHERE id = ?1", [copy], |r| r.get(0))?;
            if is.as_deref() == Some(person) {
                self.set_face(copy, None, None)?;
            }
        }
        Ok(())
    }

    /// Moves everything of `gone` to `kept`. With `also`, both may have a face in the same photo.
    fn merge(&mut self, kept: &str, gone: &str, also: bool) -> Result<()> {
        self.may_merge(kept, gone, also)?;
        let both: Vec<i64> = {
            let mut st = self.tx.prepare_cached(IN_ONE_PHOTO)?;
            st.query_map(params![kept, gone], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        let list = |tx: &Connection, sql: &str| -> Result<Vec<i64>> {
            let mut st = tx.prepare_cached(sql)?;
            Ok(st.query_map([gone], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
        };
        for face in list(&self.tx, "SELECT id FROM faces WHERE person_id = ?1 ORDER BY id")? {
            let how: Option<String> =
                self.tx.query_row("SELECT how FROM faces WHERE id = ?1", [face], |r| r.get(0))?;
            self.set_face(face, Some(kept), how.as_deref())?;
        }
        for face in list(&self.tx, "SELECT face_id FROM face_edits WHERE person_id = ?1 ORDER BY face_id")? {
            let verdict: String = self.tx.query_row(
                "SELECT verdict FROM face_edits WHERE face_id = ?1 AND person_id = ?2",
                params![face, gone],
                |r| r.get(0),
            )?;
            self.say(face, gone, None)?;
            self.say(face, kept, Some(&verdict))?;
        }
        let others: Vec<(String, String)> = {
            let mut st = self.tx.prepare_cached("SELECT a, b FROM people_apart WHERE a = ?1 OR b = ?1")?;
            st.query_map([gone], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?
        };
        for (a, b) in others {
            let other = if a == gone { b } else { a };
            self.set_apart(gone, &other, false)?;
            self.set_apart(kept, &other, true)?;
        }
        for face in both {
            self.say(face, kept, Some("is"))?;
            self.set_face(face, Some(kept), Some("edit"))?;
        }
        let aliases: Vec<String> = {
            let mut st = self
                .tx
                .prepare_cached("SELECT alias FROM person_aliases WHERE person_id = ?1 ORDER BY alias")?;
            st.query_map([gone], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        for alias in aliases.iter().map(String::as_str).chain([gone]) {
            self.alias(alias, kept)?;
        }
        Ok(())
    }

    /// Returns an error that names the photo if both people have a face in one photo, or another edit forbids the
    /// merge.
    fn may_merge(&self, a: &str, b: &str, also: bool) -> Result<()> {
        let (first, second) = (self.label(a)?, self.label(b)?);
        let both: Vec<(i64, i64)> = {
            let mut st = self.tx.prepare_cached(&format!(
                "SELECT file_id, id FROM faces WHERE id IN ({IN_ONE_PHOTO}) ORDER BY 1, 2"
            ))?;
            st.query_map(params![a, b], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?
        };
        if let (Some(&(file, _)), false) = (both.first(), also) {
            let others: HashSet<i64> = both.iter().map(|f| f.0).filter(|f| *f != file).collect();
            let photos = match others.len() {
                0 => String::new(),
                n => format!(" and {n} other photo(s)"),
            };
            let here = both.iter().filter(|f| f.0 == file);
            let faces: Vec<String> = here.map(|f| format!("face {}", f.1)).collect();
            return Err(EditError::Conflict(format!(
                "{first} and {second} are both in {}{photos} ({}). If one of the faces is wrong, say so first (albumen \
                 faces reject FACE); if both are right, as in a mirror, a collage or a photo of a photo, merge with --also",
                path_of(&self.tx, file)?,
                faces.join(", ")
            )));
        }
        let denied: Option<i64> = self
            .tx
            .query_row(
                "SELECT x.file_id FROM faces x JOIN face_edits e ON e.face_id = x.id AND e.verdict = 'not'
                  WHERE x.person_id = ?1 AND e.person_id = ?2 OR x.person_id = ?2 AND e.person_id = ?1
                  ORDER BY x.file_id LIMIT 1",
                params![a, b],
                |r| r.get(0),
            )
            .optional()?;
        if let Some(file) = denied {
            return Err(EditError::Conflict(format!(
                "{first} and {second} cannot be one person: it was said that the face in {} is not both. Undo that \
                 first (albumen people undo)",
                path_of(&self.tx, file)?
            )));
        }
        if are_apart(&self.tx, a.min(b), a.max(b))? {
            let photo: Option<i64> = self
                .tx
                .query_row("SELECT file_id FROM faces WHERE person_id = ?1 ORDER BY id LIMIT 1", [b], |r| {
                    r.get(0)
                })
                .optional()?;
            let photo = photo.map(|p| path_of(&self.tx, p)).transpose()?.unwrap_or_default();
            return Err(EditError::Conflict(format!(
                "{first} and {second} cannot be one person: they were told apart ({second} is in {photo}). Undo that \
                 first (albumen people undo)"
            )));
        }
        Ok(())
    }

    fn label(&self, person: &str) -> Result<String> {
        label(&self.tx, person)
    }

    /// Updates the clustering, writes the undo log including faces that clustering moved, and commits.
    pub(super) fn finish(
        mut self,
        words: String,
        person: Option<String>,
        bring_in: bool,
    ) -> Result<EditDone> {
        let joined = if bring_in {
            let (joined, moved) = noting_moves(&self.tx, || settle(&self.tx, self.space))?;
            self.before.extend(moved);
            joined
        } else {
            0
        };
        let before = serde_json::to_string(&self.before).expect("plain rows");
        self.tx.execute(
            "INSERT INTO people_edit_log (at, space_id, words, before) VALUES (?1, ?2, ?3, ?4)",
            params![albumen_core::clock::now(), self.space, words, before],
        )?;
        let edit = self.tx.last_insert_rowid();
        refresh_renamed(&self.tx)?;
        counts::keep(&self.tx, self.space)?;
        let space = space_name(&self.tx, self.space)?;
        self.tx.commit()?;
        let mut left = self.left;
        left.sort_unstable();
        left.dedup();
        Ok(EditDone { edit, words, person, joined, left, space })
    }
}

/// Faces of two people in one photo or in copies of it.
const IN_ONE_PHOTO: &str = "
    SELECT x.id FROM faces x JOIN files f ON f.id = x.file_id
      JOIN files g ON g.id = f.id OR g.content_hash = f.content_hash
      JOIN faces y ON y.file_id = g.id AND y.person_id = ?2 AND y.lost = 0
     WHERE x.person_id = ?1 AND x.lost = 0
    UNION
    SELECT y.id FROM faces x JOIN files f ON f.id = x.file_id
      JOIN files g ON g.id = f.id OR g.content_hash = f.content_hash
      JOIN faces y ON y.file_id = g.id AND y.person_id = ?2 AND y.lost = 0
     WHERE x.person_id = ?1 AND x.lost = 0";

/// Clusters a space after an edit, which may assign further faces at once.
fn settle(tx: &Connection, space: i64) -> Result<u64> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    Ok(cluster::cluster_now(tx, space, threads)?.joined)
}

/// Runs `work` and returns the previous state of each face that it moved.
fn noting_moves<T>(tx: &Connection, work: impl FnOnce() -> Result<T>) -> Result<(T, Vec<Before>)> {
    tx.execute_batch(
        "CREATE TEMP TABLE moved_faces (id INTEGER PRIMARY KEY, person, how, similarity, required, clustered);
         CREATE TEMP TRIGGER note_moved_faces BEFORE UPDATE OF person_id ON main.faces
         WHEN old.person_id IS NOT new.person_id BEGIN
           INSERT OR IGNORE INTO moved_faces
             VALUES (old.id, old.person_id, old.how, old.similarity, old.required, old.clustered);
         END;",
    )?;
    let done = work()?;
    let moved = {
        let mut st = tx.prepare(
            "SELECT m.id, a.person_id, m.person, m.how, m.similarity, m.required, m.clustered
               FROM moved_faces m JOIN faces a ON a.id = m.id WHERE a.person_id IS NOT m.person ORDER BY m.id",
        )?;
        st.query_map([], |r| {
            Ok(Before::Moved {
                id: r.get(0)?,
                to: r.get(1)?,
                person: r.get(2)?,
                how: r.get(3)?,
                similarity: r.get(4)?,
                required: r.get(5)?,
                clustered: r.get(6)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?
    };
    tx.execute_batch("DROP TRIGGER note_moved_faces; DROP TABLE moved_faces;")?;
    Ok((done, moved))
}

impl IndexReader {
    /// Edits that can be undone, newest first, of some spaces or of all.
    pub fn people_edits(&self, spaces: Option<&[String]>, limit: usize) -> Result<Vec<EditLine>> {
        let mut st = self.conn.prepare_cached(
            "SELECT l.id, l.at, s.name, l.words, l.before FROM people_edit_log l JOIN spaces s ON s.id = l.space_id
              WHERE l.undone = 0 AND (?1 IS NULL OR s.name IN (SELECT value FROM json_each(?1))) ORDER BY l.id DESC LIMIT ?2",
        )?;
        let mut rows = st.query(params![
            spaces.map(|s| serde_json::to_string(s).expect("strings")),
            i64::try_from(limit).unwrap_or(i64::MAX)
        ])?;
        let mut later: Vec<(i64, Vec<Before>)> = Vec::new();
        let mut lines = Vec::new();
        while let Some(r) = rows.next()? {
            let edit: i64 = r.get(0)?;
            let before = rows_of(&r.get::<_, String>(4)?)?;
            let footprint = Footprint::of(&before);
            let after = later.iter().find(|(_, rows)| footprint.is_built_on_by(rows)).map(|(id, _)| *id);
            let at = crate::view::utc(r.get(1)?);
            lines.push(EditLine { edit, at, space: r.get(2)?, words: r.get(3)?, after });
            later.push((edit, before));
        }
        Ok(lines)
    }
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
            return Err(EditError::Conflict("these are one person already".into()));
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
            return Err(EditError::Conflict(format!("{} is one person: split it first", edit.label(&a)?)));
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
            return Err(EditError::Conflict("both have a name: hide one (albumen people hide)".into()));
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

    /// Undoes an edit of some spaces, or of all; by default the last one.
    pub fn undo_people_edit(&mut self, edit: Option<i64>, spaces: Option<&[String]>) -> Result<EditDone> {
        let tx = self.begin()?;
        let row: Option<(i64, i64, String, String)> = tx
            .query_row(
                "SELECT id, space_id, words, before FROM people_edit_log
                  WHERE undone = 0 AND (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR space_id IN
                    (SELECT id FROM spaces WHERE name IN (SELECT value FROM json_each(?2))))
                  ORDER BY id DESC LIMIT 1",
                params![edit, spaces.map(|s| serde_json::to_string(s).expect("strings"))],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
            )
            .optional()?;
        let Some((id, space, words, before)) = row else {
            return Err(EditError::NotFound(match edit {
                Some(edit) => format!("there is no edit {edit} to undo"),
                None => "there is no edit to undo".into(),
            }));
        };
        let before = rows_of(&before)?;
        let later: Vec<(i64, String, String)> = {
            let mut st = tx.prepare(
                "SELECT id, words, before FROM people_edit_log WHERE undone = 0 AND id > ?1 ORDER BY id",
            )?;
            st.query_map([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect::<rusqlite::Result<_>>()?
        };
        let footprint = Footprint::of(&before);
        for (later, words, rows) in later {
            if footprint.is_built_on_by(&rows_of(&rows)?) {
                return Err(EditError::Conflict(format!(
                    "edit {later} ({words}) came later and builds on this one: undo it first"
                )));
            }
        }
        before.iter().rev().try_for_each(|b| put_back(&tx, space, b))?;
        tx.execute("UPDATE people_edit_log SET undone = 1 WHERE id = ?1", [id])?;
        let joined = settle(&tx, space)?;
        refresh_renamed(&tx)?;
        counts::keep(&tx, space)?;
        let space = space_name(&tx, space)?;
        tx.commit()?;
        let words = format!("undid: {words}");
        Ok(EditDone { edit: id, words, person: None, joined, left: Vec::new(), space })
    }
}

/// What an edit depends on: the rows it changed, and the people it created or merged.
struct Footprint {
    keys: HashSet<String>,
    people: HashSet<String>,
}

impl Footprint {
    fn of(before: &[Before]) -> Footprint {
        let rows = before.iter().filter(|b| !matches!(b, Before::Moved { .. }));
        Footprint { keys: rows.map(Before::key).collect(), people: names_people(before) }
    }

    /// Whether a later edit changed one of its rows or refers to one of its people.
    fn is_built_on_by(&self, later: &[Before]) -> bool {
        later.iter().any(|b| self.keys.contains(&b.key()) || builds_on(b, &self.people))
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
                return Err(EditError::Conflict(format!(
                    "two of these faces are in {}: they cannot be one person",
                    path_of(&self.tx, file)?
                )));
            }
        }
        Ok(())
    }
}

/// People that an edit created or merged; later edits that refer to them depend on it.
fn names_people(rows: &[Before]) -> HashSet<String> {
    rows.iter()
        .filter_map(|b| match b {
            Before::Born { person } | Before::Alias { alias: person, .. } => Some(person.clone()),
            _ => None,
        })
        .collect()
}

fn builds_on(row: &Before, people: &HashSet<String>) -> bool {
    match row {
        Before::FaceEdit { person, .. } | Before::PersonEdit { person, .. } => people.contains(person),
        Before::Alias { alias, person } => {
            people.contains(alias) || person.as_ref().is_some_and(|p| people.contains(p))
        }
        Before::Apart { a, b, .. } => people.contains(a) || people.contains(b),
        Before::Face { person, .. } => person.as_ref().is_some_and(|p| people.contains(p)),
        Before::Born { .. } | Before::Moved { .. } | Before::Mark { .. } => false,
    }
}

fn rows_of(json: &str) -> Result<Vec<Before>> {
    serde_json::from_str(json).map_err(|e| {
        EditError::Conflict(format!("this edit was written by another version and cannot be undone: {e}"))
    })
}

fn put_back(tx: &Connection, space: i64, before: &Before) -> Result<()> {
    match before {
        Before::Face { id, person, how, similarity, required, clustered } => {
            put_face(tx, space, *id, person.as_deref(), how.as_deref(), (*similarity, *required), *clustered)
        }
        Before::Moved { id, to, person, how, similarity, required, clustered } => {
            // Only if the face was not moved since: later edits and clustering take precedence.
            let is_there: bool = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM faces WHERE id = ?1 AND person_id IS ?2 AND coalesce(how, '') <> 'edit')",
                params![id, to],
                |r| r.get(0),
            )?;
            if is_there {
                let why = (*similarity, *required);
                put_face(tx, space, *id, person.as_deref(), how.as_deref(), why, *clustered)
            } else {
                Ok(())
            }
        }
        Before::Mark { face, mark, lost } => put_mark(tx, *face, mark.as_deref(), *lost),
        Before::FaceEdit { face, person, verdict } => {
            revive(tx, space, person)?;
            put_face_edit(tx, *face, person, verdict.as_deref())
        }
        Before::PersonEdit { person, row } => {
            revive(tx, space, person)?;
            put_person_edit(tx, person, row.as_ref())
        }
        Before::Alias { alias, person } => put_alias(tx, alias, person.as_deref()),
        Before::Apart { a, b, stood } => {
            revive(tx, space, a)?;
            revive(tx, space, b)?;
            put_apart(tx, a, b, *stood)
        }
        Before::Born { person } => {
            // Faces that clustering added since become unassigned again.
            tx.execute(
                "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL, clustered = 0
                  WHERE person_id = ?1 AND how = 'machine'",
                [person],
            )?;
            Ok(())
        }
    }
}

/// Restores a person under its id if it was removed for having no faces.
fn revive(tx: &Connection, space: i64, person: &str) -> Result<()> {
    tx.execute("INSERT OR IGNORE INTO people (id, space_id) VALUES (?1, ?2)", params![person, space])?;
    Ok(())
}

/// Restores the assignment of a face.
fn put_face(
    tx: &Connection,
    space: i64,
    id: i64,
    person: Option<&str>,
    how: Option<&str>,
    (similarity, required): (Option<f64>, Option<f64>),
    clustered: bool,
) -> Result<()> {
    if file_of(tx, id).is_err() {
        // The face was removed with its photo.
        return Ok(());
    }
    let (mut person, mut how) = (person, how);
    if let Some(who) = person {
        revive(tx, space, who)?;
        if how == Some("machine") {
            // The photo may have changed since: undo must not assign two of its faces to one person.
            if !is_free(tx, id, who)? {
                (person, how) = (None, None);
            }
        } else {
            for other in rivals(tx, id, who)? {
                tx.execute(
                    "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL WHERE id = ?1",
                    [other],
                )?;
            }
        }
    }
    tx.execute(
        "UPDATE faces SET person_id = ?2, how = ?3, similarity = ?4, required = ?5, clustered = ?6 WHERE id = ?1",
        params![id, person, how, similarity, required, clustered],
    )?;
    // The photo may have moved to another space since.
    tx.execute(
        "INSERT OR IGNORE INTO faces_strayed (file_id) SELECT file_id FROM faces WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

fn put_mark(tx: &Connection, face: i64, mark: Option<&str>, lost: bool) -> Result<()> {
    tx.execute("UPDATE faces SET mark = ?2, lost = ?3 WHERE id = ?1", params![face, mark, lost])?;
    Ok(())
}

fn put_face_edit(tx: &Connection, face: i64, person: &str, verdict: Option<&str>) -> Result<()> {
    match verdict {
        // If the face was removed with its photo, there is nothing to record.
        Some(verdict) => tx.execute(
            "INSERT OR REPLACE INTO face_edits (face_id, person_id, verdict)
             SELECT id, ?2, ?3 FROM faces WHERE id = ?1",
            params![face, person, verdict],
        )?,
        None => {
            tx.execute("DELETE FROM face_edits WHERE face_id = ?1 AND person_id = ?2", params![face, person])?
        }
    };
    Ok(())
}

fn person_edit(tx: &Connection, person: &str) -> Result<Option<PersonEditRow>> {
    Ok(tx
        .query_row(
            "SELECT name_said, name, hidden, cover_face FROM person_edits WHERE person_id = ?1",
            [person],
            |r| {
                Ok(PersonEditRow {
                    name_said: r.get(0)?,
                    name: r.get(1)?,
                    hidden: r.get(2)?,
                    cover_face: r.get(3)?,
                })
            },
        )
        .optional()?)
}

fn put_person_edit(tx: &Connection, person: &str, row: Option<&PersonEditRow>) -> Result<()> {
    match row {
        Some(PersonEditRow { name_said, name, hidden, cover_face }) => tx.execute(
            "INSERT OR REPLACE INTO person_edits (person_id, name_said, name, hidden, cover_face)
             VALUES (?1, ?2, ?3, ?4, (SELECT id FROM faces WHERE id = ?5))",
            params![person, name_said, name, hidden, cover_face],
        )?,
        None => tx.execute("DELETE FROM person_edits WHERE person_id = ?1", [person])?,
    };
    Ok(())
}

fn put_alias(tx: &Connection, alias: &str, person: Option<&str>) -> Result<()> {
    match person {
        Some(person) => tx.execute(
            "INSERT OR REPLACE INTO person_aliases (alias, person_id) VALUES (?1, ?2)",
            params![alias, person],
        )?,
        None => tx.execute("DELETE FROM person_aliases WHERE alias = ?1", [alias])?,
    };
    Ok(())
}

fn are_apart(tx: &Connection, a: &str, b: &str) -> Result<bool> {
    Ok(tx.query_row("SELECT EXISTS (SELECT 1 FROM people_apart WHERE a = ?1 AND b = ?2)", [a, b], |r| {
        r.get(0)
    })?)
}

fn put_apart(tx: &Connection, a: &str, b: &str, stands: bool) -> Result<()> {
    let sql = if stands {
        "INSERT OR IGNORE INTO people_apart (a, b) VALUES (?1, ?2)"
    } else {
        "DELETE FROM people_apart WHERE a = ?1 AND b = ?2"
    };
    tx.execute(sql, [a, b])?;
    Ok(())
}

fn file_of(tx: &Connection, face: i64) -> Result<i64> {
    tx.query_row("SELECT file_id FROM faces WHERE id = ?1", [face], |r| r.get(0))
        .optional()?
        .ok_or_else(|| EditError::NotFound(format!("there is no face {face}")))
}

fn space_of(tx: &Connection, person: &str) -> Result<i64> {
    Ok(tx.query_row("SELECT space_id FROM people WHERE id = ?1", [person], |r| r.get(0))?)
}

fn space_name(tx: &Connection, space: i64) -> Result<Option<String>> {
    Ok(tx.query_row("SELECT name FROM spaces WHERE id = ?1", [space], |r| r.get(0)).optional()?)
}

/// Whether a text has the form of a person's id, so that a mistyped id does not become a name.
fn looks_like_id(text: &str) -> bool {
    text.len() == 17 && text.starts_with('p') && text[1..].bytes().all(|b| b.is_ascii_hexdigit())
}

/// The person given by id, by the id of a person merged into it, or by a name that is unique in `space`, or across
/// all spaces.
pub(super) fn find_person(conn: &Connection, named: &str, space: Option<&str>) -> Result<String> {
    let mut st = conn.prepare_cached("SELECT id FROM spaces WHERE ?1 IS NULL OR name = ?1 ORDER BY id")?;
    let spaces = st.query_map([space], |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    if let (Some(space), true) = (space, spaces.is_empty()) {
        return Err(EditError::NotFound(format!("there is no space {space}")));
    }
    if let Some(id) = resolve(conn, named)? {
        return if spaces.contains(&space_of(conn, &id)?) {
            Ok(id)
        } else {
            Err(EditError::NotFound(format!("{} is not in that space", label(conn, &id)?)))
        };
    }
    let mut found = Vec::new();
    for space in spaces {
        found.extend(people_named(conn, space, named)?);
    }
    only_one(conn, named, found)
}

fn only_one(conn: &Connection, named: &str, mut found: Vec<String>) -> Result<String> {
    match found.len() {
        0 => Err(EditError::NotFound(format!("there is no person {named}"))),
        1 => Ok(found.remove(0)),
        _ => {
            let mut each = Vec::new();
            for id in &found {
                each.push(format!("{id} ({})", where_and_how_many(conn, id)?));
            }
            Err(EditError::Conflict(format!(
                "{named} is the name of several people: {}; give the id, or --space where that tells them apart",
                each.join(", ")
            )))
        }
    }
}

/// The space of a person and the number of its photos, to distinguish people of one name.
fn where_and_how_many(conn: &Connection, person: &str) -> Result<String> {
    let items = counts::Columns::new().items;
    Ok(conn.query_row(
        &format!(
            "SELECT 'space ' || s.name || ', ' || {items} || ' photo(s)' FROM people p JOIN spaces s ON s.id = p.space_id
               LEFT JOIN person_counts c ON c.person_id = p.id WHERE p.id = ?1"
        ),
        [person],
        |r| r.get(0),
    )?)
}

/// A person in a message: the name, if any, and the id.
pub(super) fn label(conn: &Connection, person: &str) -> Result<String> {
    Ok(name_of(conn, person)?.map_or_else(|| person.to_owned(), |name| format!("{name} ({person})")))
}
