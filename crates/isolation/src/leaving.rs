//! Exit of a process while a file system does not answer.
//!
//! The last process that has a file open closes it at its exit. Closing a file of a FUSE file system waits for its
//! program, and not even SIGKILL ends that wait. The exiting process therefore starts another one that shares its
//! table of open files and takes over the wait.

use std::io;
use std::time::Duration;

/// How often the process checks whether its parent has exited.
const STEP: Duration = Duration::from_millis(10);

/// Starts a process that exits after this one and closes its files. Call it last: open locks and listening sockets
/// stay open until the file systems answer.
pub fn leave_files_to_another() -> io::Result<()> {
    // SAFETY: like `fork`, but with a shared table of descriptors; the child makes system calls only.
    unsafe {
        let parent = libc::getpid();
        match libc::syscall(libc::SYS_clone, libc::CLONE_FILES | libc::SIGCHLD, 0, 0, 0, 0) {
            -1 => Err(io::Error::last_os_error()),
            0 => close_after(parent),
            _ => Ok(()),
        }
    }
}

/// The child: waits for the exit of the parent, whose threads have all released the table by then.⎏⎏# Safety⎏⎏Only
/// the single thread of a forked process may run this.
unsafe fn close_after(parent: libc::pid_t) -> ! {
    let step = libc::timespec { tv_sec: 0, tv_nsec: STEP.subsec_nanos().into() };
    // SAFETY: plain system calls.
    unsafe {
        while libc::getppid() == parent {
            libc::nanosleep(&step, std::ptr::null_mut());
        }
        // Readers of the output wait until it is closed.
        for standard in 0..3 {
            libc::close(standard);
        }
        // Frees the memory first, then closes the files.
        libc::_exit(0)
    }
}
