//! The bytes of one file, read by position. Media is never mapped: a file that shrinks while it is mapped kills the
//! reading process; under `pread` it only gives a short read.

use super::fault::{Fault, is_shortage};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// An open file and its length when it was opened. Cheap to clone; reading needs no `&mut`.
#[derive(Debug, Clone)]
pub struct Source {
    bytes: Bytes,
    /// The start of the source within its bytes: 0, except for a part of a file.
    base: u64,
    len: u64,
}

#[derive(Debug, Clone)]
enum Bytes {
    File(Arc<File>),
    /// Bytes in memory: a preview inside a RAW file, a test, a fuzz input.
    Memory(Arc<Vec<u8>>),
}

impl Source {
    /// A source over an open regular file.
    pub fn from_file(file: File) -> io::Result<Source> {
        Source::from_shared(Arc::new(file))
    }

    /// A source over a file that is also used elsewhere.
    pub fn from_shared(file: Arc<File>) -> io::Result<Source> {
        // Not `metadata`, which is a system call that takes a path; a sandboxed worker cannot make those.
        let len = u64::try_from(rustix::fs::fstat(&*file)?.st_size).unwrap_or(0);
        Ok(Source { bytes: Bytes::File(file), base: 0, len })
    }

    /// A source over bytes already in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Source {
        let len = bytes.len() as u64;
        Source { bytes: Bytes::Memory(Arc::new(bytes)), base: 0, len }
    }

    /// A part that is itself a file (a preview inside a RAW file), limited to the available bytes.
    pub fn part(&self, at: u64, len: u64) -> Source {
        let at = at.min(self.len);
        Source { bytes: self.bytes.clone(), base: self.base + at, len: len.min(self.len - at) }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads up to `buf.len()` bytes at `offset`; fewer only at the end.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if offset >= self.len {
            return Ok(0);
        }
        // The length limits the read, also if the file has grown since.
        let within = usize::try_from(self.len - offset).unwrap_or(usize::MAX).min(buf.len());
        let (buf, offset) = (&mut buf[..within], self.base + offset);
        match &self.bytes {
            Bytes::File(f) => {
                let mut done = 0;
                while done < buf.len() {
                    match f.read_at(&mut buf[done..], offset + done as u64) {
                        Ok(0) => break,
                        Ok(n) => done += n,
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        Err(e) => {
                            note(&e);
                            return Err(e);
                        }
                    }
                }
                Ok(done)
            }
            Bytes::Memory(m) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(m.len());
                let n = buf.len().min(m.len() - start);
                buf[..n].copy_from_slice(&m[start..start + n]);
                Ok(n)
            }
        }
    }

    /// The last read error in this process that concerns the machine and not a file; clears it. Some libraries in
    /// between treat such an error as the end of the file, or as damage.
    pub fn take_shortage() -> Option<io::Error> {
        match SHORTAGE.swap(0, Ordering::Relaxed) {
            0 => None,
            errno => Some(io::Error::from_raw_os_error(errno)),
        }
    }

    /// Exactly `len` bytes at `offset`, or an `UnexpectedEof` error; never allocates beyond the file's end.
    pub fn slice(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut out = vec![0; len];
        if self.read_at(offset, &mut out)? != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(out)
    }

    /// Up to `limit` bytes from the start.
    pub fn head(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut out = vec![0; limit.min(usize::try_from(self.len).unwrap_or(usize::MAX))];
        let n = self.read_at(0, &mut out)?;
        out.truncate(n);
        Ok(out)
    }

    /// The whole file, refused as [`Fault::TooLarge`] when it is longer than `limit` bytes.
    pub fn read_all(&self, limit: u64) -> Result<Vec<u8>, Fault> {
        if self.len > limit {
            return Err(Fault::TooLarge { needed: self.len });
        }
        Ok(self.head(self.len as usize)?)
    }

    /// A cursor for libraries that need `Read + Seek`. Wrap it in a `BufReader` for small reads.
    pub fn cursor(&self) -> SourceCursor {
        SourceCursor { source: self.clone(), at: 0 }
    }

    /// The underlying file, for libraries that take a descriptor; `None` for bytes in memory and for parts.
    pub fn file(&self) -> Option<&File> {
        match &self.bytes {
            Bytes::File(f) if self.base == 0 => Some(f),
            _ => None,
        }
    }
}

/// See [`Source::take_shortage`].
static SHORTAGE: AtomicI32 = AtomicI32::new(0);

fn note(e: &io::Error) {
    if is_shortage(e) {
        SHORTAGE.store(e.raw_os_error().unwrap_or(rustix::io::Errno::IO.raw_os_error()), Ordering::Relaxed);
    }
}

/// `Read + Seek` over a [`Source`], with its own position.
#[derive(Debug, Clone)]
pub struct SourceCursor {
    source: Source,
    at: u64,
}

impl Read for SourceCursor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read_at(self.at, buf)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for SourceCursor {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        let at = match pos {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(d) => self.source.len.checked_add_signed(d),
            SeekFrom::Current(d) => self.at.checked_add_signed(d),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
