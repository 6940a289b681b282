//! The pipeline that connects the six stages. No stage depends on this module.

pub mod budget;
pub mod descriptors;
pub mod developing;
pub mod fetching;
pub mod finalize;
pub mod keys;
pub(crate) mod meter;
pub mod pace;
pub mod progress;
pub mod recognising;
pub mod recorder;
pub mod run;
pub mod scan;
pub mod shutdown;
pub mod store;
pub mod volumes;
