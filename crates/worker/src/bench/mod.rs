//! The parts of `albumen bench` that decode and encode.

pub mod floor;
pub mod mix;
