//! Pure rules without I/O: which source a fact is taken from, capture dates, which files are one item, sidecar names,
//! people, places.
#![deny(unsafe_code)]

pub mod camera;
pub mod choose;
pub mod date_rules;
pub mod edited;
pub mod evidence;
pub mod grouping;
pub mod name_date;
pub mod names;
pub mod panorama;
pub mod people;
pub mod places;
pub mod sidecar_names;
pub mod taken;
pub mod when;
