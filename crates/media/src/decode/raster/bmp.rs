//! BMP, all header versions, with or without the file header: read row by row from each row's position (most
//! files store the last row first); only run-length coded ones are kept whole, as indices.

use super::Job;
use super::canvas::{Canvas, Samples};
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Bytes of the header that distinguishes a BMP from a DIB.
const FILE_HEADER: usize = 14;
const COMPRESSION_RLE8: u32 = 1;
const COMPRESSION_RLE4: u32 = 2;
const COMPRESSION_MASKS: u32 = 3;
const COMPRESSION_ALPHA_MASKS: u32 = 6;
/// bV5CSType of an embedded ICC profile: "MBED".
const EMBEDDED_PROFILE: u32 = 0x4D42_4544;
/// Longest profile that is read.
const LARGEST_PROFILE: usize = 4 << 20;

struct Header {
    width: u32,
    height: u32,
    top_down: bool,
    bits: u32,
    compression: u32,
    /// Red, green, blue, alpha.
    masks: [u32; 4],
    palette: Vec<[u8; 3]>,
    pixels_at: u64,
    profile: Option<Vec<u8>>,
}

pub(super) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    let header = Header::read(job.source)?;
    let full = (header.width, header.height);
    if matches!(header.compression, COMPRESSION_RLE8 | COMPRESSION_RLE4) {
        return run_lengths(job, &header);
    }
    let stride = (u64::from(header.width) * u64::from(header.bits)).div_ceil(32) * 4;
    let mut canvas = Canvas::new(job, full, stride + 4 * u64::from(full.0))?;
    let mut stored =
        vec![0; usize::try_from(stride).map_err(|_| Fault::corrupt("its rows are absurdly long"))?];
    // If alpha is 0 everywhere, the writer did not use it: known only at the end, so alpha is applied only if
    // a version 4 or 5 header declares it.
    let alpha = header.masks[3] != 0 && header.bits == 32;
    let samples = if alpha { Samples::Rgba } else { Samples::Rgb };
    let mut row = vec![0; full.0 as usize * samples.count()];
    let mut damaged = None;
    for y in 0..full.1 {
        let line = u64::from(if header.top_down { y } else { full.1 - 1 - y });
        let at = line.checked_mul(stride).and_then(|o| o.checked_add(header.pixels_at));
        let got = match at {
            Some(at) => job.source.read_at(at, &mut stored)?,
            None => 0,
        };
        if got < stored.len() {
            stored[got..].fill(0);
            damaged.get_or_insert_with(|| "it ends before its last row".to_owned());
        }
        header.unpack(&stored, &mut row, samples.count());
        canvas.push(samples, &row);
    }
    if damaged.is_some() && job.source.len() <= header.pixels_at {
        return Err(Fault::corrupt("it ends before the picture begins"));
    }
    Ok(canvas.finish(header.profile.as_deref(), damaged))
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 2).map(|b| u32::from(u16::from_le_bytes([b[0], b[1]])))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

impl Header {
    fn read(source: &Source) -> Result<Header, Fault> {
        Header::parse(source).ok_or_else(|| Fault::corrupt("its header is broken"))?
    }

