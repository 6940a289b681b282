//! The content hash, which identifies a file independent of its name.
//!
//! Photos up to 1 GiB, and all other files up to 64 MiB: `b3:` and the BLAKE3 of all bytes. Larger files: `b3s:` and
//! the BLAKE3 of the size (8 bytes, little endian), the first MiB, the last MiB, and 16 pieces of 256 KiB, evenly
//! spaced: piece `i` of 1 to 16 begins at byte `i * (size - 256 KiB) / 17`. The first bytes decide the kind of the
//! file, so that the hash is a function of the content alone, and a sparse file of a terabyte costs 6 MiB of reading
//! under any name.
//!
//! Invariants: reads with pread in pieces, never maps; holes of a sparse file are not read; between two pieces a
//! [`Pace`] may stop or delay the work; the file was the same before and after, or there is no hash.

use super::FileStat;
use super::signature::{HEAD, Signature, signature};
use albumen_core::fault::Fault;
use rustix::fs::{Advice, SeekFrom};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Larger videos, and larger files of unknown kinds, are hashed by samples: at the 100 MB/s of a NAS disk this is
/// about 0.6 s of reading.
pub const WHOLE_LIMIT: u64 = 64 * MIB;
/// The same for photos: the largest that cameras and scanners write are a few hundred megabytes.
pub const PHOTO_LIMIT: u64 = 1024 * MIB;
const MIB: u64 = 1 << 20;
/// Length of an evenly spaced sample, bytes.
const PIECE: u64 = 256 << 10;
const PIECES: u64 = 16;
/// Bytes per read: as large as a piece, so that one buffer serves both; BLAKE3 runs at full width from 16 KiB on.
const BUFFER: usize = PIECE as usize;

/// A content hash, as stored in the index: `b3:` or `b3s:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(String);

