//! The content hash: what a file is, whatever its name.
//!
//! Photos, and videos up to 64 MiB: `b3:` and the BLAKE3 of all bytes. Larger videos: `b3s:` and the BLAKE3 of the
//! size (8 bytes, little endian), the first MiB, the last MiB, and 16 pieces of 256 KiB, evenly spaced: piece `i` of
//! 1 to 16 begins at byte `i * (size - 256 KiB) / 17`. Whether a file is a video is told from its first bytes, so
//! that the hash is a function of the content alone.
//!
//! Promises: reads with pread in pieces, never maps; the file was the same before and after, or there is no hash.

use super::FileStat;
use super::signature::{HEAD, Signature, signature};
use albumen_core::fault::Fault;
use rustix::fs::Advice;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Larger videos are hashed by samples: at the 100 MB/s of a NAS disk this is about 0.6 s of reading.
pub const WHOLE_LIMIT: u64 = 64 * MIB;
const MIB: u64 = 1 << 20;
/// Length of an evenly spaced sample, bytes.
const PIECE: u64 = 256 << 10;
const PIECES: u64 = 16;
/// Bytes a read: as large as a piece, so that one buffer serves both; BLAKE3 runs at full width from 16 KiB on.
const BUFFER: usize = PIECE as usize;

/// A content hash as it stands in the index: `b3:` or `b3s:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(String);

impl ContentHash {
    /// Takes back what [`ContentHash::as_str`] gave; `None` when it is no such text.
    pub fn parse(text: &str) -> Option<ContentHash> {
        let digits = text.strip_prefix("b3:").or_else(|| text.strip_prefix("b3s:"))?;
        let good = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| ContentHash(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all bytes went in. A sampled hash proves a move only together with size and mtime.
    pub fn is_whole(&self) -> bool {
        self.0.starts_with("b3:")
    }
}

impl std::fmt::Display for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hash and the `stat` that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    pub hash: ContentHash,
    pub stat: FileStat,
}

/// Why there is no hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashError {
    /// It changed while it was read: it is to be queued again, and nothing is wrong with it.
    Changing,
    Fault(Fault),
}

/// Hashes an open file. `stop` is looked at between reads; set, it ends in [`Fault::Cancelled`].
pub fn content_hash(file: &File, stop: &AtomicBool) -> Result<Hashed, HashError> {
    let before = stat(file)?;
    let mut buffer = vec![0; BUFFER];
    let head = read_full(file, 0, &mut buffer[..HEAD])?;
    let is_video = signature(&buffer[..head]) == Signature::Video;
    let hash = if is_video && before.size > WHOLE_LIMIT {
        sampled(file, before.size, &mut buffer, stop)?
    } else {
        whole(file, before.size, &mut buffer, stop)?
    };
    if stat(file)? != before {
        return Err(HashError::Changing);
    }
    Ok(Hashed { hash, stat: before })
}

fn whole(file: &File, size: u64, buffer: &mut [u8], stop: &AtomicBool) -> Result<ContentHash, HashError> {
    // Advice only: a file system that does not take it reads all the same.
    let _ = rustix::fs::fadvise(file, 0, None, Advice::Sequential);
    let mut hasher = blake3::Hasher::new();
    feed(&mut hasher, file, 0, size, buffer, stop)?;
    Ok(ContentHash(format!("b3:{}", hasher.finalize().to_hex())))
}

fn sampled(file: &File, size: u64, buffer: &mut [u8], stop: &AtomicBool) -> Result<ContentHash, HashError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    feed(&mut hasher, file, 0, MIB, buffer, stop)?;
    feed(&mut hasher, file, size - MIB, MIB, buffer, stop)?;
    for offset in piece_offsets(size) {
        feed(&mut hasher, file, offset, PIECE, buffer, stop)?;
    }
    Ok(ContentHash(format!("b3s:{}", hasher.finalize().to_hex())))
}

fn piece_offsets(size: u64) -> impl Iterator<Item = u64> {
    // In 128 bits: 16 times a size near 2^64 does not fit in 64.
    (1..=PIECES).map(move |i| (u128::from(i) * u128::from(size - PIECE) / u128::from(PIECES + 1)) as u64)
}

/// Feeds `len` bytes from `offset`; a file that ends sooner has shrunk.
fn feed(
    hasher: &mut blake3::Hasher,
    file: &File,
    offset: u64,
    len: u64,
    buffer: &mut [u8],
    stop: &AtomicBool,
) -> Result<(), HashError> {
    let mut done = 0;
    while done < len {
        if stop.load(Ordering::Relaxed) {
            return Err(HashError::Fault(Fault::Cancelled));
        }
        let want = usize::try_from(len - done).unwrap_or(usize::MAX).min(buffer.len());
        let got = read_full(file, offset + done, &mut buffer[..want])?;
        if got < want {
            return Err(HashError::Changing);
        }
        hasher.update(&buffer[..got]);
        done += got as u64;
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
        // The definition again, in the plainest words.
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
