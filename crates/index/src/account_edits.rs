//! Item edits by accounts of a server, each of which can be undone, and favourites.
//!
//! An edit is one transaction with its entry in `item_edit_log`, which stores the edits of each item before and after.
//! Undo restores the previous edits where no later edit changed them.

use super::edits::{Edit, put, set_field, set_tag};
use super::overrides::DateEdit;
use super::position::PlaceUpdater;
use super::{Editor, IndexReader, items};
use crate::Result;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// An edit of some items by an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountEdit {
    pub edits: Vec<Edit>,
    /// Shifts the dates of items that have one by this number of seconds.
    pub shift_taken: Option<i64>,
    pub favourite: Option<bool>,
}

/// The result of an edit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// Items whose edits changed.
    pub items: Vec<i64>,
    /// Its id in the log; `None` if nothing changed.
    pub edit: Option<i64>,
}

/// An edit in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEdit {
    pub account: i64,
    pub is_undone: bool,
    pub items: Vec<i64>,
    /// It changes only favourites of the account.
    pub is_own: bool,
}

/// An edit of one field: none, or a value, which may be an explicit absence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    said: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// The edits of an item by all accounts, and whether it is a favourite of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, Said>,
    /// true: added, false: removed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, Option<bool>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    favourite: Option<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Change {
    item: i64,
    before: State,
    after: State,
}

impl State {
    fn of(conn: &Connection, item: i64, account: i64) -> Result<State> {
        let mut state = State::default();
        let mut st = conn.prepare_cached("SELECT field, value FROM item_edits WHERE file_id = ?1")?;
        let mut rows = st.query([item])?;
        while let Some(r) = rows.next()? {
            state.fields.insert(r.get(0)?, Said { said: true, value: r.get(1)? });
        }
        let mut st = conn.prepare_cached("SELECT tag, given FROM tag_edits WHERE file_id = ?1")?;
        let mut rows = st.query([item])?;
        while let Some(r) = rows.next()? {
            state.tags.insert(r.get(0)?, Some(r.get(1)?));
        }
        let mut st = conn.prepare_cached("SELECT 1 FROM favourites WHERE account = ?1 AND file_id = ?2")?;
        state.favourite = Some(st.exists([account, item])?);
        Ok(state)
    }

    /// Keeps what differs from `other`; an edit that is missing in one of them is recorded as none.
    fn differing(&self, other: &State) -> State {
        let unsaid = Said::default();
        let fields = self.fields.keys().chain(other.fields.keys()).filter_map(|field| {
            let (mine, theirs) = (self.fields.get(field), other.fields.get(field));
            (mine != theirs).then(|| (field.clone(), mine.unwrap_or(&unsaid).clone()))
        });
        let tags = self.tags.keys().chain(other.tags.keys()).filter_map(|tag| {
            let (mine, theirs) = (self.tags.get(tag), other.tags.get(tag));
            (mine != theirs).then(|| (tag.clone(), mine.copied().flatten()))
        });
        State {
            fields: fields.collect(),
            tags: tags.collect(),
            favourite: self.favourite.filter(|_| self.favourite != other.favourite),
        }
    }

    fn is_empty(&self) -> bool {
        *self == State::default()
    }
}

impl IndexReader {
    pub fn logged_edit(&self, edit: i64) -> Result<Option<LoggedEdit>> {
        let Some((account, is_undone, changes)) = logged(&self.conn, edit)? else { return Ok(None) };
        let is_own = changes.iter().all(|c| c.before.fields.is_empty() && c.before.tags.is_empty());
        Ok(Some(LoggedEdit { account, is_undone, items: changes.iter().map(|c| c.item).collect(), is_own }))
    }

    /// Which of some items are favourites of an account.
    pub fn favourites_among(&self, account: i64, items: &[i64]) -> Result<HashSet<i64>> {
        let mut st =
            self.conn.prepare_cached("SELECT 1 FROM favourites WHERE account = ?1 AND file_id = ?2")?;
        let mut found = HashSet::new();
        for &item in items {
            if st.exists([account, item])? {
                found.insert(item);
            }
        }
        Ok(found)
    }
}

