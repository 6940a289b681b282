//! Coordinates to places and time zones, offline.
//!
//! Polygons give the country and, if known, the region; a coast line gives the open sea; among the towns on
//! the same side of every border, the one is chosen in whose reach, by its population, the point is deepest.
//! All data is packed by the build script into the binary and searched in place: opening costs nothing, a
//! look-up some microseconds, and memory is the few pages that are touched. Sources and scores:
//! docs/places.md.

mod names;
mod reach;
mod sea;
mod table;

use albumen_core::vocabulary::{LocalNames, Place};
pub use names::countries_called;
use reach::reach_km;
use std::sync::OnceLock;
use table::{Area, Table, Town};

/// The version of the places stage: to be increased when the data or the rules change results.
pub const VERSION: u32 = 2;
/// The maximum distance of a town that gives the name of a place, km.
const TOWN_KM: f64 = 50.0;
/// Beyond that, the maximum distance of a town that gives the region if no polygon does, km.
const REGION_KM: f64 = 100.0;
/// If no polygon covers a point (bridges, piers, sandbanks), the maximum distance of a town that gives the
/// country, km.
const SHORE_KM: f64 = 10.0;
/// Land south of this that no polygon covers is Antarctica: the limit of its treaty, degrees.
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

    /// The place at a WGS 84 position in degrees. `None` at sea and for invalid positions: out of range, not
    /// a number, or 0, 0.
    pub fn place(&self, lat: f64, lon: f64) -> Option<Place> {
        let (lat, lon) = position(lat, lon)?;
        if sea::is_open_sea(lat, lon) {
            return None;
        }
        // Smallest first: Hong Kong is checked before China.
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

    /// The IANA time zone at a position, for example `Europe/Berlin`; at sea `Etc/GMT+2` and similar. `None`
    /// for an invalid position. The first call reads through the 4 MB of polygons, in about 18 ms.
    pub fn zone(&self, lat: f64, lon: f64) -> Option<&'static str> {
        static ZONES: OnceLock<tzf_rs::EmbeddedFinder> = OnceLock::new();
        let (lat, lon) = position(lat, lon)?;
        let zone = ZONES.get_or_init(tzf_rs::EmbeddedFinder::new).get_tz_name(lon, lat);
        (!zone.is_empty()).then_some(zone)
    }
}

/// The cost of naming a point `km` away from a town's centre after the town: the lowest is chosen. Within its
/// reach -1 to 0, by the share of the reach; outside the kilometres to its edge.
fn cost(km: f64, reach_km: f64) -> f64 {
    if km < reach_km { km / reach_km - 1.0 } else { km - reach_km }
}

/// A country that contains a point, with those of its parts that contain a known region.
struct Side {
    country: u8,
    parts: Vec<(Area, u16)>,
}

/// Latitude and longitude in [-180, 180), or `None` for invalid positions.
fn position(lat: f64, lon: f64) -> Option<(f64, f64)> {
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
        return None;
    }
    if lat.abs() < NO_FIX && lon.abs() < NO_FIX {
        return None;
    }
    Some((lat, if lon == 180.0 { -180.0 } else { lon }))
}
