//! The packed gazetteer: towns, regions, countries and polygons, searched in place.
//!
//! It is part of the binary's read-only data, so that opening it costs nothing and only touched pages count
//! as memory, once for all processes. It promises no panic for any coordinates. The parent module chooses the
//! town and the name of a place.
//!
//! The layout, written by build/gazetteer/pack.rs, all numbers little endian. First the end of each section
//! from the start of the file (u32 each), then the sections:
//!
//! 0. bands: 721 x u32, the first town of each quarter degree of latitude, from the south
//! 1. towns: lat i32 and lon i32 (1e-5 degrees), name u32, district u32, region u16, country u8, rank u8,
//!    local name u32; sorted by band, then longitude
//! 2. regions: name u32, polygon u16, country u8, 0, local name u32
//! 3. countries: name u32, ISO code, 0, 0, local name u32
//! 4. areas: country u8, 1 for a part of a country, first of the regions within it u16; smallest first
//! 5. cells: 64801 x u32, the start of each one-degree cell in 6, west to east, then north to south
//! 6. polygons: per cell count of covering areas u8, of crossing ones u8; area u16 ...; for each crossing one
//!    area u16, rings u16, for each ring its length u16 and points x u16, y u16
//! 7. names: a length byte and UTF-8, referred to by offset

use super::reach::distance_km;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gazetteer.bin"));

const SECTIONS: usize = 8;
const TOWN_BYTES: usize = 24;
const REGION_BYTES: usize = 12;
const COUNTRY_BYTES: usize = 12;
const AREA_BYTES: usize = 4;
const BANDS_PER_DEGREE: f64 = 4.0;
const BANDS: usize = 720;
/// Columns and rows of the polygons' raster, and steps of a cell's side.
const COLUMNS: usize = 360;
const ROWS: usize = 180;
const CELL_STEPS: f64 = 65535.0;
/// GeoNames' precision.
const STEPS_PER_DEGREE: f64 = 1e5;

#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    bands: &'static [u8],
    towns: &'static [u8],
    regions: &'static [u8],
    countries: &'static [u8],
    areas: &'static [u8],
    cells: &'static [u8],
    polygons: &'static [u8],
    names: &'static [u8],
}

/// A populated place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Town {
    pub km: f64,
    /// Logarithm of the population; see `reach`.
    pub rank: u8,
    pub country: u8,
    pub region: u16,
    name: u32,
    local: u32,
    district: u32,
}

/// A polygon's number: the smaller the area, the smaller the number.
pub(super) type Area = u16;

impl Table {
    pub(super) fn open() -> Table {
        let mut start = 4 * SECTIONS;
        let mut next = |section: usize| {
            let end = u32_at(PACKED, 4 * section) as usize;
            let bytes = PACKED.get(start..end).unwrap_or_default();
            start = end;
            bytes
        };
        Table {
            bands: next(0),
            towns: next(1),
            regions: next(2),
            countries: next(3),
            areas: next(4),
            cells: next(5),
            polygons: next(6),
            names: next(7),
        }
    }

