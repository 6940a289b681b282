//! Tests of search, edits and albums on a constructed index.

use super::edits::Edit;
use super::overrides::{DateEdit, Field};
use super::query::Query;
use super::search::{Cursor, Page};
use super::{Index, items};
use albumen_core::vocabulary::{Camera, Facts, Gps, Kind, Place, Taken};
use rusqlite::params;
use tempfile::TempDir;

struct Library {
    index: Index,
    _dir: TempDir,
}

struct Photo {
    name: &'static str,
    taken: &'static str,
    facts: Facts,
    place: Option<Place>,
}

fn photo(name: &'static str, taken: &'static str) -> Photo {
    Photo { name, taken, facts: Facts::default(), place: None }
}

impl Photo {
    fn with(mut self, change: impl FnOnce(&mut Facts)) -> Photo {
        change(&mut self.facts);
        self
    }

    fn at(mut self, lat: f64, lon: f64) -> Photo {
        self.facts.gps = Some(Gps { lat, lon, alt: None });
        self.place = albumen_library::places::Gazetteer::open().place(lat, lon);
        self
    }
}

impl Library {
    fn new(photos: impl IntoIterator<Item = Photo>) -> Library {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        index
            .conn
            .execute_batch(
                "INSERT INTO spaces (id, name, kind) VALUES (1, 'home', 'shared');
                 INSERT INTO volumes (id, space_id, path) VALUES (1, 1, x'2f70');
                 INSERT INTO folders (id, volume_id, path) VALUES (1, 1, CAST('Summer trip' AS BLOB));",
            )
            .unwrap();
        let tx = index.conn.unchecked_transaction().unwrap();
        for Photo { name, taken, mut facts, place } in photos {
            facts.kind = Some(facts.kind.unwrap_or(Kind::Photo));
            if !taken.is_empty() {
                facts.taken = Some(Taken { local: taken.into(), source: "exif".into(), ..Taken::default() });
            }
            tx.execute(
                "INSERT INTO files (folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added, facts)
                 VALUES (1, CAST(?1 AS BLOB), 1, 1, 1, 1, 1, 1700000000, ?2)",
                params![name, serde_json::to_string(&facts).unwrap()],
            )
            .unwrap();
            let id = tx.last_insert_rowid();
            items::put_place(&tx, id, place.as_ref(), None).unwrap();
            items::refresh(&tx, id).unwrap();
        }
        tx.commit().unwrap();
        Library { index, _dir: dir }
    }

    fn name(&self, id: i64) -> String {
        let name: Vec<u8> =
            self.index.conn.query_row("SELECT name FROM files WHERE id = ?1", [id], |r| r.get(0)).unwrap();
        String::from_utf8(name).unwrap()
    }

    fn id(&self, name: &str) -> i64 {
        let sql = "SELECT id FROM files WHERE name = CAST(?1 AS BLOB)";
        self.index.conn.query_row(sql, [name], |r| r.get(0)).unwrap()
    }

    /// Names of the results, newest first, joined by spaces.
    fn find(&self, query: &str) -> String {
        let query = Query::parse(query).unwrap();
        let found = self.index.search(&query, &Page { limit: 100, ..Page::default() }).unwrap();
        assert_eq!(self.index.count(&query).unwrap(), found.items.len() as u64);
        found.items.into_iter().map(|id| self.name(id)).collect::<Vec<_>>().join(" ")
    }
}

fn holiday() -> Library {
    let canon = |f: &mut Facts| {
        f.camera = Camera {
            make: Some("Canon".into()),
            model: Some("EOS R6".into()),
            lens: Some("RF 50mm F1.8".into()),
            iso: Some(400),
            f_number: Some(1.8),
            exposure_s: Some(0.003_996),
            focal_mm: Some(50.0),
            ..Camera::default()
        };
        f.tags = vec!["Family/Anna".into(), "work".into()];
        f.rating = Some(4);
    };
    Library::new([
        photo("IMG_1.jpg", "2023-07-01T10:20:30").with(canon).at(52.5163, 13.3777),
        photo("IMG_2.jpg", "2023-08-05T09:00:00")
            .at(48.8584, 2.2945)
            .with(|f| f.title = Some("Tower by night".into())),
        photo("clip.mp4", "2022-01-01T00:00:00").with(|f| {
            f.kind = Some(Kind::Video);
            f.duration_s = Some(12.0);
        }),
        photo("fiji.heic", "2021-05-05T05:05:05").at(-17.7134, 178.065),
        photo("scan.png", ""),
    ])
}

