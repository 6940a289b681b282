//! Packs GeoNames' towns and the country polygons into one table that is searched in place.
//!
//! The layout is described in `src/places/table.rs`, which reads it. All numbers are little endian.

#[path = "../../src/places/reach.rs"]
mod reach;

use std::collections::{BTreeMap, HashMap};

/// Flags of a row in ranks.bin; see prepare.py.
const SECTION: u8 = 0x40;
const GONE: u8 = 0x80;
const RANK: u8 = 0x3f;

/// Height of the bands that towns are sorted into; `src/places/table.rs` has the same.
const BANDS_PER_DEGREE: f64 = 4.0;
const BANDS: usize = 720;

/// A region lies in a polygon if this share of its towns does.
const REGION_SHARE: f64 = 0.8;
/// A place with less than an eighth of a city's population (12 quarter octaves) in the innermost fifth of its
/// reach is a quarter, however GeoNames classifies it.
const QUARTER_RANKS: u8 = 12;
const QUARTER_SHARE: f64 = 0.2;
/// No string.
const NONE: u32 = u32::MAX;
const NO_AREA: u16 = u16::MAX;
const NO_REGION: u16 = u16::MAX;

/// Codes of the boundaries without a country code of their own in ISO 3166-1.
const PARTS: [(&str, &str); 6] =
    [("AC", "SH"), ("TA", "SH"), ("DG", "IO"), ("EA", "ES"), ("IC", "ES"), ("CP", "FR")];

pub(crate) struct Sources<'a> {
    pub cities: &'a [u8],
    pub regions: &'a [u8],
    pub districts: &'a [u8],
    pub ranks: &'a [u8],
    pub countries: &'a [u8],
    pub local: &'a [u8],
    pub boundaries: &'a [u8],
}

struct Town {
    lat: i32,
    lon: i32,
    name: u32,
    local: u32,
    district: u32,
    region: u16,
    country: u8,
    flags: u8,
}

impl Town {
    fn degrees(&self) -> (f64, f64) {
        (f64::from(self.lat) / 1e5, f64::from(self.lon) / 1e5)
    }

    fn band(&self) -> usize {
        (((f64::from(self.lat) / 1e5 + 90.0) * BANDS_PER_DEGREE) as usize).min(BANDS - 1)
    }
}

/// Strings, each once: a length byte and its UTF-8.
#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
    known: HashMap<String, u32>,
}

impl Pool {
    fn add(&mut self, text: &str) -> u32 {
        let text = text.trim();
        if text.is_empty() {
            return NONE;
        }
        if let Some(at) = self.known.get(text) {
            return *at;
        }
        let at = self.bytes.len() as u32;
        self.bytes.push(u8::try_from(text.len()).expect("names are short"));
        self.bytes.extend_from_slice(text.as_bytes());
        self.known.insert(text.to_owned(), at);
        at
    }
}

