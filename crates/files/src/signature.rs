//! Classifies the first bytes of a file: a picture, a video, or neither.
//!
//! The engine checks fixed bytes for two questions only: should a file without an extension go to a worker, and may a
//! large file be hashed by samples because it is a video? The actual format is decided by `inspect`. Signatures are in
//! the table of formats; only formats without one are listed here. Invariant: a pure function of the bytes, which reads
//! no length and follows no offset.

use albumen_core::vocabulary::{Format, Kind};

/// The kind of a file by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    Photo,
    Video,
    Unknown,
}

/// Bytes that [`signature`] needs; fewer only if the file is shorter. Two packets of an MPEG transport stream with
/// time codes (192 bytes each) and some more.
pub const HEAD: usize = 512;

/// Major brands of ISO base media files with pictures; every other brand is treated as video.
const PICTURE_BRANDS: [&[u8; 4]; 16] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"avif", b"avis",
    b"avci", b"crx ", b"jxl ", b"jp2 ", b"jpx ",
];
/// First atoms of QuickTime files from before `ftyp`.
const QUICKTIME_ATOMS: [&[u8; 4]; 6] = [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"];

/// Classifies by the first [`HEAD`] bytes.
pub fn signature(head: &[u8]) -> Signature {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));

    if at(4, b"ftyp") {
        let picture = PICTURE_BRANDS.iter().any(|brand| at(8, *brand));
        return if picture { Signature::Photo } else { Signature::Video };
    }
    if QUICKTIME_ATOMS.iter().any(|atom| at(4, *atom)) {
        return Signature::Video;
    }
    if let Some(format) = Format::by_signature(head) {
        return if format.kind() == Kind::Photo { Signature::Photo } else { Signature::Video };
    }
    if is_bmp(head) {
        return Signature::Photo;
    }
    let video = begins(b"\x1f\x07\0\x3f") // DV
        || begins(b"\x1f\x07\0\xbf")
        || begins(b"\0\0\0\x01\x67") // H.264 and HEVC without a container
        || begins(b"\0\0\0\x01\x40\x01")
        // Ogg is usually audio.
        || (begins(b"OggS") && [&b"\x80theora"[..], b"OVP80"].iter().any(|codec| memchr::memmem::find(head, codec).is_some()))
        || (begins(b"\x47") && at(188, b"\x47")) // MPEG transport stream
        || (at(4, b"\x47") && at(196, b"\x47"));
    if video { Signature::Video } else { Signature::Unknown }
}

/// Two letters are weak evidence: the size of the second header must be a defined one, and its colour planes 1 or so.
fn is_bmp(head: &[u8]) -> bool {
    head.starts_with(b"BM")
        && head.get(14..18).is_some_and(|n| {
            matches!(u32::from_le_bytes([n[0], n[1], n[2], n[3]]), 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pictures_videos_and_neither() {
        assert_eq!(signature(b"\xff\xd8\xff\xe1rest"), Signature::Photo);
        assert_eq!(signature(b"\0\0\0\x18ftypheic"), Signature::Photo);
        assert_eq!(signature(b"\0\0\0\x18ftypmp42"), Signature::Video);
        assert_eq!(signature(b"\0\0\0\x08wide\0\0\0\0mdat"), Signature::Video);
        assert_eq!(signature(b"RIFF\0\0\0\0AVI LIST"), Signature::Video);
        assert_eq!(signature(b"BM: a note to myself, it is long enough"), Signature::Unknown);
        assert_eq!(signature(b"# Makefile\n"), Signature::Unknown);
        assert_eq!(signature(b""), Signature::Unknown);
        let mut stream = vec![0; HEAD];
        (stream[4], stream[196]) = (0x47, 0x47);
        assert_eq!(signature(&stream), Signature::Video);
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            signature(&bytes);
        }
    }
}