#[test]
fn words_are_found_anywhere_and_filters_where_they_say() {
    let library = holiday();
    for (query, found) in [
        ("", "IMG_2.jpg IMG_1.jpg clip.mp4 fiji.heic scan.png"),
        ("berlin", "IMG_1.jpg"),
        ("BERL*", "IMG_1.jpg"),
        ("berl", ""),
        ("\"berl*\"", ""),
        ("berl* summer*", "IMG_1.jpg"),
        ("ile-de-france", "IMG_2.jpg"), // accents do not matter
        ("summer", "IMG_2.jpg IMG_1.jpg clip.mp4 fiji.heic scan.png"),
        ("name:summer", ""),
        ("berlin 2023 camera:canon -tag:private", "IMG_1.jpg"),
        ("-berlin 2023", "IMG_2.jpg"),
        ("title:\"by night\"", "IMG_2.jpg"),
        ("camera:canon,nikon", "IMG_1.jpg"),
        ("lens:50mm", "IMG_1.jpg"),
        ("country:de", "IMG_1.jpg"),
        ("country:france,germany", "IMG_2.jpg IMG_1.jpg"),
        ("country:deutschland,frankreich", "IMG_2.jpg IMG_1.jpg"),
        ("allemagne", "IMG_1.jpg"),
        ("-frankreich 2023", "IMG_1.jpg"),
        ("city:paris", "IMG_2.jpg"),
        ("kind:video", "clip.mp4"),
        ("duration:10..20", "clip.mp4"),
        ("rating:>=4", "IMG_1.jpg"),
        ("rating:>=5", ""),
        ("f:1.8 iso:<=400 focal:50 exposure:1/250", "IMG_1.jpg"),
        ("date:2021..2022-01-01", "clip.mp4 fiji.heic"),
        ("added:2023-11", "IMG_2.jpg IMG_1.jpg clip.mp4 fiji.heic scan.png"),
        ("added:2024", ""),
        ("tag:WORK", "IMG_1.jpg"),
        ("tag:family", "IMG_1.jpg"), // a hierarchy includes its descendants
        ("tag:fam", ""),
        ("has:gps", "IMG_2.jpg IMG_1.jpg fiji.heic"),
        ("-has:date", "scan.png"),
        ("near:48.85,2.35,10", "IMG_2.jpg"),
        ("near:48.85,2.35,3", ""),
        ("near:-17.7,-179.9,300km", "fiji.heic"), // over the date line
        ("box:50,10,55,15", "IMG_1.jpg"),
        ("box:-20,170,-10,-170", "fiji.heic"),
        ("!?", ""),
        ("\"a\" OR \"b", ""),
    ] {
        if query.matches('"').count() % 2 == 1 {
            assert!(Query::parse(query).is_err());
            continue;
        }
        assert_eq!(library.find(query), found, "{query}");
    }
}

#[test]
fn pages_join_without_gap_or_repeat() {
    let days: Vec<String> = (0..50).map(|i| format!("2023-01-{:02}T00:00:00", i / 3 + 1)).collect();
    let library = Library::new(days.iter().enumerate().map(|(i, day)| {
        let name: &'static str = Box::leak(format!("{i}.jpg").into_boxed_str());
        photo(name, if i % 7 == 0 { "" } else { Box::leak(day.clone().into_boxed_str()) })
    }));
    for query in ["", "jpg", "-nothing"] {
        let query = Query::parse(query).unwrap();
        let all = library.index.search(&query, &Page { limit: 100, ..Page::default() }).unwrap();
        assert_eq!(all.items.len(), 50);
        assert_eq!(all.next, None);
        let mut joined = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let page = library.index.search(&query, &Page { limit: 7, after, ..Page::default() }).unwrap();
            joined.extend(page.items);
            let Some(next) = page.next else { break };
            after = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(joined, all.items);
    }
}

