//! Disabling and enabling people for a space. While disabled, detected faces are removed, nothing is found by name, and
//! user edits are kept with their faces; when enabled again, the same people reappear.

use super::refresh_renamed;
use crate::Index;
use crate::Result;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

const FILES: &str = "SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id
     JOIN volumes v ON v.id = d.volume_id WHERE v.space_id = ?1";

/// Records whether people are enabled for a space. If disabled, its items are no longer found by names.
pub fn switch(index: &Index, space: i64, on: bool) -> Result<()> {
    let is_off: bool =
        index.conn.query_row("SELECT people_off FROM spaces WHERE id = ?1", [space], |r| r.get(0))?;
    if is_off != on {
        return Ok(());
    }
    let tx = Transaction::new_unchecked(&index.conn, TransactionBehavior::Immediate)?;
    tx.execute("UPDATE spaces SET people_off = ?2 WHERE id = ?1", params![space, !on])?;
    tx.execute(
        "INSERT OR IGNORE INTO people_renamed (file_id)
         SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
          WHERE v.space_id = ?1 AND (f.facts LIKE '%\"regions\"%' OR EXISTS (
                SELECT 1 FROM faces a WHERE a.file_id = f.id AND a.person_id IS NOT NULL))",
        [space],
    )?;
    refresh_renamed(&tx)?;
    Ok(tx.commit()?)
}

/// Removes the detected faces of a space for which people were disabled. Faces with a user edit, and faces of people
/// with a user edit, stay as lost with their embeddings; the next detection matches them again.
pub fn remove_found(index: &Index, space: i64) -> Result<()> {
    let tx = Transaction::new_unchecked(&index.conn, TransactionBehavior::Immediate)?;
    tx.execute(
        &format!("DELETE FROM stage_state WHERE stage IN ('faces', 'people') AND file_id IN ({FILES})"),
        [space],
    )?;
    let kept = kept(&tx, space)?;
    tx.execute(&format!("DELETE FROM faces WHERE NOT ({kept}) AND file_id IN ({FILES})"), [space])?;
    tx.execute(&format!("UPDATE faces SET lost = 1 WHERE lost = 0 AND file_id IN ({FILES})"), [space])?;
    super::cluster::sweep(&tx, space)?;
    refresh_renamed(&tx)?;
    Ok(tx.commit()?)
}

/// A condition on `faces` that holds for those with a user edit, of the face or its person, including edits that an
/// undo would restore.
fn kept(conn: &Connection, space: i64) -> Result<&'static str> {
    conn.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS kept_faces (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE IF NOT EXISTS kept_people (id TEXT PRIMARY KEY) WITHOUT ROWID;
         DELETE FROM kept_faces;
         DELETE FROM kept_people;",
    )?;
    // The log refers to faces and people in several ways (`super::edits::rows::Before`): a number in `id` or `face`, or a
    // text with a person's id.
    conn.execute(
        "INSERT OR IGNORE INTO kept_faces
         SELECT j.atom FROM people_edit_log l JOIN json_tree(l.before) j
          WHERE l.space_id = ?1 AND l.undone = 0 AND j.type = 'integer' AND j.key IN ('id', 'face')",
        [space],
    )?;
    conn.execute(
        "INSERT OR IGNORE INTO kept_people
         SELECT person_id FROM person_edits UNION SELECT person_id FROM face_edits
         UNION SELECT person_id FROM person_aliases UNION SELECT a FROM people_apart UNION SELECT b FROM people_apart
         UNION SELECT j.atom FROM people_edit_log l JOIN json_tree(l.before) j
                WHERE l.space_id = ?1 AND l.undone = 0 AND j.type = 'text' AND j.key IN ('person', 'alias', 'a', 'b')",
        [space],
    )?;
    Ok("coalesce(how, '') = 'edit' OR mark IS NOT NULL
        OR id IN (SELECT id FROM temp.kept_faces)
        OR (person_id IS NOT NULL AND person_id IN (SELECT id FROM temp.kept_people))
        OR EXISTS (SELECT 1 FROM face_edits e WHERE e.face_id = faces.id)
        OR EXISTS (SELECT 1 FROM person_edits e WHERE e.cover_face = faces.id)")
}
