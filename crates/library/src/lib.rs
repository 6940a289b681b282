//! Pure rules without I/O: the source of each fact, capture dates, grouping of files into items, sidecar
//! names, people, places.
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