/// Each strategy is used by some query here, abandoned when its matches are far back, and gives the same result as the
/// others.
#[test]
fn common_words_are_found_by_every_way_wherever_they_lie() {
    const ITEMS: i64 = 25_000;
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open_indexing(dir.path(), || ()).unwrap();
    // `all` is in every item, `early` in the oldest 21,000, `some` in every fifth, `old` in the oldest 3,000.
    index
        .conn
        .execute_batch(&format!(
            "INSERT INTO spaces (id, name, kind) VALUES (1, 'home', 'shared');
             INSERT INTO volumes (id, space_id, path) VALUES (1, 1, x'2f70');
             INSERT INTO folders (id, volume_id, path) VALUES (1, 1, x'');
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ITEMS})
             INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added)
               SELECT i, 1, CAST(i AS BLOB), 1, i, 1, 1, 1, 1 FROM n;
             INSERT INTO items (file_id, space_id, folder_id, kind, added, taken_local)
               SELECT id, 1, 1, 'photo', 1, format('%04d-01-01T00:00:00', 1000 + id / 5) FROM files;"
        ))
        .unwrap();
    let pieces = || -> i64 {
        index.conn.query_row("SELECT count(DISTINCT segid) FROM item_text_idx", [], |r| r.get(0)).unwrap()
    };
    for part in 0..3 {
        let sql = "INSERT INTO item_text (rowid, title)
            SELECT id, 'all' || iif(id <= 21000, ' early', '') || iif(id % 5 = 0, ' some', '') || iif(id <= 3000, ' old', '')
              FROM files WHERE id % 3 = ?1";
        index.conn.execute(sql, [part]).unwrap();
    }
    assert_eq!(pieces(), 3);
    index.merge_text(|| false).unwrap();
    assert_eq!(pieces(), 1);
    // A small addition creates another segment and does not justify a merge.
    index.conn.execute("INSERT INTO item_text (rowid, title) VALUES (30000, 'other')", []).unwrap();
    index.merge_text(|| false).unwrap();
    assert_eq!(pieces(), 2);
    let fits = |query: &str, id: i64| {
        query.split(' ').all(|word| match word.trim_start_matches('-') {
            "all" => true,
            "early" => id <= 21_000,
            "some" => id % 5 == 0,
            _ => id <= 3000,
        } != word.starts_with('-'))
    };
    for query in
        ["all", "early", "some", "old", "all some", "early some", "all old", "-early", "early -some", "-all"]
    {
        let parsed = Query::parse(query).unwrap();
        let all: Vec<i64> = (1..=ITEMS).rev().filter(|id| fits(query, *id)).collect();
        assert_eq!(index.count(&parsed).unwrap(), all.len() as u64, "{query}");
        let mut after = None;
        for page in all.chunks(100).take(3) {
            let found = index.search(&parsed, &Page { limit: 100, after, ..Page::default() }).unwrap();
            assert_eq!(found.items, page, "{query}");
            after = found.next;
        }
    }
}

#[test]
fn a_space_sees_its_own() {
    let library = holiday();
    let page = |space: &str| Page { limit: 9, spaces: Some(vec![space.to_owned()]), ..Page::default() };
    assert_eq!(library.index.search(&Query::default(), &page("home")).unwrap().items.len(), 5);
    assert!(library.index.search(&Query::default(), &page("elsewhere")).unwrap().items.is_empty());
}

#[test]
fn edits_win_and_survive_a_reindex() {
    let mut library = holiday();
    let id = library.id("IMG_1.jpg");
    let date = DateEdit::parse("2020-02-29T12:00:00+01:00").unwrap();
    let edits = [
        Edit::Title(Some("Gate".into())),
        Edit::Rating(None),
        Edit::Taken(date),
        Edit::AddTag("holiday".into()),
        Edit::RemoveTag("work".into()),
    ];
    assert_eq!(library.index.edit_items(&[id, 999], &edits).unwrap(), [id]);
    let check = |library: &Library| {
        let (facts, _) = items::final_facts(&library.index.conn, id).unwrap();
        assert_eq!(facts.title.as_deref(), Some("Gate"));
        assert_eq!(facts.rating, None);
        assert_eq!(facts.tags, ["Family/Anna", "holiday"]);
        let taken = facts.taken.unwrap();
        assert_eq!(taken.local, "2020-02-29T12:00:00");
        assert_eq!(taken.utc.as_deref(), Some("2020-02-29T11:00:00Z"));
        assert_eq!(taken.source, "edit");
        assert_eq!(taken.rejected[0].value, "2023-07-01T10:20:30");
        assert_eq!(library.find("gate date:2020 tag:holiday"), "IMG_1.jpg");
        assert_eq!(library.find("tag:work"), "");
    };
    check(&library);
    items::refresh(&library.index.conn, id).unwrap();
    check(&library);
    let all = [Field::Title, Field::Rating, Field::Taken, Field::Tags].map(Edit::Forget);
    library.index.edit_items(&[id], &all).unwrap();
    assert_eq!(library.find("rating:4 date:2023-07-01 tag:work"), "IMG_1.jpg");
    assert_eq!(library.find("gate"), "");
}

