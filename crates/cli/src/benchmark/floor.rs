//! The lower bound beside a run of Albumen: the cost of libjpeg-turbo and a resize alone. The worker program
//! does the work.

use super::measure::Command;
use super::peers::{Bench, Staged};
use super::{BenchError, Class, FloorResult};
use albumen_isolation::modes::{FLOOR, Worked};
use std::path::Path;

/// The lower bound beside a run of Albumen over the same JPEGs; `None` without JPEGs.
pub(super) fn measure(
    worker: &Path,
    bench: &Bench<'_>,
    staged: &[Staged],
) -> Result<Option<FloorResult>, BenchError> {
    let Some(jpegs) = staged.iter().find(|s| s.class == Class::Jpeg) else { return Ok(None) };
    (bench.say)("the floor: bare libjpeg-turbo");
    let mut best: Option<(f64, Worked)> = None;
    for _ in 0..bench.repeat.max(1) {
        let mut command = Command::new(worker);
        command.arg(FLOOR).arg(&jpegs.list).cores(bench.cores);
        let (measured, worked, _) = super::finish::<Worked>(&command)?;
        if best.as_ref().is_none_or(|(cpu, _)| measured.cpu_s < *cpu) {
            best = Some((measured.cpu_s, worked));
        }
    }
    let (cpu_s, worked) = best.expect("at least one run");
    let files = worked.files.max(1) as f64;
    let floor = cpu_s * 1000.0 / files;
    let ours = jpegs.thumbnails.cpu_s * 1000.0 / jpegs.files as f64;
    Ok(Some(FloorResult {
        files: worked.files,
        floor_cpu_ms_per_file: floor,
        albumen_cpu_ms_per_file: ours,
        ratio: ours / floor.max(f64::MIN_POSITIVE),
    }))
}
