//! Tests of places, against the real gazetteer: points with known results, and properties of all points.

use albumen_library::places::Gazetteer;
use proptest::prelude::*;

const POINTS: &str = include_str!("places_points.tsv");
/// The number of points whose country or town differs from the expected one: listed in docs/places.md.
const WRONG_COUNTRIES: usize = 1;
const WRONG_TOWNS: usize = 9;
/// The file has `-` for nothing.
const NOTHING: &str = "-";

#[test]
fn points_with_known_answers() {
    let gazetteer = Gazetteer::open();
    let (mut points, mut wrong_countries, mut wrong_towns) = (0, Vec::new(), Vec::new());
    for line in POINTS.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[lat, lon, country, town, what] = fields.as_slice() else { panic!("five fields: {line}") };
        points += 1;
        let place = gazetteer.place(lat.parse().unwrap(), lon.parse().unwrap());
        let found = place.clone().unwrap_or_default();
        if found.country_code.as_deref().unwrap_or(NOTHING) != country {
            wrong_countries.push(format!("{what}: {place:?}"));
        } else if town != NOTHING && !town.split('|').any(|name| found.city.as_deref() == Some(name)) {
            wrong_towns.push(format!("{what}: {place:?}"));
        }
    }
    assert!(points >= 300, "{points} points");
    let report = format!("countries: {wrong_countries:#?}\ntowns: {wrong_towns:#?}");
    assert!(wrong_countries.len() <= WRONG_COUNTRIES && wrong_towns.len() <= WRONG_TOWNS, "{report}");
}

#[test]
fn a_place_has_all_its_words_and_an_honest_distance() {
    let place = Gazetteer::open().place(48.8584, 2.2945).unwrap();
    assert_eq!(place.country.as_deref(), Some("France"));
    assert_eq!(place.country_code.as_deref(), Some("FR"));
    assert_eq!(place.region.as_deref(), Some("Île-de-France"));
    assert_eq!(place.district.as_deref(), Some("Paris"));
    assert_eq!(place.city.as_deref(), Some("Paris"));
    // From the Hôtel de Ville, GeoNames' centre of Paris.
    assert!((place.km.unwrap() - 4.0).abs() < 0.2, "{place:?}");
}

#[test]
fn a_place_has_the_names_that_it_has_there_where_they_differ() {
    let gazetteer = Gazetteer::open();
    for (lat, lon, city, [local_city, local_region, local_country]) in [
        (48.1372, 11.5756, "Munich", ["München", "Bayern", "Deutschland"]),
        (43.7731, 11.2560, "Florence", ["Firenze", "Toscana", "Italia"]),
        (50.0870, 14.4208, "Prague", ["Praha", "Praha", "Česko"]),
        (37.9715, 23.7257, "Athens", ["Αθήνα", "Αττική", "Ελλάδα"]),
        (55.7539, 37.6208, "Moscow", ["Москва", "Москва", "Россия"]),
        (56.8389, 60.6057, "Yekaterinburg", ["Екатеринбург", "", "Россия"]),
        (50.4501, 30.5234, "Kyiv", ["Київ", "", "Україна"]),
        (43.0621, 141.3544, "Sapporo", ["札幌", "北海道", "日本"]),
        (35.1587, 129.1604, "Busan", ["부산", "", "대한민국"]),
        (30.0444, 31.2357, "Cairo", ["القاهرة", "", "مصر"]),
        (48.8584, 2.2945, "Paris", ["", "", ""]),
    ] {
        let place = gazetteer.place(lat, lon).unwrap();
        assert_eq!(place.city.as_deref(), Some(city));
        let local = place.local.unwrap_or_default();
        let found = [local.city, local.region, local.country].map(Option::unwrap_or_default);
        assert_eq!(found, [local_city, local_region, local_country], "{city}");
    }
}

#[test]
fn far_from_any_town_the_region_is_known_where_polygons_tell_it() {
    let place = Gazetteer::open().place(-24.0, 124.0).unwrap();
    assert_eq!(place.region.as_deref(), Some("Western Australia"));
    assert_eq!((place.city, place.km), (None, None));
}

#[test]
fn what_is_no_position_is_no_place() {
    let gazetteer = Gazetteer::open();
    for (lat, lon) in
        [(0.0, 0.0), (0.0004, -0.0002), (91.0, 0.0), (48.0, 181.0), (f64::NAN, 2.0), (f64::INFINITY, 0.0)]
    {
        assert_eq!(gazetteer.place(lat, lon), None, "{lat}, {lon}");
        assert_eq!(gazetteer.zone(lat, lon), None, "{lat}, {lon}");
    }
}

#[test]
fn zones_follow_the_borders() {
    let gazetteer = Gazetteer::open();
    for (lat, lon, zone) in [
        (52.52, 13.40, "Europe/Berlin"),
        (47.56, 7.59, "Europe/Zurich"),
        (47.70, 8.69, "Europe/Busingen"),
        (40.76, -73.99, "America/New_York"),
        (33.45, -112.07, "America/Phoenix"),
        (35.68, -109.05, "America/Denver"), // the Navajo Nation has summer time, Arizona has not
        (27.72, 85.32, "Asia/Kathmandu"),
        (38.69, -9.22, "Europe/Lisbon"),
        (28.46, -16.25, "Atlantic/Canary"),
        (43.88, 87.60, "Asia/Shanghai"), // official time, though Ürümqi keeps its own beside it
        (-17.75, 178.0, "Pacific/Fiji"),
        (64.14, -21.93, "Atlantic/Reykjavik"),
        (30.0, -40.0, "Etc/GMT+3"),
    ] {
        assert_eq!(gazetteer.zone(lat, lon), Some(zone), "{lat}, {lon}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any two numbers give a result; a town comes with its country and with a distance in range.
    #[test]
    fn any_position_is_answered(lat in -95.0..95.0_f64, lon in -190.0..190.0_f64) {
        if let Some(place) = Gazetteer::open().place(lat, lon) {
            prop_assert!(place.country.is_some() && place.country_code.is_some());
            prop_assert_eq!(place.city.is_some(), place.km.is_some());
            prop_assert!(place.km.unwrap_or(0.0) <= 50.0);
        }
    }

    /// East and west of the date line, and around a pole, the same point has the same place.
    #[test]
    fn the_date_line_is_no_border(lat in -90.0..90.0_f64) {
        let gazetteer = Gazetteer::open();
        prop_assert_eq!(gazetteer.place(lat, 180.0), gazetteer.place(lat, -180.0));
    }
}