#[test]
fn dates_are_understood_or_explained() {
    for text in ["2023-07-01", "2023-07-01 10:20:30", "2023-07-01T10:20:30Z", "2023-07-01T10:20:30-05:30"] {
        assert!(DateEdit::parse(text).is_ok(), "{text}");
    }
    for text in
        ["", "yesterday", "2023-13-01", "2023-07-01T10:20:30+2", "2023-07-01T10:20:30+02:99", "é2023-07-01é"]
    {
        assert!(DateEdit::parse(text).unwrap_err().contains("2023-07-01T10:20:30"), "{text}");
    }
}

#[test]
fn a_renamed_tag_is_renamed_everywhere() {
    let mut library = holiday();
    assert_eq!(library.index.rename_tag("work", "job").unwrap().len(), 1);
    let tag = |tag: &str| crate::edits::TagCount { tag: tag.to_owned(), count: 1 };
    assert_eq!(library.index.tags().unwrap(), [tag("Family/Anna"), tag("job")]);
}

#[test]
fn albums_are_picked_by_hand_or_by_a_search() {
    let mut library = holiday();
    let (one, clip) = (library.id("IMG_1.jpg"), library.id("clip.mp4"));
    library.index.create_album("Best", None).unwrap();
    library.index.create_album("Germany", Some("country:de")).unwrap();
    assert_eq!(library.index.add_to_album("Best", &[one, clip, clip, 999]).unwrap(), 2);
    assert_eq!(library.find("album:best"), "IMG_1.jpg clip.mp4");
    assert_eq!(library.find("album:best kind:video"), "clip.mp4");
    assert_eq!(library.find("album:germany"), "IMG_1.jpg");
    assert_eq!(library.find("album:none"), "");
    assert_eq!(library.index.remove_from_album("Best", &[one]).unwrap(), 1);
    let counts: Vec<u64> = library.index.albums().unwrap().iter().map(|a| a.count).collect();
    assert_eq!(counts, [1, 1]);
    assert!(library.index.create_album("Best", None).is_err());
    assert!(library.index.create_album("Nested", Some("album:Best")).is_err());
    assert!(library.index.add_to_album("Germany", &[clip]).is_err());
    library.index.rename_album("Best", "Better").unwrap();
    library.index.delete_album("Germany").unwrap();
    assert!(library.index.delete_album("Best").is_err());
    assert_eq!(library.index.albums().unwrap().len(), 1);
}

