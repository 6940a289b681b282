//! The wall: worker processes that parse hostile bytes, and the engine's handles to them.
#![allow(unsafe_code)]

pub mod develop;
