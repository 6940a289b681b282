//! Bytes to facts. Runs in a worker; knows nothing of the index.

use crate::pipeline::fault::Fault;
use crate::pipeline::vocabulary::{DevelopRequest, Facts, Inputs};

/// All that a file and its sidecars say. Broken tags never cost the good ones; a `Fault` means that not even
/// the kind could be told.
pub fn inspect(_request: &DevelopRequest, _inputs: &Inputs) -> Result<Facts, Fault> {
    Err(Fault::unsupported("inspect is not built yet"))
}
