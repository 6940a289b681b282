//! The searchable text of an item: writes it to the full-text index, and merges that index.

use crate::items::Placed;
use crate::{Index, Result, words};
use albumen_core::vocabulary::{Facts, Gps, Place};
use rusqlite::{Connection, OptionalExtension, params};

/// FTS5 stores its index in segments and searches each. They are merged when the number of items has grown by this
/// fraction since the last merge, and by at least [`LEAST_TEXT_GROWTH`].
const TEXT_GROWTH: f64 = 0.25;
const LEAST_TEXT_GROWTH: i64 = 1_000;
/// Pages that one merge transaction writes: other writers wait for it (30 ms).
const MERGED_PAGES: i64 = 500;
/// Key in `meta`: the newest item at the last complete merge.
const TEXT_MERGED: &str = "text_merged_to";

impl Index {
    /// Merges the segments of the full-text index after many additions: testing an item for a word then takes 5 us
    /// instead of up to 30. Stops early if `stop` returns true; the next call continues.
    pub fn merge_text(&self, stop: impl Fn() -> bool) -> Result<()> {
        let newest: i64 =
            self.conn.query_row("SELECT coalesce(max(file_id), 0) FROM items", [], |r| r.get(0))?;
        let merged: i64 = self.meta(TEXT_MERGED)?.and_then(|v| v.parse().ok()).unwrap_or(0);
        if newest - merged < LEAST_TEXT_GROWTH.max((merged as f64 * TEXT_GROWTH) as i64) {
            return Ok(());
        }
        let mut st = self.conn.prepare("INSERT INTO item_text (item_text, rank) VALUES ('merge', ?1)")?;
        // In the first call, a negative number includes all segments; fewer than two changes mean that the merge is
        // complete.
        let mut pages = -MERGED_PAGES;
        while !stop() {
            let before = self.conn.total_changes();
            st.execute([pages])?;
            if pages > 0 && self.conn.total_changes() - before < 2 {
                return self.set_meta(TEXT_MERGED, &newest.to_string());
            }
            pages = MERGED_PAGES;
        }
        Ok(())
    }
}

/// The searchable text of an item, in the order of the columns of `item_text`.
pub(crate) struct Findable {
    file: i64,
    columns: [String; 9],
    gps: Option<Gps>,
    hidden: bool,
    digest: i64,
    /// An older text is stored.
    is_known: bool,
}

impl Findable {
    /// The text to write for an item; `None` if it is stored already.
    pub(crate) fn to_write(
        conn: &Connection,
        file: i64,
        at: &Placed,
        facts: &Facts,
        place: &Place,
    ) -> Result<Option<Findable>> {
        let list = |parts: &[&Option<String>]| {
            parts.iter().filter_map(|p| p.as_deref()).collect::<Vec<_>>().join("\n")
        };
        let people = if at.people_off {
            Vec::new()
        } else {
            crate::people::names_in(conn, at.space_id, file, &facts.regions)?
        };
        let there = place.local.clone().unwrap_or_default();
        let columns = [
            String::from_utf8_lossy(&at.name).into_owned(),
            String::from_utf8_lossy(&at.folder).into_owned(),
            facts.title.clone().unwrap_or_default(),
            facts.description.clone().unwrap_or_default(),
            facts.tags.join("\n"),
            list(&[
                &place.city,
                &place.district,
                &place.region,
                &place.country,
                &there.city,
                &there.region,
                &there.country,
            ]),
            people.join("\n"),
            list(&[&facts.camera.make, &facts.camera.model]),
            facts.camera.lens.clone().unwrap_or_default(),
        ]
        .map(|text| words::indexed(&text));
        let mut hasher = blake3::Hasher::new();
        for column in &columns {
            hasher.update(&(column.len() as u64).to_le_bytes()).update(column.as_bytes());
        }
        if let Some(gps) = facts.gps {
            hasher.update(&gps.lat.to_le_bytes()).update(&gps.lon.to_le_bytes());
        }
        hasher.update(&[u8::from(at.is_hidden)]);
        let digest = hasher.finalize().as_bytes().first_chunk().map_or(0, |b| i64::from_le_bytes(*b));
        let known: Option<i64> = conn
            .prepare_cached("SELECT digest FROM item_search WHERE file_id = ?1")?
            .query_row([file], |r| r.get(0))
            .optional()?;
        let is_known = known.is_some();
        let findable = Findable { file, columns, gps: facts.gps, hidden: at.is_hidden, digest, is_known };
        Ok(Some(findable).filter(|_| known != Some(digest)))
    }

    pub(crate) fn write(&self, conn: &Connection) -> Result<()> {
        let file = self.file;
        if self.is_known {
            conn.prepare_cached("DELETE FROM item_text WHERE rowid = ?1")?.execute([file])?;
            conn.prepare_cached("DELETE FROM item_where WHERE file_id = ?1")?.execute([file])?;
        }
        conn.prepare_cached("INSERT OR REPLACE INTO item_search (file_id, digest) VALUES (?1, ?2)")?
            .execute([file, self.digest])?;
        if self.hidden {
            return Ok(());
        }
        let [name, folder, title, description, tags, place, people, camera, lens] = &self.columns;
        conn.prepare_cached(
            "INSERT INTO item_text (rowid, name, folder, title, description, tags, place, people, camera, lens)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![file, name, folder, title, description, tags, place, people, camera, lens])?;
        if let Some(gps) = self.gps {
            conn.prepare_cached(
                "INSERT INTO item_where (file_id, south, north, west, east) VALUES (?1, ?2, ?2, ?3, ?3)",
            )?
            .execute(params![file, gps.lat, gps.lon])?;
        }
        Ok(())
    }
}
