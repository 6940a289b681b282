//! Video.
use crate::pipeline::fault::Fault;
use crate::pipeline::source::Source;
use crate::pipeline::vocabulary::Admission;
use crate::pixels::{Fit, Pixels};
pub fn first_picture(_source: &Source, _fit: Fit<'_>, _admission: &dyn Admission) -> Result<Pixels, Fault> {
    Err(Fault::unsupported("later"))
}
