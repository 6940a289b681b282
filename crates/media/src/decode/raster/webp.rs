//! WebP, by image-webp: lossy, lossless, of an animation the first frame. The crate decodes whole pictures.
//!
//! A truncated file is padded with zeros, which shows the available part, and is marked damaged; so is one
//! with zeros instead of coded data.

use super::Job;
use super::canvas::{Canvas, Samples};
use crate::decode::heif::whole::{longest_run, most_zeros};
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use albumen_core::source::{Source, SourceCursor};
use albumen_formats::bytes::{Reader as FileReader, View};
use albumen_formats::riff::{Chunk, chunks};
use image_webp::{DecodingError, WebPDecoder};
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// The maximum number of chunks before the first picture's data.
const MOST_CHUNKS: usize = 64;
/// Bytes of the lossless data that may remain after the picture.
const STRAY_BYTES: u64 = 64;
/// A file with less than this part of its picture is not padded and decoded.
const LEAST_PART: u64 = 16;

pub(super) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    let parts = Part::of_first_frame(FileReader::new(job.source).view());
    let end = parts.iter().map(|p| p.at + p.length).max().unwrap_or(0);
    let cut = end > job.source.len() && end / LEAST_PART <= job.source.len();
    let length = if cut { end } else { job.source.len() };
    let mut reader = BufReader::new(Padded { cursor: job.source.cursor(), at: 0, length });
    let mut decoder = WebPDecoder::new(&mut reader).map_err(fault)?;
    // The background of an animation is up to the viewer: white, as for all transparency.
    let _ = decoder.set_background_color([255; 4]);
    let full = decoder.dimensions();
    let pixels = u64::from(full.0) * u64::from(full.1);
    let samples = if decoder.has_alpha() { Samples::Rgba } else { Samples::Rgb };
    // The picture, the planes or the lossless frame that it is made of, and the compressed data.
    let cost = pixels * (samples.count() as u64 + 4) + length;
    let mut canvas = Canvas::new(job, full, cost)?;
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = vec![0; pixels as usize * samples.count()];
    let animated = decoder.is_animated();
    if animated {
        decoder.read_frame(&mut picture).map_err(fault)?;
    } else {
        decoder.read_image(&mut picture).map_err(fault)?;
    }
    drop(decoder);
    canvas.push(samples, &picture);
    let mut damaged = None;
    if cut {
        damaged = Some("the file ends before the picture does");
    }
    for part in &parts {
        if damaged.is_none() && part.has_hole(job.source, pixels)? {
            damaged = Some("a part of the picture is missing: the file has zeros in its place");
        }
    }
    // A lossless picture uses its data to the last byte: if many remain, another picture was coded.
    if let Some(last) = parts.last().filter(|p| p.kind == *b"VP8L" && !animated)
        && damaged.is_none()
        && reader.stream_position()?.saturating_add(STRAY_BYTES) < last.at + last.length
    {
        damaged = Some("a part of the picture cannot be read: its data are garbled");
    }
    Ok(canvas.finish(profile.as_deref().or(job.untagged), damaged.map(str::to_owned)))
}

/// Coded data of the first frame: of its colours, or its transparency.
struct Part {
    kind: [u8; 4],
    at: u64,
    length: u64,
}

impl Part {
    /// The chunks of the first frame, the colours last. They may extend beyond the end of the file.
    fn of_first_frame(file: View<'_>) -> Vec<Part> {
        /// RIFF's own header, and the fields of a frame before its chunks.
        const FILE_HEADER: u64 = 12;
        const FRAME_HEADER: u64 = 16;
        fn inside(chunk: Chunk<'_>) -> Vec<Chunk<'_>> {
            match &chunk.kind {
                b"ANMF" => chunks(chunk.body.from(FRAME_HEADER)).take(MOST_CHUNKS).collect(),
                _ => vec![chunk],
            }
        }
        let mut parts = Vec::new();
        for Chunk { kind, length, body } in chunks(file.from(FILE_HEADER)).take(MOST_CHUNKS).flat_map(inside)
        {
            let is_last = matches!(&kind, b"VP8 " | b"VP8L");
            if is_last || &kind == b"ALPH" {
                parts.push(Part { kind, at: body.base(), length });
            }
            if is_last {
                break;
            }
        }
        parts
    }

    /// Whether the data contains a run of zeros too long for a picture of this many pixels.
    fn has_hole(&self, source: &Source, pixels: u64) -> io::Result<bool> {
        // A macroblock of the lossy format without a coefficient takes a seventh of a bit, all zeros. The
        // lossless format may code a flat area by one bit per pixel, but hardly a whole picture.
        let most = most_zeros(pixels, if &self.kind == b"VP8 " { 1 << 13 } else { 1 << 6 });
        let mut piece = vec![0; 64 << 10];
        let (mut at, mut zeros) = (self.at, 0);
        let end = (self.at + self.length).min(source.len());
        while at < end {
            let n = (end - at).min(piece.len() as u64) as usize;
            let n = source.read_at(at, &mut piece[..n])?;
            if n == 0 {
                break;
            }
            if longest_run(&piece[..n], &mut zeros) > most {
                return Ok(true);
            }
            at += n as u64;
        }
        Ok(false)
    }
}

/// A file padded with zeros up to a length.
struct Padded {
    cursor: SourceCursor,
    at: u64,
    length: u64,
}

impl Read for Padded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let n = left.min(out.len());
        self.cursor.seek(SeekFrom::Start(self.at))?;
        let there = self.cursor.read(&mut out[..n])?;
        out[there..n].fill(0);
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Padded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

fn fault(e: DecodingError) -> Fault {
    match e {
        DecodingError::IoError(e) => e.into(),
        DecodingError::UnsupportedFeature(e) => {
            Fault::unsupported("a kind of WebP that Albumen does not decode").with_detail(e)
        }
        other => Fault::corrupt("its WebP data are damaged").with_detail(other),
    }
}
