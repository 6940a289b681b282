//! The rows that edits change: their previous state, as the undo log stores it, and how they are written.

use super::Result;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// A row as it was before an edit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Before {
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
pub(super) struct PersonEditRow {
    pub(super) name_said: bool,
    pub(super) name: Option<String>,
    pub(super) hidden: bool,
    pub(super) cover_face: Option<i64>,
}

impl Before {
    /// The key of the row; a row that a later edit changed too blocks undo.
    pub(super) fn key(&self) -> String {
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

pub(super) fn put_mark(tx: &Connection, face: i64, mark: Option<&str>, lost: bool) -> Result<()> {
    tx.execute("UPDATE faces SET mark = ?2, lost = ?3 WHERE id = ?1", params![face, mark, lost])?;
    Ok(())
}

pub(super) fn put_face_edit(tx: &Connection, face: i64, person: &str, verdict: Option<&str>) -> Result<()> {
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

pub(super) fn person_edit(tx: &Connection, person: &str) -> Result<Option<PersonEditRow>> {
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

pub(super) fn put_person_edit(tx: &Connection, person: &str, row: Option<&PersonEditRow>) -> Result<()> {
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

pub(super) fn put_alias(tx: &Connection, alias: &str, person: Option<&str>) -> Result<()> {
    match person {
        Some(person) => tx.execute(
            "INSERT OR REPLACE INTO person_aliases (alias, person_id) VALUES (?1, ?2)",
            params![alias, person],
        )?,
        None => tx.execute("DELETE FROM person_aliases WHERE alias = ?1", [alias])?,
    };
    Ok(())
}

pub(super) fn are_apart(tx: &Connection, a: &str, b: &str) -> Result<bool> {
    Ok(tx.query_row("SELECT EXISTS (SELECT 1 FROM people_apart WHERE a = ?1 AND b = ?2)", [a, b], |r| {
        r.get(0)
    })?)
}

pub(super) fn put_apart(tx: &Connection, a: &str, b: &str, stands: bool) -> Result<()> {
    let sql = if stands {
        "INSERT OR IGNORE INTO people_apart (a, b) VALUES (?1, ?2)"
    } else {
        "DELETE FROM people_apart WHERE a = ?1 AND b = ?2"
    };
    tx.execute(sql, [a, b])?;
    Ok(())
}
