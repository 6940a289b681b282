//! User edits of items: titles, descriptions, dates, ratings, positions, tags. An edit takes precedence over all found facts and
//! belongs to the item: it survives every reindex, move and change of content.
//!
//! Each call is one short transaction, durable when it returns. Edits of people are in [`super::people`].

use super::position::{PlaceUpdater, Position};
use super::said::{DateEdit, Field};
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
    let set = |field: Field, value: Option<&str>| {
        conn.prepare_cached(
            "INSERT INTO item_edits (file_id, field, value, edited) VALUES (?1, ?2, ?3, unixepoch())
             ON CONFLICT (file_id, field) DO UPDATE SET value = ?3, edited = unixepoch()",
        )?
        .execute(params![file, field.name(), value])
        .map(drop)
    };
    let tag = |tag: &str, given: bool| {
        conn.prepare_cached(
            "INSERT INTO tag_edits (file_id, tag, given, edited) VALUES (?1, ?2, ?3, unixepoch())
             ON CONFLICT (file_id, tag) DO UPDATE SET given = ?3, edited = unixepoch()",
        )?
        .execute(params![file, tag, given])
        .map(drop)
    };
    match edit {
        Edit::Title(value) => Ok(set(Field::Title, value.as_deref())?),
        Edit::Description(value) => Ok(set(Field::Description, value.as_deref())?),
        Edit::Rating(value) => Ok(set(Field::Rating, value.map(|r| r.to_string()).as_deref())?),
        Edit::Taken(date) => Ok(set(Field::Taken, Some(&date.to_text()))?),
        Edit::Gps(position) => {
            set(Field::Gps, position.map(Position::to_text).as_deref())?;
            places.update(conn, file)
        }
        Edit::AddTag(name) => Ok(tag(name, true)?),
        Edit::RemoveTag(name) => Ok(tag(name, false)?),
        Edit::Forget(Field::Tags) => {
            Ok(conn.prepare_cached("DELETE FROM tag_edits WHERE file_id = ?1")?.execute([file]).map(drop)?)
        }
        Edit::Forget(field) => {
            conn.prepare_cached("DELETE FROM item_edits WHERE file_id = ?1 AND field = ?2")?
                .execute(params![file, field.name()])?;
            if *field == Field::Gps { places.update(conn, file) } else { Ok(()) }
        }
    }
}
