//! Lists the edits that can be undone, and undoes one.

use super::change::{cluster_after_edit, file_of, space_name};
use super::rows::{Before, put_alias, put_apart, put_face_edit, put_mark, put_person_edit};
use super::{EditDone, Result};
use crate::people::{Conflict, EditError, counts, is_free, refresh_renamed, rivals};
use crate::{Editor, IndexReader};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use std::collections::HashSet;

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

/// An edit of people in the log, for a server with its own access control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedPeopleEdit {
    /// `None`: of the command line.
    pub account: Option<i64>,
    pub space: String,
    pub is_undone: bool,
}

impl IndexReader {
    pub fn logged_people_edit(&self, edit: i64) -> Result<Option<LoggedPeopleEdit>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT l.account, s.name, l.undone FROM people_edit_log l JOIN spaces s ON s.id = l.space_id
                  WHERE l.id = ?1",
            )?
            .query_row([edit], |r| {
                Ok(LoggedPeopleEdit { account: r.get(0)?, space: r.get(1)?, is_undone: r.get(2)? })
            })
            .optional()?)
    }

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
    /// Undoes an edit of some spaces, or of all; by default the last one. For an account ([`Editor::act_for`]), only an
    /// edit of its own.
    pub fn undo_people_edit(&mut self, edit: Option<i64>, spaces: Option<&[String]>) -> Result<EditDone> {
        let account = self.account;
        let tx = self.begin()?;
        let row: Option<(i64, i64, String, String)> = tx
            .query_row(
                "SELECT id, space_id, words, before FROM people_edit_log
                  WHERE undone = 0 AND (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR space_id IN
                    (SELECT id FROM spaces WHERE name IN (SELECT value FROM json_each(?2))))
                    AND (?3 IS NULL OR account = ?3)
                  ORDER BY id DESC LIMIT 1",
                params![edit, spaces.map(|s| serde_json::to_string(s).expect("strings")), account],
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
                let why = format!("edit {later} ({words}) came later and builds on this one: undo it first");
                return Err(EditError::conflict(Conflict::LaterEdit, why));
            }
        }
        before.iter().rev().try_for_each(|b| put_back(&tx, space, b))?;
        tx.execute("UPDATE people_edit_log SET undone = 1 WHERE id = ?1", [id])?;
        let joined = cluster_after_edit(&tx, space)?;
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
        let why = format!("this edit was written by another version and cannot be undone: {e}");
        EditError::conflict(Conflict::OtherVersion, why)
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