pub(crate) fn pack(sources: &Sources) -> Vec<u8> {
    let mut pool = Pool::default();
    let local = local_names(sources.local);
    let called_there =
        |pool: &mut Pool, kind, of: &str| local.get(&(kind, of)).map_or(NONE, |name| pool.add(name));

    let countries: Vec<(String, u32, u32)> = std::str::from_utf8(sources.countries)
        .expect("countries.tsv is UTF-8")
        .lines()
        .map(|line| line.split_once('\t').expect("code, tab, name"))
        .map(|(code, name)| (code.to_owned(), pool.add(name), called_there(&mut pool, "C", code)))
        .collect();
    let country_index = |code: &str| {
        let at = countries.iter().position(|(c, ..)| c == code);
        at.unwrap_or_else(|| panic!("countries.tsv lacks {code}")) as u8
    };

    let boundaries = Boundaries::read(sources.boundaries);
    let areas: Vec<(u8, bool)> = boundaries
        .ids
        .iter()
        .map(|id| {
            let code = PARTS.iter().find(|(part, _)| part == id).map_or(&id[..2], |(_, whole)| whole);
            (country_index(code), id.len() > 2)
        })
        .collect();

    let region_names = names(sources.regions);
    let district_names = names(sources.districts);
    let mut regions: BTreeMap<String, u16> = BTreeMap::new();
    let mut towns = Vec::new();
    let rows: Vec<serde_json::Value> = serde_json::from_slice(sources.cities).expect("cities.json is JSON");
    assert_eq!(rows.len(), sources.ranks.len(), "ranks.bin belongs to another cities.json: run prepare.py");
    for row in &rows {
        let code = format!("{}.{}", text(row, "country"), text(row, "admin1"));
        let next = u16::try_from(regions.len()).expect("some thousand regions");
        regions.entry(code).or_insert(next);
    }
    for (index, (row, &flags)) in rows.iter().zip(sources.ranks).enumerate() {
        if flags & GONE != 0 {
            continue;
        }
        let region = format!("{}.{}", text(row, "country"), text(row, "admin1"));
        let district = format!("{region}.{}", text(row, "admin2"));
        towns.push(Town {
            lat: degrees(row, "lat"),
            lon: degrees(row, "lng"),
            name: pool.add(text(row, "name")),
            local: called_there(&mut pool, "T", &index.to_string()),
            district: district_names.get(&district).map_or(NONE, |name| pool.add(name)),
            region: regions[&region],
            country: country_index(text(row, "country")),
            flags,
        });
    }
    drop(rows);
    let mut towns = without_sections(towns);
    towns.sort_by_key(|t| (t.band(), t.lon, t.lat, t.name));

    let region_areas = region_areas(&towns, regions.len(), &boundaries, &areas);
    let mut region_rows = vec![(NONE, NONE, 0u8, NO_AREA); regions.len()];
    for (code, index) in &regions {
        let name = region_names.get(code).map_or(NONE, |name| pool.add(name));
        let local = called_there(&mut pool, "R", code);
        region_rows[usize::from(*index)] =
            (name, local, country_index(&code[..2]), region_areas[usize::from(*index)]);
    }

    // Sections, in the order that table.rs expects.
    let mut bands = vec![0u32; BANDS + 1];
    for town in &towns {
        bands[town.band() + 1] += 1;
    }
    for band in 0..BANDS {
        bands[band + 1] += bands[band];
    }
    let mut town_rows = Vec::new();
    for town in &towns {
        town_rows.extend(town.lat.to_le_bytes());
        town_rows.extend(town.lon.to_le_bytes());
        town_rows.extend(town.name.to_le_bytes());
        town_rows.extend(town.district.to_le_bytes());
        town_rows.extend(town.region.to_le_bytes());
        town_rows.extend([town.country, town.flags & RANK]);
        town_rows.extend(town.local.to_le_bytes());
    }
    let mut region_bytes = Vec::new();
    for (name, local, country, area) in region_rows {
        region_bytes.extend(name.to_le_bytes());
        region_bytes.extend(area.to_le_bytes());
        region_bytes.extend([country, 0]);
        region_bytes.extend(local.to_le_bytes());
    }
    let mut country_bytes = Vec::new();
    for (code, name, local) in &countries {
        country_bytes.extend(name.to_le_bytes());
        country_bytes.extend(code.as_bytes());
        country_bytes.extend([0, 0]);
        country_bytes.extend(local.to_le_bytes());
    }
    let mut area_bytes = Vec::new();
    for (area, (country, part)) in (0u16..).zip(&areas) {
        let region = region_areas.iter().position(|a| *a == area).map_or(NO_REGION, |at| at as u16);
        area_bytes.extend([*country, u8::from(*part)]);
        area_bytes.extend(region.to_le_bytes());
    }
    let (cell_offsets, cells) = boundaries.pack();
    join(&[
        bands.iter().flat_map(|n| n.to_le_bytes()).collect(),
        town_rows,
        region_bytes,
        country_bytes,
        area_bytes,
        cell_offsets,
        cells,
        pool.bytes,
    ])
}

/// A table of section ends from the start of the file, then the sections.
fn join(sections: &[Vec<u8>]) -> Vec<u8> {
    let mut end = 4 * sections.len();
    let mut out = Vec::new();
    for section in sections {
        end += section.len();
        out.extend(u32::try_from(end).expect("a few MB").to_le_bytes());
    }
    for section in sections {
        out.extend(section);
    }
    out
}

fn text<'a>(row: &'a serde_json::Value, key: &str) -> &'a str {
    row[key].as_str().expect("all fields of GeoNames rows are strings")
}