impl Editor {
    /// Applies an edit to some items, for an account.
    pub fn edit_as(&mut self, account: i64, files: &[i64], edit: &AccountEdit, now: i64) -> Result<Edited> {
        let tx = self.begin()?;
        let mut changes = Vec::new();
        let mut places = PlaceUpdater::default();
        for &item in files {
            if !tx.prepare_cached("SELECT 1 FROM items WHERE file_id = ?1 AND hidden = 0")?.exists([item])? {
                continue;
            }
            let before = State::of(&tx, item, account)?;
            for edit in &edit.edits {
                put(&tx, item, edit, &mut places)?;
            }
            if let Some(date) = edit.shift_taken.map(|by| shifted(&tx, item, by)).transpose()?.flatten() {
                put(&tx, item, &Edit::Taken(date), &mut places)?;
            }
            if let Some(is_favourite) = edit.favourite {
                set_favourite(&tx, account, item, is_favourite)?;
            }
            let after = State::of(&tx, item, account)?;
            if before != after {
                changes.push(Change {
                    item,
                    before: before.differing(&after),
                    after: after.differing(&before),
                });
            }
        }
        if changes.is_empty() {
            return Ok(Edited::default());
        }
        let changed: Vec<i64> = changes.iter().map(|c| c.item).collect();
        refresh(&tx, &changed)?;
        let text = serde_json::to_string(&changes).expect("numbers and texts");
        tx.execute(
            "INSERT INTO item_edit_log (account, at, changes) VALUES (?1, ?2, ?3)",
            params![account, now, text],
        )?;
        let edit = tx.last_insert_rowid();
        tx.commit()?;
        Ok(Edited { items: changed, edit: Some(edit) })
    }

    /// Undoes an edit of an account; later edits stay. Returns the items whose edits changed; `None` if the account has
    /// no such edit or has undone it already.
    pub fn undo_as(&mut self, account: i64, edit: i64) -> Result<Option<Vec<i64>>> {
        let tx = self.begin()?;
        let Some((owner, is_undone, changes)) = logged(&tx, edit)? else { return Ok(None) };
        if owner != account || is_undone {
            return Ok(None);
        }
        let mut changed = Vec::new();
        let mut places = PlaceUpdater::default();
        for Change { item, before, after } in changes {
            if !tx.prepare_cached("SELECT 1 FROM items WHERE file_id = ?1")?.exists([item])? {
                continue;
            }
            let present = State::of(&tx, item, account)?;
            let unsaid = Said::default();
            let fields = before.fields.iter().filter(|(field, _)| {
                present.fields.get(*field).unwrap_or(&unsaid) == after.fields.get(*field).unwrap_or(&unsaid)
            });
            for (field, said) in fields {
                set_field(&tx, item, field, said.said.then_some(said.value.as_deref()), &mut places)?;
            }
            let tags = before.tags.iter().filter(|(tag, _)| {
                present.tags.get(*tag).copied().flatten() == after.tags.get(*tag).copied().flatten()
            });
            for (tag, given) in tags {
                set_tag(&tx, item, tag, *given)?;
            }
            if let Some(was) = before.favourite.filter(|_| present.favourite == after.favourite) {
                set_favourite(&tx, account, item, was)?;
            }
            if !State::of(&tx, item, account)?.differing(&present).is_empty() {
                changed.push(item);
            }
        }
        refresh(&tx, &changed)?;
        tx.execute("UPDATE item_edit_log SET undone = 1 WHERE id = ?1", [edit])?;
        tx.commit()?;
        Ok(Some(changed))
    }
}

/// Updates changed items, some at a time, which bounds the memory for their search texts.
fn refresh(conn: &Connection, changed: &[i64]) -> Result<()> {
    const BATCH: usize = 500;
    changed.chunks(BATCH).try_for_each(|some| items::refresh_all(conn, some.iter().copied()))
}

fn logged(conn: &Connection, edit: i64) -> Result<Option<(i64, bool, Vec<Change>)>> {
    let found: Option<(i64, bool, String)> = conn
        .prepare_cached("SELECT account, undone, changes FROM item_edit_log WHERE id = ?1")?
        .query_row([edit], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((account, is_undone, text)) = found else { return Ok(None) };
    let changes = serde_json::from_str(&text).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(e))
    })?;
    Ok(Some((account, is_undone, changes)))
}

/// The shifted date of an item; `None` if its date has no precision to the second.
fn shifted(conn: &Connection, item: i64, by: i64) -> Result<Option<DateEdit>> {
    let (facts, _) = items::final_facts(conn, item)?;
    let Some(taken) = facts.taken else { return Ok(None) };
    let text = taken.local + taken.offset.as_deref().unwrap_or_default();
    Ok(DateEdit::parse(&text).ok().and_then(|date| date.shifted(by)))
}