    /// `None`: too short. The headers are the file header (14 bytes, missing in clipboards), the picture's
    /// (12 to 124), masks, palette.
    fn parse(source: &Source) -> Option<Result<Header, Fault>> {
        let head = source.head(FILE_HEADER + 124 + 16).ok()?;
        // The stated start of the pixels, and the start of the picture's own header.
        let (stated_start, own) =
            if head.starts_with(b"BM") { (le32(&head, 10)?, FILE_HEADER) } else { (0, 0) };
        let head = head.get(own..)?;
        let size = le32(head, 0)? as usize;
        let core = size == 12;
        if !core && !(16..=1024).contains(&size) {
            return Some(Err(Fault::unsupported(format!("BMP with a header of {size} bytes"))));
        }
        let (width, height, bits) = if core {
            (le16(head, 4)?, le16(head, 6)? as i32, le16(head, 10)?)
        } else {
            (le32(head, 4)?, le32(head, 8)? as i32, le16(head, 14)?)
        };
        let compression = if size >= 20 { le32(head, 16)? } else { 0 };
        if (width as i32) <= 0 || height == 0 || height == i32::MIN {
            return Some(Err(Fault::corrupt("its header says that it has no pixels")));
        }
        let known = match compression {
            0 => matches!(bits, 1 | 2 | 4 | 8 | 16 | 24 | 32),
            COMPRESSION_RLE8 => bits == 8,
            COMPRESSION_RLE4 => bits == 4,
            COMPRESSION_MASKS | COMPRESSION_ALPHA_MASKS => matches!(bits, 16 | 32),
            _ => false,
        };
        if !known {
            let why = format!("BMP with {bits} bits a pixel and compression {compression}");
            return Some(Err(Fault::unsupported(why)));
        }
        let masked = matches!(compression, COMPRESSION_MASKS | COMPRESSION_ALPHA_MASKS);
        let masks = match (masked, bits) {
            (true, _) => {
                // In the header from version 2 on, after it before; alpha from version 3 on.
                let has_alpha = size >= 56 || compression == COMPRESSION_ALPHA_MASKS;
                let at = |i: usize| le32(head, 40 + 4 * i);
                [at(0)?, at(1)?, at(2)?, if has_alpha { at(3)? } else { 0 }]
            }
            (false, 16) => [0x7C00, 0x03E0, 0x001F, 0],
            _ => [0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0],
        };
        // Where the headers end.
        let mut start = own + size;
        if masked && size == 40 {
            start += if compression == COMPRESSION_ALPHA_MASKS { 16 } else { 12 };
        }
        let stated = if size >= 36 { le32(head, 32)? } else { 0 };
        // If the start of the pixels is not stated, or without a file header, they follow all headers.
        let behind = start as u64 + if bits > 8 { 4 * u64::from(stated.min(256)) } else { 0 };
        let mut pixels_at = if stated_start == 0 { behind } else { u64::from(stated_start) };
        let palette = if bits <= 8 {
            let entry = if core { 3 } else { 4 };
            let most = 1usize << bits;
            let room = (pixels_at as usize).saturating_sub(start) / entry;
            let count = if stated == 0 { most } else { (stated as usize).min(most) };
            let count = if room > 0 { count.min(room) } else { count };
            if room == 0 {
                // Some writers omit the palette from the stated start.
                pixels_at = (start + count * entry) as u64;
            }
            let bytes = source.slice(start as u64, count * entry).ok()?;
            bytes.chunks_exact(entry).map(|b| [b[2], b[1], b[0]]).collect()
        } else {
            Vec::new()
        };
        let profile = (size >= 124 && le32(head, 56)? == EMBEDDED_PROFILE)
            .then(|| {
                let (at, length) = (le32(head, 112)?, le32(head, 116)? as usize);
                source.slice(own as u64 + u64::from(at), length.min(LARGEST_PROFILE)).ok()
            })
            .flatten();
        Some(Ok(Header {
            width,
            height: height.unsigned_abs(),
            top_down: height < 0,
            bits,
            compression,
            masks,
            palette,
            pixels_at,
            profile,
        }))
    }

    fn unpack(&self, stored: &[u8], row: &mut [u8], count: usize) {
        let pixels = row.chunks_exact_mut(count);
        match self.bits {
            bits @ 1..=8 => {
                let mask = ((1u32 << bits) - 1) as u8;
                for (x, out) in pixels.enumerate() {
                    let bit = x * bits as usize;
                    let index = stored[bit / 8] >> (8 - bits as usize - bit % 8) & mask;
                    out.copy_from_slice(&self.palette.get(usize::from(index)).copied().unwrap_or_default());
                }
            }
            24 => pixels
                .zip(stored.as_chunks::<3>().0)
                .for_each(|(o, &[b, g, r])| o.copy_from_slice(&[r, g, b])),
            bits => {
                let bytes = bits as usize / 8;
                for (out, px) in pixels.zip(stored.chunks_exact(bytes)) {
                    let value = px.iter().rev().fold(0u32, |v, b| v << 8 | u32::from(*b));
                    out.iter_mut().zip(self.masks).for_each(|(o, mask)| *o = field(value, mask));
                }
            }
        }
    }
}

