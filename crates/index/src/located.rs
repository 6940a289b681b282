//! One item for a server with its own access control: its location, and the files that may be sent.

use super::IndexReader;
use crate::Result;
use rusqlite::{OptionalExtension, params};

/// The location and type of an item's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub space: String,
    /// Absolute, raw bytes.
    pub volume: Vec<u8>,
    /// Relative to the volume, raw bytes; empty for the volume itself.
    pub folder: Vec<u8>,
    pub name: Vec<u8>,
    /// Detected from its content; `None` if unknown.
    pub format: Option<String>,
    /// Why the volume is offline.
    pub offline: Option<String>,
}

/// A derivative of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Relative to the index folder. It contains content, version and settings: the file at a path never changes.
    pub path: String,
}

impl IndexReader {
    /// A visible item; `None` for companions, hidden and removed ones.
    pub fn located(&self, item: i64) -> Result<Option<Located>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT s.name, v.path, d.path, f.name, i.format, v.offline
                 FROM items i JOIN files f ON f.id = i.file_id JOIN folders d ON d.id = f.folder_id
                   JOIN volumes v ON v.id = d.volume_id JOIN spaces s ON s.id = v.space_id
                 WHERE i.file_id = ?1 AND i.hidden = 0",
            )?
            .query_row([item], |r| {
                Ok(Located {
                    space: r.get(0)?,
                    volume: r.get(1)?,
                    folder: r.get(2)?,
                    name: r.get(3)?,
                    format: r.get(4)?,
                    offline: r.get(5)?,
                })
            })
            .optional()?)
    }

    /// The derivative of an item in one size: `sm`, `m`, `xl`, `preview`.
    pub fn derived(&self, item: i64, size: &str) -> Result<Option<Derived>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT d.path FROM files f JOIN derivatives d ON d.content_hash = f.content_hash
                 WHERE f.id = ?1 AND d.name = ?2",
            )?
            .query_row(params![item, size], |r| Ok(Derived { path: r.get(0)? }))
            .optional()?)
    }

    /// The name of the clip of a Live Photo, which is in the photo's folder.
    pub fn live_video(&self, item: i64) -> Result<Option<Vec<u8>>> {
        Ok(self.conn
            .prepare_cached(
                "SELECT name FROM files
                 WHERE companion_of = ?1 AND companion_role = 'live_video' AND vanished IS NULL ORDER BY id LIMIT 1",
            )?
            .query_row([item], |r| r.get(0))
            .optional()?)
    }
}
