//! Hearing of mounts: a disk that is plugged in or pulled out, also one that the system mounts after it has started us.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::Result;

/// Calls `changed` whenever something was mounted or unmounted, until what this returns is dropped, or it returns `false`.
///
/// The kernel marks its table of mounts as exceptional (`POLLPRI`, `man 5 proc`), so that nothing is read in vain.
pub fn hear(changed: impl Fn() -> bool + Send + 'static) -> Result<OwnedFd> {
    let table = File::open("/proc/self/mountinfo")?;
    let (ended, end) = pipe_with(PipeFlags::CLOEXEC)?;
    std::thread::Builder::new().name("mounts".into()).spawn(move || {
        loop {
            let mut fds = [PollFd::new(&table, PollFlags::PRI), PollFd::new(&ended, PollFlags::IN)];
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(e) => return tracing::error!("mounted and unmounted disks are not noticed: {e}"),
                Ok(_) => {}
            }
            // The other end of the pipe is closed when nobody listens any more.
            if !fds[1].revents().is_empty() || (!fds[0].revents().is_empty() && !changed()) {
                return;
            }
        }
    })?;
    Ok(end)
}
