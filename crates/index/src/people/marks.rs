//! User edits that mark a face as no face or as an unknown person.

use super::edits::{Edit, EditDone};
use super::{EditError, copies_of_face, path_of};
use crate::Editor;
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, EditError>;

/// A mark of a face, instead of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A false detection, hidden everywhere.
    NoFace,
    /// An unknown person, such as a passer-by: shown as a face, without a person, and not suggested.
    #[serde(rename = "nobody")]
    Unknown,
}

impl Mark {
    /// Name in the index and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Mark::NoFace => "no_face",
            Mark::Unknown => "nobody",
        }
    }
}

impl Editor {
    /// Marks a face, and the same face in copies of its photo; `None` removes the mark.
    pub fn mark_face(&mut self, face: i64, mark: Option<Mark>) -> Result<EditDone> {
        let mut edit = Edit::of_face(self, face)?;
        let file: i64 = edit.tx.query_row("SELECT file_id FROM faces WHERE id = ?1", [face], |r| r.get(0))?;
        let photo = path_of(&edit.tx, file)?;
        for copy in copies_of_face(&edit.tx, face)? {
            if mark.is_some() {
                edit.forget_who(copy, None)?;
                edit.set_face(copy, None, None)?;
            }
            edit.set_mark(copy, mark)?;
        }
        let words = match mark {
            Some(Mark::NoFace) => format!("said that face {face} is no face ({photo})"),
            Some(Mark::Unknown) => format!("said that face {face} is an unknown person ({photo})"),
            None => format!("said that face {face} is a face of a person ({photo})"),
        };
        edit.finish(words, None, true)
    }
}
