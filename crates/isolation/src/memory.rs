//! The worker's memory: counted at every allocation, limited to what was granted, given back between files.
//!
//! The count is taken where it misses nothing. Rust's allocator, libheif, libde265, dav1d, libjpeg-turbo, FFmpeg and
//! ONNX Runtime all end in libc's `malloc` and its siblings, so `interpose.rs` puts functions of these names into
//! the worker program, which the dynamic linker prefers; they count and call libc's own. `RLIMIT_AS` and
//! `RLIMIT_DATA` would not do: they count mapped libraries or reserved stacks, and a refused allocation looks to
//! a codec like a broken file, so that the reason would be lost. What maps memory by itself (thread stacks) is not
//! counted; nothing that decodes does so.
//!
//! A worker that would go beyond its limit says so and leaves with a status of its own. It does not try to go on:
//! half of the libraries abort when an allocation fails.

use super::protocol::EXIT_TOO_LARGE;
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicIsize, Ordering::Relaxed};

/// Bytes that each file may use without asking, beyond what the idle worker holds: reading metadata, tables and
/// small buffers.
pub const FIXED_ALLOWANCE: u64 = 16 << 20;
/// Of these, bytes that the engine reserves with each worker. Files that use more do so while others use less; a file
/// that has all memory there is may have no more than these beside it.
pub const RESERVED_ALLOWANCE: u64 = 8 << 20;
/// Free bytes that malloc may keep between files; beyond, they go back to the kernel. Giving back costs a page fault
/// (about 0.25 µs a KB) when the next file needs them again.
const KEPT_FREE: usize = 4 << 20;
/// Blocks from this size on are mapped by themselves and go back to the kernel when they are freed. It is libc's own
/// first guess, which it would raise to 32 MB on its own; then large buffers would stay in the heap.
const MAPPED_FROM: libc::c_int = 1 << 20;
/// The highest that glibc takes for that figure (half of its HEAP_MAX_SIZE on 64 bits).
const MAPPED_FROM_MOST: libc::c_int = 32 << 20;
/// Free bytes at the end of the heap that the recogniser keeps, so that the next picture's tensors find their pages
/// there. With each tensor mapped by itself, the kernel's zeroing of pages was a quarter of the CPU time of a picture.
const KEPT_BY_RECOGNISER: libc::c_int = 32 << 20;

/// Bytes in use now. It may be short of the truth by what was allocated before counting began.
static IN_USE: AtomicIsize = AtomicIsize::new(0);
/// The most bytes that may be in use.
static LIMIT: AtomicIsize = AtomicIsize::new(isize::MAX);
/// Bytes in use by the idle worker.
static IDLE: AtomicIsize = AtomicIsize::new(0);
/// Of the limit, bytes that are not asked for.
static ALLOWANCE: AtomicIsize = AtomicIsize::new(FIXED_ALLOWANCE as isize);
/// The socket to say it on; -1 before there is one.
static ENGINE: AtomicI32 = AtomicI32::new(-1);

/// Sets malloc up for a worker, which gives back what it can after every file. To be called before any thread is
/// started.
pub fn settle_worker() {
    set_up(MAPPED_FROM, KEPT_FREE as libc::c_int);
}

/// Sets malloc up for the recogniser, which asks for the same large blocks with every picture and ends when none
/// waits. To be called before any thread is started.
pub fn settle_recogniser() {
    set_up(MAPPED_FROM_MOST, KEPT_BY_RECOGNISER);
}

fn set_up(mapped_from: libc::c_int, kept_free: libc::c_int) {
    // SAFETY: mallopt only sets numbers; no other thread runs yet.
    unsafe {
        // One heap: several would each keep memory back.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, mapped_from);
        libc::mallopt(libc::M_TRIM_THRESHOLD, kept_free);
    }
}

/// From now on the limit is kept, and this socket hears of it. What is in use now is the idle worker's.
pub fn watch(engine: BorrowedFd<'_>) {
    ENGINE.store(engine.as_raw_fd(), Relaxed);
    IDLE.store(IN_USE.load(Relaxed), Relaxed);
}

