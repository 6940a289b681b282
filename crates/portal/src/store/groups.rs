//! Groups of accounts.

use super::accounts::{check_name, key};
use super::{AccountId, Event, GroupId, Result, Store, StoreError, audit, optional};
use rusqlite::{Connection, params};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    /// Names of its accounts, in order.
    pub members: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    #[error("there is a group named {0:?} already")]
    NameTaken(String),
    #[error(
        "the name {0:?} cannot be used: a name begins with a letter or digit, has letters, digits and . _ - @, and at most 64 of them"
    )]
    BadName(String),
    #[error("there is no such group")]
    Missing,
    #[error("there is no account {0:?}")]
    NoAccount(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for GroupError {
    fn from(e: rusqlite::Error) -> GroupError {
        GroupError::Store(e.into())
    }
}

fn members(conn: &Connection, id: GroupId) -> Result<Vec<String>> {
    let sql = "SELECT a.name FROM memberships m JOIN accounts a ON a.id = m.account_id WHERE m.group_id = ?1 \
               ORDER BY a.name_key";
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_map([id], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
}

fn find(conn: &Connection, sql: &str, value: &dyn rusqlite::ToSql) -> Result<Option<Group>> {
    let found = optional(conn.prepare_cached(sql)?.query_row([value], |r| Ok((r.get(0)?, r.get(1)?))))?;
    let Some((id, name)) = found else { return Ok(None) };
    Ok(Some(Group { id, name, members: members(conn, id)? }))
}

const BY_ID: &str = "SELECT id, name FROM groups WHERE id = ?1";

impl Store {
    pub fn groups(&self) -> Result<Vec<Group>> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached("SELECT id, name FROM groups ORDER BY name_key")?;
            let rows: Vec<(GroupId, String)> =
                statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            rows.into_iter().map(|(id, name)| Ok(Group { id, name, members: members(conn, id)? })).collect()
        })
    }

    pub fn group(&self, id: GroupId) -> Result<Option<Group>> {
        self.read(|conn| find(conn, BY_ID, &id))
    }

    pub fn group_named(&self, name: &str) -> Result<Option<Group>> {
        self.read(|conn| find(conn, "SELECT id, name FROM groups WHERE name_key = ?1", &key(name)))
    }

    pub fn add_group(&self, name: &str, event: &Event<'_>) -> std::result::Result<Group, GroupError> {
        check_name(name).map_err(|_| GroupError::BadName(name.to_owned()))?;
        self.write(|tx| {
            refuse_taken(tx, name, None)?;
            tx.execute("INSERT INTO groups (name, name_key) VALUES (?1, ?2)", params![name, key(name)])?;
            let id = tx.last_insert_rowid();
            audit::record(tx, &event.of("group_added", name))?;
            Ok(Group { id, name: name.to_owned(), members: Vec::new() })
        })
    }

    /// Renames a group, and adds and removes accounts by their names.
    pub fn change_group(
        &self,
        id: GroupId,
        name: Option<&str>,
        add: &[String],
        remove: &[String],
        event: &Event<'_>,
    ) -> std::result::Result<Group, GroupError> {
        if let Some(name) = name {
            check_name(name).map_err(|_| GroupError::BadName(name.to_owned()))?;
        }
        self.write(|tx| {
            let old = find(tx, BY_ID, &id)?.ok_or(GroupError::Missing)?;
            if let Some(name) = name.filter(|name| *name != old.name) {
                refuse_taken(tx, name, Some(id))?;
                tx.execute(
                    "UPDATE groups SET name = ?2, name_key = ?3 WHERE id = ?1",
                    params![id, name, key(name)],
                )?;
            }
            for (names, sql, action) in [
                (
                    add,
                    "INSERT OR IGNORE INTO memberships (group_id, account_id) VALUES (?1, ?2)",
                    "group_joined",
                ),
                (remove, "DELETE FROM memberships WHERE group_id = ?1 AND account_id = ?2", "group_left"),
            ] {
                for name in names {
                    let sql_id = "SELECT id FROM accounts WHERE name_key = ?1";
                    let found: Option<AccountId> = optional(tx.query_row(sql_id, [key(name)], |r| r.get(0)))?;
                    let account = found.ok_or_else(|| GroupError::NoAccount(name.clone()))?;
                    if tx.execute(sql, params![id, account])? > 0 {
                        audit::record(tx, &event.of(action, &format!("{} {name}", old.name)))?;
                    }
                }
            }
            find(tx, BY_ID, &id)?.ok_or(GroupError::Missing)
        })
    }

    /// Removes a group and all rights granted to it.
    pub fn remove_group(&self, id: GroupId, event: &Event<'_>) -> std::result::Result<(), GroupError> {
        self.write(|tx| {
            let old = find(tx, BY_ID, &id)?.ok_or(GroupError::Missing)?;
            tx.execute("DELETE FROM groups WHERE id = ?1", [id])?;
            audit::record(tx, &event.of("group_removed", &old.name))?;
            Ok(())
        })
    }
}

fn refuse_taken(conn: &Connection, name: &str, id: Option<GroupId>) -> std::result::Result<(), GroupError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM groups WHERE name_key = ?1 AND id IS NOT ?2)";
    let taken: bool = conn.query_row(sql, params![key(name), id], |r| r.get(0))?;
    if taken { Err(GroupError::NameTaken(name.to_owned())) } else { Ok(()) }
}
