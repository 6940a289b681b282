//! Where the bytes of an item are: derivatives in the index folder, originals on their volume.

use crate::Index;
use rusqlite::{OptionalExtension, Result, params};

/// A derivative of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivative {
    /// Relative to the index folder.
    pub path: String,
    pub bytes: u64,
}

/// A file on a volume: opened beneath the volume, never by a joined path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Absolute, raw bytes.
    pub volume: Vec<u8>,
    /// Relative to the volume.
    pub folder: Vec<u8>,
    pub name: Vec<u8>,
    pub bytes: u64,
    /// As `show` names it.
    pub format: Option<String>,
    pub content_hash: Option<String>,
    pub is_offline: bool,
}

/// Where an item is, for the rights on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub folder_id: i64,
    pub space: String,
    pub volume: Vec<u8>,
    /// Relative to the volume.
    pub folder: Vec<u8>,
}

impl Index {
    /// Where a shown item is, and the rights on it in this connection's scope; `None` where it is not visible.
    pub fn visible_item(&self, item: i64) -> Result<Option<(Place, u8)>> {
        let place = self
            .conn
            .prepare_cached(
                "SELECT i.folder_id, s.name, v.path, d.path FROM items i JOIN folders d ON d.id = i.folder_id
                   JOIN volumes v ON v.id = d.volume_id JOIN spaces s ON s.id = v.space_id
                 WHERE i.file_id = ?1 AND i.hidden = 0",
            )?
            .query_row([item], |r| {
                Ok(Place { folder_id: r.get(0)?, space: r.get(1)?, volume: r.get(2)?, folder: r.get(3)? })
            })
            .optional()?;
        let visible = self.scope();
        let rights = |place: &Place| visible.rights(place.folder_id, item);
        Ok(place
            .map(|place| (rights(&place), place))
            .filter(|(r, _)| r & super::visible::VIEW != 0)
            .map(|(r, p)| (p, r)))
    }

    /// A derivative by its name: `sm`, `m`, `xl`, `preview`. Whether the item may be seen is for the caller to ask.
    pub fn derivative(&self, item: i64, name: &str) -> Result<Option<Derivative>> {
        self.conn
            .prepare_cached(
                "SELECT t.path, t.bytes FROM files f JOIN derivatives t ON t.content_hash = f.content_hash
                 WHERE f.id = ?1 AND t.name = ?2",
            )?
            .query_row(params![item, name], |r| {
                Ok(Derivative { path: r.get(0)?, bytes: r.get::<_, i64>(1)?.unsigned_abs() })
            })
            .optional()
    }

    /// The original of an item, or with `role` one of its companions.
    pub fn original(&self, item: i64, role: Option<&str>) -> Result<Option<Original>> {
        self.conn
            .prepare_cached(
                "SELECT v.path, d.path, f.name, f.bytes, json_extract(f.facts, '$.format'), f.content_hash,
                        v.offline IS NOT NULL
                 FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
                 WHERE f.vanished IS NULL
                   AND CASE WHEN ?2 IS NULL THEN f.id = ?1 ELSE f.companion_of = ?1 AND f.companion_role = ?2 END
                 ORDER BY f.name LIMIT 1",
            )?
            .query_row(params![item, role], |r| {
                Ok(Original {
                    volume: r.get(0)?,
                    folder: r.get(1)?,
                    name: r.get(2)?,
                    bytes: r.get::<_, i64>(3)?.unsigned_abs(),
                    format: r.get(4)?,
                    content_hash: r.get(5)?,
                    is_offline: r.get(6)?,
                })
            })
            .optional()
    }
}
