//! Common data of visible items: tags, subjects and places, each with the number of its items and a cover.

use crate::IndexReader;
use crate::Result;
use rusqlite::{OptionalExtension, params};

/// The cover of a value: an item id and the key of its thumbnails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Cover {
    pub id: i64,
    pub key: u32,
}

/// A tag, subject or place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    pub name: String,
    /// Number of visible items.
    pub items: u64,
    /// The newest of these items.
    pub newest: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166-1, two letters.
    pub code: String,
    pub country: Counted,
    pub regions: Vec<Region>,
}

/// A `region` without a name is unknown; cities without a name are not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Region {
    pub region: Counted,
    pub cities: Vec<Counted>,
}

impl IndexReader {
    /// The thumbnails of an item, if any.
    pub fn cover(&self, item: i64) -> Result<Option<Cover>> {
        Ok(self.thumbnail_key(item)?.map(|key| Cover { id: item, key }))
    }

    /// Tags of visible items, of one space or of all, by name.
    pub fn visible_tags(&self, space: Option<&str>) -> Result<Vec<Counted>> {
        self.counted(
            "SELECT t.tag, count(*), max(coalesce(i.taken_local, '')), i.file_id
               FROM item_tags t CROSS JOIN items i ON i.file_id = t.file_id
             WHERE i.hidden = 0 AND visible(i.folder_id, i.file_id) AND (?1 IS NULL OR i.space_id = ?1)
             GROUP BY t.tag ORDER BY t.tag",
            space,
        )
    }

    /// Like [`IndexReader::visible_tags`], for subjects: labels of the taxonomy.
    pub fn visible_subjects(&self, space: Option<&str>) -> Result<Vec<Counted>> {
        self.counted(
            "SELECT t.label, count(DISTINCT t.file_id), max(coalesce(i.taken_local, '')), i.file_id
               FROM subjects t CROSS JOIN items i ON i.file_id = t.file_id
             WHERE i.hidden = 0 AND visible(i.folder_id, i.file_id) AND (?1 IS NULL OR i.space_id = ?1)
             GROUP BY t.label ORDER BY t.label",
            space,
        )
    }

    fn counted(&self, sql: &str, space: Option<&str>) -> Result<Vec<Counted>> {
        let Some(space) = self.space_wanted(space)? else { return Ok(Vec::new()) };
        // With max(), SQLite takes the other columns from the row of the maximum.
        let read = |r: &rusqlite::Row<'_>| {
            Ok(Counted {
                name: r.get(0)?,
                items: r.get::<_, i64>(1)?.unsigned_abs(),
                newest: Some(r.get(3)?),
            })
        };
        Ok(self.conn.prepare_cached(sql)?.query_map([space], read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The outer `None`: no such space; the inner one: all spaces.
    fn space_wanted(&self, name: Option<&str>) -> Result<Option<Option<i64>>> {
        let Some(name) = name else { return Ok(Some(None)) };
        let id = self
            .conn
            .prepare_cached("SELECT id FROM spaces WHERE name = ?1")?
            .query_row([name], |r| r.get(0))
            .optional()?;
        Ok(id.map(Some))
    }

    /// Places of visible items: countries, their regions, their cities, by name.
    pub fn visible_places(&self, space: Option<&str>) -> Result<Vec<Country>> {
        let Some(space) = self.space_wanted(space)? else { return Ok(Vec::new()) };
        let mut st = self.conn.prepare_cached(
            "SELECT i.country_code, i.country, i.region, i.city, count(*), max(coalesce(i.taken_local, '')), i.file_id
               FROM items i INDEXED BY items_place
             WHERE i.hidden = 0 AND i.country_code IS NOT NULL AND visible(i.folder_id, i.file_id)
               AND (?1 IS NULL OR i.space_id = ?1)
             GROUP BY i.country_code, i.region, i.city ORDER BY i.country_code, i.region, i.city",
        )?;
        let mut rows = st.query(params![space])?;
        let mut found: Vec<Newest<Country>> = Vec::new();
        while let Some(r) = rows.next()? {
            let code: String = r.get(0)?;
            let name: Option<String> = r.get(1)?;
            let (region, city): (Option<String>, Option<String>) = (r.get(2)?, r.get(3)?);
            let items = r.get::<_, i64>(4)?.unsigned_abs();
            let newest: (String, i64) = (r.get(5)?, r.get(6)?);
            if found.last().is_none_or(|c| c.of.code != code) {
                let country = Counted { name: name.unwrap_or_else(|| code.clone()), ..Counted::default() };
                found
                    .push(Newest { of: Country { code, country, regions: Vec::new() }, ..Newest::default() });
            }
            let Some(Newest { of: country, taken }) = found.last_mut() else { continue };
            let region = region.unwrap_or_default();
            if country.regions.last().is_none_or(|r| r.region.name != region) {
                let region = Counted { name: region, ..Counted::default() };
                country.regions.push(Region { region, cities: Vec::new() });
                taken[1].clear();
            }
            let Some(Region { region, cities }) = country.regions.last_mut() else { continue };
            for (counted, taken) in [&mut country.country, region].into_iter().zip(taken) {
                counted.items += items;
                if counted.newest.is_none() || *taken <= newest.0 {
                    counted.newest = Some(newest.1);
                    *taken = newest.0.clone();
                }
            }
            if let Some(name) = city {
                cities.push(Counted { name, items, newest: Some(newest.1) });
            }
        }
        let mut countries: Vec<Country> = found.into_iter().map(|c| c.of).collect();
        countries.sort_by(|a, b| a.country.name.cmp(&b.country.name).then_with(|| a.code.cmp(&b.code)));
        Ok(countries)
    }
}

/// A country, with the date of its newest item and of that of its last region.
#[derive(Default)]
struct Newest<T> {
    of: T,
    taken: [String; 2],
}
