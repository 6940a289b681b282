//! Kindness to the page cache: a first run reads every photo once, and what other programs had in memory would go for it.

use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use std::fs::File;
use std::io::IoSliceMut;

/// What is read of a file and was in nobody's interest before; forgotten when this is dropped.
///
/// The decoder reads what the hash has just brought in, so it is to live until both are done.
#[derive(Debug)]
pub struct Pages(Option<File>);

impl Pages {
    /// To be asked before the file is read. Where the file system cannot tell, all is left as it is.
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

/// Whether the beginning of a file is in no memory; a file that was read lately has its beginning there. The question may
/// make the kernel begin to read it.
pub fn is_cold(file: &File) -> bool {
    let mut byte = [0];
    preadv2(file, &mut [IoSliceMut::new(&mut byte)], 0, ReadWriteFlags::NOWAIT) == Err(Errno::AGAIN)
}
