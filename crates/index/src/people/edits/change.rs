//! An edit in progress: changes rows, records their previous state, and commits both.

use super::find::{find_person, label, only_one};
use super::rows::{
    Before, PersonEditRow, are_apart, person_edit, put_alias, put_apart, put_face_edit, put_mark,
    put_person_edit,
};
use super::{EditDone, Result};
use crate::Editor;
use crate::people::{
    Conflict, EditError, Mark, cluster, copies_of_face, counts, found_person, path_of, people_named,
    refresh_renamed, resolve, rivals, space_of_file,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::HashSet;

/// An edit in progress.
pub(crate) struct Edit<'a> {
    pub(crate) tx: Transaction<'a>,
    pub(super) space: i64,
    /// The account that edits; `None`: the command line.
    account: Option<i64>,
    before: Vec<Before>,
    /// Faces unassigned in favour of another face of their photo.
    pub(super) left: Vec<i64>,
}

impl<'a> Edit<'a> {
    fn new(tx: Transaction<'a>, space: i64, account: Option<i64>) -> Edit<'a> {
        Edit { tx, space, account, before: Vec::new(), left: Vec::new() }
    }

    /// An edit in the space of a person. `person` is an id, an alias or a name that is unique in `space`, or across
    /// all spaces. Returns the id, too.
    pub(super) fn of_person(
        index: &'a mut Editor,
        person: &str,
        space: Option<&str>,
    ) -> Result<(Edit<'a>, String)> {
        let account = index.account;
        let tx = index.begin()?;
        let id = find_person(&tx, person, space)?;
        let space = space_of(&tx, &id)?;
        Ok((Edit::new(tx, space, account), id))
    }

    /// An edit in the space of a face.
    pub(crate) fn of_face(index: &'a mut Editor, face: i64) -> Result<Edit<'a>> {
        let account = index.account;
        let tx = index.begin()?;
        let file = file_of(&tx, face)?;
        let space = space_of_file(&tx, file)?;
        Ok(Edit::new(tx, space, account))
    }

    /// Resolves a second person of the edit, which must be in the same space.
    pub(super) fn person(&self, named: &str) -> Result<String> {
        // Names are unique per space only: do not match people of other spaces.
        let id = match resolve(&self.tx, named)? {
            Some(id) => id,
            None => only_one(&self.tx, named, people_named(&self.tx, self.space, named)?)?,
        };
        if space_of(&self.tx, &id)? != self.space {
            return Err(EditError::conflict(
                Conflict::OtherSpace,
                format!("{named} belongs to another space: people are never shared between spaces"),
            ));
        }
        Ok(id)
    }

    pub(crate) fn set_face(&mut self, face: i64, person: Option<&str>, how: Option<&str>) -> Result<()> {
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
    pub(crate) fn set_mark(&mut self, face: i64, mark: Option<Mark>) -> Result<()> {
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

    pub(crate) fn say(&mut self, face: i64, person: &str, verdict: Option<&str>) -> Result<()> {
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

    pub(super) fn edit_person(
        &mut self,
        person: &str,
        change: impl FnOnce(&mut PersonEditRow),
    ) -> Result<()> {
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

    pub(crate) fn set_apart(&mut self, one: &str, other: &str, stands: bool) -> Result<()> {
        let (a, b) = if one < other { (one, other) } else { (other, one) };
        let stood = are_apart(&self.tx, a, b)?;
        self.before.push(Before::Apart { a: a.to_owned(), b: b.to_owned(), stood });
        put_apart(&self.tx, a, b, stands)
    }

    pub(super) fn born(&mut self, face: i64) -> Result<String> {
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
    pub(crate) fn assert_is(&mut self, face: i64, person: &str, also: bool) -> Result<()> {
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
    pub(crate) fn forget_who(&mut self, face: i64, save: Option<&str>) -> Result<()> {
        let said: Vec<String> = {
            let mut st = self.tx.prepare_cached(
                "SELECT person_id FROM face_edits WHERE face_id = ?1 AND verdict = 'is' AND person_id IS NOT ?2",
            )?;
            st.query_map(params![face, save], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        said.iter().try_for_each(|old| self.say(face, old, None))
    }

    /// Asserts that a face and its copies are not a person; faces assigned to the person become unassigned.
    pub(crate) fn assert_not(&mut self, face: i64, person: &str) -> Result<()> {
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
    pub(super) fn merge(&mut self, kept: &str, gone: &str, also: bool) -> Result<()> {
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
            let why = format!(
                "{first} and {second} are both in {}{photos} ({}). If one of the faces is wrong, say so first (albumen \
                 faces reject FACE); if both are right, as in a mirror, a collage or a photo of a photo, merge with --also",
                path_of(&self.tx, file)?,
                faces.join(", ")
            );
            return Err(EditError::conflict(Conflict::InOnePhoto, why));
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
            let why = format!(
                "{first} and {second} cannot be one person: it was said that the face in {} is not both. Undo that \
                 first (albumen people undo)",
                path_of(&self.tx, file)?
            );
            return Err(EditError::conflict(Conflict::Rejected, why));
        }
        if are_apart(&self.tx, a.min(b), a.max(b))? {
            let photo: Option<i64> = self
                .tx
                .query_row("SELECT file_id FROM faces WHERE person_id = ?1 ORDER BY id LIMIT 1", [b], |r| {
                    r.get(0)
                })
                .optional()?;
            let photo = photo.map(|p| path_of(&self.tx, p)).transpose()?.unwrap_or_default();
            let why = format!(
                "{first} and {second} cannot be one person: they were told apart ({second} is in {photo}). Undo that \
                 first (albumen people undo)"
            );
            return Err(EditError::conflict(Conflict::Apart, why));
        }
        Ok(())
    }

    pub(super) fn label(&self, person: &str) -> Result<String> {
        label(&self.tx, person)
    }

    /// Updates the clustering, writes the undo log including faces that clustering moved, and commits.
    pub(crate) fn finish(
        mut self,
        words: String,
        person: Option<String>,
        bring_in: bool,
    ) -> Result<EditDone> {
        let joined = if bring_in {
            let (joined, moved) = noting_moves(&self.tx, || cluster_after_edit(&self.tx, self.space))?;
            self.before.extend(moved);
            joined
        } else {
            0
        };
        let before = serde_json::to_string(&self.before).expect("plain rows");
        self.tx.execute(
            "INSERT INTO people_edit_log (at, space_id, words, before, account) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![albumen_core::clock::now(), self.space, words, before, self.account],
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
pub(super) fn cluster_after_edit(tx: &Connection, space: i64) -> Result<u64> {
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

pub(super) fn file_of(tx: &Connection, face: i64) -> Result<i64> {
    tx.query_row("SELECT file_id FROM faces WHERE id = ?1", [face], |r| r.get(0))
        .optional()?
        .ok_or_else(|| EditError::NotFound(format!("there is no face {face}")))
}

pub(super) fn space_of(tx: &Connection, person: &str) -> Result<i64> {
    Ok(tx.query_row("SELECT space_id FROM people WHERE id = ?1", [person], |r| r.get(0))?)
}

pub(super) fn space_name(tx: &Connection, space: i64) -> Result<Option<String>> {
    Ok(tx.query_row("SELECT name FROM spaces WHERE id = ?1", [space], |r| r.get(0)).optional()?)
}
