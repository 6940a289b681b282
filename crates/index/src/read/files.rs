//! The location of an item and the rights on it.

use crate::IndexReader;
use crate::Result;
use rusqlite::OptionalExtension;

/// The location of an item, which determines the rights on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub folder_id: i64,
    pub space: String,
    pub volume: Vec<u8>,
    /// Relative to the volume.
    pub folder: Vec<u8>,
}

/// An item that may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleItem {
    pub place: Place,
    /// As bits, see [`super::visible`].
    pub rights: u8,
}

impl IndexReader {
    /// The location of a visible item and the rights on it in this connection's scope; `None` if it is not visible.
    pub fn visible_item(&self, item: i64) -> Result<Option<VisibleItem>> {
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
        let scope = self.scope();
        let with_rights = |place: Place| VisibleItem { rights: scope.rights(place.folder_id, item), place };
        Ok(place.map(with_rights).filter(|item| item.rights & super::visible::VIEW != 0))
    }
}
