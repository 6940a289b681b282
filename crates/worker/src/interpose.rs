//! `malloc` and its siblings for the worker program: each counts and calls libc's own. Compiled into the
//! program and not into the library, since the engine must keep libc's. See `memory.rs` for the reasons.
//!
//! Promises: a block is counted by its usable size, the same on allocation and on release.

use albumen_isolation::memory::{count, want};
use libc::{c_int, c_void, size_t};

unsafe extern "C" {
    fn __libc_malloc(size: size_t) -> *mut c_void;
    fn __libc_calloc(n: size_t, size: size_t) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: size_t) -> *mut c_void;
    fn __libc_memalign(align: size_t, size: size_t) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
}

/// Usable bytes of a block; 0 for null.
///
/// # Safety
/// `block` is null or alive.
unsafe fn size_of_block(block: *mut c_void) -> usize {
    // SAFETY: the caller's promise; libc answers 0 for null.
    unsafe { libc::malloc_usable_size(block) }
}

/// Counts a new block.
///
/// # Safety
/// `block` is null or alive.
unsafe fn counted(block: *mut c_void) -> *mut c_void {
    // SAFETY: the caller's promise.
    count(0, unsafe { size_of_block(block) });
    block
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn malloc(size: size_t) -> *mut c_void {
    want(size);
    // SAFETY: libc's own, with the caller's arguments.
    unsafe { counted(__libc_malloc(size)) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn calloc(n: size_t, size: size_t) -> *mut c_void {
    want(n.saturating_mul(size));
    // SAFETY: libc's own, with the caller's arguments.
    unsafe { counted(__libc_calloc(n, size)) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn realloc(block: *mut c_void, size: size_t) -> *mut c_void {
    // SAFETY: the caller owns `block`; after the call it is gone unless the answer is null for a size above 0.
    unsafe {
        let before = size_of_block(block);
        want(size.saturating_sub(before));
        let moved = __libc_realloc(block, size);
        if !moved.is_null() || size == 0 {
            count(before, size_of_block(moved));
        }
        moved
    }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn reallocarray(block: *mut c_void, n: size_t, size: size_t) -> *mut c_void {
    // Overflow is refused by `want` or, without a limit, by libc. SAFETY: as `realloc`.
    unsafe { realloc(block, n.saturating_mul(size)) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn free(block: *mut c_void) {
    // SAFETY: the caller owns `block` and gives it up; libc ignores null.
    unsafe {
        count(size_of_block(block), 0);
        __libc_free(block)
    }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn memalign(align: size_t, size: size_t) -> *mut c_void {
    want(size);
    // SAFETY: libc's own, with the caller's arguments.
    unsafe { counted(__libc_memalign(align, size)) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn aligned_alloc(align: size_t, size: size_t) -> *mut c_void {
    // SAFETY: as `memalign`.
    unsafe { memalign(align, size) }
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn posix_memalign(
    place: *mut *mut c_void,
    align: size_t,
    size: size_t,
) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*mut c_void>()) {
        return libc::EINVAL;
    }
    // SAFETY: `place` is the caller's to write; the rest as `memalign`.
    unsafe {
        let block = memalign(align, size);
        if block.is_null() {
            return libc::ENOMEM;
        }
        place.write(block);
    }
    0
}
