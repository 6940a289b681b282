//! `index.lock`: only one process indexes at a time. The lock is the kernel's `flock`, which is released when the
//! process ends. The file identifies the holder: a line for users and, for a service, a line with its socket, so that
//! other processes send their requests to the service of this index.

use super::OpenError;
use rustix::fs::{FlockOperation, flock};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path is at most 4096 bytes long.
const LONGEST: u64 = 5000;
/// Prefix of the line with the socket.
const SOCKET: &str = "socket ";

/// The socket of the service that holds the lock; `None` if there is no holder or the holder is not a service.
pub(super) fn service_socket(dir: &Path) -> Option<PathBuf> {
    let mut file = File::open(dir.join("index.lock")).ok()?;
    // Data of a former holder is invalid.
    if flock(&file, FlockOperation::NonBlockingLockShared) != Err(rustix::io::Errno::WOULDBLOCK) {
        return None;
    }
    let mut bytes = Vec::new();
    (&mut file).take(LONGEST).read_to_end(&mut bytes).ok()?;
    let line = bytes.split(|b| *b == b'\n').find_map(|l| l.strip_prefix(SOCKET.as_bytes()))?;
    Some(PathBuf::from(OsStr::from_bytes(line)))
}

/// Writes the socket of the holder, which is a service.
pub(super) fn name_socket(mut lock: &File, socket: &Path) -> std::io::Result<()> {
    let line = [SOCKET.as_bytes(), socket.as_os_str().as_bytes(), b"\n"].concat();
    lock.write_all(&line)
}

/// Takes the lock, or returns an error with the holder.
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
            let _ = file.take(LONGEST).read_to_string(&mut holder);
            let holder = match holder.lines().next().unwrap_or_default().trim() {
                "" => "another process".to_owned(),
                h => h.to_owned(),
            };
            return Err(OpenError::Held { dir: dir.to_owned(), holder });
        }
        Err(e) => return Err(not_writable(e.into())),
    }
    let command = command(std::env::args().skip(1));
    let line = format!("`albumen {command}` (process {})\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(line.as_bytes()))
        .map_err(not_writable)?;
    Ok(file)
}

/// The command in the arguments of this process, which may follow global options.
fn command(mut arguments: impl Iterator<Item = String>) -> String {
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--index" | "--config" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            _ => return argument,
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_holder_is_named_by_its_command() {
        let command = |line: &str| super::command(line.split(' ').map(str::to_owned));
        assert_eq!(command("index --jobs 2 /photos"), "index");
        assert_eq!(command("--json --index /var/index --config=c.toml -vv service"), "service");
        assert_eq!(command("--index"), "");
    }
}
