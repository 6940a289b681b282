//! GIF, by the gif crate: the first frame, at its position on the screen, row by row.

use super::Job;
use super::canvas::{Canvas, Samples};
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};
use std::io::BufReader;

/// The dictionary, the buffers and a palette.
const DECODER_BYTES: u64 = 256 << 10;

pub(super) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(MemoryLimit::Unlimited);
    // Viewers skip unknown extensions.
    options.allow_unknown_blocks(true);
    let mut decoder = options.read_info(BufReader::new(job.source.cursor())).map_err(fault)?;
    let screen = (u32::from(decoder.width()), u32::from(decoder.height()));
    let frame =
        decoder.next_frame_info().map_err(fault)?.ok_or_else(|| Fault::corrupt("it has no picture"))?;
    let (left, top) = (u32::from(frame.left), u32::from(frame.top));
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let interlaced = frame.interlaced;
    // Some writers set the screen size to 0; the frame's is used.
    let screen = if screen.0 == 0 || screen.1 == 0 { (left + width, top + height) } else { screen };
    let line = width as usize * 4;
    // The crate returns an interlaced frame row by row in its stored order: it has to be kept.
    let kept = if interlaced { line as u64 * u64::from(height) } else { 0 };
    let mut canvas = Canvas::new(job, screen, DECODER_BYTES + 2 * u64::from(screen.0) * 4 + kept)?;

    // Only the part inside of the screen is shown.
    let shown = width.min(screen.0.saturating_sub(left)) as usize * 4;
    let mut on_screen = vec![0; screen.0 as usize * 4];
    let mut damaged = None;
    let mut rows = vec![0; line * if interlaced { height as usize } else { 1 }];
    for _ in 0..top.min(screen.1) {
        canvas.push(Samples::Rgba, &on_screen);
    }
    let blank_above = canvas.missing();
    let start = (left as usize * 4).min(on_screen.len());
    if interlaced {
        if let Err(e) = decoder.read_into_buffer(&mut rows) {
            if rows.iter().all(|&b| b == 0) {
                return Err(fault(e));
            }
            damaged = Some(fault(e).into_reason());
            fill_missing_rows(&mut rows, line);
        }
        for row in rows.chunks_exact(line.max(1)) {
            on_screen[start..start + shown].copy_from_slice(&row[..shown]);
            canvas.push(Samples::Rgba, &on_screen);
        }
    } else {
        for y in 0..height {
            match decoder.fill_buffer(&mut rows) {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) if y == 0 => return Err(fault(e)),
                Err(e) => {
                    damaged = Some(fault(e).into_reason());
                    break;
                }
            }
            on_screen[start..start + shown].copy_from_slice(&rows[..shown]);
            canvas.push(Samples::Rgba, &on_screen);
        }
    }
    if damaged.is_none() && canvas.missing() == blank_above && height > 0 {
        damaged = Some("its picture lies outside its screen".into());
    }
    on_screen.fill(0);
    while canvas.missing() > 0 {
        canvas.push(Samples::Rgba, &on_screen);
    }
    let profile = decoder.icc_profile().map(<[u8]>::to_vec);
    Ok(canvas.finish(profile.as_deref(), damaged))
}

/// Rows of missing passes are copied from the row above, so that a truncated file is coarse rather than
/// striped.
fn fill_missing_rows(rows: &mut [u8], line: usize) {
    for at in (line..rows.len()).step_by(line.max(1)) {
        let (above, row) = rows[at - line..at + line].split_at_mut(line);
        if row.iter().all(|&b| b == 0) {
            row.copy_from_slice(above);
        }
    }
}

fn fault(e: DecodingError) -> Fault {
    match e {
        DecodingError::Io(e) => e.into(),
        other => Fault::corrupt("its GIF data are damaged").with_detail(other),
    }
}
