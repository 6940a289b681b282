//! The access filter of queries: which folders and which single items a reader may see.

use crate::IndexReader;
use crate::Result;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The right to view. The other bits are defined by the caller: the portal uses 2 for download, 4 for upload, 8 for
/// manage.
pub const VIEW: u8 = 1;

/// Applies to a folder and everything below it, down to the next rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRule {
    pub space: String,
    /// Absolute path of the volume, raw bytes.
    pub volume: Vec<u8>,
    /// Relative to the volume, `""` for the volume itself.
    pub path: Vec<u8>,
    pub rights: u8,
}

/// What a reader may see, by names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Spaces that are visible completely, with their people.
    pub spaces: Vec<(String, u8)>,
    /// Folders of other spaces. The deepest matching rule decides.
    pub folders: Vec<FolderRule>,
    /// Items that are visible regardless of folders, such as those of shared albums.
    pub items: Vec<(i64, u8)>,
    /// Restricts the rules above to these items.
    pub only: Option<Vec<i64>>,
}

/// [`Rules`] resolved against the folders of an index: one array access per item, regardless of the number of rules.
#[derive(Debug, Default)]
pub struct Visible {
    /// Rights by folder id.
    folders: Vec<u8>,
    items: HashMap<i64, u8>,
    only: Option<HashSet<i64>>,
    /// Ids of spaces that are visible completely.
    whole: Vec<i64>,
    /// No restriction: the engine's own reader.
    is_all: bool,
    /// The newest folder at the time of resolution: newer ones are not included.
    newest_folder: i64,
}

impl Visible {
    /// A scope without restrictions.
    pub fn all() -> Visible {
        Visible { is_all: true, ..Visible::default() }
    }

    /// Rights on an item.
    pub fn rights(&self, folder: i64, item: i64) -> u8 {
        if self.is_all {
            return u8::MAX;
        }
        if self.only.as_ref().is_some_and(|only| !only.contains(&item)) {
            return 0;
        }
        let own = if self.items.is_empty() { 0 } else { self.items.get(&item).copied().unwrap_or(0) };
        own | self.folder(folder)
    }

    /// Rights on a folder.
    pub fn folder(&self, folder: i64) -> u8 {
        if self.is_all {
            return u8::MAX;
        }
        usize::try_from(folder).ok().and_then(|at| self.folders.get(at)).copied().unwrap_or(0)
    }

    pub fn sees(&self, folder: i64, item: i64) -> bool {
        self.rights(folder, item) & VIEW != 0
    }

    /// Whether the people of a space are visible.
    pub fn shows_people(&self, space: i64) -> bool {
        self.is_all || (self.whole.contains(&space) && self.only.is_none())
    }

    /// Ids of the spaces whose people are visible; `None`: all.
    pub fn whole_spaces(&self) -> Option<&[i64]> {
        match (self.is_all, &self.only) {
            (true, _) => None,
            (false, Some(_)) => Some(&[]),
            (false, None) => Some(&self.whole),
        }
    }

    /// Whether visibility depends only on folders, so that folders can be counted instead of items.
    pub(crate) fn is_by_folder(&self) -> bool {
        self.is_all || (self.items.is_empty() && self.only.is_none())
    }
}

/// The scope of a connection, which its SQL function `visible` reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Arc<Visible>>>);

impl Slot {
    pub(crate) fn set(&self, visible: Arc<Visible>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = visible;
    }

    pub(crate) fn get(&self) -> Arc<Visible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Defines `visible(folder_id, file_id)` on a connection. Nothing is visible until a scope is set.
    pub(crate) fn define(&self, conn: &Connection) -> Result<()> {
        let slot = self.clone();
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        Ok(conn.create_scalar_function("visible", 2, flags, move |arguments| {
            let (folder, item) = (arguments.get::<i64>(0)?, arguments.get::<i64>(1)?);
            let visible = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(visible.sees(folder, item))
        })?)
    }
}

impl IndexReader {
    /// Sets the scope for the queries of this connection.
    pub fn look_as(&self, visible: Arc<Visible>) {
        self.scope.set(visible);
    }

    /// The scope of this connection.
    pub fn scope(&self) -> Arc<Visible> {
        self.scope.get()
    }

    /// A number that changes with every change of the index by other connections. Only comparable with earlier numbers
    /// of the same connection.
    pub fn data_version(&self) -> Result<i64> {
        Ok(self.conn.pragma_query_value(None, "data_version", |r| r.get(0))?)
    }

    /// Whether folders were added since a scope was resolved: then it must be resolved again.
    pub fn is_outdated(&self, visible: &Visible) -> Result<bool> {
        if visible.is_all {
            return Ok(false);
        }
        Ok(newest_folder(&self.conn)? != visible.newest_folder)
    }

    /// Resolves rules against the folders in the index.
    pub fn resolve(&self, rules: &Rules) -> Result<Visible> {
        let newest_folder = newest_folder(&self.conn)?;
        let mut folders = vec![0; usize::try_from(newest_folder).unwrap_or(0) + 1];
        let mut whole = Vec::new();
        let mut st = self.conn.prepare_cached(
            "SELECT d.id, d.path, v.path, s.id, s.name FROM folders d
               JOIN volumes v ON v.id = d.volume_id JOIN spaces s ON s.id = v.space_id",
        )?;
        let mut rows = st.query([])?;
        // Rules by volume: one map access per folder and level of its path.
        let mut by_volume: HashMap<(&str, &[u8]), ByPath<'_>> = HashMap::new();
        for rule in &rules.folders {
            let paths = by_volume.entry((&rule.space, &rule.volume)).or_default();
            paths.insert(&rule.path, rule.rights);
        }
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let path = row.get_ref(1)?.as_blob()?;
            let volume = row.get_ref(2)?.as_blob()?;
            let space = row.get_ref(4)?.as_str()?;
            let rights = match rules.spaces.iter().find(|(name, _)| name == space) {
                Some((_, rights)) => {
                    let space_id: i64 = row.get(3)?;
                    if rights & VIEW != 0 && !whole.contains(&space_id) {
                        whole.push(space_id);
                    }
                    *rights
                }
                None => by_volume.get(&(space, volume)).map_or(0, |paths| deepest(paths, path)),
            };
            if let Some(slot) = usize::try_from(id).ok().and_then(|at| folders.get_mut(at)) {
                *slot = rights;
            }
        }
        let only = rules.only.as_ref().map(|items| items.iter().copied().collect());
        let items = rules.items.iter().copied().collect();
        Ok(Visible { folders, items, only, whole, is_all: false, newest_folder })
    }
}

/// The rights of the rules of one volume, by path.
type ByPath<'a> = HashMap<&'a [u8], u8>;

/// The rights of the rule of the deepest folder that contains `path`.
fn deepest(rules: &ByPath<'_>, path: &[u8]) -> u8 {
    let mut at = path;
    loop {
        if let Some(rights) = rules.get(at) {
            return *rights;
        }
        if at.is_empty() {
            return 0;
        }
        at = at.iter().rposition(|b| *b == b'/').map_or(b"".as_slice(), |slash| &at[..slash]);
    }
}

fn newest_folder(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("SELECT coalesce(max(id), 0) FROM folders")?.query_row([], |r| r.get(0))?)
}
