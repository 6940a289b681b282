//! Albumen: the engine that turns a box full of photos into a library.
//!
//! One photo's way through the house:
//!
//! ```text
//! discover -> inspect -> decode -> render -> recognise -> record
//! ```
//!
//! Each stage has a room (a module) of its own and knows its input and its output type, nothing about its
//! neighbours. What passes between two stages is a type of [`pipeline::vocabulary`]. The wall: hostile bytes
//! are parsed in worker processes only ([`worker`]); the engine itself opens files and writes the index.
#![deny(unsafe_code)]

pub mod bench;
pub mod cli;
pub mod config;
pub mod decode;
pub mod discover;
pub mod index;
pub mod inspect;
pub mod people;
pub mod pipeline;
pub mod pixels;
pub mod places;
pub mod recognise;
pub mod render;
pub mod service;
pub mod worker;