/// Hundred-thousandths of a degree, GeoNames' own precision.
fn degrees(row: &serde_json::Value, key: &str) -> i32 {
    (text(row, key).parse::<f64>().expect("a coordinate") * 1e5).round() as i32
}

fn names(json: &[u8]) -> HashMap<String, String> {
    let rows: Vec<serde_json::Value> = serde_json::from_slice(json).expect("names are JSON");
    rows.iter().map(|row| (text(row, "code").to_owned(), text(row, "name").to_owned())).collect()
}

/// local.tsv: the local names of countries (C, by code), regions (R, by GeoNames' code) and towns (T, by
/// row).
fn local_names(text: &[u8]) -> HashMap<(&str, &str), &str> {
    let lines = std::str::from_utf8(text).expect("local.tsv is UTF-8").lines();
    lines
        .map(|line| {
            let mut fields = line.splitn(3, '\t');
            let mut next = || fields.next().expect("kind, key, name");
            ((next(), next()), next())
        })
        .collect()
}

/// Leaves out quarters within the reach of their city: there the city is the result. Elsewhere a section is
/// treated like any town.
fn without_sections(towns: Vec<Town>) -> Vec<Town> {
    let mut grid: HashMap<(i32, i32), Vec<usize>> = HashMap::new();
    let cell = |t: &Town| (t.lat.div_euclid(100_000), t.lon.div_euclid(100_000));
    for (i, town) in towns.iter().enumerate().filter(|(_, t)| t.flags & SECTION == 0) {
        grid.entry(cell(town)).or_default().push(i);
    }
    let is_quarter_of = |town: &Town, city: &Town| {
        let ((lat, lon), (city_lat, city_lon)) = (town.degrees(), city.degrees());
        let (rank, city_rank) = (town.flags & RANK, city.flags & RANK);
        if town.country != city.country || city_rank <= rank {
            return false;
        }
        let share = reach::distance_km(lat, lon, city_lat, city_lon) / reach::reach_km(city_rank);
        match town.flags & SECTION {
            0 => share < QUARTER_SHARE && city_rank >= rank + QUARTER_RANKS && town.region == city.region,
            _ => share < 1.0,
        }
    };
    let keep: Vec<bool> = towns
        .iter()
        .map(|town| {
            let (row, column) = cell(town);
            let around = (-1..=1).flat_map(|r| (-1..=1).map(move |c| (row + r, column + c)));
            let cities = around.flat_map(|key| grid.get(&key).into_iter().flatten());
            !cities.map(|i| &towns[*i]).any(|city| is_quarter_of(town, city))
        })
        .collect();
    towns.into_iter().zip(keep).filter_map(|(town, keep)| keep.then_some(town)).collect()
}

/// For each region the subdivision polygon that contains it, determined by the positions of its towns: the
/// two sources have codes of different kinds.
fn region_areas(towns: &[Town], regions: usize, boundaries: &Boundaries, areas: &[(u8, bool)]) -> Vec<u16> {
    let mut totals = vec![0u32; regions];
    let mut inside: Vec<BTreeMap<u16, u32>> = vec![BTreeMap::new(); regions];
    for town in towns {
        let (lat, lon) = town.degrees();
        totals[usize::from(town.region)] += 1;
        for area in boundaries.at(lat, lon) {
            let (country, part) = areas[usize::from(area)];
            if part && country == town.country {
                *inside[usize::from(town.region)].entry(area).or_default() += 1;
            }
        }
    }
    let best = |region: usize| {
        let (area, count) = inside[region].iter().max_by_key(|(area, count)| (**count, u16::MAX - **area))?;
        (f64::from(*count) >= REGION_SHARE * f64::from(totals[region])).then_some(*area)
    };
    (0..regions).map(|region| best(region).unwrap_or(NO_AREA)).collect()
}

type Ring = Vec<(u16, u16)>;

/// The polygons of the country-boundaries crate: a raster of one degree, each cell with the areas that cover it
/// and the rings of those that cross it, in 65535ths of the cell from its south-west corner.
struct Boundaries {
    /// Smallest area first, so that it has precedence where two overlap.
    ids: Vec<String>,
    cells: Vec<Cell>,
}

