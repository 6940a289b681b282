//! The reach of a town, by which it is weighed against its neighbours.
//!
//! The nearest centre is often the wrong town, since a city of two million is wider than the suburb next to
//! it. Also used by the build script, so it must not depend on other modules.

/// The population of rank 0, and ranks per octave: see build/gazetteer/prepare.py, which writes them.
const SMALLEST: f64 = 500.0;
const STEPS_PER_OCTAVE: f64 = 4.0;
/// People per square kilometre of a town. Paris has 20,000, Los Angeles 3,000, most towns fewer: the area
/// that photographers name after a town is larger than its dense part. Tuned on tests/it/places_points.tsv.
const DENSITY: f64 = 2500.0;
/// The minimum reach, km: even a hamlet has its fields around it.
const LEAST_KM: f64 = 0.5;
/// The maximum reach, km: Chinese municipalities count whole provinces.
const MOST_KM: f64 = 30.0;

/// The radius of the town around its centre, km.
pub(super) fn reach_km(rank: u8) -> f64 {
    let population = SMALLEST * (f64::from(rank) / STEPS_PER_OCTAVE).exp2();
    (LEAST_KM + (population / (DENSITY * std::f64::consts::PI)).sqrt()).min(MOST_KM)
}

/// Kilometres between two near points, degrees. Good to 0.3 % below 200 km, away from the poles.
pub(super) fn distance_km(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    /// Kilometres per degree of a great circle on a sphere of 6371 km.
    const KM_PER_DEGREE: f64 = 111.195;
    let across = (lon2 - lon1 + 540.0).rem_euclid(360.0) - 180.0;
    let narrowing = ((lat1 + lat2) / 2.0).to_radians().cos();
    KM_PER_DEGREE * (lat2 - lat1).hypot(across * narrowing)
}
