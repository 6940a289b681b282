//! Facets of a search: the number of items for each value of each condition, and their positions on a map.

use crate::IndexReader;
use crate::query::{Area, Filter, Query, Term};
use crate::search::{Page, SearchError, Within, in_spaces};
use rusqlite::types::ValueRef;
use std::collections::HashMap;

type Result<T> = std::result::Result<T, SearchError>;

/// Maximum number of values of one condition: those with most items.
const VALUES: usize = 100;

/// A value with its number of items.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    /// As stored: a word, a number, a code.
    pub value: String,
    /// As displayed, if different.
    pub name: Option<String>,
    pub items: u64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facets {
    pub items: u64,
    /// By the name of the condition; values with most items first.
    pub of: Vec<(&'static str, Vec<Facet>)>,
}

/// Conditions whose values are columns of an item.
const COLUMNS: [(&str, &str); 12] = [
    ("kind", "i.kind"),
    ("format", "i.format"),
    ("year", "substr(i.taken_local, 1, 4)"),
    ("rating", "i.rating"),
    ("country", "i.country_code"),
    ("city", "i.city"),
    ("camera", "i.model"),
    ("lens", "i.lens"),
    ("iso", "i.iso"),
    ("aperture", "i.f_number"),
    ("focal", "i.focal_mm"),
    ("exposure", "i.exposure_s"),
];
const FLAGS: [(&str, &str); 5] = [
    ("360", "i.is_360 = 1"),
    ("panorama", "i.is_pano = 1"),
    ("motion", "i.is_motion = 1"),
    ("hdr", "i.is_hdr = 1"),
    ("gps", "i.lat IS NOT NULL"),
];

/// Items of a map that are close together.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Their centre.
    pub lat: f64,
    pub lon: f64,
    pub items: u64,
    /// The newest item.
    pub cover: i64,
    /// South, west, north, east.
    pub bounds: [f64; 4],
}

