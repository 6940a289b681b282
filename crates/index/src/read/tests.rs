use super::grid::flag;
use super::visible::{FolderRule, Rules, VIEW, Visible};
use crate::Index;
use crate::query::{Area, Query};
use crate::search::{Order, Page, Within};
use proptest::prelude::*;
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Paths of folders below the volume of each of two spaces.
const FOLDERS: [&str; 6] = ["", "a", "a/b", "a/b/c", "ab", "d"];

/// Two spaces, `s0` and `s1`, with the folders above, four items in each folder. The item `id` is in folder `id / 4`.
fn index() -> (Index, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open_indexing(dir.path(), || ()).unwrap();
    for space in 0..2 {
        let sql = format!(
            "INSERT INTO spaces (id, name, kind) VALUES ({space}, 's{space}', 'shared');
             INSERT INTO volumes (id, space_id, path) VALUES ({space}, {space}, CAST('/v{space}' AS BLOB));"
        );
        index.conn.execute_batch(&sql).unwrap();
        for (n, path) in FOLDERS.iter().enumerate() {
            let folder = space * FOLDERS.len() + n;
            let sql = format!(
                "INSERT INTO folders (id, volume_id, path) VALUES ({folder}, {space}, CAST('{path}' AS BLOB))"
            );
            index.conn.execute_batch(&sql).unwrap();
            for k in 0..4 {
                let id = folder * 4 + k;
                let taken = ["'2023-07-01T10:00:00'", "'2023-07-02T11:00:00'", "'1965-07'", "NULL"][k];
                let sql = format!(
                    "INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added)
                       VALUES ({id}, {folder}, CAST('{id}.jpg' AS BLOB), 1, 1, {id}, 1, 1, 1);
                     INSERT INTO items (file_id, space_id, folder_id, kind, added, taken_local, display_width,
                       display_height) VALUES ({id}, {space}, {folder}, 'photo', 1, {taken}, 400, 300);"
                );
                index.conn.execute_batch(&sql).unwrap();
            }
        }
    }
    (index, dir)
}

fn rules(spaces: &[(usize, u8)], folders: &[(usize, usize, u8)]) -> Rules {
    let folder = |&(space, n, rights): &(usize, usize, u8)| FolderRule {
        space: format!("s{space}"),
        volume: format!("/v{space}").into_bytes(),
        path: FOLDERS[n].as_bytes().to_vec(),
        rights,
    };
    Rules {
        spaces: spaces.iter().map(|(n, rights)| (format!("s{n}"), *rights)).collect(),
        folders: folders.iter().map(folder).collect(),
        ..Rules::default()
    }
}

/// The same decision in a simple implementation.
fn expected(rules: &Rules, space: usize, folder: &str) -> u8 {
    if let Some((_, rights)) = rules.spaces.iter().find(|(name, _)| *name == format!("s{space}")) {
        return *rights;
    }
    let holds = |rule: &&FolderRule| {
        let path = String::from_utf8(rule.path.clone()).unwrap();
        rule.space == format!("s{space}")
            && (path.is_empty() || folder == path || folder.starts_with(&format!("{path}/")))
    };
    rules.folders.iter().filter(holds).max_by_key(|rule| rule.path.len()).map_or(0, |rule| rule.rights)
}

fn page(within: Vec<Within>) -> Page {
    Page { limit: 1000, within, is_scoped: true, ..Page::default() }
}

fn seen(index: &Index, visible: Visible) -> BTreeSet<i64> {
    index.look_as(Arc::new(visible));
    index.search(&Query::default(), &page(vec![])).unwrap().items.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_scope_shows_what_its_rules_say_and_counts_no_more(
        spaces in prop::collection::btree_map(0..2_usize, 0..4_u8, 0..2),
        folders in prop::collection::btree_map((0..2_usize, 0..6_usize), 0..4_u8, 0..6),
    ) {
        let (index, _dir) = index();
        let spaces: Vec<_> = spaces.into_iter().collect();
        let folders: Vec<_> = folders.into_iter().map(|((s, n), r)| (s, n, r)).collect();
        let rules = rules(&spaces, &folders);
        let found = seen(&index, index.resolve(&rules).unwrap());
        let mut all = BTreeSet::new();
        for space in 0..2 {
            for (n, path) in FOLDERS.iter().enumerate() {
                if expected(&rules, space, path) & VIEW != 0 {
                    let folder = (space * FOLDERS.len() + n) as i64;
                    all.extend(folder * 4..folder * 4 + 4);
                }
            }
        }
        prop_assert_eq!(&found, &all);

        let timeline = index.timeline(&Query::default(), &[]).unwrap();
        let total: u64 = timeline.days.iter().map(|d| d.count).sum();
        prop_assert_eq!(total + timeline.undated, all.len() as u64);
        // The slow query gives the same days as the table.
        let by_items = index.timeline(&Query::parse("kind:photo").unwrap(), &[]).unwrap();
        prop_assert_eq!(by_items, timeline);
    }
}

