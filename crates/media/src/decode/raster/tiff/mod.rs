//! TIFF and BigTIFF: the first page, row by row out of its strips, or one row of tiles at a time.
//!
//! Promises: strips of any length are read in rows, also if the whole picture is one compressed strip; a
//! broken strip or tile leaves a grey area and the mark `damaged`, the others are kept.
//!
//! Why not the tiff crate: it reads whole strips, refuses palettes of few bits and CIE L*a*b*, and asserts on
//! some broken files (docs/decisions.md).

mod layout;
mod old_jpeg;
mod rows;

use super::Job;
use super::canvas::Canvas;
use crate::decode::colour::CmykToSrgb;
use crate::decode::jpeg;
use crate::decode::jpeg::lines::Lines;
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_formats::bytes::Reader;
use albumen_formats::tiff::Tiff;
pub(crate) use layout::lab_to_srgb;
use layout::{Layout, Photometric};
use rows::compression;
use std::io::Read;

/// A chunk of JPEG is read whole; cameras' and scanners' are far smaller.
const LARGEST_JPEG_CHUNK: u64 = 256 << 20;

pub(crate) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    let reader = Reader::new(job.source);
    let tiff = Tiff::open(reader.view()).ok_or_else(|| Fault::corrupt("it has no TIFF header"))?;
    picture(job, &Layout::read(&tiff)?)
}

/// The first page of a RAW file, if it is a complete RGB picture of sufficient size; `None` if it is the
/// sensor's.
pub(crate) fn first_page_in_rgb(job: &Job<'_>, will_do: &dyn Fn((u32, u32)) -> bool) -> Option<Pixels> {
    let reader = Reader::new(job.source);
    let layout = Layout::read(&Tiff::open(reader.view())?).ok()?;
    let shown =
        layout.photometric == Photometric::Rgb && layout.bits == 8 && layout.compression == compression::NONE;
    if !shown || !will_do((layout.width, layout.height)) {
        return None;
    }
    picture(job, &layout).ok().filter(|pixels| pixels.damaged.is_none())
}

fn picture(job: &Job<'_>, layout: &Layout) -> Result<Pixels, Fault> {
    if layout.compression == compression::OLD_JPEG {
        return old_jpeg::decode(job, layout);
    }
    let per_pixel = layout.samples.count();
    let full = (layout.width, layout.height);
    let row = u64::from(layout.chunk_width) * (layout.stored * layout.bits) as u64 / 8;
    let band_rows =
        if layout.tiled { u64::from(layout.chunk_height) } else { u64::from(layout.rows_a_unit()) };
    let band_bytes = band_rows * u64::from(full.0) * per_pixel as u64;
    let readers = u64::from(layout.shown_planes()) * rows::READER_BYTES;
    let mut canvas = Canvas::new(job, full, 4 * row + band_bytes + readers)?;
    let mut decoder =
        Chunks { source: job.source, layout, inks: layout.profile_of_inks(), canvas: &mut canvas };
    let damaged = if layout.tiled { decoder.tiles() } else { decoder.strips() }?;
    let profile = match layout.photometric {
        Photometric::Cmyk => None,
        Photometric::Rgb | Photometric::YCbCr => layout.profile.as_deref().or(job.untagged),
        _ => layout.profile.as_deref(),
    };
    Ok(canvas.finish(profile, damaged))
}

struct Chunks<'a, 'c> {
    source: &'a Source,
    layout: &'a Layout,
    inks: Option<CmykToSrgb>,
    canvas: &'c mut Canvas,
}

/// The rows of one strip or tile, as the file has them.
enum Rows {
    /// One reader per plane.
    Packed(Vec<Box<dyn Read>>),
    Jpeg(Lines),
}

impl Chunks<'_, '_> {
    fn strips(&mut self) -> Result<Option<String>, Fault> {
        let layout = self.layout;
        let mut damaged = None;
        let line = layout.width as usize * layout.samples.count();
        let mut out = vec![0; line * layout.rows_a_unit() as usize];
        let mut top = 0;
        while top < layout.height {
            let rows = layout.chunk_height.min(layout.height - top);
            let mut done = 0;
            let result = self.open(top / layout.chunk_height).and_then(|mut chunk| {
                while done < rows {
                    let n = self.read_rows(&mut chunk, layout.width, &mut out)?.min(rows - done);
                    self.canvas.push(layout.samples, &out[..n as usize * line]);
                    done += n;
                }
                Ok(())
            });
            if let Err(e) = result {
                // A single chunk without a readable row: the file is unreadable, not damaged.
                let hopeless = self.canvas.is_empty() && layout.chunks_down() == 1;
                if hopeless || matches!(e, Fault::Unsupported { .. }) {
                    return Err(e);
                }
                damaged.get_or_insert(reason(e));
                out.fill(128);
                for _ in done..rows {
                    self.canvas.push(layout.samples, &out[..line]);
                }
            }
            top += rows;
        }
        Ok(damaged)
    }

