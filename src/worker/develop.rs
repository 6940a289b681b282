//! `develop`: the one ordinary function behind the worker protocol; tests and benchmarks call it in process.

use crate::pipeline::fault::Fault;
use crate::pipeline::vocabulary::{Admission, DevelopRequest, Developed, Inputs};

/// Inspects one file and, where asked, renders it. A `Fault` means that not even facts could be had.
pub fn develop(
    request: &DevelopRequest,
    inputs: &Inputs,
    _admission: &dyn Admission,
) -> Result<Developed, Fault> {
    let facts = crate::inspect::inspect(request, inputs)?;
    Ok(Developed { facts, ..Developed::default() })
}
