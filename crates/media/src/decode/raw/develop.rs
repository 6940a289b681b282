//! A picture from the sensor's data, for RAW files without a usable preview.
//!
//! LibRaw unpacks, interpolates and white-balances; rows are then shrunk and turned like those of all
//! pictures. Promises: memory is admitted before it is used; of a mosaic half the width and height is made if
//! that is enough, which takes a quarter of the memory and less than half of the time.

use super::libraw::Sensor;
use super::{is_enough, xl};
use crate::decode::raster::Job;
use crate::decode::raster::canvas::{Canvas, Samples};
use crate::decode::{limits, shared_libraries};
use crate::pixels::Pixels;
use albumen_core::fault::Fault;

/// The minimum bits of a file per eight pixels. The strongest lossy coding needs ten times as many: a file
/// with fewer ends at the start of its sensor data.
const LEAST_BITS_OF_8: u64 = 1;

/// The picture, upright by the job's orientation.
pub(in crate::decode) fn picture(job: &Job<'_>) -> Result<Pixels, Fault> {
    shared_libraries()?;
    job.admission.admit(job.source.len())?;
    let sensor = Sensor::open(job.source.read_all(job.admission.ceiling())?)?;
    let stored = limits::check_size(sensor.size(), job.admission)?;
    if job.source.len() * 8 * 8 < u64::from(stored.0) * u64::from(stored.1) * LEAST_BITS_OF_8 {
        return Err(Fault::corrupt("the file ends where its sensor data begin"));
    }
    let half = (stored.0.div_ceil(2), stored.1.div_ceil(2));
    let wanted = Canvas::target(job, stored)?;
    let half_size = sensor.is_mosaic() && half_is_enough(stored, half, wanted);
    job.admission.admit(sensor.cost(half_size))?;
    let developed = sensor.develop(half_size)?;
    let made = developed.size();
    let covers = made.0 >= wanted.0 && made.1 >= wanted.1;
    // If the half size is smaller than the target, and if LibRaw has turned the picture, its own size is the
    // result's.
    let target = if covers && (made == stored || made == half) { wanted } else { Canvas::target(job, made)? };
    let samples = if developed.is_grey() { Samples::Grey } else { Samples::Rgb };
    let mut canvas = Canvas::scaled(job, made, target, developed.samples().len() as u64)?;
    canvas.push(samples, developed.samples());
    let damaged = developed.is_damaged().then(|| "some of its sensor data are missing or damaged".to_owned());
    // Freed before the picture is turned.
    drop(developed);
    Ok(canvas.finish(None, damaged))
}

/// Whether a picture of half the width and height suffices: it has the size of `xl`, and most of a larger
/// preview's.
fn half_is_enough(stored: (u32, u32), half: (u32, u32), wanted: (u32, u32)) -> bool {
    let short = |size: (u32, u32)| size.0.min(size.1);
    short(half) >= short(xl(stored)) && is_enough(short(half), short(wanted))
}
