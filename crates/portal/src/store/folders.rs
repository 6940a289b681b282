//! Access to shared spaces, grants on folders, and folders that are public or have a password.

use super::{AccountId, Event, GroupId, Result, Store, audit, word};
use crate::rights::{Rights, Who};
use rusqlite::{Connection, Row, params};

/// A folder: its space, the folder of the config that contains it (a volume), and the path below that, "" for
/// the volume itself. Sorted by components: a folder is followed by its descendants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FolderPath {
    pub space: String,
    /// Absolute, as bytes.
    pub volume: Vec<u8>,
    /// Relative, without `/` at its ends.
    pub path: Vec<u8>,
}

impl FolderPath {
    pub fn new(space: &str, volume: impl Into<Vec<u8>>, path: impl Into<Vec<u8>>) -> FolderPath {
        FolderPath { space: space.to_owned(), volume: volume.into(), path: path.into() }
    }

    /// 0 for the volume itself.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.path.split(|b| *b == b'/').filter(|c| !c.is_empty())
    }

    /// Whether `other` is this folder or inside of it.
    pub fn holds(&self, other: &FolderPath) -> bool {
        let is_below = || match other.path.strip_prefix(self.path.as_slice()) {
            Some(rest) => self.path.is_empty() || rest.is_empty() || rest[0] == b'/',
            None => false,
        };
        self.space == other.space && self.volume == other.volume && is_below()
    }

    /// From the volume down to this folder.
    pub fn with_ancestors(&self) -> impl Iterator<Item = FolderPath> + '_ {
        let inner = self.path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| i);
        let ends = std::iter::once(0).chain(inner).chain((!self.path.is_empty()).then_some(self.path.len()));
        ends.map(|end| FolderPath {
            space: self.space.clone(),
            volume: self.volume.clone(),
            path: self.path[..end].to_vec(),
        })
    }
}

impl Ord for FolderPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let heads = (&self.space, &self.volume).cmp(&(&other.space, &other.volume));
        heads.then_with(|| self.components().cmp(other.components()))
    }
}

impl PartialOrd for FolderPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Of an account to a shared space; without one, none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// What is granted on folders.
    Custom,
    Full,
}

impl Access {
    fn as_str(self) -> &'static str {
        match self {
            Access::Custom => "custom",
            Access::Full => "full",
        }
    }

    pub(super) fn read(text: &str) -> Option<Access> {
        [Access::Custom, Access::Full].into_iter().find(|a| a.as_str() == text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    Private,
    Public,
    Password,
}

impl Visibility {
    fn as_str(self) -> &'static str {
        match self {
            Visibility::Private => "private",
            Visibility::Public => "public",
            Visibility::Password => "password",
        }
    }

    pub(super) fn read(text: &str) -> Option<Visibility> {
        [Visibility::Private, Visibility::Public, Visibility::Password]
            .into_iter()
            .find(|v| v.as_str() == text)
    }
}

/// A right on a folder and all inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub folder: FolderPath,
    pub who: Who,
    pub rights: Rights,
}

pub(super) fn folder(row: &Row<'_>) -> rusqlite::Result<FolderPath> {
    Ok(FolderPath { space: row.get("space")?, volume: row.get("volume")?, path: row.get("path")? })
}

/// The account or group of a row that has one of both.
pub(super) fn who(row: &Row<'_>) -> rusqlite::Result<Who> {
    let account: Option<AccountId> = row.get("account_id")?;
    Ok(match account {
        Some(id) => Who::Account(id),
        None => Who::Group(row.get::<_, GroupId>("group_id")?),
    })
}

/// Both columns of an account or group.
pub(super) fn columns(who: Who) -> (Option<AccountId>, Option<GroupId>) {
    match who {
        Who::Account(id) => (Some(id), None),
        Who::Group(id) => (None, Some(id)),
    }
}