impl ContentHash {
    /// Parses the text of [`ContentHash::as_str`]; `None` if it is invalid.
    pub fn parse(text: &str) -> Option<ContentHash> {
        let digits = text.strip_prefix("b3:").or_else(|| text.strip_prefix("b3s:"))?;
        let good = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| ContentHash(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all bytes were hashed. A sampled hash proves a move only together with size and mtime.
    pub fn is_whole(&self) -> bool {
        self.0.starts_with("b3:")
    }
}

impl std::fmt::Display for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hash and the matching `stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    pub hash: ContentHash,
    pub stat: FileStat,
}

/// Why there is no hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashError {
    /// It changed while it was read: queue it again; this is not a fault.
    Changing,
    Fault(Fault),
}

/// Decides between two reads whether, and when, the next one may begin.
pub trait Pace {
    /// Called with the number of bytes read since the last call. An error ends the reading.
    fn read(&self, bytes: u64) -> Result<(), Fault>;
}

/// Without delay, until the flag is set.
impl Pace for AtomicBool {
    fn read(&self, _bytes: u64) -> Result<(), Fault> {
        if self.load(Ordering::Relaxed) { Err(Fault::Cancelled) } else { Ok(()) }
    }
}

impl From<Fault> for HashError {
    fn from(fault: Fault) -> HashError {
        HashError::Fault(fault)
    }
}

/// Hashes an open file at the given pace: a flag that is set ends it with [`Fault::Cancelled`].
pub fn content_hash(file: &File, pace: &impl Pace) -> Result<Hashed, HashError> {
    hash_by(file, pace, |head, size| match signature(head) {
        Signature::Photo => size > PHOTO_LIMIT,
        Signature::Video | Signature::Unknown => size > WHOLE_LIMIT,
    })
}

/// Hashes an open file by the same method as another hash of it, for comparing the two.
pub fn content_hash_like(file: &File, other: &ContentHash, pace: &impl Pace) -> Result<Hashed, HashError> {
    hash_by(file, pace, |_, size| !other.is_whole() && size > WHOLE_LIMIT)
}

fn hash_by(
    file: &File,
    pace: &impl Pace,
    by_samples: impl FnOnce(&[u8], u64) -> bool,
) -> Result<Hashed, HashError> {
    let before = stat(file)?;
    let mut buffer = vec![0; BUFFER];
    let head = read_full(file, 0, &mut buffer[..HEAD])?;
    pace.read(head as u64)?;
    let hash = if by_samples(&buffer[..head], before.size) {
        sampled(file, before.size, &mut buffer, pace)?
    } else {
        whole(file, before.size, &mut buffer, pace)?
    };
    if stat(file)? != before {
        return Err(HashError::Changing);
    }
    Ok(Hashed { hash, stat: before })
}

fn whole(file: &File, size: u64, buffer: &mut [u8], pace: &impl Pace) -> Result<ContentHash, HashError> {
    // Advice only: a file system without support reads all the same.
    let _ = rustix::fs::fadvise(file, 0, None, Advice::Sequential);
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    for (data, end) in extents(file, size) {
        feed_zeros(&mut hasher, data - at, buffer, pace)?;
        feed(&mut hasher, file, data, end - data, buffer, pace)?;
        at = end;
    }
    feed_zeros(&mut hasher, size - at, buffer, pace)?;
    Ok(ContentHash(format!("b3:{}", hasher.finalize().to_hex())))
}

/// The extents of a file with data, first and last byte, in order: all of it, unless it has fewer blocks than bytes
/// and its file system reports extents.
fn extents(file: &File, size: u64) -> impl Iterator<Item = (u64, u64)> {
    let is_sparse =
        rustix::fs::fstat(file).is_ok_and(|s| u64::try_from(s.st_blocks).unwrap_or(0) * 512 < size);
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= size {
            return None;
        }
        let next = |from| rustix::fs::seek(file, from);
        let extent = match is_sparse.then(|| next(SeekFrom::Data(at))) {
            Some(Ok(data)) => {
                let end = next(SeekFrom::Hole(data)).unwrap_or(size);
                Some((data.min(size), end.min(size)))
            }
            // Only holes from here on.
            Some(Err(rustix::io::Errno::NXIO)) => None,
            Some(Err(_)) | None => Some((at, size)),
        };
        at = extent.map_or(size, |(_, end)| end.max(at + 1));
        if at >= size && is_sparse {
            // The worker gets the same open file. Its position does not matter, because all readers read by position.
            let _ = next(SeekFrom::Start(0));
        }
        extent
    })
}

fn sampled(file: &File, size: u64, buffer: &mut [u8], pace: &impl Pace) -> Result<ContentHash, HashError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    feed(&mut hasher, file, 0, MIB, buffer, pace)?;
    feed(&mut hasher, file, size - MIB, MIB, buffer, pace)?;
    for offset in piece_offsets(size) {
        feed(&mut hasher, file, offset, PIECE, buffer, pace)?;
    }
    Ok(ContentHash(format!("b3s:{}", hasher.finalize().to_hex())))
}

/// Hashes the zeros of a hole.
fn feed_zeros(
    hasher: &mut blake3::Hasher,
    len: u64,
    buffer: &mut [u8],
    pace: &impl Pace,
) -> Result<(), HashError> {
    if len > 0 {
        buffer.fill(0);
    }
    let mut left = len;
    while left > 0 {
        let piece = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        hasher.update(&buffer[..piece]);
        left -= piece as u64;
        pace.read(0)?;
    }
    Ok(())
}

fn piece_offsets(size: u64) -> impl Iterator<Item = u64> {
    // In 128 bits: 16 times a size near 2^64 does not fit in 64.
    (1..=PIECES).map(move |i| (u128::from(i) * u128::from(size - PIECE) / u128::from(PIECES + 1)) as u64)
}

/// Hashes `len` bytes from `offset`; a file that ends sooner has shrunk.
fn feed(
    hasher: &mut blake3::Hasher,
    file: &File,
    offset: u64,
    len: u64,
    buffer: &mut [u8],
    pace: &impl Pace,
) -> Result<(), HashError> {
    let mut done = 0;
    while done < len {
        let want = usize::try_from(len - done).unwrap_or(usize::MAX).min(buffer.len());
        let got = read_full(file, offset + done, &mut buffer[..want])?;
        if got < want {
            return Err(HashError::Changing);
        }
        hasher.update(&buffer[..got]);
        done += got as u64;
        pace.read(got as u64)?;
    }
    Ok(())
}

/// Fills the buffer from `offset`; less only at the end of the file.
pub fn read_full(file: &File, offset: u64, buffer: &mut [u8]) -> Result<usize, HashError> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(HashError::Fault(Fault::from(e))),
        }
    }
    Ok(done)
}

fn stat(file: &File) -> Result<FileStat, HashError> {
    rustix::fs::fstat(file).map(|s| FileStat::of(&s)).map_err(|e| HashError::Fault(super::open::fault(e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn hash(file: &File) -> String {
        content_hash(file, &AtomicBool::new(false)).unwrap().hash.to_string()
    }

    #[test]
    fn a_photo_is_hashed_whole() {
        let bytes: Vec<u8> = (0..700_001u32).map(|i| (i % 251) as u8).collect();
        assert_eq!(hash(&file_of(&bytes)), format!("b3:{}", blake3::hash(&bytes).to_hex()));
        assert_eq!(hash(&file_of(b"")), format!("b3:{}", blake3::hash(b"").to_hex()));
    }

    #[test]
    fn a_large_video_is_hashed_by_its_samples() {
        let size = WHOLE_LIMIT + 12_345;
        let file = file_of(b"\0\0\0\x18ftypmp42");
        file.set_len(size).unwrap();
        // The definition again, in the simplest form.
        let mut bytes = vec![0; size as usize];
        bytes[..12].copy_from_slice(b"\0\0\0\x18ftypmp42");
        let mut expected = blake3::Hasher::new();
        expected
            .update(&size.to_le_bytes())
            .update(&bytes[..1 << 20])
            .update(&bytes[bytes.len() - (1 << 20)..]);
        for i in 1..=16 {
            let at = i * (bytes.len() - 262_144) / 17;
            expected.update(&bytes[at..at + 262_144]);
        }
        assert_eq!(hash(&file), format!("b3s:{}", expected.finalize().to_hex()));

        file.set_len(WHOLE_LIMIT).unwrap();
        assert!(hash(&file).starts_with("b3:"), "64 MiB is not yet large");
    }

    #[test]
    fn a_large_photo_is_still_hashed_whole() {
        let file = file_of(b"II*\0");
        file.set_len(WHOLE_LIMIT + 1).unwrap();
        assert!(hash(&file).starts_with("b3:"));
    }

    #[test]
    fn what_is_huge_is_hashed_by_its_samples_whatever_it_begins_like() {
        for head in
            [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe0", b"II*\0", b"", b"\0\0\0\x18ftypheic", b"text"]
        {
            let file = file_of(head);
            file.set_len(1 << 40).unwrap();
            let read = Counted::default();
            let hashed = content_hash(&file, &read).unwrap();
            assert!(!hashed.hash.is_whole(), "{head:?}");
            assert!(read.0.get() < 8 << 20, "{head:?}: {} bytes were read", read.0.get());
            assert_eq!(content_hash_like(&file, &hashed.hash, &read).unwrap(), hashed);
        }
    }

    /// Counts the bytes read.
    #[derive(Default)]
    struct Counted(std::cell::Cell<u64>);

    impl Pace for Counted {
        fn read(&self, bytes: u64) -> Result<(), Fault> {
            self.0.set(self.0.get() + bytes);
            Ok(())
        }
    }

    #[test]
    fn holes_are_not_read_and_hashed_as_the_zeros_that_they_are() {
        const SIZE: u64 = 48 << 20;
        for written in [vec![0], vec![20 << 20], vec![0, 5 << 20, (48 << 20) - 7], vec![]] {
            let file = file_of(b"");
            file.set_len(SIZE).unwrap();
            let mut bytes = vec![0; SIZE as usize];
            for at in &written {
                file.write_all_at(b"a piece", *at).unwrap();
                bytes[*at as usize..*at as usize + 7].copy_from_slice(b"a piece");
            }
            let read = Counted::default();
            let hashed = content_hash(&file, &read).unwrap();
            assert_eq!(hashed.hash.as_str(), format!("b3:{}", blake3::hash(&bytes).to_hex()), "{written:?}");
            // A temporary folder without support for holes cannot be measured.
            if rustix::fs::fstat(&file).unwrap().st_blocks < 1000 {
                assert!(read.0.get() < 4 << 20, "{written:?}: {} bytes were read", read.0.get());
            }
            assert_eq!(content_hash_like(&file, &hashed.hash, &read).unwrap(), hashed);
        }
    }

    #[test]
    fn samples_stay_inside_any_size() {
        for size in [WHOLE_LIMIT + 1, 1 << 40, u64::MAX] {
            assert!(piece_offsets(size).all(|at| at.checked_add(PIECE).is_some_and(|end| end <= size)));
        }
    }

    #[test]
    fn a_stopped_hash_is_cancelled() {
        let file = file_of(b"something");
        let stopped = content_hash(&file, &AtomicBool::new(true));
        assert_eq!(stopped, Err(HashError::Fault(Fault::Cancelled)));
    }

    #[test]
    fn only_hashes_are_parsed() {
        let good = hash(&file_of(b"x"));
        assert_eq!(ContentHash::parse(&good).unwrap().as_str(), good);
        for bad in ["", "b3:", "b3:12", "sha:00", &good.to_uppercase(), &format!("{good}0")] {
            assert_eq!(ContentHash::parse(bad), None, "{bad}");
        }
    }
}
