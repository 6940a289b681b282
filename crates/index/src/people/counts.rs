//! The number of photos of each person, stored in `person_counts`, so that a list of people reads one row for each
//! person.
//!
//! Triggers delete a person's row when one of its faces or items changes. [`keep`] inserts missing rows; readers, which
//! cannot write, count what is missing.

use rusqlite::{Connection, Result, params};

/// Visible faces of a person, joined with `items`, whose rows are a fifth as long as those of `files`.
const SHOWN: &str = "FROM faces a JOIN items i ON i.file_id = a.file_id
    WHERE a.person_id = p.id AND a.lost = 0 AND i.hidden = 0";

/// The columns of `person_counts` (aliased `c`) for a person (`p`); counted if the row is missing.
pub(super) struct Columns {
    pub(super) items: String,
    pub(super) faces: String,
    pub(super) best_face: String,
}

impl Columns {
    pub(super) fn new() -> Columns {
        let [items, faces, best_face] = counted();
        let kept = |name: &str, counted: String| {
            format!("CASE WHEN c.person_id IS NULL THEN ({counted}) ELSE c.{name} END")
        };
        Columns {
            items: kept("items", items),
            faces: kept("faces", faces),
            best_face: kept("best_face", best_face),
        }
    }
}

/// SQL that counts items and faces and finds the best face of a person (`p`).
fn counted() -> [String; 3] {
    [
        format!("SELECT count(DISTINCT a.file_id) {SHOWN}"),
        format!("SELECT count(*) {SHOWN}"),
        format!("SELECT a.id {SHOWN} ORDER BY a.quality DESC, a.id LIMIT 1"),
    ]
}

/// Counts the people of a space whose row is missing.
pub(super) fn keep(conn: &Connection, space: i64) -> Result<()> {
    let [items, faces, best_face] = counted();
    conn.prepare_cached(&format!(
        "INSERT INTO person_counts (person_id, items, faces, best_face)
         SELECT p.id, ({items}), ({faces}), ({best_face}) FROM people p
          WHERE p.space_id = ?1 AND NOT EXISTS (SELECT 1 FROM person_counts c WHERE c.person_id = p.id)"
    ))?
    .execute(params![space])
    .map(drop)
}

/// People whose stored counts differ from a recount, for `verify`.
pub(crate) fn wrong(conn: &Connection) -> Result<Vec<String>> {
    let [items, faces, best_face] = counted();
    let mut st = conn.prepare(&format!(
        "SELECT p.id FROM people p JOIN person_counts c ON c.person_id = p.id
          WHERE c.items <> ({items}) OR c.faces <> ({faces}) OR c.best_face IS NOT ({best_face}) ORDER BY p.seq"
    ))?;
    st.query_map([], |r| r.get(0))?.collect()
}