fn set_favourite(conn: &Connection, account: i64, item: i64, is_favourite: bool) -> Result<()> {
    let sql = if is_favourite {
        "INSERT OR IGNORE INTO favourites (account, file_id) VALUES (?1, ?2)"
    } else {
        "DELETE FROM favourites WHERE account = ?1 AND file_id = ?2"
    };
    Ok(conn.prepare_cached(sql)?.execute([account, item]).map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Index;

    fn index() -> (Index, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        index.conn.execute_batch("INSERT INTO spaces (id, name, kind) VALUES (1, 's', 'shared')").unwrap();
        let volume = index.volume(1, b"/v").unwrap().id;
        let folder = index.folder(volume, b"").unwrap();
        for (id, taken) in [(1, "2023-07-01T10:20:30"), (2, "1965-07"), (3, "2023-12-31T23:00:00")] {
            let facts = format!(
                r#"{{"kind":"photo","format":"jpeg","taken":{{"local":"{taken}","source":"file"}},"tags":["old"]}}"#
            );
            index
                .conn
                .execute(
                    "INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added, facts)
                     VALUES (?1, ?2, CAST(?1 || '.jpg' AS BLOB), 1, 1, 1, 1, 1, 1, ?3)",
                    params![id, folder, facts],
                )
                .unwrap();
            items::refresh(&index.conn, id).unwrap();
        }
        (index, dir)
    }

    fn shown(index: &Index, item: i64) -> (Option<String>, String, Vec<String>) {
        let (facts, _) = items::final_facts(&index.conn, item).unwrap();
        (facts.title, facts.taken.unwrap().local, facts.tags)
    }

    fn title(text: &str) -> AccountEdit {
        AccountEdit { edits: vec![Edit::Title(Some(text.into()))], ..AccountEdit::default() }
    }

    #[test]
    fn an_edit_is_undone_to_what_was_said_before_it() {
        let (mut index, _dir) = index();
        let before = shown(&index, 1);
        let edit = AccountEdit {
            edits: vec![
                Edit::Title(Some("Sea".into())),
                Edit::AddTag("new".into()),
                Edit::RemoveTag("old".into()),
            ],
            shift_taken: Some(7200),
            favourite: Some(true),
        };
        let edited = index.edit_as(7, &[1, 999], &edit, 0).unwrap();
        assert_eq!(edited.items, [1]);
        let after = (Some("Sea".into()), "2023-07-01T12:20:30".into(), vec!["new".into()]);
        assert_eq!(shown(&index, 1), after);
        assert_eq!(index.favourites_among(7, &[1, 2]).unwrap(), [1].into());
        assert_eq!(index.favourites_among(8, &[1, 2]).unwrap(), HashSet::new());
        let id = edited.edit.unwrap();
        assert_eq!(index.undo_as(8, id).unwrap(), None, "an edit of another account");
        assert_eq!(index.undo_as(7, id).unwrap(), Some(vec![1]));
        assert_eq!(shown(&index, 1), before);
        assert!(index.favourites_among(7, &[1]).unwrap().is_empty());
        let left: i64 = index
            .conn
            .query_row(
                "SELECT (SELECT count(*) FROM item_edits) + (SELECT count(*) FROM tag_edits)",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(left, 0);
        assert_eq!(index.undo_as(7, id).unwrap(), None, "once");
    }

    #[test]
    fn undo_keeps_what_was_said_since() {
        let (mut index, _dir) = index();
        let first = index.edit_as(7, &[1, 2], &title("First"), 0).unwrap().edit.unwrap();
        index.edit_as(8, &[1], &title("Second"), 0).unwrap();
        assert_eq!(index.undo_as(7, first).unwrap(), Some(vec![2]));
        assert_eq!(shown(&index, 1).0.as_deref(), Some("Second"));
        assert_eq!(shown(&index, 2).0, None);
    }

    #[test]
    fn nothing_changed_is_no_edit() {
        let (mut index, _dir) = index();
        index.edit_as(7, &[1], &title("Sea"), 0).unwrap();
        assert_eq!(index.edit_as(7, &[1], &title("Sea"), 0).unwrap(), Edited::default());
    }

    #[test]
    fn only_whole_dates_are_moved() {
        let (mut index, _dir) = index();
        let shift = AccountEdit { shift_taken: Some(3600), ..AccountEdit::default() };
        let edited = index.edit_as(7, &[1, 2, 3], &shift, 0).unwrap();
        assert_eq!(edited.items, [1, 3]);
        assert_eq!(shown(&index, 2).1, "1965-07");
        assert_eq!(shown(&index, 3).1, "2024-01-01T00:00:00");
    }
}
