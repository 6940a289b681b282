//! Types that every layer uses: formats and facts, stages and faults, sources of bytes, the clock, cancellation.
#![deny(unsafe_code)]

pub mod cancel;
pub mod clock;
pub mod failpoints;
pub mod fault;
pub mod ladder;
pub mod printable;
pub mod source;
pub mod store_dir;
pub mod vocabulary;
