//! `index.lock`: one process indexes at a time. The file holds the holder's name for the message only; the
//! right itself is the kernel's `flock`, which ends with the process however it ends.

use super::OpenError;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Takes the lock or says who has it.
pub(super) fn take(dir: &Path) -> Result<File, OpenError> {
    let not_writable = |e: std::io::Error| OpenError::NotWritable { dir: dir.to_owned(), why: e.to_string() };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join("index.lock"))
        .map_err(not_writable)?;
    super::restrict(&dir.join("index.lock"));
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let _ = file.take(200).read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "another process".to_owned(),
                h => h.to_owned(),
            };
            return Err(OpenError::Held { dir: dir.to_owned(), holder });
        }
        Err(e) => return Err(not_writable(e.into())),
    }
    let command = std::env::args().nth(1).unwrap_or_default();
    let line = format!("`albumen {command}` (process {})\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(line.as_bytes()))
        .map_err(not_writable)?;
    Ok(file)
}
