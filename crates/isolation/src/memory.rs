//! The worker's memory: counted at every allocation, limited to the grant, released between files.
//!
//! Allocations are counted where none is missed. Rust's allocator, libheif, libde265, dav1d, libjpeg-turbo, FFmpeg
//! and ONNX Runtime all use libc's `malloc` and its siblings, so `interpose.rs` defines functions of these names in
//! the worker program, which the dynamic linker prefers; they count and call libc's own. `RLIMIT_AS` and
//! `RLIMIT_DATA` are unsuitable: they count mapped libraries or reserved stacks, and codecs report a refused
//! allocation as a broken file, so the reason would be lost. Memory that is mapped directly (thread stacks) is not
//! counted; no decoder does that.
//!
//! A worker that would exceed its limit reports it and exits with a status of its own. It does not try to continue,
//! because half of the libraries abort when an allocation fails.

use super::protocol::EXIT_TOO_LARGE;
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicIsize, Ordering::Relaxed};

/// Bytes that each file may use without a grant, beyond those of the idle worker: for reading metadata, tables and
/// small buffers.
pub const FIXED_ALLOWANCE: u64 = 16 << 20;
/// The part of these bytes that the engine reserves for each worker. Some files use more while others use less; a
/// file that has all available memory may have no more than these beside it.
pub const RESERVED_ALLOWANCE: u64 = 8 << 20;
/// Free bytes that malloc may keep between files; more are returned to the kernel. Returning memory costs a page
/// fault (about 0.25 µs per KB) when the next file needs it again.
const KEPT_FREE: usize = 4 << 20;
/// Blocks of at least this size are mapped separately and return to the kernel when they are freed. It is libc's
/// initial value, which libc would raise to 32 MB; then large buffers would stay in the heap.
const MAPPED_FROM: libc::c_int = 1 << 20;
/// The highest value that glibc accepts for it (half of its HEAP_MAX_SIZE on 64 bits).
const MAPPED_FROM_MOST: libc::c_int = 32 << 20;
/// Free bytes at the end of the heap that the recogniser keeps for the next picture's tensors. With each tensor
/// mapped separately, the kernel's zeroing of pages took a quarter of the CPU time of a picture.
const KEPT_BY_RECOGNISER: libc::c_int = 32 << 20;

/// Bytes in use now. Allocations before counting began may be missing.
static IN_USE: AtomicIsize = AtomicIsize::new(0);
/// The maximum number of bytes in use.
static LIMIT: AtomicIsize = AtomicIsize::new(isize::MAX);
/// Bytes in use by the idle worker.
static IDLE: AtomicIsize = AtomicIsize::new(0);
/// The part of the limit that needs no grant.
static ALLOWANCE: AtomicIsize = AtomicIsize::new(FIXED_ALLOWANCE as isize);
/// The socket for the report; -1 before there is one.
static ENGINE: AtomicI32 = AtomicI32::new(-1);

/// Configures malloc for a worker, which returns free memory after every file. Call it before any thread is started.
pub fn configure_malloc_of_worker() {
    set_up(MAPPED_FROM, KEPT_FREE as libc::c_int);
}

/// Configures malloc for the recogniser, which allocates the same large blocks for every picture and exits when none
/// waits. Call it before any thread is started.
pub fn configure_malloc_of_recogniser() {
    set_up(MAPPED_FROM_MOST, KEPT_BY_RECOGNISER);
}

fn set_up(mapped_from: libc::c_int, kept_free: libc::c_int) {
    // SAFETY: mallopt only sets numbers; no other thread runs yet.
    unsafe {
        // One heap: each of several would keep free memory.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, mapped_from);
        libc::mallopt(libc::M_TRIM_THRESHOLD, kept_free);
    }
}

/// Enforces the limit from now on and reports to this socket. Memory in use now is that of the idle worker.
pub fn watch(engine: BorrowedFd<'_>) {
    ENGINE.store(engine.as_raw_fd(), Relaxed);
    IDLE.store(IN_USE.load(Relaxed), Relaxed);
}

/// Sets the bytes that may be used beyond the fixed allowance, if no file may have more than `ceiling`.
pub fn limit(granted: u64, ceiling: u64) {
    let (most, allowance) = most(granted, ceiling);
    ALLOWANCE.store(signed(allowance), Relaxed);
    LIMIT.store(IDLE.load(Relaxed).saturating_add(signed(most)), Relaxed);
}

/// The maximum number of bytes in use for a file, and how many of them need no grant. An additional eighth covers
/// fragmentation and small allocations that no estimate counts; at the ceiling, where other files leave no memory, it
/// is left out.
fn most(granted: u64, ceiling: u64) -> (u64, u64) {
    let usual = granted.saturating_add(granted / 8).saturating_add(FIXED_ALLOWANCE);
    let all = ceiling.max(granted).saturating_add(RESERVED_ALLOWANCE);
    if usual <= all { (usual, FIXED_ALLOWANCE) } else { (all, RESERVED_ALLOWANCE) }
}

fn signed(bytes: u64) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

/// No limit: between files, while protocol messages are processed.
pub fn unlimited() {
    LIMIT.store(isize::MAX, Relaxed);
}

