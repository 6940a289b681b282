//! PNG, GIF, WebP and BMP: their headers and the text and metadata chunks.
//!
//! Invariants: reads chunk headers and metadata chunks only; an invalid chunk ends the walk and keeps the results so
//! far.

use super::budget::TEXT;
use super::bytes::{Reader, View, text, tidy};
use super::{Findings, exif, photoshop};

/// Maximum number of chunks, sub-blocks and frames; metadata come earlier.
const MAX_CHUNKS: usize = 100_000;

/// Maximum bytes of one metadata chunk, also after inflating.
const MAX_METADATA: usize = 4 * 1024 * 1024;

// ----------------------------------------------------------------------------------------------- PNG

pub fn read_png(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let view = reader.view();
    let mut at = 8;
    for _ in 0..MAX_CHUNKS {
        let (Some(length), Some(kind)) = (view.be32(at).map(u64::from), view.array::<4>(at + 4)) else {
            break;
        };
        let body = view.part(at + 8, length);
        match &kind {
            b"IHDR" => found.coded = body.be32(0).zip(body.be32(4)),
            b"eXIf" => found.add_exif(exif::read(body)),
            b"cICP" => found.transfer = body.u8(1).map(u16::from),
            b"tIME" => {
                if let (Some(y), Some(rest)) = (body.be16(0), body.array::<5>(2)) {
                    let [mo, d, h, mi, s] = rest;
                    found.add_text("png:tIME", format!("{y:04}:{mo:02}:{d:02} {h:02}:{mi:02}:{s:02}"));
                }
            }
            b"tEXt" | b"zTXt" | b"iTXt" => {
                png_text(&kind, body, &mut found);
            }
            b"IEND" => break,
            _ => {}
        }
        at += 12 + length;
    }
    found
}

fn png_text(kind: &[u8; 4], chunk: View<'_>, found: &mut Findings) -> Option<()> {
    /// Maximum length of a keyword, which has at most 79 letters.
    const LONGEST_KEY: usize = 80;
    let key = chunk.head(LONGEST_KEY);
    let key = String::from_utf8_lossy(split_nul(&key)?.0).into_owned();
    let most = if is_packet(&key) { MAX_METADATA } else { TEXT };
    let body = chunk.head(most);
    let (_, rest) = split_nul(&body)?;
    let inflate = |bytes: &[u8]| {
        let whole = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(bytes, most);
        // If it is longer, or truncated, use the beginning: EXIF has its directories there.
        let bytes = Some(whole.unwrap_or_else(|e| e.output)).filter(|bytes| !bytes.is_empty())?;
        chunk.charge(bytes.len())?;
        Some(bytes)
    };
    let (value, utf8) = match kind {
        b"tEXt" => (rest.to_vec(), false),
        b"zTXt" => (inflate(rest.get(1..)?)?, false),
        _ => {
            // Compression flag and method, then language and translated keyword, each ended by a NUL.
            let compressed = *rest.first()? == 1;
            let (_, rest) = split_nul(rest.get(2..)?)?;
            let (_, rest) = split_nul(rest)?;
            (if compressed { inflate(rest)? } else { rest.to_vec() }, true)
        }
    };
    match key.as_str() {
        "XML:com.adobe.xmp" => found.add_xmp(value),
        "Raw profile type exif" | "Raw profile type APP1" => {
            let bytes = raw_profile(&value)?;
            if bytes.starts_with(b"http://ns.adobe.com/xap/1.0/\0") {
                found.add_xmp(bytes[29..].to_vec());
            } else {
                found.add_exif(exif::read(Reader::from_bytes(bytes).view()));
            }
        }
        "Raw profile type xmp" => found.add_xmp(raw_profile(&value)?),
        // Most writers put Photoshop's resources there, including the IPTC block.
        "Raw profile type iptc" | "Raw profile type 8bim" => {
            let bytes = raw_profile(&value)?;
            if bytes.starts_with(b"8BIM") {
                photoshop::read(&bytes, found);
            } else {
                photoshop::read_block(&bytes, found);
            }
        }
        _ => {
            let value = if utf8 { tidy(&String::from_utf8_lossy(&value)) } else { text(&value) };
            found.add_text(&format!("png:{key}"), value?);
        }
    }
    Some(())
}

/// Whether a keyword marks metadata of another format.
fn is_packet(key: &str) -> bool {
    key == "XML:com.adobe.xmp" || key.starts_with("Raw profile type ")
}

