//! Notification of mounts: disks that are plugged in or removed, including those mounted after the service has started.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::Result;

/// Calls `changed` on each mount and unmount, until the returned value is dropped or `changed` returns `false`.
///
/// The kernel signals changes of the mount table as exceptional (`POLLPRI`, `man 5 proc`), so that the table is read
/// only on changes.
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
            // The other end of the pipe is closed when the receiver was dropped.
            if !fds[1].revents().is_empty() || (!fds[0].revents().is_empty() && !changed()) {
                return;
            }
        }
    })?;
    Ok(end)
}
