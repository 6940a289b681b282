//! Positions of items: an edit takes precedence over the file's coordinates, and the place and time zone follow it.

use super::due::digest16;
use super::items::{facts, put_place};
use super::said::Field;
use crate::Result;
use albumen_core::vocabulary::{Gps, Place, Stage};
use albumen_library::places::Gazetteer;
use rusqlite::{Connection, OptionalExtension, params};

/// A position given by a user, in ten-millionths of a degree (a centimetre), so that equal positions are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    lat: i32,
    lon: i32,
}

impl Position {
    const PARTS: f64 = 1e7;

    /// A position in degrees (WGS 84). The error states the valid range.
    pub fn new(lat: f64, lon: f64) -> std::result::Result<Position, String> {
        // A comparison with NaN is false.
        if !(lat.abs() <= 90.0 && lon.abs() <= 180.0) {
            return Err(format!(
                "{lat},{lon} is no position: the latitude is from -90 to 90 degrees, the longitude from -180 to 180"
            ));
        }
        let parts = |degrees: f64| (degrees * Position::PARTS).round() as i32;
        Ok(Position { lat: parts(lat), lon: parts(lon) })
    }

    /// Parses `48.8583,2.2945`: latitude and longitude in degrees. The error states the correct form.
    pub fn parse(text: &str) -> std::result::Result<Position, String> {
        let wrong = || {
            format!("{text} is no position: write LAT,LON in degrees, as 48.8583,2.2945 or -33.8568,151.2153")
        };
        let (lat, lon) = text.split_once(',').ok_or_else(wrong)?;
        let degrees = |part: &str| part.trim().parse::<f64>().map_err(|_| wrong());
        Position::new(degrees(lat)?, degrees(lon)?)
    }

    pub(crate) fn to_text(self) -> String {
        let Gps { lat, lon, .. } = self.gps();
        format!("{lat},{lon}")
    }

    pub(crate) fn gps(self) -> Gps {
        let degrees = |parts: i32| f64::from(parts) / Position::PARTS;
        Gps { lat: degrees(self.lat), lon: degrees(self.lon), alt: None }
    }
}

/// A file's own inputs to the stage `places`: its position after edits.
pub fn places_inputs(gps: Option<Gps>) -> String {
    digest16(&[format!("{gps:?}").as_bytes()])
}

/// The position after an edit with this value. `found` is the position in the file; it stays if the value cannot be
/// parsed, which `verify` reports.
pub(crate) fn edited(value: Option<&str>, found: Option<Gps>) -> Option<Gps> {
    match value.map(Position::parse) {
        None => None,
        Some(Ok(position)) => Some(position.gps()),
        Some(Err(_)) => found,
    }
}

/// The position of a file after edits; `found` is the position in the file.
pub(crate) fn position(conn: &Connection, file: i64, found: Option<Gps>) -> Result<Option<Gps>> {
    let value: Option<Option<String>> = conn
        .prepare_cached("SELECT value FROM item_edits WHERE file_id = ?1 AND field = ?2")?
        .query_row(params![file, Field::Gps.name()], |r| r.get(0))
        .optional()?;
    Ok(value.map_or(found, |value| edited(value.as_deref(), found)))
}

/// Updates places after edits of positions. Keeps the last look-up, because an edit often gives many items one position.
#[derive(Debug, Default)]
pub(crate) struct PlaceUpdater {
    last: Option<(Gps, Option<Place>, Option<&'static str>)>,
}

impl PlaceUpdater {
    /// Updates the place and the zone of a file whose position was edited; the caller updates the item.
    ///
    /// The stage `places` remains done, with the new position as its input. If it was not yet done, it reads the same
    /// position.
    pub(crate) fn update(&mut self, conn: &Connection, file: i64) -> Result<()> {
        let gps = position(conn, file, facts(conn, file)?.gps)?;
        let (place, zone) = gps.map_or((None, None), |gps| self.look_up(gps));
        put_place(conn, file, place, zone)?;
        conn.prepare_cached(
            "UPDATE stage_state SET input_key = substr(input_key, 1, 17) || ?3 WHERE file_id = ?1 AND stage = ?2",
        )?
        .execute(params![file, Stage::Places.name(), places_inputs(gps)])?;
        Ok(())
    }