fn split_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&b| b == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// ImageMagick's encoding of a profile as text: name, length, then hexadecimal digits.
fn raw_profile(value: &[u8]) -> Option<Vec<u8>> {
    let mut lines = value.trim_ascii_start().splitn(3, |b| *b == b'\n');
    let (_name, _length, digits) = (lines.next()?, lines.next()?, lines.next()?);
    let mut digits = digits.iter().filter_map(|&b| (b as char).to_digit(16)).map(|d| d as u8);
    // An odd digit at the end is ignored.
    Some(std::iter::from_fn(|| Some(digits.next()? << 4 | digits.next()?)).collect())
}

// ----------------------------------------------------------------------------------------------- GIF

pub fn read_gif(reader: &Reader) -> Findings {
    /// The range that is searched for comments and XMP in a GIF.
    const MAX_WALK: u64 = 8 * 1024 * 1024;
    let mut found = Findings::default();
    let view = reader.view().part(0, MAX_WALK);
    found.coded = view.le16(6).zip(view.le16(8)).map(|(w, h)| (u32::from(w), u32::from(h)));
    let table = |flags: u8| if flags & 0x80 != 0 { 3u64 << ((flags & 7) + 1) } else { 0 };
    let mut at = 13 + table(view.u8(10).unwrap_or(0));
    for _ in 0..MAX_CHUNKS {
        match view.u8(at) {
            Some(0x21) => {
                let label = view.u8(at + 1);
                at += 2;
                if label == Some(0xFF) && view.get(at + 1, 11).as_deref() == Some(b"XMP DataXMP") {
                    // The packet is not divided into sub-blocks: a trailer of 258 bytes makes readers skip it.
                    let start = at + 12;
                    let end = sub_blocks(view, start, None);
                    let n = end.saturating_sub(start).saturating_sub(258);
                    found.add_xmp(view.part(start, n).head(MAX_METADATA));
                    at = end;
                } else if label == Some(0xFE) {
                    let mut words = Vec::new();
                    at = sub_blocks(view, at, Some(&mut words));
                    if let Some(words) = text(&words) {
                        found.add_text("gif:comment", words);
                    }
                } else {
                    at = sub_blocks(view, at, None);
                }
            }
            Some(0x2C) => {
                let flags = view.u8(at + 9).unwrap_or(0);
                at = sub_blocks(view, at + 11 + table(flags), None);
            }
            _ => break,
        }
    }
    found
}

/// Skips sub-blocks, collecting them if requested; returns their end.
fn sub_blocks(view: View<'_>, mut at: u64, mut out: Option<&mut Vec<u8>>) -> u64 {
    while let Some(n) = view.u8(at) {
        if n == 0 {
            return at + 1;
        }
        if let Some(out) = out.as_deref_mut()
            && out.len() < 64 * 1024
        {
            out.extend(view.part(at + 1, n.into()).head(256));
        }
        at += 1 + u64::from(n);
    }
    at
}

// ---------------------------------------------------------------------------------------------- WebP

pub fn read_webp(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let mut canvas = None;
    for super::riff::Chunk { kind, body, .. } in super::riff::chunks(reader.view().from(12)) {
        match &kind {
            b"VP8X" => {
                let side = |at| Some(u32::from(body.le16(at)?) + (u32::from(body.u8(at + 2)?) << 16) + 1);
                canvas = side(4).zip(side(7));
            }
            // A frame tag of 3 bytes, a start code, then 14 bits each of width and height.
            b"VP8 " if found.coded.is_none() && body.array::<3>(3) == Some([0x9D, 0x01, 0x2A]) => {
                found.coded = body
                    .le16(6)
                    .zip(body.le16(8))
                    .map(|(w, h)| (u32::from(w & 0x3FFF), u32::from(h & 0x3FFF)));
            }
            b"VP8L" if found.coded.is_none() => {
                if let (Some(0x2F), Some(bits)) = (body.u8(0), body.le32(1)) {
                    found.coded = Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1));
                }
            }
            b"EXIF" => found.add_exif(exif::read(body)),
            b"XMP " => found.add_xmp(body.head(MAX_METADATA)),
            _ => {}
        }
    }
    found.coded = canvas.or(found.coded);
    found
}

// ----------------------------------------------------------------------------------------------- BMP

pub fn read_bmp(reader: &Reader) -> Findings {
    // Without the file header it begins with the header of the picture.
    let view = if reader.view().array(0) == Some(*b"BM") { reader.view().from(14) } else { reader.view() };
    let coded = match view.le32(0) {
        Some(12) => view.le16(4).zip(view.le16(6)).map(|(w, h)| (u32::from(w), u32::from(h))),
        // A negative height means that rows run downwards.
        _ => view.le32(4).zip(view.le32(8)).map(|(w, h)| (w, (h as i32).unsigned_abs())),
    };
    Findings { coded, ..Findings::default() }
}

#[cfg(test)]
mod tests;