#[test]
fn what_is_hidden_or_forgotten_is_not_found() {
    let library = holiday();
    let id = library.id("IMG_1.jpg");
    library.index.conn.execute("UPDATE files SET vanished = 1 WHERE id = ?1", [id]).unwrap();
    items::refresh(&library.index.conn, id).unwrap();
    assert_eq!(library.find("berlin"), "");
    library.index.conn.execute("UPDATE files SET vanished = NULL WHERE id = ?1", [id]).unwrap();
    items::refresh(&library.index.conn, id).unwrap();
    assert_eq!(library.find("berlin"), "IMG_1.jpg");
    library.index.conn.execute("DELETE FROM files WHERE id = ?1", [id]).unwrap();
    assert_eq!(library.find("berlin"), "");
    let left: i64 = library
        .index
        .conn
        .query_row("SELECT count(*) FROM item_where WHERE file_id = ?1", [id], |r| r.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn people_and_subjects_are_found_by_their_names() {
    let library = holiday();
    library
        .index
        .conn
        .execute_batch(
            "INSERT INTO people (id, space_id, found_name, found_source) VALUES ('p1', 1, 'Anna Maria Berg', 'file');
             INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder, person_id)
               VALUES (2, 0, 0, 1, 1, 1, 1, '[]', x'', 'e', 'p1'), (2, 0, 0, 1, 1, 1, 1, '[]', x'', 'e', 'p1');
             INSERT INTO subjects (file_id, label, score) VALUES (3, 'dog', 0.9), (4, 'hot dog', 0.9);",
        )
        .unwrap();
    for (query, found) in [
        ("anna", "IMG_2.jpg IMG_1.jpg"), // a tag of the other
        ("person:anna", "IMG_2.jpg"),
        ("person:\"maria berg\"", "IMG_2.jpg"),
        ("person:ann", ""),
        ("ber*", "IMG_2.jpg IMG_1.jpg"),
        ("has:faces", "IMG_2.jpg"),
        ("subject:dog", "clip.mp4"),
        ("puppy", "clip.mp4"),
        ("subject:Puppies", "clip.mp4"),
        ("animals", "clip.mp4"),
        ("pupp*", "clip.mp4"),
        ("-puppy kind:video", ""),
        ("-subject:dog kind:video", ""),
        ("has:subjects", "clip.mp4 fiji.heic"),
    ] {
        assert_eq!(library.find(query), found, "{query}");
    }
}

#[test]
fn places_are_counted() {
    let places = holiday().index.places(None).unwrap();
    let cities: Vec<_> = places.iter().filter_map(|p| Some((p.place.city.as_deref()?, p.count))).collect();
    assert!(cities.contains(&("Berlin", 1)) && cities.contains(&("Paris", 1)), "{cities:?}");
    assert_eq!(holiday().index.places(Some("FR")).unwrap().len(), 1);
}

#[test]
fn what_is_alike_comes_nearest_first_within_the_space_and_the_models() {
    let library = holiday();
    library
        .index
        .conn
        .execute_batch(
            "INSERT INTO spaces (id, name, kind) VALUES (2, 'other', 'personal');
             UPDATE items SET space_id = 2 WHERE file_id = 5;
             INSERT INTO features (file_id, vector)
               VALUES (1, x'7f00'), (2, x'7f7f'), (3, x'6010'), (4, x'7f00'), (5, x'7f01');
             INSERT INTO stage_state (file_id, stage, version, input_key, state)
               SELECT file_id, 'subjects', 1, CASE file_id WHEN 4 THEN 'b' ELSE 'a' END || substr('000000000000000', 1, 15) || ':c', 'done'
               FROM features;",
        )
        .unwrap();
    let like = |limit, spaces: Option<&[String]>| -> String {
        let found = library.index.similar(1, limit, spaces).unwrap();
        found
            .iter()
            .map(|s| format!("{} {:.2}", library.name(s.file), s.similarity))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        like(9, None),
        "clip.mp4 0.99, IMG_2.jpg 0.71",
        "not itself, another space's or another model's"
    );
    assert_eq!(like(1, None), "clip.mp4 0.99");
    assert_eq!(like(9, Some(&["other".to_owned()])), "scan.png 1.00");
    library.index.conn.execute_batch("DELETE FROM stage_state WHERE file_id = 1").unwrap();
    let why = library.index.similar(1, 9, None).unwrap_err().to_string();
    assert_eq!(why, "it has not been looked at yet");
}

#[test]
fn places_are_found_by_the_names_they_have_there() {
    let library = Library::new([
        photo("a.jpg", "1999").at(48.1372, 11.5756),
        photo("b.jpg", "1998").at(55.7539, 37.6208),
    ]);
    for (query, found) in [
        ("city:munich", "a.jpg"),
        ("city:München", "a.jpg"),
        ("munchen bayern", "a.jpg"),
        ("place:bavaria", "a.jpg"),
        ("Москва", "b.jpg"),
        ("country:Россия", "b.jpg"),
        ("city:münch", ""),
    ] {
        assert_eq!(library.find(query), found, "{query}");
    }
}

#[test]
fn dates_known_in_part_stand_at_the_start_of_their_period() {
    let library = Library::new([
        photo("second", "1965-07-14T12:00:00"),
        photo("year", "1965"),
        photo("day", "1965-07-14"),
        photo("month", "1965-07"),
        photo("next", "1966-01-01T00:00:00"),
        photo("none", ""),
    ]);
    for (query, found) in [
        ("", "next second day month year none"),
        ("1965", "second day month year"),
        ("date:1965-07", "second day month"),
        ("date:1965-07-14", "second day"),
        ("date:1965-07-14T12", "second"),
        ("date:1965-01-01..1965-12-31", "second day month year"),
        ("date:1965-01..1965-12", "second day month year"),
        ("date:1965-07-01..1965-07-31", "second day month"),
        // The whole period of a date must be within the span.
        ("date:1965-01..1965-07", "second day month"),
        ("date:1965-07-01..1965-07-20", "second day"),
        ("date:..1965-06", ""),
        ("date:>=1965-01-01", "next second day month year"),
        ("date:>=1965-01-02", "next second day month"),
        ("date:..1965", "second day month year"),
        ("-date:1965", "next none"),
    ] {
        assert_eq!(library.find(query), found, "{query}");
    }
    // In pages as in one.
    let all = Query::parse("1965").unwrap();
    let mut after = None;
    let mut names = Vec::new();
    loop {
        let page = library.index.search(&all, &Page { limit: 1, after, ..Page::default() }).unwrap();
        names.extend(page.items.iter().map(|id| library.name(*id)));
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse::<Cursor>().unwrap());
    }
    assert_eq!(names, ["second", "day", "month", "year"]);
}

