//! The thread that starts processes.
//!
//! It has its own table of descriptors. A child begins with a copy of the table of the thread that starts it, and
//! closes the descriptors that it must not inherit at `exec`. Closing a file may send a request to its file system
//! (FUSE sends a FLUSH). With the engine's table, a child would wait for a hanging file system as long as the engine
//! has one of its files open, and so would every later start of a process.
//!
//! Invariants: a child gets its standard input and output and the engine's standard error; the thread never ends,
//! because a child requests to be killed with its parent, and for the kernel the parent is the thread that started
//! it.

use super::wire;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};

/// The first descriptor after the standard ones.
const FIRST: u32 = 3;
/// Descriptors that are closed one by one on kernels that cannot close a range.
const CLOSED_SINGLY: u32 = 65_536;

struct Order {
    command: Command,
    answer: mpsc::Sender<io::Result<Child>>,
}

struct Spawner {
    orders: mpsc::Sender<Order>,
    /// Passes descriptors from the engine's table to the thread's.
    files: OwnedFd,
}

static SPAWNER: Mutex<Option<Spawner>> = Mutex::new(None);

/// Starts a process with this standard input and output.
pub(super) fn spawn(command: Command, stdin: OwnedFd, stdout: OwnedFd) -> io::Result<Child> {
    let gone = || io::Error::other("the thread that starts workers is gone");
    let (answer, outcome) = mpsc::channel();
    {
        // Held until both are sent, so that commands and descriptors arrive in the same order.
        let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
        let spawner = match &mut *spawner {
            Some(spawner) => spawner,
            none => none.insert(Spawner::start()?),
        };
        wire::send(spawner.files.as_fd(), b"files", &[stdin.as_fd(), stdout.as_fd()])?;
        spawner.orders.send(Order { command, answer }).map_err(|_| gone())?;
    }
    outcome.recv().map_err(|_| gone())?
}

impl Spawner {
    fn start() -> io::Result<Spawner> {
        let (files, theirs) = wire::pair()?;
        let (orders, inbox) = mpsc::channel();
        let run = move || run(inbox, &theirs);
        std::thread::Builder::new().name("spawner".into()).stack_size(128 << 10).spawn(run)?;
        Ok(Spawner { orders, files })
    }
}

fn run(orders: mpsc::Receiver<Order>, files: &OwnedFd) {
    if let Err(e) = take_own_table(files.as_fd()) {
        tracing::warn!("a file system that hangs may hold up the start of workers: {e}");
    }
    for Order { mut command, answer } in orders {
        let child = received(files.as_fd()).and_then(|(stdin, stdout)| {
            command.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout)).spawn()
        });
        // Its descriptors belong to this thread's table.
        drop(command);
        // If the caller is gone, the child exits when its socket is closed.
        let _ = answer.send(child);
    }
}

fn received(files: BorrowedFd<'_>) -> io::Result<(OwnedFd, OwnedFd)> {
    let message = wire::receive(files)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let [stdin, stdout] = <[OwnedFd; 2]>::try_from(message.files)
        .map_err(|_| io::Error::other("not the two descriptors that were sent"))?;
    Ok((stdin, stdout))
}

/// Gives this thread its own table of descriptors, with the standard ones and `keep`.
fn take_own_table(keep: BorrowedFd<'_>) -> io::Result<()> {
    let keep = u32::try_from(keep.as_raw_fd()).map_err(io::Error::other)?;
    // SAFETY: this thread uses none of the closed descriptors, and the table of other threads does not change.
    unsafe {
        // Copies only the descriptors below the range. Before Linux 5.9, the whole table is copied.
        if libc::syscall(libc::SYS_close_range, keep + 1, u32::MAX, libc::CLOSE_RANGE_UNSHARE) == 0 {
            if keep > FIRST {
                libc::syscall(libc::SYS_close_range, FIRST, keep - 1, 0);
            }
            return Ok(());
        }
        if libc::unshare(libc::CLONE_FILES) != 0 {
            return Err(io::Error::last_os_error());
        }
        for file in (FIRST..highest()).filter(|file| *file != keep) {
            libc::close(file as libc::c_int);
        }
    }
    Ok(())
}

/// Between fork and exec: marks all descriptors except the three standard ones to be closed. The engine opens its
/// files with close-on-exec; this covers libraries and the program that started the engine.
pub(super) fn close_inherited() -> io::Result<()> {
    // SAFETY: plain system calls on numbers; none touches memory of this process.
    unsafe {
        if libc::syscall(libc::SYS_close_range, FIRST, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0 {
            return Ok(());
        }
        // Before Linux 5.11.
        for file in FIRST..highest() {
            libc::fcntl(file as libc::c_int, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
    Ok(())
}

/// No descriptor has this number or a higher one.
fn highest() -> u32 {
    // SAFETY: a plain structure of numbers, which the call fills.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        match libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) {
            0 => limit.rlim_cur.min(CLOSED_SINGLY.into()) as u32,
            _ => CLOSED_SINGLY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::FromRawFd;
    use std::os::unix::fs::FileExt;

    fn listed() -> String {
        let memory = rustix::fs::memfd_create("listed", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo /proc/self/fd/*"]);
        let mut child = spawn(command, null.into(), memory.try_clone().unwrap()).unwrap();
        assert!(child.wait().unwrap().success());
        let mut text = vec![0; 4096];
        let length = std::fs::File::from(memory).read_at(&mut text, 0).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    #[test]
    fn a_child_does_not_begin_with_what_the_engine_has_open() {
        let before = listed();
        // Without close-on-exec: if it is missing in the child, it was never in the child's table.
        let inherited = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), 100).unwrap();
        // SAFETY: the descriptor is new and owned here.
        let open = unsafe { OwnedFd::from_raw_fd(libc::fcntl(inherited.as_raw_fd(), libc::F_DUPFD, 200)) };
        assert_eq!(listed(), before, "descriptor {} is not inherited", open.as_raw_fd());
        assert!(!before.contains(&format!("/{}", open.as_raw_fd())), "{before}");
    }
}
