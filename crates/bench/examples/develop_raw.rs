//! Develops the sensor data of a RAW file, regardless of its previews, for inspection and measurement; and
//! generates RAW files for measurement. scripts/raw_times.py compares its time with dcraw's.
//!
//!     develop_raw FILE OUT.ppm                    the picture from which the derivatives would be made
//!     develop_raw --mosaic WIDTH HEIGHT OUT.dng   a computed mosaic of 12 bits
//!
//! The first also prints the CPU milliseconds of development, in a process that has LibRaw open already, as a
//! worker has.

#[path = "../../../tests/it/mosaic.rs"]
#[allow(dead_code, unreachable_pub)] // Tests use all of it.
mod mosaic;

use albumen_core::ladder;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, FixedAdmission, Inputs, RenderSettings};
use albumen_media::{decode, inspect};
use mosaic::Mosaic;
use std::error::Error;
use std::fs::File;
use std::io::Write;

/// CPU time of this thread.
fn cpu_ms() -> Result<f64, Box<dyn Error>> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let on_cpu: f64 = times.split(' ').next().unwrap_or_default().parse()?;
    Ok(on_cpu / 1e6)
}

/// The memory limit of development here, bytes.
const ROOM: FixedAdmission = FixedAdmission(4 << 30);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--mosaic", width, height, out] => {
            let (width, height) = (width.parse()?, height.parse()?);
            std::fs::write(out, mosaic::dng(&Mosaic { width, height, bits: 12, ..Mosaic::default() }))?;
        }
        [file, out] => {
            let primary = Source::from_file(File::open(file)?)?;
            let inputs = Inputs { primary, sidecars: Vec::new() };
            let request = DevelopRequest {
                name: file.as_bytes().to_vec(),
                folder: Vec::new(),
                mtime_ns: 0,
                sidecars: Vec::new(),
                render: None,
            };
            let facts = inspect::inspect(&request, &inputs)?;
            let fit = |width, height| ladder::fit((width, height), &RenderSettings::default(), facts.format);
            let tiny = Mosaic { width: 72, height: 48, ..Mosaic::default() };
            decode::develop_sensor(&Source::from_bytes(mosaic::dng(&tiny)), &facts, &fit, &ROOM)?;
            let before = cpu_ms()?;
            let pixels = decode::develop_sensor(&inputs.primary, &facts, &fit, &ROOM)?;
            println!("{:.1}", cpu_ms()? - before);
            let mut out = File::create(out)?;
            writeln!(out, "P6\n{} {}\n255", pixels.width, pixels.height)?;
            out.write_all(&pixels.rgb)?;
        }
        _ => return Err("develop_raw FILE OUT.ppm, or develop_raw --mosaic WIDTH HEIGHT OUT.dng".into()),
    }
    Ok(())
}
