//! Answers that stand in until the rooms of places and inspect are on main.

use crate::pipeline::vocabulary::{Place, Taken};

pub struct Gazetteer;

impl Gazetteer {
    pub fn open() -> Gazetteer {
        Gazetteer
    }
    pub fn place(&self, _lat: f64, _lon: f64) -> Option<Place> {
        None
    }
    pub fn zone(&self, _lat: f64, _lon: f64) -> Option<&'static str> {
        None
    }
}

pub fn complete_with_zone(_taken: &mut Taken, _zone: &str) {}

pub fn belongs(_sidecar: &[u8], _media: &[&[u8]]) -> Option<usize> {
    None
}

/// For each row the primary it belongs to, by index, and its role.
pub fn companions(rows: &[crate::index::items::GroupRow]) -> Vec<Option<(usize, &'static str)>> {
    vec![None; rows.len()]
}
