//! A tolerant reader of TIFF structures: EXIF blocks, TIFF files, RAW files, maker notes.
//!
//! Invariants: each entry is independent of the others (one that points outside is left out), loops end, both byte
//! orders and BigTIFF, any block length. Tags are interpreted elsewhere.
//!
//! Why not kamadak-exif: it refuses blocks over 64 KB, rejects a whole directory for one invalid entry, and needs all
//! of a RAW file in memory (docs/decisions.md).

pub mod tag;

use super::budget;
use super::bytes::View;

/// Maximum number of entries of one directory; real ones have under 300.
const MAX_ENTRIES: u64 = 4096;

/// A TIFF structure: byte order and offsets that count from the view's start.
#[derive(Clone, Copy)]
pub struct Tiff<'a> {
    pub view: View<'a>,
    pub little: bool,
    pub big: bool,
    /// The number after the byte order: 42, or a camera maker's own.
    pub magic: u16,
    /// Offset of the first directory.
    pub first: u64,
}

/// One directory entry; its value is read on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub tag: u16,
    pub kind: u16,
    pub count: u64,
    /// Offset of the value, from the structure's start.
    pub at: u64,
}

/// A directory.
#[derive(Debug, Clone, Default)]
pub struct Ifd {
    pub entries: Vec<Entry>,
    /// Offset of the next directory; 0 for none.
    pub next: u64,
}

impl Ifd {
    /// The first entry of this tag: if a tag appears twice, readers agree on the first.
    pub fn find(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|e| e.tag == tag).copied()
    }
}

/// Bytes of one value of a type; 0 for an undefined type.
fn width_of(kind: u16) -> u64 {
    match kind {
        1 | 2 | 6 | 7 | 129 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 0,
    }
}

