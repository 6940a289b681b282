//! Scanning, scheduling, the memory budget, recording, and the service with its API.
#![deny(unsafe_code)]

pub mod config;
#[cfg(test)]
mod index_tests;
pub mod pipeline;
pub mod service;
pub mod synthetic;