/// Returns free memory to the kernel if there is enough of it.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both only read and shrink malloc's own free lists.
    unsafe {
        if libc::mallinfo2().fordblks > KEPT_FREE {
            libc::malloc_trim(0);
        }
    }
}

/// Releases the pages of programs and libraries that the start has touched: symbol tables, relocations, and pages
/// that the kernel mapped around them. Pages that are needed again are in the page cache. Call it before the process
/// enters the sandbox, because it reads /proc. If that cannot be read, only memory is lost.
pub fn let_go_of_programs() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/smaps") else { return };
    let mut mapping = None;
    for line in maps.lines() {
        if let Some(file) = read_only_file(line) {
            mapping = file;
        } else if line.strip_prefix("Anonymous:").is_some_and(|kb| kb.trim() == "0 kB")
            && let Some((start, len)) = mapping.take()
        {
            // SAFETY: the range is a mapping of a file that is not writable, and none of its pages differs from the
            // file: a dropped page has the same content when it is touched again.
            unsafe { libc::madvise(start as *mut libc::c_void, len, libc::MADV_DONTNEED) };
        }
    }
}

/// A line of smaps that begins a mapping: its address and length in bytes if it is a read-only file. `None`: another
/// line.
fn read_only_file(line: &str) -> Option<Option<(usize, usize)>> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    let is_read_only = rest.starts_with("r-") && rest.as_bytes().get(3) == Some(&b'p');
    Some((is_read_only && rest.contains(" /")).then_some((start, end.saturating_sub(start))))
}

/// Replaces a block of `before` bytes by one of `now` in the count. Called for every allocation, so it allocates
/// nothing.
pub fn count(before: usize, now: usize) {
    let change = now as isize - before as isize;
    let total = IN_USE.fetch_add(change, Relaxed) + change;
    if change > 0 && total > LIMIT.load(Relaxed) {
        overran(total);
    }
}

/// Checks an allocation of `bytes` before libc is called, because that would fail for the largest sizes.
pub fn want(bytes: usize) {
    let total = IN_USE.load(Relaxed).saturating_add_unsigned(bytes);
    if total > LIMIT.load(Relaxed) {
        overran(total);
    }
}

/// Reports the required amount and ends the process.
#[cold]
fn overran(total: isize) -> ! {
    LIMIT.store(isize::MAX, Relaxed);
    let bytes = total.saturating_sub(IDLE.load(Relaxed)).saturating_sub(ALLOWANCE.load(Relaxed));
    let mut text = [0u8; 64];
    let len = last_words(&mut text, bytes.max(0) as u64);
    // SAFETY: `text` is initialised and `len` is within it; `_exit` runs no destructors, as required in the middle of
    // an allocation.
    unsafe {
        libc::send(ENGINE.load(Relaxed), text.as_ptr().cast(), len, libc::MSG_NOSIGNAL);
        libc::_exit(EXIT_TOO_LARGE)
    }
}

/// `Say::Overran` as JSON, written without an allocation. Returns its length.
fn last_words(text: &mut [u8; 64], bytes: u64) -> usize {
    let mut rest = &mut text[..];
    let written = write!(rest, r#"{{"overran":{{"bytes":{bytes}}}}}"#);
    let left = rest.len();
    if written.is_ok() { text.len() - left } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Say, decode};

    #[test]
    fn only_files_that_cannot_be_written_are_let_go() {
        let range = Some((0x7f00_0000_0000, 0x1000));
        let line = |rest: &str| read_only_file(&format!("7f0000000000-7f0000001000 {rest}"));
        assert_eq!(line("r-xp 00000000 fe:00 12   /usr/lib/libc.so.6"), Some(range));
        assert_eq!(line("r--p 00000000 fe:00 12   /usr/lib/libc.so.6"), Some(range));
        assert_eq!(line("rw-p 00000000 fe:00 12   /usr/lib/libc.so.6"), Some(None));
        assert_eq!(line("r--s 00000000 fe:00 12   /dev/shm/x"), Some(None));
        assert_eq!(line("r-xp 00000000 00:00 0    [vdso]"), Some(None));
        assert_eq!(line("r--p 00000000 00:00 0 "), Some(None));
        assert_eq!(read_only_file("Pss:                 12 kB"), None);
        // The code of this test is among the released pages, and still runs.
        let_go_of_programs();
    }

    proptest::proptest! {
        #[test]
        fn no_file_uses_more_than_the_ceiling_and_what_is_reserved(granted in 0u64..1 << 40, more in 0u64..1 << 40) {
            let ceiling = granted + more;
            let (most, allowance) = most(granted, ceiling);
            proptest::prop_assert!(most <= ceiling + RESERVED_ALLOWANCE);
            proptest::prop_assert!(most >= granted + allowance);
        }
    }

    #[test]
    fn last_words_are_understood() {
        for bytes in [0, 12_345_678, u64::MAX] {
            let mut text = [0; 64];
            let len = last_words(&mut text, bytes);
            assert_eq!(decode::<Say>(&text[..len]), Ok(Say::Overran { bytes }));
        }
    }
}