/// The data of each item of [`index`], by its id: a rule that tests can count by.
struct Has {
    tags: Vec<String>,
    subject: Option<String>,
    place: Option<(String, String, Option<String>)>,
    position: Option<(i64, i64)>,
}

fn has(id: i64) -> Has {
    let place = (id % 4 != 0).then(|| {
        let city = (id % 3 > 0).then(|| format!("city {}", id % 3));
        (format!("C{}", id % 2), format!("region {}", id % 5), city)
    });
    Has {
        tags: (0..id % 3).map(|n| format!("tag {n}")).collect(),
        subject: (id % 5 == 0).then(|| "boat".to_owned()),
        place,
        position: (id % 6 != 0).then_some((id % 7 * 10 - 30, id % 11 * 30 - 150)),
    }
}

/// Writes the data of [`has`] into an index.
fn put_has(index: &Index) {
    for id in 0..48 {
        let Has { tags, subject, place, position } = has(id);
        for tag in tags {
            index
                .conn
                .execute("INSERT INTO item_tags (tag, file_id) VALUES (?1, ?2)", params![tag, id])
                .unwrap();
        }
        // Twice, as for two boxes: the item counts once.
        for _ in 0..2 {
            let sql = "INSERT INTO subjects (file_id, label, score) SELECT ?1, ?2, 1 WHERE ?2 IS NOT NULL";
            index.conn.execute(sql, params![id, subject]).unwrap();
        }
        if let Some((code, region, city)) = place {
            let sql =
                "UPDATE items SET country_code = ?2, country = ?2, region = ?3, city = ?4 WHERE file_id = ?1";
            index.conn.execute(sql, params![id, code, region, city]).unwrap();
        }
        if let Some((lat, lon)) = position {
            let sql = "UPDATE items SET lat = ?2, lon = ?3 WHERE file_id = ?1";
            index.conn.execute(sql, params![id, lat, lon]).unwrap();
            let sql = "INSERT INTO item_where VALUES (?1, ?2, ?2, ?3, ?3)";
            index.conn.execute(sql, params![id, lat, lon]).unwrap();
        }
    }
}

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn names_places_facets_and_clusters_count_what_a_scope_shows(
        spaces in prop::collection::btree_map(0..2_usize, 0..4_u8, 0..2),
        folders in prop::collection::btree_map((0..2_usize, 0..6_usize), 0..4_u8, 0..6),
        west in -18..18_i64,
        east in -18..18_i64,
        south in -4..4_i64,
        zoom in 0..6_u8,
    ) {
        let (index, _dir) = index();
        put_has(&index);
        let spaces: Vec<_> = spaces.into_iter().collect();
        let folders: Vec<_> = folders.into_iter().map(|((s, n), r)| (s, n, r)).collect();
        let seen = seen(&index, index.resolve(&rules(&spaces, &folders)).unwrap());
        let of = |id: &i64| has(*id);

        let plain = counted(seen.iter().flat_map(|id| of(id).tags));
        let tags = index.visible_tags(None).unwrap().into_iter().map(|t| (t.name, t.items));
        prop_assert_eq!(tags.collect::<BTreeMap<_, _>>(), plain.clone());
        let boats = seen.iter().filter(|id| of(id).subject.is_some()).count() as u64;
        let subjects = index.visible_subjects(None).unwrap();
        prop_assert_eq!(subjects.iter().map(|s| s.items).sum::<u64>(), boats);
        // Of one space: those whose ids belong to its folders.
        let first: u64 = counted(seen.iter().filter(|id| **id < 24).flat_map(|id| of(id).tags)).values().sum();
        prop_assert_eq!(index.visible_tags(Some("s0")).unwrap().iter().map(|t| t.items).sum::<u64>(), first);
        prop_assert!(index.visible_tags(Some("nowhere")).unwrap().is_empty());

        let mut found = BTreeMap::new();
        for country in index.visible_places(None).unwrap() {
            prop_assert_eq!(country.country.items, country.regions.iter().map(|r| r.region.items).sum::<u64>());
            for region in country.regions {
                let in_cities: u64 = region.cities.iter().map(|c| c.items).sum();
                let of_region = |city| (country.code.clone(), region.region.name.clone(), city);
                if region.region.items > in_cities {
                    found.insert(of_region(None), region.region.items - in_cities);
                }
                for city in region.cities {
                    found.insert(of_region(Some(city.name)), city.items);
                }
            }
        }
        prop_assert_eq!(found, counted(seen.iter().filter_map(|id| of(id).place)));

        let facets = index.facets(&Query::default(), &[]).unwrap();
        prop_assert_eq!(facets.items, seen.len() as u64);
        let values = |name: &str| -> BTreeMap<String, u64> {
            let values = facets.of.iter().filter(|(n, _)| *n == name).flat_map(|(_, values)| values);
            values.map(|f| (f.value.clone(), f.items)).collect()
        };
        prop_assert_eq!(values("tag"), plain);
        prop_assert_eq!(values("country"), counted(seen.iter().filter_map(|id| of(id).place.map(|p| p.0))));
        prop_assert_eq!(values("year"), counted(seen.iter().filter_map(|id| [Some("2023"), Some("2023"), Some("1965"), None][*id as usize % 4]).map(str::to_owned)));
        // A query restricts them.
        let tagged = index.facets(&Query::parse("tag:\"tag 1\"").unwrap(), &[]).unwrap();
        prop_assert_eq!(tagged.items, seen.iter().filter(|id| *id % 3 == 2).count() as u64);

        let (west, east, south) = (west * 10, east * 10, south * 10);
        let is_inside = |(lat, lon): (i64, i64)| {
            lat >= south && if west <= east { (west..=east).contains(&lon) } else { lon >= west || lon <= east }
        };
        let area = Area { south: south as f64, west: west as f64, north: 90.0, east: east as f64, circle: None };
        let inside: Vec<(i64, i64)> = seen.iter().filter_map(|id| of(id).position).filter(|p| is_inside(*p)).collect();
        let clusters = index.clusters(&Query::default(), &[], area, zoom).unwrap();
        prop_assert_eq!(clusters.iter().map(|c| c.items).sum::<u64>(), inside.len() as u64);
        for cluster in &clusters {
            prop_assert!(seen.contains(&cluster.cover));
            let [south, west, north, east] = cluster.bounds;
            prop_assert!(south <= cluster.lat && cluster.lat <= north && west <= cluster.lon && cluster.lon <= east);
            // A square is a quarter of a tile wide: its items are at most that far apart.
            prop_assert!(east - west <= 360.0 / f64::from(1 << zoom) / 4.0);
        }
        let closest = index.clusters(&Query::default(), &[], area, 22).unwrap();
        prop_assert_eq!(closest.len(), counted(inside.into_iter()).len());
    }
}

