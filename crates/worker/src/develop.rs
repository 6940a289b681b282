//! `develop`: the ordinary function behind the worker protocol; tests and benchmarks call it in process.
//!
//! Promises: facts are returned even if the pixels fail; the CPU time of each stage is that of this thread.

use albumen_core::fault::Fault;
use albumen_core::ladder;
use albumen_core::vocabulary::{
    Admission, DevelopRequest, Developed, Facts, Inputs, Pictures, RenderSettings, StageCpu,
};
use albumen_media::{Container, decode, inspect, render};
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;

/// Inspects one file and, if requested, renders it. A `Fault` means that not even facts could be read.
pub fn develop(
    request: &DevelopRequest,
    inputs: &Inputs,
    admission: &dyn Admission,
) -> Result<Developed, Fault> {
    develop_by(request, inputs, admission, false)
}

/// The same; with `previews_only` only the embedded pictures of a RAW file are read.
pub fn develop_by(
    request: &DevelopRequest,
    inputs: &Inputs,
    admission: &dyn Admission,
    previews_only: bool,
) -> Result<Developed, Fault> {
    let mut cpu = StageCpu::default();
    let (mut facts, container) = timed(&mut cpu.inspect_s, || inspect::parse(request, inputs))?;
    facts.previews_only = previews_only;
    let pictures = request
        .render
        .as_ref()
        .map(|settings| picture(inputs, &mut facts, &container, settings, admission, &mut cpu));
    Ok(Developed { facts, pictures, cpu })
}

/// Decodes and renders the picture of a file.
fn picture(
    inputs: &Inputs,
    facts: &mut Facts,
    container: &Container,
    settings: &RenderSettings,
    admission: &dyn Admission,
    cpu: &mut StageCpu,
) -> Result<Pictures, Fault> {
    // The upright full size found by decode, which is more reliable than the metadata.
    let full = Cell::new((0, 0));
    let fit = |width, height| {
        full.set((width, height));
        ladder::fit((width, height), settings, facts.format)
    };
    let pixels = timed(&mut cpu.decode_s, || {
        decode::decode_parsed(&inputs.primary, facts, container, &fit, admission)
    })?;
    facts.small_preview = inspect::small_preview_shown(container, facts, full.get());
    timed(&mut cpu.render_s, || render::render(pixels, full.get(), settings, facts.format))
}

/// Runs `work` and adds the CPU seconds that this thread spent on it.
fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> T) -> T {
    let before = thread_cpu_s();
    let result = work();
    *seconds += thread_cpu_s() - before;
    result
}

fn thread_cpu_s() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}
