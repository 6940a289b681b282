//! Faces to people: clustering that only grows, within one space, under the constraints of users' edits.
//!
//! This module is pure: it works on vectors and numbers in memory and uses neither SQL nor files.
//! `albumen_index::people` stores faces, edits and results. docs/people.md has the complete description.
//!
//! Promises: the same input gives the same output, to the bit, on any machine and for any number of threads;
//! two faces of one photo are never merged; a face or a group never joins a person that it is forbidden to
//! join; two people are never merged (only users do this; [`suggest`] proposes it).

pub mod exemplars;
pub mod gallery;
pub mod grow;
pub mod names;
pub mod suggest;
pub mod thresholds;
pub mod vectors;

pub use grow::{Fate, Grown, Known, Node, grow};
pub use thresholds::Thresholds;
pub use vectors::Vectors;
