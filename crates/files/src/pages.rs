//! Limits the use of the page cache: a first run reads every photo once, and would replace the cached pages of other
//! programs.

use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use std::fs::File;
use std::io::IoSliceMut;

/// Pages that reading a file adds to the cache and that were not cached before; they are released when this is
/// dropped.
///
/// The decoder reads the pages that the hash has just loaded, so keep it until both are done.
#[derive(Debug)]
pub struct Pages(Option<File>);

impl Pages {
    /// Call it before the file is read. If the file system has no support, nothing is released.
    pub fn of(file: &File) -> Pages {
        Pages(if is_cold(file) { file.try_clone().ok() } else { None })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // Advice only.
            let _ = rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
        }
    }
}

/// Whether the beginning of a file is not cached; a recently read file has its beginning in the cache. The check may
/// make the kernel start reading it.
pub fn is_cold(file: &File) -> bool {
    let mut byte = [0];
    preadv2(file, &mut [IoSliceMut::new(&mut byte)], 0, ReadWriteFlags::NOWAIT) == Err(Errno::AGAIN)
}
