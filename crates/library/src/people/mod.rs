//! Faces to people: clustering that only grows, inside one space, under the constraints that users have set.
//!
//! This room is pure: it works on vectors and numbers in memory and knows neither SQL nor files. What is stored,
//! what users have said and what follows from it is [`albumen_index::people`]. docs/people.md tells the whole story.
//!
//! Promises: the same input gives the same output, to the bit, on any machine and for any number of threads; two
//! faces of one photo never come together; a face or a group never joins a person it is forbidden to join; two
//! people are never joined into one (that is a user's to say; [`suggest`] proposes it).

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