#[test]
fn nothing_is_seen_before_a_scope_is_set() {
    let (index, _dir) = index();
    let found = index.search(&Query::default(), &page(vec![])).unwrap();
    assert!(found.items.is_empty());
    assert_eq!(index.timeline(&Query::default(), &[]).unwrap().days, []);
    assert_eq!(index.visible_item(0).unwrap(), None);
}

#[test]
fn days_follow_every_change_of_an_item() {
    let (index, _dir) = index();
    index.look_as(Arc::new(Visible::all()));
    let steps = [
        "UPDATE items SET taken_local = '2020-01-01T00:00:00' WHERE file_id = 3",
        "UPDATE items SET hidden = 1 WHERE file_id IN (0, 5)",
        "UPDATE items SET hidden = 0, folder_id = 1 WHERE file_id = 0",
        "UPDATE items SET title = 'x', taken_local = taken_local WHERE file_id = 1",
        "DELETE FROM files WHERE id = 2",
    ];
    for sql in steps {
        index.conn.execute_batch(sql).unwrap();
        let kept = index.timeline(&Query::default(), &[]).unwrap();
        let counted = index.timeline(&Query::parse("kind:photo").unwrap(), &[]).unwrap();
        assert_eq!(kept, counted, "{sql}");
    }
    let empty: i64 =
        index.conn.query_row("SELECT count(*) FROM folder_days WHERE items <= 0", [], |r| r.get(0)).unwrap();
    assert_eq!(empty, 0);
}

#[test]
fn partial_dates_come_after_the_days_of_their_time() {
    let (index, _dir) = index();
    index.look_as(Arc::new(Visible::all()));
    let timeline = index.timeline(&Query::default(), &[Within::Space("s0".into())]).unwrap();
    let days: Vec<(&str, u64)> = timeline.days.iter().map(|d| (d.day.as_str(), d.count)).collect();
    assert_eq!(days, [("2023-07-02", 6), ("2023-07-01", 6), ("1965-07", 6)]);
    assert_eq!(timeline.undated, 6);
}