struct Cell {
    covering: Vec<u16>,
    crossing: Vec<(u16, Vec<Ring>)>,
}

impl Boundaries {
    fn read(bytes: &[u8]) -> Boundaries {
        let mut input = Input(bytes);
        assert_eq!(input.u16(), 2, "the boundaries have another version");
        let count = input.u32();
        let mut sized: Vec<(String, f64)> = (0..count).map(|_| (input.string(), input.f64())).collect();
        sized.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
        let ids: Vec<String> = sized.into_iter().map(|(id, _)| id).collect();
        let index: HashMap<&str, u16> =
            ids.iter().enumerate().map(|(i, id)| (id.as_str(), i as u16)).collect();
        assert_eq!(input.u32(), 360, "the raster has cells of one degree");
        let count = input.u32();
        let cells = (0..count)
            .map(|_| Cell {
                covering: (0..input.u8()).map(|_| index[input.string().as_str()]).collect(),
                crossing: (0..input.u8())
                    .map(|_| {
                        let id = index[input.string().as_str()];
                        // Outer and inner rings alike: a point is inside if it is inside an odd number of
                        // them.
                        let mut rings = Vec::new();
                        for _ in 0..2 {
                            rings.extend((0..input.u8()).map(|_| input.ring()).collect::<Vec<_>>());
                        }
                        (id, rings)
                    })
                    .collect(),
            })
            .collect();
        drop(index);
        Boundaries { ids, cells }
    }

    fn at(&self, lat: f64, lon: f64) -> Vec<u16> {
        let column = ((lon + 180.0).floor() as usize).min(359);
        let row = ((90.0 - lat).ceil() as usize).clamp(1, 180) - 1;
        let x = ((lon + 180.0 - column as f64) * 65535.0) as i64;
        let y = ((lat - 89.0 + row as f64) * 65535.0) as i64;
        let cell = &self.cells[row * 360 + column];
        let mut out = cell.covering.clone();
        for (area, rings) in &cell.crossing {
            let crossings: usize = rings.iter().map(|ring| crossings(ring, x, y)).sum();
            if crossings % 2 == 1 {
                out.push(*area);
            }
        }
        out
    }

    fn pack(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut offsets, mut out) = (Vec::new(), Vec::new());
        for cell in &self.cells {
            offsets.extend((out.len() as u32).to_le_bytes());
            out.push(cell.covering.len() as u8);
            out.push(cell.crossing.len() as u8);
            for area in &cell.covering {
                out.extend(area.to_le_bytes());
            }
            for (area, rings) in &cell.crossing {
                out.extend(area.to_le_bytes());
                out.extend((rings.len() as u16).to_le_bytes());
                for ring in rings {
                    out.extend(u16::try_from(ring.len()).expect("rings of a cell are short").to_le_bytes());
                    for (x, y) in ring {
                        out.extend(x.to_le_bytes());
                        out.extend(y.to_le_bytes());
                    }
                }
            }
        }
        offsets.extend((out.len() as u32).to_le_bytes());
        (offsets, out)
    }
}

/// The number of sides of the ring that a line from the point to the east crosses.
fn crossings(ring: &[(u16, u16)], x: i64, y: i64) -> usize {
    let Some(&last) = ring.last() else { return 0 };
    let mut a = last;
    let mut count = 0;
    for &b in ring {
        let ((ax, ay), (bx, by)) = ((i64::from(a.0), i64::from(a.1)), (i64::from(b.0), i64::from(b.1)));
        if (ay > y) != (by > y) && ((x - ax) * (by - ay) < (y - ay) * (bx - ax)) == (by > ay) {
            count += 1;
        }
        a = b;
    }
    count
}

/// Reads the big-endian file; its checksums are in the lock file, so it may panic.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        head
    }
    fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }
    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().expect("two bytes"))
    }
    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }
    fn f64(&mut self) -> f64 {
        f64::from_be_bytes(self.take(8).try_into().expect("eight bytes"))
    }
    fn string(&mut self) -> String {
        let length = usize::from(self.u16());
        String::from_utf8(self.take(length).to_vec()).expect("UTF-8")
    }
    fn ring(&mut self) -> Ring {
        (0..self.u32()).map(|_| (self.u16(), self.u16())).collect()
    }
}