/// Sets what may be used beyond the fixed allowance, in bytes, where no file may have more than `ceiling`.
pub fn limit(granted: u64, ceiling: u64) {
    let (most, allowance) = most(granted, ceiling);
    ALLOWANCE.store(signed(allowance), Relaxed);
    LIMIT.store(IDLE.load(Relaxed).saturating_add(signed(most)), Relaxed);
}

/// The most bytes that may be in use for a file, and how many of them it need not ask for. An eighth on top is for the
/// pieces between blocks and the small things that no estimate counts; there is none at the ceiling, where no other file
/// leaves any.
fn most(granted: u64, ceiling: u64) -> (u64, u64) {
    let usual = granted.saturating_add(granted / 8).saturating_add(FIXED_ALLOWANCE);
    let all = ceiling.max(granted).saturating_add(RESERVED_ALLOWANCE);
    if usual <= all { (usual, FIXED_ALLOWANCE) } else { (all, RESERVED_ALLOWANCE) }
}

fn signed(bytes: u64) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

/// No limit: between files, when the engine's own protocol is spoken.
pub fn unlimited() {
    LIMIT.store(isize::MAX, Relaxed);
}

/// Gives free memory back to the kernel where there is enough of it.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both only look at and shrink malloc's own free lists.
    unsafe {
        if libc::mallinfo2().fordblks > KEPT_FREE {
            libc::malloc_trim(0);
        }
    }
}

/// Lets go of the pages of programs and libraries that the start has touched: symbol tables, relocations, what the kernel
/// mapped around them. What is needed again is found in the page cache. Before the process seals itself, for it looks
/// into /proc. Where that cannot be read nothing is lost but memory.
pub fn let_go_of_programs() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/smaps") else { return };
    let mut mapping = None;
    for line in maps.lines() {
        if let Some(file) = read_only_file(line) {
            mapping = file;
        } else if line.strip_prefix("Anonymous:").is_some_and(|kb| kb.trim() == "0 kB")
            && let Some((start, len)) = mapping.take()
        {
            // SAFETY: the range is a mapping of a file that cannot be written through it, and none of its pages differs
            // from the file: what is dropped comes back as it was when it is next touched.
            unsafe { libc::madvise(start as *mut libc::c_void, len, libc::MADV_DONTNEED) };
        }
    }
}

/// A line of smaps that begins a mapping: its address and length in bytes if it is of a file and read-only. `None`: another
/// line.
fn read_only_file(line: &str) -> Option<Option<(usize, usize)>> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    let is_read_only = rest.starts_with("r-") && rest.as_bytes().get(3) == Some(&b'p');
    Some((is_read_only && rest.contains(" /")).then_some((start, end.saturating_sub(start))))
}

/// Counts a block of `now` bytes in the place of one of `before`. Called for every allocation, so it allocates nothing.
pub fn count(before: usize, now: usize) {
    let change = now as isize - before as isize;
    let total = IN_USE.fetch_add(change, Relaxed) + change;
    if change > 0 && total > LIMIT.load(Relaxed) {
        overran(total);
    }
}

/// A block of `bytes` is wanted. Checked before libc is asked, since that would fail on the largest sizes.
pub fn want(bytes: usize) {
    let total = IN_USE.load(Relaxed).saturating_add_unsigned(bytes);
    if total > LIMIT.load(Relaxed) {
        overran(total);
    }
}

/// Says how much would have been needed and ends the process.
#[cold]
fn overran(total: isize) -> ! {
    LIMIT.store(isize::MAX, Relaxed);
    let bytes = total.saturating_sub(IDLE.load(Relaxed)).saturating_sub(ALLOWANCE.load(Relaxed));
    let mut text = [0u8; 64];
    let len = last_words(&mut text, bytes.max(0) as u64);
    // SAFETY: `text` is initialised and `len` is within it; `_exit` runs no destructors, which is what is wanted in
    // the middle of an allocation.
    unsafe {
        libc::send(ENGINE.load(Relaxed), text.as_ptr().cast(), len, libc::MSG_NOSIGNAL);
        libc::_exit(EXIT_TOO_LARGE)
    }
}

/// `Say::Overran` as JSON, written without an allocation. Its length.
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
        // The text of this test is among what is let go, and goes on.
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
