//! JPEG: the segments up to the first scan, and the metadata in them.
//!
//! Invariants: entropy-coded data is not read; an invalid segment length ends the walk and keeps the results so far.

mod profile;
pub mod segments;

use super::budget::PACKET;
use super::bytes::{Reader, View};
use super::tiff::Tiff;
use super::{Findings, exif, photoshop};
pub use profile::Part;
use profile::Profile;
use segments::{Damage, marker};

/// The marker of the segments with an ICC profile, among others.
const APP2: u8 = 0xE2;

const XMP_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const XMP_LOOSE_HEADER: &[u8] = b"http://ns.adobe.com/x";
const XMP_EXTENSION_HEADER: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const ISO_GAIN_MAP_HEADER: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0";
const PHOTOSHOP_HEADER: &[u8] = b"Photoshop 3.0\0";
const MPF_HEADER: &[u8] = b"MPF\0";

/// Reads a whole JPEG file.
pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let profile = read_segments(reader.view(), &mut found);
    found.container.jpeg_profile = Some(profile.parts());
    if !found.iso_gain_map && !found.tags().any(|x| x.gain_map) {
        read_other_pictures(reader.view(), &mut found);
    }
    found
}

/// Reads a JPEG inside a part of a file.
pub fn read_view(view: View<'_>, found: &mut Findings) {
    read_segments(view, found);
}

/// The parts of the ICC profile of a JPEG, in order; none without a complete profile.
pub fn profile_parts(view: View<'_>) -> Vec<Part> {
    let mut profile = Profile::default();
    let segments = segments::before_scan(view, Damage::Skipped);
    segments.filter(|segment| segment.marker == APP2).for_each(|segment| profile.add(segment.body));
    profile.parts()
}