    fn tiles(&mut self) -> Result<Option<String>, Fault> {
        let layout = self.layout;
        let count = layout.samples.count();
        let (tile_width, tile_height) = (layout.chunk_width, layout.chunk_height);
        let mut damaged = None;
        let mut good = false;
        let mut row = vec![0; tile_width as usize * count * layout.rows_a_unit() as usize];
        let mut band = vec![0; layout.width as usize * count * tile_height.min(layout.height) as usize];
        for down in 0..layout.chunks_down() {
            let rows = tile_height.min(layout.height - down * tile_height);
            band.fill(128);
            for across in 0..layout.chunks_across() {
                let left = across * tile_width;
                let shown = tile_width.min(layout.width - left) as usize * count;
                let mut y = 0;
                let result = self.open(down * layout.chunks_across() + across).and_then(|mut chunk| {
                    while y < rows {
                        let n = self.read_rows(&mut chunk, tile_width, &mut row)?.min(rows - y);
                        for line in row.chunks_exact(tile_width as usize * count).take(n as usize) {
                            let at = (y as usize * layout.width as usize + left as usize) * count;
                            band[at..at + shown].copy_from_slice(&line[..shown]);
                            y += 1;
                        }
                    }
                    Ok(())
                });
                match result {
                    Ok(()) => good = true,
                    Err(e) => drop(damaged.get_or_insert(e)),
                }
            }
            self.canvas.push(layout.samples, &band[..rows as usize * layout.width as usize * count]);
        }
        match damaged {
            Some(e) if !good => Err(e),
            other => Ok(other.map(reason)),
        }
    }

    fn open(&self, index: u32) -> Result<Rows, Fault> {
        let layout = self.layout;
        let place = |index: u32| {
            let at = layout.places.get(index as usize).copied();
            at.ok_or_else(|| Fault::corrupt("it lists fewer strips or tiles than its size needs"))
        };
        if layout.compression == compression::JPEG {
            let (at, length) = place(index)?;
            let length = length.min(LARGEST_JPEG_CHUNK).min(self.source.len().saturating_sub(at));
            let bytes = self.source.slice(at, length as usize)?;
            let mut lines = Lines::open(&Source::from_bytes(with_tables(&layout.jpeg_tables, bytes)))
                .map_err(jpeg::stopped)?;
            lines.header().map_err(jpeg::stopped)?;
            if layout.photometric == Photometric::Rgb {
                lines.assume_rgb();
            }
            let size = lines.start(8, layout.photometric == Photometric::Cmyk).map_err(jpeg::stopped)?;
            if size.0 != layout.chunk_width {
                return Err(Fault::corrupt("a JPEG strip or tile has another width than the picture"));
            }
            return Ok(Rows::Jpeg(lines));
        }
        let a_plane = layout.chunks_across() * layout.chunks_down();
        let open_plane = |plane: u32| {
            let at = place(plane * a_plane + index)?;
            rows::open(self.source, at, layout.packing(), layout.chunk_width)
        };
        (0..layout.shown_planes()).map(open_plane).collect::<Result<_, _>>().map(Rows::Packed)
    }

    /// The next rows of a chunk that is `width` pixels wide, in the canvas's format; returns their number.
    fn read_rows(&self, rows: &mut Rows, width: u32, out: &mut [u8]) -> Result<u32, Fault> {
        match rows {
            Rows::Packed(planes) => self.layout.read_rows(planes, width, self.inks.as_ref(), out),
            Rows::Jpeg(lines) => {
                let pixels = width as usize;
                let read = match (&self.inks, self.layout.samples.count()) {
                    (Some(inks), _) => {
                        let mut cmyk = vec![0; pixels * 4];
                        let n = lines.read(&mut cmyk).map_err(jpeg::stopped)?;
                        inks.convert(&cmyk, &mut out[..pixels * 3]);
                        n
                    }
                    (None, 3) => lines.read(&mut out[..pixels * 3]).map_err(jpeg::stopped)?,
                    (None, count) => {
                        let mut rgb = vec![0; pixels * 3];
                        let n = lines.read(&mut rgb).map_err(jpeg::stopped)?;
                        out.chunks_exact_mut(count)
                            .zip(rgb.as_chunks::<3>().0)
                            .for_each(|(o, p)| o.fill(p[1]));
                        n
                    }
                };
                if read == 0 { Err(Fault::corrupt("a JPEG strip or tile ends too early")) } else { Ok(read) }
            }
        }
    }
}

/// Why a part is missing, without the prefix of every fault.
fn reason(fault: Fault) -> String {
    match fault {
        Fault::Corrupt { why, .. } | Fault::Unsupported { why, .. } | Fault::Unreadable { why } => why,
        other => other.to_string(),
    }
}

/// Inserts the tables that all chunks share into a chunk's JPEG: both are JPEG streams.
fn with_tables(tables: &[u8], chunk: Vec<u8>) -> Vec<u8> {
    match (tables.strip_suffix(&[0xFF, 0xD9]), chunk.strip_prefix(&[0xFF, 0xD8])) {
        (Some(tables), Some(picture)) => [tables, picture].concat(),
        _ => chunk,
    }
}