#[test]
fn ranges_of_days_and_parts_of_them_are_what_the_timeline_counts() {
    let (index, _dir) = index();
    index.look_as(Arc::new(Visible::all()));
    let days = |first: &str, last: &str| Within::Days { first: first.into(), last: last.into() };
    let find = |within, offset, limit| {
        let page = Page { offset, limit, ..page(vec![within]) };
        index.search(&Query::default(), &page).unwrap().items
    };
    assert_eq!(find(days("2023-07-01", "2023-07-01"), 0, 99).len(), 12);
    assert_eq!(find(days("1965-07", "2023-07-02"), 0, 99).len(), 36);
    assert_eq!(find(days("1965-07", "1965-07"), 0, 99).len(), 12);
    assert_eq!(find(Within::Undated, 0, 99).len(), 12);
    let whole = find(days("2023-07-01", "2023-07-02"), 0, 99);
    let parts = [0, 10, 20].map(|offset| find(days("2023-07-01", "2023-07-02"), offset, 10)).concat();
    assert_eq!(parts, whole);
}

#[test]
fn other_orders_go_on_page_by_page() {
    let (index, _dir) = index();
    index.look_as(Arc::new(Visible::all()));
    let mut after = None;
    let mut items = Vec::new();
    loop {
        let page = Page { limit: 7, after, order: Order::Size, ..page(vec![]) };
        let found = index.search(&Query::default(), &page).unwrap();
        items.extend(found.items);
        let Some(next) = found.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(items, (0..48).rev().collect::<Vec<_>>());
}

#[test]
fn people_are_found_only_in_spaces_that_are_seen_whole() {
    let (index, _dir) = index();
    // Items 0 (s0) and 24 (s1) show Anna.
    for (item, space) in [(0, 0), (24, 1)] {
        let sql = format!(
            "INSERT INTO people (id, space_id, found_name, found_source) VALUES ('p{item}', {space}, 'Anna', 'file');
             INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder, person_id, how)
               VALUES ({item}, 0, 0, 1, 1, 1, 1, '[]', x'00', 'e', 'p{item}', 'machine');
             INSERT INTO item_text (rowid, name, folder, title, description, tags, place, people, camera, lens)
               VALUES ({item}, 'x', '', '', '', '', '', 'Anna', '', '');"
        );
        index.conn.execute_batch(&sql).unwrap();
    }
    let visible = index.resolve(&rules(&[(0, 1)], &[(1, 0, 1)])).unwrap();
    index.look_as(Arc::new(visible));
    for query in ["anna", "person:anna", "has:faces", "ann*"] {
        let found = index.search(&Query::parse(query).unwrap(), &page(vec![])).unwrap();
        assert_eq!(found.items, [0], "{query}");
    }
    let by_id =
        |id: &str| index.search(&Query::default(), &page(vec![Within::Person(id.into())])).unwrap().items;
    assert_eq!(by_id("p0"), [0]);
    assert!(by_id("p24").is_empty());
}

#[test]
fn folders_show_counts_and_covers_of_what_is_visible() {
    let (index, _dir) = index();
    index.look_as(Arc::new(index.resolve(&rules(&[], &[(0, 2, 1)])).unwrap()));
    let top = index.folder_content("s0", b"/v0", b"").unwrap().unwrap();
    assert_eq!((top.items, top.folders.len()), (0, 1));
    assert_eq!((top.folders[0].name.as_slice(), top.folders[0].items), (b"a".as_slice(), 8));
    let inner = index.folder_content("s0", b"/v0", b"a/b").unwrap().unwrap();
    assert_eq!((inner.items, inner.folders.len()), (4, 1));
    for hidden in ["d", "ab", "nowhere"] {
        assert_eq!(index.folder_content("s0", b"/v0", hidden.as_bytes()).unwrap(), None, "{hidden}");
    }
    assert_eq!(index.folder_content("s1", b"/v1", b"").unwrap(), None);
}

#[test]
fn a_grid_has_columns_of_one_length() {
    let (index, _dir) = index();
    let grid = index.grid(&[1, 0, 2, 3, 999]).unwrap();
    assert_eq!(grid.ids, [1, 0, 2, 3]);
    assert_eq!(grid.aspect, [133; 4]);
    assert_eq!(grid.kind, "pppp");
    assert_eq!(grid.flags, [flag::NO_THUMBNAIL; 4]);
    let days = [("2023-07-02", 1), ("2023-07-01", 1), ("1965-07", 1), ("undated", 1)];
    assert_eq!(grid.days, days.map(|(day, count)| (day.to_owned(), count)));
}
