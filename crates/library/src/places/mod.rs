//! Coordinates to places and time zones, offline.
//!
//! Polygons say the country and, where they are known, the region; a coast line says what is open sea; among the
//! towns on the right side of every border the one wins whose reach, by its population, the point is deepest in.
//! All data is packed by the build script into the binary and looked up in place: opening costs nothing, a look-up
//! some microseconds, and memory is the few pages that are touched. Sources and scores: docs/places.md.

mod names;
mod reach;
mod sea;
mod table;

use albumen_core::vocabulary::{LocalNames, Place};
pub use names::countries_called;
use reach::reach_km;
use std::sync::OnceLock;
use table::{Area, Table, Town};

/// The version of the places stage: raise it when the data or the rules give other answers.
pub const VERSION: u32 = 2;
/// A town further away than this says nothing about where a photo was taken, km.
const TOWN_KM: f64 = 50.0;
/// Beyond the towns the nearest one still tells the region, where no polygon does, km.
const REGION_KM: f64 = 100.0;
/// Where no polygon covers a point (bridges, piers, sandbanks) a town this near tells the country, km.
const SHORE_KM: f64 = 10.0;
/// Where no polygon covers land south of this, it is Antarctica: the bound of its treaty, degrees.
const ANTARCTIC: f64 = -60.0;
/// Receivers without a fix write 0, 0, in the Gulf of Guinea. Degrees.
const NO_FIX: f64 = 1e-3;

/// The gazetteer. Cheap to open and to copy.
#[derive(Debug, Clone, Copy)]
pub struct Gazetteer {
    table: Table,
}

impl Gazetteer {
    /// Costs nothing: the data is part of the binary.
    pub fn open() -> Gazetteer {
        Gazetteer { table: Table::open() }
    }

    /// The place at a WGS 84 position in degrees. `None` at sea and for what is no position: out of range, not a
    /// number, or 0, 0.
    pub fn place(&self, lat: f64, lon: f64) -> Option<Place> {
        let (lat, lon) = position(lat, lon)?;
        if sea::is_open_sea(lat, lon) {
            return None;
        }
        // Smallest first: Hong Kong is asked before China.
        let mut sides: Vec<Side> = Vec::new();
        for area in self.table.areas_at(lat, lon) {
            let country = self.table.area_country(area);
            let part = self.table.area_region(area).map(|region| (area, region));
            match sides.iter_mut().find(|side| side.country == country) {
                Some(side) => side.parts.extend(part),
                None => sides.push(Side { country, parts: part.into_iter().collect() }),
            }
        }
        let town = sides.iter().find_map(|side| self.best(lat, lon, TOWN_KM, |town| self.is_on(town, side)));
        let town = match town {
            None if sides.is_empty() => self.best(lat, lon, SHORE_KM, |_| true),
            town => town,
        };
        if let Some(town) = town {
            return self.in_words(town.country, Some(town.region), Some(&town));
        }
        let Some(side) = sides.first() else {
            let antarctica = (lat < ANTARCTIC).then(|| self.table.country_by_code("AQ")).flatten()?;
            return self.in_words(antarctica, None, None);
        };
        let region = match side.parts.first() {
            Some((_, region)) => Some(*region),
            None => self.best(lat, lon, REGION_KM, |town| self.is_on(town, side)).map(|town| town.region),
        };
        self.in_words(side.country, region, None)
    }

    fn in_words(&self, country: u8, region: Option<u16>, town: Option<&Town>) -> Option<Place> {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        let (code, name) = self.table.country(country)?;
        let local = LocalNames {
            country: owned(self.table.country_local(country)),
            region: owned(region.and_then(|region| self.table.region_local(region))),
            city: owned(town.and_then(|town| self.table.town_local(town))),
        };
        Some(Place {
            country: Some(name.to_owned()),
            country_code: Some(code.to_owned()),
            region: owned(region.and_then(|region| self.table.region_name(region))),
            district: owned(town.and_then(|town| self.table.district_name(town))),
            city: owned(town.and_then(|town| self.table.town_name(town))),
            km: town.map(|town| (town.km * 10.0).round() / 10.0),
            local: (local != LocalNames::default()).then_some(local),
        })
    }

    /// Whether a town lies on the same side of all known borders.
    fn is_on(&self, town: &Town, side: &Side) -> bool {
        let same_part = match self.table.region_area(town.region) {
            Some(area) => side.parts.iter().any(|(part, _)| *part == area),
            None => side.parts.is_empty(),
        };
        town.country == side.country && same_part
    }

    fn best(&self, lat: f64, lon: f64, radius_km: f64, fits: impl Fn(&Town) -> bool) -> Option<Town> {
        let price = |town: &Town| cost(town.km, reach_km(town.rank));
        self.table
            .towns_near(lat, lon, radius_km)
            .filter(fits)
            .map(|town| (price(&town), town))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, town)| town)
    }

    /// The IANA time zone at a position, for example `Europe/Berlin`; at sea `Etc/GMT+2` and its like. `None` for
    /// what is no position. The first call reads through the 4 MB of polygons, in about 18 ms.
    pub fn zone(&self, lat: f64, lon: f64) -> Option<&'static str> {
        static ZONES: OnceLock<tzf_rs::EmbeddedFinder> = OnceLock::new();
        let (lat, lon) = position(lat, lon)?;
        let zone = ZONES.get_or_init(tzf_rs::EmbeddedFinder::new).get_tz_name(lon, lat);
        (!zone.is_empty()).then_some(zone)
    }
}

/// What it costs to call a point `km` away from a town's centre by its name: least wins. Within its reach -1 to 0,
/// by the share of the reach; outside the kilometres to its edge.
fn cost(km: f64, reach_km: f64) -> f64 {
    if km < reach_km { km / reach_km - 1.0 } else { km - reach_km }
}

/// A country that a point is in, with those of its parts that a region is known to lie in.
struct Side {
    country: u8,
    parts: Vec<(Area, u16)>,
}

/// Latitude and longitude in [-180, 180), or `None` for what no receiver measured.
fn position(lat: f64, lon: f64) -> Option<(f64, f64)> {
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
        return None;
    }
    if lat.abs() < NO_FIX && lon.abs() < NO_FIX {
        return None;
    }
    Some((lat, if lon == 180.0 { -180.0 } else { lon }))
}
