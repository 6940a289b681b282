//! How a process ends while a file system does not answer.
//!
//! The last process that has a file open closes it at its end. Closing a file of a FUSE file system waits for its program, and not
//! even SIGKILL ends that wait. So a process that shares the table of open files is started, and takes the wait over.

use std::io;
use std::time::Duration;

/// How often the process looks whether the one before it has ended.
const STEP: Duration = Duration::from_millis(10);

/// Starts a process that ends after this one and closes its files. To be called last: what is still open, such as a lock or a
/// listening socket, stays so until the file systems answer.
pub fn leave_files_to_another() -> io::Result<()> {
    // SAFETY: as `fork` does it, but with a shared table of descriptors; the child makes system calls only.
    unsafe {
        let parent = libc::getpid();
        match libc::syscall(libc::SYS_clone, libc::CLONE_FILES | libc::SIGCHLD, 0, 0, 0, 0) {
            -1 => Err(io::Error::last_os_error()),
            0 => close_after(parent),
            _ => Ok(()),
        }
    }
}

/// The child: waits for the end of the parent, whose threads have all given up the table by then.
///
/// # Safety
///
/// The only thread of a forked process runs this.
unsafe fn close_after(parent: libc::pid_t) -> ! {
    let step = libc::timespec { tv_sec: 0, tv_nsec: STEP.subsec_nanos().into() };
    // SAFETY: plain system calls.
    unsafe {
        while libc::getppid() == parent {
            libc::nanosleep(&step, std::ptr::null_mut());
        }
        // Readers of its output wait for the end of it.
        for standard in 0..3 {
            libc::close(standard);
        }
        // Gives back the memory first, then closes the files.
        libc::_exit(0)
    }
}