    fn look_up(&mut self, gps: Gps) -> (Option<&Place>, Option<&'static str>) {
        let known = self.last.take().filter(|(of, _, _)| *of == gps);
        let (_, place, zone) = self.last.insert(known.unwrap_or_else(|| {
            let gazetteer = Gazetteer::open();
            (gps, gazetteer.place(gps.lat, gps.lon), gazetteer.zone(gps.lat, gps.lon))
        }));
        (place.as_ref(), *zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Index;
    use crate::account_edits::AccountEdit;
    use crate::edits::Edit;
    use crate::items::{final_facts, refresh};
    use crate::query::Query;
    use crate::search::Page;

    /// One photo taken in Berlin, whose stage `places` is done.
    fn photo() -> (Index, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let space = index.space("s", "shared").unwrap();
        let volume = index.volume(space, b"/v").unwrap().id;
        let folder = index.folder(volume, b"").unwrap();
        let facts = r#"{"kind":"photo","format":"jpeg","gps":{"lat":52.5163,"lon":13.3777,"alt":34.0},"tags":[],
            "taken":{"local":"2023-07-01T10:20:30","precision":"second","source":"exif"},"sources":{"gps":"exif"}}"#;
        index
            .conn
            .execute(
                "INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added, facts)
                 VALUES (1, ?1, CAST('1.jpg' AS BLOB), 1, 1, 1, 1, 1, 1, ?2)",
                params![folder, facts],
            )
            .unwrap();
        index
            .conn
            .execute(
                "INSERT INTO stage_state (file_id, stage, version, input_key, state) VALUES (1, 'places', 1, ?1, 'done')",
                [format!("{}:{}", "5".repeat(16), "0".repeat(16))],
            )
            .unwrap();
        PlaceUpdater::default().update(&index.conn, 1).unwrap();
        refresh(&index.conn, 1).unwrap();
        (index, dir)
    }

    fn finds(index: &Index, query: &str) -> bool {
        let query = Query::parse(query).unwrap();
        !index.search(&query, &Page { limit: 9, ..Page::default() }).unwrap().items.is_empty()
    }

    /// The searches of `all` that find the photo.
    fn found<'a>(index: &Index, all: &[&'a str]) -> Vec<&'a str> {
        all.iter().copied().filter(|query| finds(index, query)).collect()
    }

    const SEARCHES: [&str; 6] =
        ["country:de", "place:paris", "near:52.5,13.4,20", "near:48.85,2.29,5", "has:gps", "has:place"];
    const BERLIN: [&str; 4] = ["country:de", "near:52.5,13.4,20", "has:gps", "has:place"];
    const PARIS: [&str; 4] = ["place:paris", "near:48.85,2.29,5", "has:gps", "has:place"];

    /// The position and its source, and what else follows from it.
    fn check(index: &Index, gps: Option<Gps>, source: &str, utc: Option<&str>, searches: &[&str]) {
        let (facts, place) = final_facts(&index.conn, 1).unwrap();
        assert_eq!(facts.gps, gps);
        assert_eq!(facts.sources["gps"], source);
        assert_eq!(facts.taken.unwrap().utc.as_deref(), utc);
        assert_eq!(place.is_some(), gps.is_some());
        let row = index.conn.query_row("SELECT lat, lon FROM items", [], |r| Ok((r.get(0)?, r.get(1)?)));
        assert_eq!(row.unwrap(), (gps.map(|g| g.lat), gps.map(|g| g.lon)));
        assert_eq!(found(index, &SEARCHES), searches);
        let key: String =
            index.conn.query_row("SELECT input_key FROM stage_state", [], |r| r.get(0)).unwrap();
        assert_eq!(key, format!("{}:{}", "5".repeat(16), places_inputs(gps)), "the stage is done with it");
        // A later update of the item, as after a reindex, changes nothing.
        let before = crate::testing::item_rows(index);
        refresh(&index.conn, 1).unwrap();
        assert_eq!(crate::testing::item_rows(index), before);
    }

    #[test]
    fn an_edited_position_wins_and_brings_its_place_and_zone() {
        let (mut index, _dir) = photo();
        let berlin = Some(Gps { lat: 52.5163, lon: 13.3777, alt: Some(34.0) });
        let paris = Position::parse("48.8584,2.2945").unwrap();
        let summer = Some("2023-07-01T08:20:30Z");
        check(&index, berlin, "exif", summer, &BERLIN);
        index.edit_items(&[1], &[Edit::Gps(Some(paris))]).unwrap();
        check(&index, Some(Gps { lat: 48.8584, lon: 2.2945, alt: None }), "edit", summer, &PARIS);
        let sydney = Position::parse("-33.8568,151.2153").unwrap();
        index.edit_items(&[1], &[Edit::Gps(Some(sydney))]).unwrap();
        check(&index, Some(sydney.gps()), "edit", Some("2023-07-01T00:20:30Z"), &["has:gps", "has:place"]);
        // Without a position nothing tells where the photo was taken.
        index.edit_items(&[1], &[Edit::Gps(None)]).unwrap();
        check(&index, None, "edit", None, &[]);
        index.edit_items(&[1], &[Edit::Forget(Field::Gps)]).unwrap();
        check(&index, berlin, "exif", summer, &BERLIN);
    }

    #[test]
    fn an_edited_position_is_undone() {
        let (mut index, _dir) = photo();
        let berlin = Some(Gps { lat: 52.5163, lon: 13.3777, alt: Some(34.0) });
        let summer = Some("2023-07-01T08:20:30Z");
        let gps = |position| AccountEdit { edits: vec![Edit::Gps(position)], ..AccountEdit::default() };
        let paris = Position::parse("48.8584,2.2945").unwrap();
        let first = index.edit_as(7, &[1], &gps(Some(paris)), 0).unwrap().edit.unwrap();
        let second = index.edit_as(7, &[1], &gps(None), 0).unwrap().edit.unwrap();
        check(&index, None, "edit", None, &[]);
        assert_eq!(index.undo_as(7, second).unwrap(), Some(vec![1]));
        check(&index, Some(paris.gps()), "edit", summer, &PARIS);
        assert_eq!(index.undo_as(7, first).unwrap(), Some(vec![1]));
        check(&index, berlin, "exif", summer, &BERLIN);
    }

    #[test]
    fn an_edit_of_a_later_version_changes_nothing() {
        let (index, _dir) = photo();
        let before = final_facts(&index.conn, 1).unwrap();
        index.conn.execute("INSERT INTO item_edits VALUES (1, 'mood', 'glad', 0)", []).unwrap();
        assert_eq!(final_facts(&index.conn, 1).unwrap(), before);
    }

    #[test]
    fn positions_are_read_and_written_exactly() {
        for (text, lat, lon) in [
            ("48.8583,2.2945", 48.8583, 2.2945),
            (" -33.8568 , 151.2153", -33.8568, 151.2153),
            ("0,0", 0.0, 0.0),
            ("90,-180", 90.0, -180.0),
            ("1e1,0.1", 10.0, 0.1),
        ] {
            let position = Position::parse(text).unwrap();
            assert_eq!((position.gps().lat, position.gps().lon), (lat, lon), "{text}");
            assert_eq!(Position::parse(&position.to_text()), Ok(position), "{text}");
        }
        // A ten-millionth of a degree.
        assert_eq!(Position::new(1.00000001, 0.0), Position::new(1.0, 0.0));
    }

    #[test]
    fn what_is_no_position_is_refused_with_the_reason() {
        for text in ["90.1,0", "0,-180.1", "NaN,0", "0,nan", "inf,0", "0,-inf", "1e400,0"] {
            let why = Position::parse(text).unwrap_err();
            assert!(why.contains("from -90 to 90"), "{text}: {why}");
        }
        for text in ["", "48.8583", "48.8583 2.2945", "48,8583,2,2945", "48.8583,", "N48,E2", "48°,2°"] {
            let why = Position::parse(text).unwrap_err();
            assert!(why.contains("write LAT,LON"), "{text}: {why}");
        }
    }
}