impl<'a> Tiff<'a> {
    /// A structure with a header. Accepts the camera makers' own magic numbers.
    pub fn open(view: View<'a>) -> Option<Tiff<'a>> {
        let order: [u8; 2] = view.array(0)?;
        let little = match &order {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut tiff = Tiff { view, little, big: false, magic: 0, first: 0 };
        tiff.magic = tiff.u16(2)?;
        if tiff.magic == 43 && tiff.u16(4) == Some(8) {
            tiff.big = true;
            tiff.first = tiff.u64(8)?;
        } else {
            tiff.first = u64::from(tiff.u32(4)?);
        }
        Some(tiff)
    }

    /// A structure without a header, as in maker notes.
    pub fn headless(view: View<'a>, little: bool) -> Tiff<'a> {
        Tiff { view, little, big: false, magic: 42, first: 0 }
    }

    pub fn u16(&self, at: u64) -> Option<u16> {
        let b = self.view.array(at)?;
        Some(if self.little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) })
    }
    pub fn u32(&self, at: u64) -> Option<u32> {
        let b = self.view.array(at)?;
        Some(if self.little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) })
    }
    fn u64(&self, at: u64) -> Option<u64> {
        let b = self.view.array(at)?;
        Some(if self.little { u64::from_le_bytes(b) } else { u64::from_be_bytes(b) })
    }

    /// The directory at an offset, as far as it can be read.
    pub fn ifd(&self, at: u64) -> Ifd {
        let mut ifd = Ifd::default();
        if at == 0 && self.first != 0 {
            return ifd;
        }
        let (head, size, inline) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = if self.big { self.u64(at) } else { self.u16(at).map(u64::from) };
        let Some(count) = count else { return ifd };
        for i in 0..count.min(MAX_ENTRIES) {
            let Some(e) = i.checked_mul(size).and_then(|o| o.checked_add(at)?.checked_add(head)) else {
                break;
            };
            let (Some(tag), Some(kind)) = (self.u16(e), self.u16(e + 2)) else { break };
            let count = if self.big { self.u64(e + 4) } else { self.u32(e + 4).map(u64::from) };
            let Some(count) = count else { break };
            let Some(bytes) = count.checked_mul(width_of(kind)) else { continue };
            if bytes == 0 {
                continue;
            }
            let value = e + if self.big { 12 } else { 8 };
            let at = if bytes <= inline {
                Some(value)
            } else if self.big {
                self.u64(value)
            } else {
                self.u32(value).map(u64::from)
            };
            let Some(at) = at else { break };
            if at >= self.view.len() {
                continue;
            }
            if !self.view.budget().take_one::<Entry>() {
                break;
            }
            ifd.entries.push(Entry { tag, kind, count, at });
        }
        let end = count.checked_mul(size).and_then(|o| o.checked_add(at)?.checked_add(head));
        ifd.next = end
            .and_then(|end| if self.big { self.u64(end) } else { self.u32(end).map(u64::from) })
            .unwrap_or(0);
        ifd
    }

    /// The chain of directories from an offset, at most `limit` of them; a loop ends it.
    pub fn chain(&self, first: u64, limit: usize) -> Vec<Ifd> {
        let mut seen = Vec::new();
        let mut out = Vec::new();
        let mut at = first;
        while at != 0 && out.len() < limit && !seen.contains(&at) {
            seen.push(at);
            let ifd = self.ifd(at);
            at = ifd.next;
            if ifd.entries.is_empty() {
                break;
            }
            out.push(ifd);
        }
        out
    }

    /// The bytes of a value; one that runs over the end is cut at the file's end, one of absurd length is cut, too.
    pub fn bytes(&self, e: Entry) -> Option<Vec<u8>> {
        self.up_to(e, budget::PACKET)
    }

    /// The first bytes of a value, up to the maximum length of a text.
    pub fn text_bytes(&self, e: Entry) -> Option<Vec<u8>> {
        self.up_to(e, budget::TEXT)
    }

    fn up_to(&self, e: Entry, most: usize) -> Option<Vec<u8>> {
        let there = self.view.len().checked_sub(e.at)?;
        let len = e.count.checked_mul(width_of(e.kind))?.min(most as u64).min(there);
        self.view.get(e.at, len as usize)
    }

    /// A value as a part of the structure, for values that are structures themselves.
    pub fn part(&self, e: Entry) -> View<'a> {
        self.view.part(e.at, e.count.saturating_mul(width_of(e.kind)))
    }

    /// The `i`th value as an unsigned whole number.
    pub fn uint_at(&self, e: Entry, i: u64) -> Option<u32> {
        if i >= e.count {
            return None;
        }
        let at = e.at.checked_add(i.checked_mul(width_of(e.kind))?)?;
        match e.kind {
            1 | 6 | 7 => self.view.u8(at).map(u32::from),
            3 | 8 => self.u16(at).map(u32::from),
            4 | 9 | 13 => self.u32(at),
            16 | 18 => self.u64(at).and_then(|v| u32::try_from(v).ok()),
            5 | 10 | 11 | 12 => {
                let v = self.float_at(e, i)?;
                (v >= 0.0 && v <= f64::from(u32::MAX)).then_some(v.round() as u32)
            }
            _ => None,
        }
    }

    pub fn uint(&self, e: Entry) -> Option<u32> {
        self.uint_at(e, 0)
    }

    /// Up to `limit` unsigned numbers.
    pub fn uints(&self, e: Entry, limit: u64) -> Vec<u32> {
        (0..e.count.min(limit)).map_while(|i| self.uint_at(e, i)).collect()
    }

    /// Up to `limit` offsets or lengths, also of more than 32 bits; for long lists, which are read at once.
    pub fn offsets(&self, e: Entry, limit: usize) -> Vec<u64> {
        let width = match e.kind {
            3 | 4 | 9 | 13 | 16 | 18 => width_of(e.kind) as usize,
            _ => return Vec::new(),
        };
        let bytes = self.up_to(e, limit.saturating_mul(width)).unwrap_or_default();
        let value = |b: &[u8]| {
            let push = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
            if self.little { b.iter().rev().fold(0, push) } else { b.iter().fold(0, push) }
        };
        bytes.chunks_exact(width).map(value).collect()
    }

    /// The `i`th value as a number; a fraction with denominator 0 is absent.
    pub fn float_at(&self, e: Entry, i: u64) -> Option<f64> {
        if i >= e.count {
            return None;
        }
        let at = e.at.checked_add(i.checked_mul(width_of(e.kind))?)?;
        match e.kind {
            5 => {
                let (n, d) = (self.u32(at)?, self.u32(at + 4)?);
                (d != 0).then(|| f64::from(n) / f64::from(d))
            }
            10 => {
                let (n, d) = (self.u32(at)? as i32, self.u32(at + 4)? as i32);
                (d != 0).then(|| f64::from(n) / f64::from(d))
            }
            11 => self.u32(at).map(|v| f64::from(f32::from_bits(v))).filter(|v| v.is_finite()),
            12 => self.u64(at).map(f64::from_bits).filter(|v| v.is_finite()),
            6 => self.view.u8(at).map(|v| f64::from(v as i8)),
            8 => self.u16(at).map(|v| f64::from(v as i16)),
            9 => self.u32(at).map(|v| f64::from(v as i32)),
            2 => {
                let s = self.text(e)?;
                s.trim().parse::<f64>().ok().filter(|v| v.is_finite())
            }
            _ => self.uint_at(e, i).map(f64::from),
        }
    }

    pub fn float(&self, e: Entry) -> Option<f64> {
        self.float_at(e, 0)
    }

    /// An ASCII value (or bytes that contain text).
    pub fn text(&self, e: Entry) -> Option<String> {
        super::bytes::text(&self.text_bytes(e)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::Reader;
    use super::*;

    /// Little-endian TIFF with one directory at 8.
    fn tiff(entries: &[(u16, u16, u32, u32)], tail: &[u8]) -> Vec<u8> {
        let mut out = b"II\x2a\0\x08\0\0\0".to_vec();
        out.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend(0u32.to_le_bytes());
        out.extend(tail);
        out
    }

    #[test]
    fn a_broken_entry_does_not_cost_its_neighbours() {
        let bytes = tiff(
            &[(1, 2, 4_000_000, 4_000_000_000), (2, 99, 1, 0), (3, 3, 1, 7), (4, 5, 1, 62)],
            &[1, 0, 0, 0, 4, 0, 0, 0],
        );
        let reader = Reader::from_bytes(bytes);
        let t = Tiff::open(reader.view()).unwrap();
        let ifd = t.ifd(t.first);
        assert_eq!(ifd.entries.len(), 2);
        assert_eq!(t.uint(ifd.find(3).unwrap()), Some(7));
        assert_eq!(t.float(ifd.find(4).unwrap()), Some(0.25));
    }

    #[test]
    fn a_loop_of_directories_ends() {
        let mut bytes = tiff(&[(3, 3, 1, 7)], &[]);
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&8u32.to_le_bytes());
        let reader = Reader::from_bytes(bytes);
        let t = Tiff::open(reader.view()).unwrap();
        assert_eq!(t.chain(t.first, 100).len(), 1);
    }

    #[test]
    fn offsets_are_read_in_both_orders_and_all_widths() {
        let offsets = |kind: u16, little: bool, limit| {
            let bytes = [1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 5, 0, 0, 6];
            let reader = Reader::from_bytes(bytes.to_vec());
            let tiff = Tiff::headless(reader.view(), little);
            tiff.offsets(Entry { tag: 0, kind, count: 16 / width_of(kind).max(1), at: 0 }, limit)
        };
        assert_eq!(offsets(3, true, 2), [1, 0x200]);
        assert_eq!(offsets(4, true, 9), [0x0200_0001, 0x0003_0000, 0x0400, 0x0600_0005]);
        assert_eq!(offsets(4, false, 1), [0x0100_0002]);
        assert_eq!(offsets(16, false, 9), [0x0100_0002_0000_0300, 0x0004_0000_0500_0006]);
        assert_eq!(offsets(18, true, 1), [0x0003_0000_0200_0001]);
        // Text and fractions are no offsets.
        assert!(
            offsets(2, true, 9).is_empty()
                && offsets(5, true, 9).is_empty()
                && offsets(99, true, 9).is_empty()
        );
    }

    #[test]
    fn a_list_longer_than_the_file_is_cut_at_its_end() {
        let reader = Reader::from_bytes(tiff(&[(0x111, 4, 4_000_000, 20)], &[7, 0, 0, 0]));
        let t = Tiff::open(reader.view()).unwrap();
        let list = t.offsets(t.ifd(t.first).find(tag::STRIP_OFFSETS).unwrap(), 100);
        assert_eq!(list.len() as u64, (reader.len() - 20) / 4);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600), big: bool) {
            let mut b = if big { b"MM\0\x2b\0\x08\0\0".to_vec() } else { b"II\x2a\0\x08\0\0\0".to_vec() };
            b.extend(bytes);
            let reader = Reader::from_bytes(b);
            if let Some(t) = Tiff::open(reader.view()) {
                for ifd in t.chain(t.first, 10) {
                    for e in ifd.entries {
                        let _ = (t.uint(e), t.float(e), t.text(e), t.bytes(e), t.uints(e, 10), t.offsets(e, 10));
                    }
                }
            }
        }
    }
}
