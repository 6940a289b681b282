//! Items: their final values in columns, and the grouping of files into items. Only `refresh` writes `items`; it can
//! run at any time and gives the same row for the same facts, place and edits.

use super::{overrides, search};
use crate::Result;
use albumen_core::vocabulary::{Clues, Facts, Kind, Motion, Place};
use rusqlite::{Connection, MAIN_DB, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// A file of a folder, with the data for grouping.
#[derive(Debug, Clone)]
pub struct GroupRow {
    pub id: i64,
    pub name: Vec<u8>,
    pub is_sidecar: bool,
    /// The extension that an XMP sidecar gives; empty if it gives none.
    pub sidecar_for: Option<String>,
    pub clues: Option<Box<Clues>>,
    /// The file that it is a companion of, and its role.
    pub companion: Option<(i64, String)>,
    /// Changed since its item was updated ([`super::record::mark_stale`]).
    pub is_stale: bool,
}

/// The present files of a folder, in order of name.
pub(crate) fn group_rows(conn: &Connection, folder_id: i64) -> Result<Vec<GroupRow>> {
    let mut st = conn.prepare_cached(
        "SELECT f.id, f.name, f.is_sidecar, f.facts, f.companion_of, f.companion_role, s.file_id IS NOT NULL, f.sidecar_for
         FROM files f LEFT JOIN items_stale s ON s.file_id = f.id
         WHERE f.folder_id = ?1 AND f.vanished IS NULL ORDER BY f.name",
    )?;
    Ok(st
        .query_map([folder_id], |r| {
            Ok(GroupRow {
                id: r.get(0)?,
                name: r.get(1)?,
                is_sidecar: r.get(2)?,
                clues: from_json(r, 3)?.map(Box::new),
                companion: r.get::<_, Option<i64>>(4)?.zip(r.get(5)?),
                is_stale: r.get(6)?,
                sidecar_for: r.get(7)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// A folder's name, and the folders beside it.
pub struct Beside {
    pub name: Vec<u8>,
    pub others: Vec<(i64, Vec<u8>)>,
}

/// The folders beside one that a camera names for clips or for files derived from clips; `None` for any other.
pub(crate) fn folders_beside(conn: &Connection, folder_id: i64) -> Result<Option<Beside>> {
    let (volume, path): (i64, Vec<u8>) = conn
        .prepare_cached("SELECT volume_id, path FROM folders WHERE id = ?1")?
        .query_row([folder_id], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let (parent, name) = albumen_files::relative::split(&path);
    const NAMES: [&[u8]; 3] = [b"CLIP", b"SUB", b"THMBNL"];
    if !NAMES.iter().any(|n| name.eq_ignore_ascii_case(n)) {
        return Ok(None);
    }
    let mut others = Vec::new();
    let mut st = conn.prepare_cached("SELECT id FROM folders WHERE volume_id = ?1 AND path = ?2")?;
    // As cameras write them; a copy with other case has it in all names.
    let is_lower = name.to_ascii_lowercase() == name;
    for other in NAMES.iter().filter(|n| !name.eq_ignore_ascii_case(n)) {
        let other = if is_lower { other.to_ascii_lowercase() } else { other.to_vec() };
        let path = albumen_files::relative::child(parent, &other);
        let id: Option<i64> = st.query_row(params![volume, path], |r| r.get(0)).optional()?;
        others.extend(id.map(|id| (id, other)));
    }
    Ok(Some(Beside { name: name.to_vec(), others }))
}

/// Folders due for grouping.
pub(crate) fn folders_to_regroup(conn: &Connection, limit: usize) -> Result<Vec<i64>> {
    let mut st = conn.prepare_cached("SELECT id FROM folders WHERE regroup = 1 ORDER BY id LIMIT ?1")?;
    Ok(st.query_map([limit as i64], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// Bytes that grouping needs for the largest of the next folders: its names twice, and the recorded data of each file.
pub(crate) fn largest_to_regroup(conn: &Connection, limit: usize) -> Result<u64> {
    /// Bytes besides the name: the row, its clues, and its index entries.
    const EACH: u64 = 600;
    let mut st = conn.prepare_cached(
        "SELECT coalesce(max(n * ?2 + 2 * names), 0) FROM (
           SELECT count(*) AS n, sum(length(f.name)) AS names
             FROM (SELECT id FROM folders WHERE regroup = 1 ORDER BY id LIMIT ?1) d
             CROSS JOIN files f ON f.folder_id = d.id GROUP BY d.id)",
    )?;
    Ok(st.query_row(params![limit as i64, EACH as i64], |r| r.get::<_, i64>(0)).map(|n| n as u64)?)
}

/// Makes `file` a companion of `primary`, or an item of its own.
pub(crate) fn set_companion(conn: &Connection, file: i64, of: Option<(i64, &str)>) -> Result<()> {
    Ok(conn
        .prepare_cached("UPDATE files SET companion_of = ?2, companion_role = ?3 WHERE id = ?1")?
        .execute(params![file, of.map(|o| o.0), of.map(|o| o.1)])
        .map(drop)?)
}

/// Records that a folder was grouped; `fresh` are the files that were stale.
pub(crate) fn regrouped(
    conn: &Connection,
    folder_id: i64,
    fresh: impl IntoIterator<Item = i64>,
) -> Result<()> {
    let mut st = conn.prepare_cached("DELETE FROM items_stale WHERE file_id = ?1")?;
    fresh.into_iter().try_for_each(|file| st.execute([file]).map(drop))?;
    Ok(conn.prepare_cached("UPDATE folders SET regroup = 0 WHERE id = ?1")?.execute([folder_id]).map(drop)?)
}

/// Records the place and zone of a file; without either there is no row. Returns whether they have changed.
pub(crate) fn put_place(
    conn: &Connection,
    file: i64,
    place: Option<&Place>,
    zone: Option<&str>,
) -> Result<bool> {
    if place.is_none() && zone.is_none() {
        let gone = conn.prepare_cached("DELETE FROM file_places WHERE file_id = ?1")?.execute([file])?;
        return Ok(gone > 0);
    }
    let place = place.map(|p| serde_json::to_string(p).expect("a place is plain data"));
    let written = conn
        .prepare_cached(
            "INSERT INTO file_places (file_id, place, zone) VALUES (?1, ?2, ?3)
             ON CONFLICT (file_id) DO UPDATE SET place = ?2, zone = ?3 WHERE place IS NOT ?2 OR zone IS NOT ?3",
        )?
        .execute(params![file, place, zone])?;
    Ok(written > 0)
}

/// The parsed value of a JSON column; `None` if it is NULL or invalid, which is logged.
pub(crate) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let json: Option<String> = row.get(column)?;
    let parsed = json.map(|json| serde_json::from_str(&json)).transpose();
    Ok(parsed.unwrap_or_else(|e| {
        let name = row.as_ref().column_name(column).unwrap_or("a column").to_owned();
        tracing::error!("{name} of a row cannot be parsed and is left out, see `albumen verify`: {e}");
        None
    }))
}

/// The facts of a file as inspect found them.
pub(crate) fn facts(conn: &Connection, file: i64) -> Result<Facts> {
    let found: Option<Option<String>> = conn
        .prepare_cached("SELECT facts FROM files WHERE id = ?1")?
        .query_row([file], |r| r.get(0))
        .optional()?;
    Ok(parse_facts(conn, file, found.flatten())?.unwrap_or_default())
}

/// Parses stored facts. If they are invalid, logs that and makes inspect due if this connection may write: the next run
/// reads the file again.
fn parse_facts(conn: &Connection, file: i64, json: Option<String>) -> Result<Option<Facts>> {
    let Some(json) = json else { return Ok(None) };
    match serde_json::from_str(&json) {
        Ok(facts) => Ok(Some(facts)),
        Err(e) => {
            tracing::error!(
                file,
                "the facts of a file in the index cannot be parsed, it is inspected again: {e}"
            );
            if !conn.is_readonly(MAIN_DB)? {
                inspect_anew(conn, file)?;
            }
            Ok(None)
        }
    }
}

/// Makes inspect due for a file with invalid stored facts.
pub(crate) fn inspect_anew(conn: &Connection, file: i64) -> Result<()> {
    Ok(conn
        .prepare_cached("DELETE FROM stage_state WHERE file_id = ?1 AND stage = 'inspect'")?
        .execute([file])
        .map(drop)?)
}

/// The facts of a file for display: found facts, completed by the zone of its place, then user edits.
pub(crate) fn final_facts(conn: &Connection, file: i64) -> Result<(Facts, Option<Place>)> {
    let row: Option<(Option<String>, Option<Place>, Option<String>)> = conn
        .prepare_cached(
            "SELECT f.facts, p.place, p.zone FROM files f LEFT JOIN file_places p ON p.file_id = f.id WHERE f.id = ?1",
        )?
        .query_row([file], |r| Ok((r.get(0)?, from_json(r, 1)?, r.get(2)?)))
        .optional()?;
    let (facts, place, zone) = row.unwrap_or_default();
    let mut facts = parse_facts(conn, file, facts)?.unwrap_or_default();
    if let (Some(zone), Some(taken)) = (zone, facts.taken.as_mut()) {
        let is_weak =
            facts.sources.get("taken.offset").is_some_and(|how| how == albumen_library::taken::WEAK);
        albumen_library::taken::complete_with_zone(taken, &zone, is_weak);
    }
    complete_with_neighbours(conn, file, &mut facts)?;
    overrides::apply(conn, file, &mut facts)?;
    Ok((facts, place))
}

/// Names of a folder that are searched for the original of an edited copy.
const MOST_NAMES: i64 = 2000;

/// Facts that depend on other files of the folder: the movie of a Live Photo, and the original of an edited copy.
fn complete_with_neighbours(conn: &Connection, file: i64, facts: &mut Facts) -> Result<()> {
    let mut st = conn.prepare_cached(
        "SELECT name FROM files WHERE companion_of = ?1 AND companion_role = 'live_video' AND vanished IS NULL",
    )?;
    let movies = st.query_map([file], |r| r.get::<_, Vec<u8>>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let movie = movies.into_iter().min();
    if let Some(name) = movie {
        let motion =
            facts.motion.get_or_insert_with(|| Motion { kind: "apple".to_owned(), ..Motion::default() });
        motion.pair = Some(String::from_utf8_lossy(&name).into_owned());
    }
    if let Some(claimed) = facts.edited_from.take() {
        let mut st = conn.prepare_cached(
            "SELECT o.name FROM files f JOIN files o ON o.folder_id = f.folder_id
             WHERE f.id = ?1 AND o.name >= ?2 AND o.name < ?3 AND o.id <> f.id AND o.is_sidecar = 0
               AND o.vanished IS NULL",
        )?;
        let mut original = |from: &[u8], until: &[u8]| -> Result<Option<String>> {
            let names = st.query_map(params![file, from, until], |r| r.get(0))?;
            let names = names.collect::<rusqlite::Result<Vec<Vec<u8>>>>()?;
            let found = albumen_library::grouping::original(&claimed, names.iter().map(Vec::as_slice));
            Ok(found.map(|n| String::from_utf8_lossy(n).into_owned()))
        };
        // Usually the stem is written the same way, or in capitals. Otherwise all names are read, except in a large
        // folder: thousands of copies whose original is missing would each read all of them.
        let stem = claimed.rsplit_once('.').map_or(claimed.as_str(), |(stem, _)| stem);
        let stems = BTreeSet::from([stem.to_owned(), stem.to_lowercase(), stem.to_uppercase()]);
        for stem in stems {
            facts.edited_from = original(format!("{stem}.").as_bytes(), format!("{stem}/").as_bytes())?;
            if facts.edited_from.is_some() {
                return Ok(());
            }
        }
        let is_large = conn
            .prepare_cached(
                "SELECT 1 FROM files WHERE folder_id = (SELECT folder_id FROM files WHERE id = ?1) LIMIT 1 OFFSET ?2",
            )?
            .exists(params![file, MOST_NAMES])?;
        if !is_large {
            // Longer than any name, so it sorts after all of them.
            facts.edited_from = original(b"", &[0xff; 256])?;
        }
    }
    Ok(())
}

/// Updates the item and the search entry of a media file.
pub(crate) fn refresh(conn: &Connection, file: i64) -> Result<()> {
    refresh_all(conn, [file])
}

/// Like [`refresh`], for several files. Search text is written last and in sequence: before each statement that SQLite
/// may have to roll back, FTS5 flushes its pending data.
pub(crate) fn refresh_all(conn: &Connection, files: impl IntoIterator<Item = i64>) -> Result<()> {
    let mut findable = Vec::new();
    for file in files {
        findable.extend(refresh_row(conn, file)?);
    }
    findable.iter().try_for_each(|item| item.write(conn))
}

/// Where a media file is, and what depends only on that.
pub(crate) struct Placed {
    pub(crate) folder_id: i64,
    pub(crate) space_id: i64,
    pub(crate) added: i64,
    /// A companion, or removed.
    pub(crate) is_hidden: bool,
    pub(crate) name: Vec<u8>,
    /// Relative to the volume.
    pub(crate) folder: Vec<u8>,
    /// Its space has people disabled.
    pub(crate) people_off: bool,
}

fn placed(conn: &Connection, file: i64) -> Result<Option<Placed>> {
    Ok(conn
        .prepare_cached(
            "SELECT f.folder_id, v.space_id, f.added, f.companion_of IS NOT NULL OR f.vanished IS NOT NULL, f.name, d.path,
               s.people_off
             FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
               JOIN spaces s ON s.id = v.space_id
             WHERE f.id = ?1 AND f.is_sidecar = 0",
        )?
        .query_row([file], |r| {
            Ok(Placed {
                folder_id: r.get(0)?,
                space_id: r.get(1)?,
                added: r.get(2)?,
                is_hidden: r.get(3)?,
                name: r.get(4)?,
                folder: r.get(5)?,
                people_off: r.get(6)?,
            })
        })
        .optional()?)
}

/// Updates the item row of a media file; unchanged rows are not written, because of twenty indexes. Returns the search
/// text to write.
fn refresh_row(conn: &Connection, file: i64) -> Result<Option<search::Findable>> {
    let Some(at) = placed(conn, file)? else { return Ok(None) };
    let (f, place) = final_facts(conn, file)?;
    let place = place.unwrap_or_default();
    let kind = f.kind.unwrap_or_else(|| kind_by_name(&at.name));
    let taken = f.taken.as_ref();
    let c = &f.camera;
    conn.prepare_cached(
        "INSERT INTO items (file_id,
            space_id, folder_id, kind, format, added, taken_local, taken_utc, taken_precision, display_width,
            display_height, duration_s, make, model, lens, iso, f_number, exposure_s, focal_mm, focal_35mm,
            lat, lon, country_code, country, region, district, city, city_km, title, description, rating,
            is_360, is_pano, is_motion, motion_kind, is_hdr, hidden)
         VALUES (?1,
            ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
            ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37)
         ON CONFLICT (file_id) DO UPDATE SET (
            space_id, folder_id, kind, format, added, taken_local, taken_utc, taken_precision, display_width,
            display_height, duration_s, make, model, lens, iso, f_number, exposure_s, focal_mm, focal_35mm,
            lat, lon, country_code, country, region, district, city, city_km, title, description, rating,
            is_360, is_pano, is_motion, motion_kind, is_hdr, hidden)
           = (
            ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
            ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37)
         WHERE (
            space_id, folder_id, kind, format, added, taken_local, taken_utc, taken_precision, display_width,
            display_height, duration_s, make, model, lens, iso, f_number, exposure_s, focal_mm, focal_35mm,
            lat, lon, country_code, country, region, district, city, city_km, title, description, rating,
            is_360, is_pano, is_motion, motion_kind, is_hdr, hidden)
           IS NOT (
            ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
            ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37)",
    )?
    .execute(params![
        file,
        at.space_id,
        at.folder_id,
        match kind {
            Kind::Photo => "photo",
            Kind::Video => "video",
        },
        f.format.map(|x| x.name()),
        at.added,
        taken.map(|t| &t.local),
        taken.and_then(|t| t.utc.as_ref()),
        taken.map(|t| t.precision.name()),
        f.display_width,
        f.display_height,
        f.duration_s,
        c.make,
        c.model,
        c.lens,
        c.iso,
        c.f_number,
        c.exposure_s,
        c.focal_mm,
        c.focal_35mm,
        f.gps.map(|g| g.lat),
        f.gps.map(|g| g.lon),
        place.country_code,
        place.country,
        place.region,
        place.district,
        place.city,
        place.km,
        f.title,
        f.description,
        f.rating,
        f.pano.as_ref().is_some_and(|p| p.is_360),
        f.pano.is_some(),
        f.motion.is_some(),
        f.motion.as_ref().map(|m| &m.kind),
        f.hdr.is_some(),
        at.is_hidden
    ])?;
    put_tags(conn, file, &f.tags)?;
    search::Findable::to_write(conn, file, &at, &f, &place)
}

/// Whether the search entry of a visible item is the one that would be written now.
pub(crate) fn is_findable(conn: &Connection, file: i64) -> Result<bool> {
    let Some(at) = placed(conn, file)? else { return Ok(false) };
    let at = Placed { is_hidden: false, ..at };
    let (facts, place) = final_facts(conn, file)?;
    Ok(search::Findable::to_write(conn, file, &at, &facts, &place.unwrap_or_default())?.is_none())
}

/// Updates the tags of an item; unchanged ones are not written.
fn put_tags(conn: &Connection, file: i64, tags: &[String]) -> Result<()> {
    let mut st = conn.prepare_cached("SELECT tag FROM item_tags WHERE file_id = ?1")?;
    let known = st.query_map([file], |r| r.get(0))?.collect::<rusqlite::Result<BTreeSet<String>>>()?;
    let tags: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
    for gone in known.iter().filter(|t| !tags.contains(t.as_str())) {
        conn.prepare_cached("DELETE FROM item_tags WHERE tag = ?1 AND file_id = ?2")?
            .execute(params![gone, file])?;
    }
    for tag in tags.into_iter().filter(|t| !known.contains(*t)) {
        conn.prepare_cached("INSERT INTO item_tags (tag, file_id) VALUES (?1, ?2)")?
            .execute(params![tag, file])?;
    }
    Ok(())
}

/// The kind of an unreadable file by its extension, good enough for counts.
pub fn kind_by_name(name: &[u8]) -> Kind {
    let ext = extension(name);
    albumen_core::vocabulary::Format::all()
        .find(|f| f.extensions().contains(&ext.as_str()))
        .map_or(Kind::Photo, |f| f.kind())
}

/// The extension of a name in lower case; empty if it has none.
pub fn extension(name: &[u8]) -> String {
    match name.iter().rposition(|b| *b == b'.') {
        Some(dot) => String::from_utf8_lossy(&name[dot + 1..]).to_lowercase(),
        None => String::new(),
    }
}