impl IndexReader {
    /// The facets of the items that match a query within a scope.
    pub fn facets(&self, query: &Query, within: &[Within]) -> Result<Facets> {
        let page = Page { within: within.to_vec(), is_scoped: true, ..Page::default() };
        let mut items = 0;
        let mut counts: Vec<HashMap<String, u64>> = vec![HashMap::new(); COLUMNS.len()];
        let mut flags = [0; FLAGS.len()];
        let mut countries: HashMap<String, String> = HashMap::new();
        let columns: Vec<&str> =
            COLUMNS.iter().map(|c| c.1).chain(FLAGS.iter().map(|f| f.1)).chain(["i.country"]).collect();
        self.each_found(query, &page, &columns.join(", "), |r| {
            items += 1;
            for (at, counts) in counts.iter_mut().enumerate() {
                // Most values exist already: nothing is allocated for them.
                match r.get_ref(at)? {
                    ValueRef::Null => {}
                    ValueRef::Text(text) => count(counts, &String::from_utf8_lossy(text)),
                    ValueRef::Integer(n) => count(counts, &n.to_string()),
                    ValueRef::Real(n) => count(counts, &n.to_string()),
                    ValueRef::Blob(_) => {}
                }
            }
            for (at, flag) in flags.iter_mut().enumerate() {
                *flag += u64::from(r.get::<_, bool>(COLUMNS.len() + at)?);
            }
            const COUNTRY: usize = 4;
            if let (ValueRef::Text(code), ValueRef::Text(name)) =
                (r.get_ref(COUNTRY)?, r.get_ref(COLUMNS.len() + FLAGS.len())?)
            {
                let code = String::from_utf8_lossy(code);
                if !countries.contains_key(code.as_ref()) {
                    countries.insert(code.into_owned(), String::from_utf8_lossy(name).into_owned());
                }
            }
            Ok(())
        })?;
        let mut of: Vec<(&'static str, Vec<Facet>)> = Vec::new();
        for ((name, _), counts) in COLUMNS.iter().zip(counts) {
            let shown = |code: &str| if *name == "country" { countries.get(code).cloned() } else { None };
            let values = counts.into_iter().map(|(value, items)| Facet { name: shown(&value), value, items });
            of.push((name, most(values.collect())));
        }
        let is = FLAGS.iter().zip(flags).filter(|(_, items)| *items > 0);
        of.push(("is", is.map(|(f, items)| Facet { value: f.0.into(), name: None, items }).collect()));
        of.push(("tag", self.having_counted(query, &page, "x.tag", "item_tags x", "1")?));
        of.push(("subject", self.having_counted(query, &page, "x.label", "subjects x", "1")?));
        let scope = self.scope();
        let of_spaces = in_spaces("p.space_id", scope.whole_spaces());
        let people =
            "faces x CROSS JOIN persons p ON p.id = x.person_id CROSS JOIN spaces s ON s.id = p.space_id";
        let whose = format!(
            "x.lost = 0 AND p.hidden = 0 AND p.name IS NOT NULL AND s.people_off = 0 AND m.space_id = p.space_id AND {of_spaces}"
        );
        let mut named = self.having_counted(query, &page, "p.id || ' ' || p.name", people, &whose)?;
        for facet in &mut named {
            if let Some((id, name)) = facet.value.split_once(' ') {
                (facet.name, facet.value) = (Some(name.to_owned()), id.to_owned());
            }
        }
        of.push(("person", named));
        of.retain(|(_, values)| !values.is_empty());
        Ok(Facets { items, of })
    }

    fn having_counted(
        &self,
        query: &Query,
        page: &Page,
        value: &str,
        tables: &str,
        whose: &str,
    ) -> Result<Vec<Facet>> {
        let mut values = Vec::new();
        self.each_of_found(
            query,
            page,
            &format!("{value}, count(DISTINCT m.file_id)"),
            &format!("CROSS JOIN {tables} WHERE x.file_id = m.file_id AND {whose} GROUP BY 1"),
            |r| {
                values.push(Facet {
                    value: r.get(0)?,
                    name: None,
                    items: r.get::<_, i64>(1)?.unsigned_abs(),
                });
                Ok(())
            },
        )?;
        Ok(most(values))
    }

    /// The items of an area that match a query, in squares of a map at a zoom level, those with most items first.
    pub fn clusters(&self, query: &Query, within: &[Within], area: Area, zoom: u8) -> Result<Vec<Cluster>> {
        let mut query = query.clone();
        query.terms.push(Term { denied: false, any_of: vec![Filter::Area(area)] });
        let page = Page { within: within.to_vec(), is_scoped: true, ..Page::default() };
        let mut squares: HashMap<(i64, i64), Square> = HashMap::new();
        let columns = "i.file_id, i.lat, i.lon, coalesce(i.taken_local, '')";
        self.each_found(&query, &page, columns, |r| {
            let (item, lat, lon): (i64, f64, f64) = (r.get(0)?, r.get(1)?, r.get(2)?);
            let taken = r.get_ref(3)?.as_str()?;
            let square = squares.entry(square_of(lat, lon, zoom)).or_insert_with(|| Square::new(lat, lon));
            square.add(item, lat, lon, taken);
            Ok(())
        })?;
        let mut clusters: Vec<((i64, i64), Square)> = squares.into_iter().collect();
        clusters.sort_by(|a, b| b.1.items.cmp(&a.1.items).then_with(|| a.0.cmp(&b.0)));
        Ok(clusters.into_iter().map(|(_, square)| square.cluster()).collect())
    }
}

fn count(counts: &mut HashMap<String, u64>, value: &str) {
    match counts.get_mut(value) {
        Some(n) => *n += 1,
        None if value.is_empty() => {}
        None => {
            counts.insert(value.to_owned(), 1);
        }
    }
}

fn most(mut values: Vec<Facet>) -> Vec<Facet> {
    values.sort_by(|a, b| b.items.cmp(&a.items).then_with(|| a.value.cmp(&b.value)));
    values.truncate(VALUES);
    values
}

/// A quarter of a tile of 256 pixels on each side: the width of a picture on the map.
const SQUARES_A_TILE: f64 = 4.0;

/// The square of a web map (Mercator) that contains a position.
fn square_of(lat: f64, lon: f64, zoom: u8) -> (i64, i64) {
    let tiles = f64::from(2_u32.pow(u32::from(zoom.min(22)))) * SQUARES_A_TILE;
    // The limit of the map's latitude, which makes it square.
    const END: f64 = 85.051_129;
    let lat = lat.clamp(-END, END).to_radians();
    let x = (lon + 180.0) / 360.0;
    let y = (1.0 - lat.tan().asinh() / std::f64::consts::PI) / 2.0;
    ((x * tiles).floor() as i64, (y * tiles).floor() as i64)
}

struct Square {
    items: u64,
    lat: f64,
    lon: f64,
    bounds: [f64; 4],
    cover: i64,
    taken: String,
}

impl Square {
    fn new(lat: f64, lon: f64) -> Square {
        Square { items: 0, lat: 0.0, lon: 0.0, bounds: [lat, lon, lat, lon], cover: 0, taken: String::new() }
    }

    fn add(&mut self, item: i64, lat: f64, lon: f64, taken: &str) {
        if self.items == 0 || (taken, item) > (self.taken.as_str(), self.cover) {
            (self.cover, self.taken) = (item, taken.to_owned());
        }
        self.items += 1;
        self.lat += lat;
        self.lon += lon;
        let [south, west, north, east] = self.bounds;
        self.bounds = [south.min(lat), west.min(lon), north.max(lat), east.max(lon)];
    }

    fn cluster(self) -> Cluster {
        let items = self.items as f64;
        Cluster {
            lat: self.lat / items,
            lon: self.lon / items,
            items: self.items,
            cover: self.cover,
            bounds: self.bounds,
        }
    }
}
