//! Reading by position with a small cache, for readers that jump within a file.
//!
//! Invariants: no read beyond the file's end, no allocation larger than the available bytes, and an upper bound on
//! all bytes that one inspection reads from a file. Bytes out of range are `None`, never an error: a reader uses the
//! available ones.

use super::budget::Budget;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use std::cell::{Cell, RefCell};

/// Bytes fetched by one pread. Phone JPEGs keep all metadata in their first 64 KiB.
const BLOCK: u64 = 64 * 1024;

/// Blocks kept at once: 1 MiB, enough for a header at either end and the tables between.
const CACHED_BLOCKS: usize = 16;

/// Maximum bytes that one inspection reads from one file. A `moov` of a day-long video has about 30 MB.
const READ_LIMIT: u64 = 64 * 1024 * 1024;

/// Reads of one inspection, cached or not. A fragmented movie of a day needs 3 million.
const READS: u64 = 16_000_000;

/// Bytes that one inspection copies out of a file, including repeated ones.
const COPIED: u64 = 256 * 1024 * 1024;

/// A caching reader over one file, with the budget of its inspection.
pub struct Reader {
    source: Source,
    blocks: RefCell<Vec<(u64, Vec<u8>)>>,
    left: Cell<u64>,
    reads: Cell<u64>,
    copied: Cell<u64>,
    budget: Budget,
    fault: RefCell<Option<Fault>>,
}

impl Reader {
    pub fn new(source: &Source) -> Reader {
        Reader {
            source: source.clone(),
            blocks: RefCell::new(Vec::new()),
            left: Cell::new(READ_LIMIT),
            reads: Cell::new(READS),
            copied: Cell::new(COPIED),
            budget: Budget::default(),
            fault: RefCell::new(None),
        }
    }

    /// The first error of the file system. The bytes that it concerns looked missing, so results are not final.
    pub fn fault(&self) -> Option<Fault> {
        self.fault.borrow().clone()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Option<usize> {
        match self.source.read_at(offset, buf) {
            Ok(n) => Some(n),
            Err(e) => {
                self.fault.borrow_mut().get_or_insert_with(|| e.into());
                None
            }
        }
    }

    /// A reader over bytes in memory: metadata that was assembled from parts.
    pub fn from_bytes(bytes: Vec<u8>) -> Reader {
        Reader::new(&Source::from_bytes(bytes))
    }

    pub fn len(&self) -> u64 {
        self.source.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of reads so far.
    #[cfg(test)]
    pub(crate) fn reads(&self) -> u64 {
        READS - self.reads.get()
    }

    /// The whole file.
    pub fn view(&self) -> View<'_> {
        View { reader: self, base: 0, len: self.len() }
    }

    fn spend(&self, bytes: u64) -> Option<()> {
        self.left.set(self.left.get().checked_sub(bytes)?);
        Some(())
    }

    /// Fills `buf` from `offset`; `None` if there are not enough bytes.
    fn fill(&self, offset: u64, buf: &mut [u8]) -> Option<()> {
        if offset.checked_add(buf.len() as u64)? > self.len() {
            return None;
        }
        self.reads.set(self.reads.get().checked_sub(1)?);
        self.copied.set(self.copied.get().checked_sub(buf.len() as u64)?);
        if buf.len() as u64 > BLOCK {
            self.spend(buf.len() as u64)?;
            return (self.read_at(offset, buf)? == buf.len()).then_some(());
        }
        let mut done = 0;
        while done < buf.len() {
            let at = offset + done as u64;
            let block = at / BLOCK;
            let inside = (at % BLOCK) as usize;
            let mut blocks = self.blocks.borrow_mut();
            let found = match blocks.iter().position(|b| b.0 == block) {
                Some(found) => found,
                None => {
                    let length = BLOCK.min(self.len() - block * BLOCK);
                    self.spend(length)?;
                    let mut bytes = vec![0; length as usize];
                    let got = self.read_at(block * BLOCK, &mut bytes)?;
                    bytes.truncate(got);
                    if blocks.len() == CACHED_BLOCKS {
                        blocks.remove(0);
                    }
                    blocks.push((block, bytes));
                    blocks.len() - 1
                }
            };
            let have = blocks[found].1.get(inside..)?;
            let n = have.len().min(buf.len() - done);
            if n == 0 {
                return None;
            }
            buf[done..done + n].copy_from_slice(&have[..n]);
            done += n;
        }
        Some(())
    }
}

/// A part of a file, addressed from its own start.
#[derive(Clone, Copy)]
pub struct View<'a> {
    reader: &'a Reader,
    base: u64,
    len: u64,
}