/// The bits of `value` under `mask`, scaled to 8 bits.
fn field(value: u32, mask: u32) -> u8 {
    if mask == 0 {
        return 0;
    }
    let most = u64::from(mask >> mask.trailing_zeros());
    let v = u64::from((value & mask) >> mask.trailing_zeros());
    ((v * 255 + most / 2) / most).min(255) as u8
}

/// Run lengths: indices are written from the bottom up, or from the top, as the header states.
fn run_lengths(job: &Job<'_>, header: &Header) -> Result<Pixels, Fault> {
    let full = (header.width, header.height);
    let (width, height) = (full.0 as usize, full.1 as usize);
    let mut canvas = Canvas::new(job, full, width as u64 * height as u64)?;
    let mut indices = vec![0u8; width * height];
    let mut input = BufReader::new(job.source.cursor());
    input.seek(SeekFrom::Start(header.pixels_at))?;
    let mut pair = || -> Option<[u8; 2]> {
        let mut b = [0; 2];
        input.read_exact(&mut b).ok().map(|()| b)
    };
    let four_bits = header.compression == COMPRESSION_RLE4;
    let (mut x, mut y) = (0, 0);
    let mut put = |x: &mut usize, y: usize, v: u8| {
        if *x < width && y < height {
            let line = if header.top_down { y } else { height - 1 - y };
            indices[line * width + *x] = v;
        }
        *x = x.saturating_add(1);
    };
    let nibble = |b: u8, i: usize| if i.is_multiple_of(2) { b >> 4 } else { b & 15 };
    let mut damaged = None;
    loop {
        let Some(code) = pair() else {
            damaged = Some("it ends before its last row".to_owned());
            break;
        };
        match code {
            [0, 0] => (x, y) = (0, y + 1),
            [0, 1] => break,
            [0, 2] => {
                let Some([right, up]) = pair() else { break };
                (x, y) = (x + usize::from(right), y + usize::from(up));
            }
            [0, n] => {
                let n = usize::from(n);
                let bytes = if four_bits { n.div_ceil(2) } else { n };
                for i in 0..bytes.div_ceil(2) {
                    let Some(two) = pair() else { break };
                    for (j, b) in two.into_iter().enumerate() {
                        let at = 2 * i + j;
                        if four_bits {
                            (0..2).filter(|k| 2 * at + k < n).for_each(|k| put(&mut x, y, nibble(b, k)));
                        } else if at < n {
                            put(&mut x, y, b);
                        }
                    }
                }
            }
            [n, v] => {
                (0..usize::from(n)).for_each(|i| put(&mut x, y, if four_bits { nibble(v, i) } else { v }))
            }
        }
        if y >= height {
            break;
        }
    }
    let mut row = Vec::with_capacity(width * 3);
    for line in indices.chunks_exact(width) {
        row.clear();
        row.extend(
            line.iter().flat_map(|&i| header.palette.get(usize::from(i)).copied().unwrap_or_default()),
        );
        canvas.push(Samples::Rgb, &row);
    }
    Ok(canvas.finish(header.profile.as_deref(), damaged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_any_width_reach_full_scale() {
        assert_eq!(field(0x7C00, 0x7C00), 255);
        assert_eq!(field(0x0400, 0x7C00), 8);
        assert_eq!(field(0xFF00_0000, 0xFF00_0000), 255);
        assert_eq!(field(u32::MAX, u32::MAX), 255);
        assert_eq!(field(1, 0), 0);
    }
}