fn read_segments(view: View<'_>, found: &mut Findings) -> Profile {
    let mut exif_parts: Vec<View<'_>> = Vec::new();
    let mut photoshop_parts: Vec<View<'_>> = Vec::new();
    let mut extended: Vec<(u32, u32, View<'_>)> = Vec::new();
    let mut profile = Profile::default();
    for segment in segments::before_scan(view, Damage::Skipped) {
        let body = segment.body;
        match segment.marker {
            marker if marker::is_frame(marker) => {
                if found.coded.is_none()
                    && let (Some(h), Some(w)) = (body.be16(1), body.be16(3))
                {
                    found.coded = Some((u32::from(w), u32::from(h)));
                }
            }
            0xE1 => {
                let head = body.head(XMP_EXTENSION_HEADER.len());
                if head.starts_with(exif::EXIF_HEADER) {
                    exif_parts.push(body.from(6));
                } else if head.starts_with(XMP_HEADER) {
                    found.add_xmp(body.from(XMP_HEADER.len() as u64).head(usize::MAX));
                } else if head.starts_with(XMP_LOOSE_HEADER) && !head.starts_with(XMP_EXTENSION_HEADER) {
                    // A slightly wrong header: the packet begins with its first element.
                    let packet = body.head(usize::MAX);
                    let start = packet.iter().position(|&b| b == b'<').unwrap_or(packet.len());
                    found.add_xmp(packet[start..].to_vec());
                } else if head.starts_with(XMP_EXTENSION_HEADER) {
                    // GUID of 32 digits, total length, offset of this part.
                    let n = XMP_EXTENSION_HEADER.len() as u64;
                    if let (Some(total), Some(offset)) = (body.be32(n + 32), body.be32(n + 36)) {
                        extended.push((total, offset, body.from(n + 40)));
                    }
                }
            }
            APP2 => {
                profile.add(body);
                let head = body.head(ISO_GAIN_MAP_HEADER.len());
                if head.starts_with(ISO_GAIN_MAP_HEADER) {
                    found.iso_gain_map = true;
                } else if head.starts_with(MPF_HEADER) {
                    found.mpf = Some((body.base() + 4, body.len().saturating_sub(4)));
                }
            }
            0xED if body.head(PHOTOSHOP_HEADER.len()) == PHOTOSHOP_HEADER => {
                photoshop_parts.push(body.from(PHOTOSHOP_HEADER.len() as u64));
            }
            _ => {}
        }
    }
    read_exif_parts(&exif_parts, found);
    if !photoshop_parts.is_empty() {
        photoshop::read(&joined(&photoshop_parts), found);
    }
    if let Some(packet) = join_extended(&extended) {
        found.add_xmp(packet);
    }
    profile
}

/// Checks whether one of the further pictures in the multi-picture directory is a gain map: for Apple's and some of
/// Google's and Adobe's files only those pictures show it.
fn read_other_pictures(file: View<'_>, found: &mut Findings) -> Option<()> {
    /// Entries of a directory: main picture, gain map, previews.
    const MAX_PICTURES: u64 = 8;
    const ENTRIES: u16 = 0xB002;
    let (at, len) = found.mpf?;
    let tiff = Tiff::open(file.part(at, len))?;
    let entries = tiff.ifd(tiff.first).find(ENTRIES)?;
    // Attributes, size and offset of 32 bits each, then two numbers of dependent pictures.
    for i in 1..(entries.count / 16).min(MAX_PICTURES) {
        let entry = entries.at.checked_add(i * 16)?;
        let (size, offset) = (tiff.u32(entry + 4)?, tiff.u32(entry + 8)?);
        // Offsets count from the directory's own header.
        let picture = file.part(at.checked_add(offset.into())?, size.into());
        if picture.array::<2>(0) != Some([0xFF, 0xD8]) {
            continue;
        }
        let mut other = Findings::default();
        read_view(picture, &mut other);
        found.iso_gain_map |= other.iso_gain_map;
        found.apple_gain_map |= other.tags().any(|x| x.apple_gain_map);
        found.google_gain_map |= other.tags().any(|x| x.gain_map);
    }
    Some(())
}

/// A block over 64 KB is written as several APP1 segments, each with the header; a second block with its own TIFF
/// header is a separate block, read only if the first has no values.
fn read_exif_parts(parts: &[View<'_>], found: &mut Findings) {
    let Some((first, rest)) = parts.split_first() else { return };
    let continued = rest
        .iter()
        .take_while(|p| !matches!(p.array::<4>(0), Some([b'I', b'I', 42, 0] | [b'M', b'M', 0, 42])));
    let continued: Vec<_> = continued.collect();
    if continued.is_empty() {
        found.add_exif(exif::read(*first));
    } else {
        let whole = joined(&parts[..=continued.len()]);
        found.add_exif(exif::read(Reader::from_bytes(whole).view()));
    }
    for other in &rest[continued.len()..] {
        found.add_exif(exif::read(*other));
    }
}

/// The joined parts, up to a limit.
fn joined(parts: &[View<'_>]) -> Vec<u8> {
    /// Bytes. Segmented metadata blocks have some 100 KB.
    const LONGEST: usize = 4 << 20;
    let len = parts.iter().map(|p| p.len()).sum::<u64>();
    let mut whole = Vec::with_capacity(len.min(LONGEST as u64) as usize);
    for part in parts {
        whole.extend(part.head(LONGEST - whole.len()));
    }
    whole
}

/// Assembles extended XMP; `None` if parts are missing.
fn join_extended(parts: &[(u32, u32, View<'_>)]) -> Option<Vec<u8>> {
    let total = parts.first()?.0 as usize;
    let have: u64 = parts.iter().map(|p| p.2.len()).sum();
    if total > PACKET || have < total as u64 {
        return None;
    }
    let mut whole = vec![0; total];
    for (_, offset, part) in parts {
        let bytes = part.head(usize::MAX);
        let start = *offset as usize;
        if let Some(slot) = start.checked_add(bytes.len()).and_then(|end| whole.get_mut(start..end)) {
            slot.copy_from_slice(&bytes);
        }
    }
    Some(whole)
}

#[cfg(test)]
mod tests;