impl<'a> View<'a> {
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The remaining budget for the structure of the whole file.
    pub fn budget(&self) -> &'a Budget {
        &self.reader.budget
    }

    /// Deducts unpacked bytes from the limit of copied bytes. `None`: they exceed it. Then nothing more can be copied,
    /// or a few bytes each would be unpacked many times.
    pub fn charge(&self, bytes: usize) -> Option<()> {
        let left = self.reader.copied.get().checked_sub(bytes as u64);
        self.reader.copied.set(left.unwrap_or(0));
        left.map(|_| ())
    }

    /// The start of this part in the file.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// A part of this part, limited to the available bytes.
    pub fn part(&self, at: u64, len: u64) -> View<'a> {
        let at = at.min(self.len);
        View { reader: self.reader, base: self.base + at, len: len.min(self.len - at) }
    }

    /// From `at` to the end.
    pub fn from(&self, at: u64) -> View<'a> {
        self.part(at, u64::MAX)
    }

    /// Exactly `len` bytes.
    pub fn get(&self, at: u64, len: usize) -> Option<Vec<u8>> {
        if at.checked_add(len as u64)? > self.len
            || len as u64 > self.reader.left.get()
            || len as u64 > self.reader.copied.get()
        {
            return None;
        }
        let mut out = vec![0; len];
        self.reader.fill(self.base + at, &mut out)?;
        Some(out)
    }

    /// Up to `limit` bytes from the start.
    pub fn head(&self, limit: usize) -> Vec<u8> {
        self.get(0, limit.min(usize::try_from(self.len).unwrap_or(usize::MAX))).unwrap_or_default()
    }

    /// All bytes, if there are at most `limit`.
    pub fn all(&self, limit: u64) -> Option<Vec<u8>> {
        if self.len > limit { None } else { self.get(0, self.len as usize) }
    }

    pub fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        if at.checked_add(N as u64)? > self.len {
            return None;
        }
        let mut out = [0; N];
        self.reader.fill(self.base + at, &mut out)?;
        Some(out)
    }

    pub fn u8(&self, at: u64) -> Option<u8> {
        self.array::<1>(at).map(|b| b[0])
    }
    pub fn be16(&self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }
    pub fn be32(&self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }
    pub fn be64(&self, at: u64) -> Option<u64> {
        self.array(at).map(u64::from_be_bytes)
    }
    pub fn le16(&self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }
    pub fn le32(&self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
}

/// Text from metadata: UTF-8 if it is valid, else Windows-1252, which covers every Latin-1 file. Cut at the first
/// NUL, without surrounding white space; `None` if nothing is left.
pub fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let bytes = &bytes[..end];
    let s = match std::str::from_utf8(bytes) {
        Ok(s) => s.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    };
    tidy(&s)
}

/// A text without control characters and surrounding white space; `None` if nothing is left.
pub fn tidy(s: &str) -> Option<String> {
    let clean: String = s
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect::<String>()
        .trim()
        .to_owned();
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_across_blocks_and_not_beyond_the_end() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let reader = Reader::from_bytes(bytes.clone());
        let view = reader.view();
        assert_eq!(view.get(65_530, 20).unwrap(), bytes[65_530..65_550]);
        assert_eq!(view.get(10, 150_000).unwrap(), bytes[10..150_010]);
        assert_eq!(view.get(199_990, 11), None);
        assert_eq!(view.get(u64::MAX, 1), None);
        assert_eq!(view.part(100, 10).get(0, 11), None);
        assert_eq!(view.part(100, 10).u8(9), Some(bytes[109]));
    }

    /// Limit: 256 MiB of copied and unpacked bytes.
    #[test]
    fn nothing_is_copied_once_unpacked_bytes_exceed_the_limit() {
        let reader = Reader::from_bytes(vec![0; 10]);
        let view = reader.view();
        assert_eq!(view.charge(COPIED as usize - 10), Some(()));
        assert!(view.get(0, 1).is_some());
        assert_eq!(view.charge(10), None);
        assert_eq!((view.get(0, 1), view.charge(1)), (None, None));
    }

    #[test]
    fn an_error_of_the_file_system_is_kept() {
        // A folder can be opened, and not read.
        let folder = std::fs::File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        let reader = Reader::new(&Source::from_file(folder).unwrap());
        assert_eq!(reader.fault(), None);
        assert_eq!(reader.view().u8(0), None);
        assert!(matches!(reader.fault(), Some(Fault::Unreadable { .. })), "{:?}", reader.fault());
        let reader = Reader::from_bytes(vec![1, 2]);
        assert_eq!((reader.view().get(0, 3), reader.fault()), (None, None));
    }

    #[test]
    fn text_takes_latin_1_and_drops_padding() {
        assert_eq!(text(b"caf\xe9  \0junk").as_deref(), Some("caf\u{e9}"));
        assert_eq!(text("\u{445}".as_bytes()).as_deref(), Some("\u{445}"));
        assert_eq!(text(b"    \0"), None);
    }
}