#[test]
fn four_digits_are_a_date_or_a_word() {
    let library = Library::new([
        photo("DSC_1965.jpg", "2020-01-01T00:00:00"),
        photo("a.jpg", "1965-07-14"),
        photo("b.jpg", "2020-01-01T00:00:00").with(|f| f.title = Some("Summer 1965".into())),
    ]);
    assert_eq!(library.find("1965"), "b.jpg DSC_1965.jpg a.jpg");
    assert_eq!(library.find("\"1965\""), "b.jpg DSC_1965.jpg");
    assert_eq!(library.find("date:1965"), "a.jpg");
    assert_eq!(library.find("-1965"), "");
    assert_eq!(library.find("1965 summer title:summer"), "b.jpg");
}

#[test]
fn kinds_of_photos_by_their_names() {
    use albumen_core::vocabulary::{Format, Hdr, Motion, Pano};
    let pano = |is_360| Some(Pano { projection: "equirectangular".into(), is_360 });
    let motion = |kind: &str| Some(Motion { kind: kind.into(), ..Motion::default() });
    let library = Library::new([
        photo("sphere.jpg", "").with(|f| f.pano = pano(true)),
        photo("wide.jpg", "").with(|f| f.pano = pano(false)),
        photo("apple.heic", "").with(|f| f.motion = motion("apple")),
        photo("pixel.jpg", "").with(|f| f.motion = motion("google")),
        photo("galaxy.jpg", "").with(|f| f.motion = motion("samsung")),
        photo("bright.jpg", "").with(|f| f.hdr = Some(Hdr { kind: "pq".into() })),
        photo("a.nef", "").with(|f| f.format = Some(Format::Nef)),
        photo("clip.mp4", "").with(|f| f.kind = Some(Kind::Video)),
        photo("named raw video.jpg", "").with(|f| f.tags = vec!["live photo".into()]),
    ]);
    for (queries, found) in [
        (&["360", "\"360\"", "is:360", "360-Grad", "360\u{b0} Fotos"][..], "sphere.jpg"),
        (&["panorama", "PANORAMEN", "is:panorama"], "wide.jpg sphere.jpg"),
        (&["Live Photo", "live photo", "\"LIVE PHOTO\""], "named raw video.jpg apple.heic"),
        (&["is:live", "\"live photos\"", "Live-Fotos"], "apple.heic"),
        (&["Motion Photo", "motion photos", "Bewegungsfotos", "is:motion-photo"], "galaxy.jpg pixel.jpg"),
        (&["is:motion"], "galaxy.jpg pixel.jpg apple.heic"),
        (&["HDR", "hdr-fotos", "is:hdr"], "bright.jpg"),
        (&["raw"], "named raw video.jpg a.nef"),
        (&["is:raw", "Rohdateien"], "a.nef"),
        (&["video"], "named raw video.jpg clip.mp4"),
        (&["videos"], "clip.mp4"),
    ] {
        for query in queries {
            assert_eq!(library.find(query), found, "{query}");
        }
    }
}
