//! The worker program: [`develop`](develop::develop) behind the protocol of `albumen_isolation`.
//!
//! Only the program `albumen-worker`, tests and benches link this crate, and with it the codecs and ONNX
//! Runtime.
#![deny(unsafe_code)]

pub mod bench;
pub mod develop;
mod faults;
pub mod serve;