pub(super) fn all_grants(conn: &Connection) -> Result<Vec<Grant>> {
    let mut statement =
        conn.prepare_cached("SELECT space, volume, path, account_id, group_id, rights FROM folder_grants")?;
    let rows = statement.query_map([], |r| {
        Ok(Grant { folder: folder(r)?, who: who(r)?, rights: Rights::from_bits(r.get("rights")?) })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn all_visibility(conn: &Connection) -> Result<Vec<(FolderPath, Visibility)>> {
    let mut statement = conn.prepare_cached("SELECT space, volume, path, kind FROM folder_visibility")?;
    let rows = statement.query_map([], |r| Ok((folder(r)?, word(r, "kind", Visibility::read)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Store {
    /// `None` removes access; grants stay in case it is restored.
    pub fn set_space_access(
        &self,
        account: AccountId,
        name: &str,
        space: &str,
        access: Option<Access>,
        event: &Event<'_>,
    ) -> Result<()> {
        self.write(|tx| {
            match access {
                Some(access) => tx.execute(
                    "INSERT INTO space_access (account_id, space, access) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO UPDATE SET access = excluded.access",
                    params![account, space, access.as_str()],
                )?,
                None => tx.execute(
                    "DELETE FROM space_access WHERE account_id = ?1 AND space = ?2",
                    params![account, space],
                )?,
            };
            let word = access.map_or("none", Access::as_str);
            audit::record(tx, &event.of("space_access", &format!("{name} {space} {word}")))
        })
    }

    pub fn space_access(&self, account: AccountId) -> Result<Vec<(String, Access)>> {
        let sql = "SELECT space, access FROM space_access WHERE account_id = ?1 ORDER BY space";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows =
                statement.query_map([account], |r| Ok((r.get(0)?, word(r, "access", Access::read)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Switches a shared space on or off.
    pub fn switch_space(&self, space: &str, is_off: bool, event: &Event<'_>) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO space_settings (space, is_off) VALUES (?1, ?2) \
                 ON CONFLICT DO UPDATE SET is_off = excluded.is_off",
                params![space, is_off],
            )?;
            audit::record(tx, &event.of(if is_off { "space_off" } else { "space_on" }, space))
        })
    }

    /// No rights remove the grant.
    pub fn grant(&self, grant: &Grant, event: &Event<'_>) -> Result<()> {
        let (account, group) = columns(grant.who);
        let f = &grant.folder;
        self.write(|tx| {
            tx.execute(
                "DELETE FROM folder_grants WHERE space = ?1 AND volume = ?2 AND path = ?3 \
                 AND account_id IS ?4 AND group_id IS ?5",
                params![f.space, f.volume, f.path, account, group],
            )?;
            if !grant.rights.is_none() {
                tx.execute(
                    "INSERT INTO folder_grants (space, volume, path, account_id, group_id, rights, created) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        f.space,
                        f.volume,
                        f.path,
                        account,
                        group,
                        grant.rights.closed().bits(),
                        event.at
                    ],
                )?;
            }
            let path = String::from_utf8_lossy(&f.path);
            audit::record(tx, &event.of("folder_granted", &format!("{} /{path}", f.space)))
        })
    }

    /// Of one space, in order of their folders.
    pub fn grants(&self, space: &str) -> Result<Vec<Grant>> {
        let mut grants = self.read(all_grants)?;
        grants.retain(|g| g.folder.space == space);
        grants.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(grants)
    }

    /// `None`: as the parent folder. A password is a PHC string; a new one invalidates what older ones
    /// unlocked.
    pub fn set_visibility(
        &self,
        folder: &FolderPath,
        visibility: Option<Visibility>,
        password: Option<&str>,
        event: &Event<'_>,
    ) -> Result<()> {
        self.write(|tx| {
            let key = params![folder.space, folder.volume, folder.path];
            match visibility {
                None => tx.execute(
                    "DELETE FROM folder_visibility WHERE space = ?1 AND volume = ?2 AND path = ?3",
                    key,
                )?,
                Some(visibility) => tx.execute(
                    "INSERT INTO folder_visibility (space, volume, path, kind, password, version) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE \
                     SET kind = excluded.kind, password = excluded.password, version = excluded.version",
                    params![
                        folder.space,
                        folder.volume,
                        folder.path,
                        visibility.as_str(),
                        password,
                        event.at
                    ],
                )?,
            };
            let word = visibility.map_or("inherited", Visibility::as_str);
            let path = String::from_utf8_lossy(&folder.path);
            audit::record(tx, &event.of("folder_visibility", &format!("{} /{path} {word}", folder.space)))
        })
    }

    pub fn visibility(&self, space: &str) -> Result<Vec<(FolderPath, Visibility)>> {
        let mut all = self.read(all_visibility)?;
        all.retain(|(f, _)| f.space == space);
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// The PHC string of a folder with a password, and the version of the password.
    pub fn folder_password(&self, folder: &FolderPath) -> Result<Option<(String, i64)>> {
        let sql = "SELECT password, version FROM folder_visibility \
                   WHERE space = ?1 AND volume = ?2 AND path = ?3 AND kind = 'password' AND password IS NOT NULL";
        self.read(|conn| {
            let key = params![folder.space, folder.volume, folder.path];
            super::optional(conn.prepare_cached(sql)?.query_row(key, |r| Ok((r.get(0)?, r.get(1)?))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> FolderPath {
        FolderPath::new("s", "/v", path)
    }

    #[test]
    fn ancestors_begin_at_the_volume() {
        let all: Vec<_> = at("a/b/c").with_ancestors().collect();
        assert_eq!(all, [at(""), at("a"), at("a/b"), at("a/b/c")]);
        assert_eq!(at("").with_ancestors().collect::<Vec<_>>(), [at("")]);
        assert_eq!((at("").depth(), at("a/b").depth()), (0, 2));
    }

    #[test]
    fn a_folder_holds_what_is_inside_and_not_what_begins_like_it() {
        assert!(at("").holds(&at("a")));
        assert!(at("a").holds(&at("a")));
        assert!(at("a").holds(&at("a/b")));
        assert!(!at("a").holds(&at("ab")));
        assert!(!at("a/b").holds(&at("a")));
        assert!(!at("a").holds(&FolderPath::new("t", "/v", "a")));
        assert!(!at("a").holds(&FolderPath::new("s", "/w", "a")));
    }

    #[test]
    fn what_is_inside_follows_its_folder_in_order() {
        let mut all = [at("a-b"), at("a/b"), at("a"), at("")];
        all.sort();
        assert_eq!(all, [at(""), at("a"), at("a/b"), at("a-b")]);
    }
}
