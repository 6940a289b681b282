//! User edits of items: titles, descriptions, dates, ratings, positions, tags. An edit takes precedence over all found facts and
//! belongs to the item: it survives every reindex, move and change of content.
//!
//! Each call is one short transaction, durable when it returns. Edits of people are in [`super::people`].

use super::overrides::{DateEdit, Field};
use super::position::{PlaceUpdater, Position};
use super::{Editor, IndexReader, items};
use crate::Result;
use rusqlite::{Connection, params};

/// Items changed in one transaction, which bounds the time that other writers wait.
const BATCH: usize = 200;

/// One edit of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// `None`: no title, even if the file has one.
    Title(Option<String>),
    Description(Option<String>),
    /// -1 to 5, as in [`Facts::rating`](albumen_core::vocabulary::Facts::rating).
    Rating(Option<i8>),
    Taken(DateEdit),
    /// `None`: no position, even if the file has one.
    Gps(Option<Position>),
    AddTag(String),
    RemoveTag(String),
    /// Removes the edit of a field.
    Forget(Field),
}

/// A tag, and how many shown items have it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TagCount {
    pub tag: String,
    pub count: u64,
}

impl IndexReader {
    /// Every tag of visible items with the number of its items, by name.
    pub fn tags(&self) -> Result<Vec<TagCount>> {
        Ok(self
            .conn
            .prepare(
                "SELECT tag, count(*) FROM item_tags t JOIN items i USING (file_id) WHERE i.hidden = 0
                 GROUP BY tag ORDER BY tag",
            )?
            .query_map([], |r| Ok(TagCount { tag: r.get(0)?, count: r.get::<_, i64>(1)? as u64 }))?
            .collect::<rusqlite::Result<_>>()?)
    }
}

impl Editor {
    /// Makes the same edits to some items, given by file id. Returns those that are items.
    pub fn edit_items(&mut self, files: &[i64], edits: &[Edit]) -> Result<Vec<i64>> {
        let mut edited = Vec::new();
        let mut places = PlaceUpdater::default();
        for batch in files.chunks(BATCH) {
            let tx = self.begin()?;
            for file in batch {
                if !tx.prepare_cached("SELECT 1 FROM items WHERE file_id = ?1")?.exists([file])? {
                    continue;
                }
                for edit in edits {
                    put(&tx, *file, edit, &mut places)?;
                }
                items::refresh(&tx, *file)?;
                edited.push(*file);
            }
            tx.commit()?;
        }
        Ok(edited)
    }

    /// Renames a tag on all items, as an edit of each item that has it. Returns these items.
    pub fn rename_tag(&mut self, from: &str, to: &str) -> Result<Vec<i64>> {
        let files: Vec<i64> = self
            .conn
            .prepare("SELECT t.file_id FROM item_tags t JOIN items i USING (file_id) WHERE tag = ?1 AND hidden = 0")?
            .query_map([from], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.edit_items(&files, &[Edit::RemoveTag(from.to_owned()), Edit::AddTag(to.to_owned())])
    }
}

pub(crate) fn put(conn: &Connection, file: i64, edit: &Edit, places: &mut PlaceUpdater) -> Result<()> {
    let mut set =
        |field: Field, edit: Option<Option<&str>>| set_field(conn, file, field.name(), edit, places);
    match edit {
        Edit::Title(value) => set(Field::Title, Some(value.as_deref())),
        Edit::Description(value) => set(Field::Description, Some(value.as_deref())),
        Edit::Rating(value) => set(Field::Rating, Some(value.map(|r| r.to_string()).as_deref())),
        Edit::Taken(date) => set(Field::Taken, Some(Some(&date.to_text()))),
        Edit::Gps(position) => set(Field::Gps, Some(position.map(Position::to_text).as_deref())),
        Edit::AddTag(name) => set_tag(conn, file, name, Some(true)),
        Edit::RemoveTag(name) => set_tag(conn, file, name, Some(false)),
        Edit::Forget(Field::Tags) => {
            Ok(conn.prepare_cached("DELETE FROM tag_edits WHERE file_id = ?1")?.execute([file]).map(drop)?)
        }
        Edit::Forget(field) => set(*field, None),
    }
}

/// Stores the edit of a field: a value, or that there is none. `None` removes the edit. The place of an item follows its
/// position.
pub(crate) fn set_field(
    conn: &Connection,
    file: i64,
    field: &str,
    edit: Option<Option<&str>>,
    places: &mut PlaceUpdater,
) -> Result<()> {
    if let Some(value) = edit {
        conn.prepare_cached(
            "INSERT INTO item_edits (file_id, field, value, edited) VALUES (?1, ?2, ?3, unixepoch())
             ON CONFLICT (file_id, field) DO UPDATE SET value = ?3, edited = unixepoch()",
        )?
        .execute(params![file, field, value])?;
    } else {
        conn.prepare_cached("DELETE FROM item_edits WHERE file_id = ?1 AND field = ?2")?
            .execute(params![file, field])?;
    }
    if field == Field::Gps.name() { places.update(conn, file) } else { Ok(()) }
}

/// Stores whether a user added or removed a tag. `None` removes the edit.
pub(crate) fn set_tag(conn: &Connection, file: i64, tag: &str, given: Option<bool>) -> Result<()> {
    if let Some(given) = given {
        conn.prepare_cached(
            "INSERT INTO tag_edits (file_id, tag, given, edited) VALUES (?1, ?2, ?3, unixepoch())
             ON CONFLICT (file_id, tag) DO UPDATE SET given = ?3, edited = unixepoch()",
        )?
        .execute(params![file, tag, given])?;
    } else {
        conn.prepare_cached("DELETE FROM tag_edits WHERE file_id = ?1 AND tag = ?2")?
            .execute(params![file, tag])?;
    }
    Ok(())
}