    /// Towns at most `radius_km` away, in no particular order.
    pub(super) fn towns_near(&self, lat: f64, lon: f64, radius_km: f64) -> impl Iterator<Item = Town> + '_ {
        /// A little less than a degree of latitude anywhere, km, so that the window is never too small.
        const LEAST_KM_PER_DEGREE: f64 = 110.0;
        let high = radius_km / LEAST_KM_PER_DEGREE;
        let southmost = ((lat - high + 90.0) * BANDS_PER_DEGREE).max(0.0) as usize;
        let northmost = (((lat + high + 90.0) * BANDS_PER_DEGREE).max(0.0) as usize).min(BANDS - 1);
        // The side towards the pole is the narrowest.
        let narrowing = (lat.abs() + high).min(89.9).to_radians().cos();
        let wide = (high / narrowing).min(180.0);
        // A window over the date line is two windows.
        let (west, east) = (lon - wide, lon + wide);
        let windows = if wide >= 180.0 {
            [(-180.0, 180.0), (1.0, -1.0)]
        } else if west < -180.0 {
            [(-180.0, east), (west + 360.0, 180.0)]
        } else if east > 180.0 {
            [(west, 180.0), (-180.0, east - 360.0)]
        } else {
            [(west, east), (1.0, -1.0)]
        };
        (southmost..=northmost)
            .flat_map(move |band| windows.into_iter().map(move |window| (band, window)))
            .flat_map(move |(band, (west, east))| self.band_between(band, west, east))
            .map(move |at| self.town(at, lat, lon))
            .filter(move |town| town.km <= radius_km)
    }

    /// The towns of a band between two longitudes.
    fn band_between(&self, band: usize, west: f64, east: f64) -> std::ops::Range<usize> {
        let first = u32_at(self.bands, 4 * band) as usize;
        let last = u32_at(self.bands, 4 * band + 4) as usize;
        let before = |longitude: f64| {
            let (mut low, mut high) = (first, last.max(first));
            while low < high {
                let middle = (low + high) / 2;
                if f64::from(i32_at(self.towns, middle * TOWN_BYTES + 4)) < longitude * STEPS_PER_DEGREE {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        if west > east { 0..0 } else { before(west)..before(east) }
    }

    fn town(&self, index: usize, lat: f64, lon: f64) -> Town {
        let at = index * TOWN_BYTES;
        let town_lat = f64::from(i32_at(self.towns, at)) / STEPS_PER_DEGREE;
        let town_lon = f64::from(i32_at(self.towns, at + 4)) / STEPS_PER_DEGREE;
        Town {
            km: distance_km(lat, lon, town_lat, town_lon),
            rank: byte_at(self.towns, at + 19),
            country: byte_at(self.towns, at + 18),
            region: u16_at(self.towns, at + 16),
            name: u32_at(self.towns, at + 8),
            local: u32_at(self.towns, at + 20),
            district: u32_at(self.towns, at + 12),
        }
    }

    pub(super) fn town_name(&self, town: &Town) -> Option<&'static str> {
        self.name(town.name)
    }

    /// Its name in the language of its country, if different.
    pub(super) fn town_local(&self, town: &Town) -> Option<&'static str> {
        self.name(town.local)
    }

    pub(super) fn region_local(&self, region: u16) -> Option<&'static str> {
        self.name(u32_at(self.regions, usize::from(region) * REGION_BYTES + 8))
    }

    pub(super) fn country_local(&self, country: u8) -> Option<&'static str> {
        self.name(u32_at(self.countries, usize::from(country) * COUNTRY_BYTES + 8))
    }

    pub(super) fn district_name(&self, town: &Town) -> Option<&'static str> {
        self.name(town.district)
    }

    pub(super) fn region_name(&self, region: u16) -> Option<&'static str> {
        self.name(u32_at(self.regions, usize::from(region) * REGION_BYTES))
    }

    /// The polygon that contains a region, if polygons of its kind exist.
    pub(super) fn region_area(&self, region: u16) -> Option<Area> {
        let area = u16_at(self.regions, usize::from(region) * REGION_BYTES + 4);
        (area != u16::MAX).then_some(area)
    }

    /// ISO 3166-1 alpha-2 code and English name.
    pub(super) fn country(&self, country: u8) -> Option<(&'static str, &'static str)> {
        let at = usize::from(country) * COUNTRY_BYTES;
        let code = std::str::from_utf8(self.countries.get(at + 4..at + 6)?).ok()?;
        Some((code, self.name(u32_at(self.countries, at))?))
    }

    pub(super) fn country_by_code(&self, code: &str) -> Option<u8> {
        let count = self.countries.len() / COUNTRY_BYTES;
        let is_it = |at: &usize| {
            self.countries.get(at * COUNTRY_BYTES + 4..at * COUNTRY_BYTES + 6) == Some(code.as_bytes())
        };
        u8::try_from((0..count).find(is_it)?).ok()
    }

    pub(super) fn area_country(&self, area: Area) -> u8 {
        byte_at(self.areas, usize::from(area) * AREA_BYTES)
    }

    /// For the polygon of a part of a country: a region that lies in it. Countries have none, and neither have
    /// parts that are smaller than a region.
    pub(super) fn area_region(&self, area: Area) -> Option<u16> {
        let at = usize::from(area) * AREA_BYTES;
        let region = u16_at(self.areas, at + 2);
        (byte_at(self.areas, at + 1) == 1 && region != u16::MAX).then_some(region)
    }

    /// The areas at a point, smallest first.
    pub(super) fn areas_at(&self, lat: f64, lon: f64) -> Vec<Area> {
        let column = ((lon + 180.0) as usize).min(COLUMNS - 1);
        let from_south = ((lat + 90.0) as usize).min(ROWS - 1);
        let x = ((lon + 180.0 - column as f64) * CELL_STEPS) as i64;
        let y = ((lat + 90.0 - from_south as f64) * CELL_STEPS) as i64;
        let cell = (ROWS - 1 - from_south) * COLUMNS + column;

        let mut at = u32_at(self.cells, 4 * cell) as usize;
        let covering = usize::from(byte_at(self.polygons, at));
        let crossing = byte_at(self.polygons, at + 1);
        at += 2;
        let mut found: Vec<Area> = (0..covering).map(|i| u16_at(self.polygons, at + 2 * i)).collect();
        at += 2 * covering;
        for _ in 0..crossing {
            let area = u16_at(self.polygons, at);
            let rings = u16_at(self.polygons, at + 2);
            at += 4;
            let mut crossings = 0;
            for _ in 0..rings {
                let points = usize::from(u16_at(self.polygons, at));
                let ring = self.polygons.get(at + 2..at + 2 + 4 * points).unwrap_or_default();
                crossings += crossings_east(ring, x, y);
                at += 2 + 4 * points;
            }
            if crossings % 2 == 1 {
                found.push(area);
            }
        }
        found.sort_unstable();
        found
    }

    fn name(&self, at: u32) -> Option<&'static str> {
        let at = usize::try_from(at).ok()?;
        let length = usize::from(*self.names.get(at)?);
        std::str::from_utf8(self.names.get(at + 1..at + 1 + length)?).ok()
    }
}

/// Sides of a ring that a line from the point to the east crosses: odd when the point is inside.
fn crossings_east(ring: &[u8], x: i64, y: i64) -> usize {
    let (points, _) = ring.as_chunks::<4>();
    let point = |p: &[u8; 4]| (i64::from(u16_at(p, 0)), i64::from(u16_at(p, 2)));
    let Some(last) = points.last() else { return 0 };
    let (mut ax, mut ay) = point(last);
    let mut count = 0;
    for p in points {
        let (bx, by) = point(p);
        if (ay > y) != (by > y) && ((x - ax) * (by - ay) < (y - ay) * (bx - ax)) == (by > ay) {
            count += 1;
        }
        (ax, ay) = (bx, by);
    }
    count
}

fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    u32_at(bytes, at).cast_signed()
}
