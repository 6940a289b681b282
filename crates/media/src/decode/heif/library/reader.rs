//! The callbacks by which libheif reads the file.

use albumen_core::source::Source;
use libheif_sys as sys;
use std::ffi::{c_int, c_void};
use std::ptr;

/// Lets libheif read by position.
pub(super) struct Reader {
    pub(super) source: Source,
    pub(super) at: u64,
    /// Length of the file; for a truncated one that of the original, with zeros at its end, so that the
    /// available part is shown.
    pub(super) len: u64,
    /// Bytes that replace those of the file for libheif, and their position.
    pub(super) renamed: Option<(u64, Vec<u8>)>,
}

impl Reader {
    /// Overlays the replaced bytes on those read from `at`.
    fn rename(&self, at: u64, to: &mut [u8]) {
        let Some((place, bytes)) = &self.renamed else { return };
        for (i, byte) in bytes.iter().enumerate() {
            let within = place.saturating_add(i as u64).checked_sub(at).and_then(|n| usize::try_from(n).ok());
            if let Some(b) = within.and_then(|n| to.get_mut(n)) {
                *b = *byte;
            }
        }
    }
}

unsafe extern "C" fn get_position(data: *mut c_void) -> i64 {
    // SAFETY: `data` is the Reader that `Context::read` passed, which outlives the context.
    unsafe { (*data.cast::<Reader>()).at as i64 }
}

pub(super) unsafe extern "C" fn read(to: *mut c_void, size: usize, data: *mut c_void) -> c_int {
    if size == 0 {
        return 0; // `to` may be null then.
    }
    // SAFETY: as above; libheif passes `size` writable bytes, which are zeroed before they are seen as a slice.
    unsafe {
        let reader = &mut *data.cast::<Reader>();
        ptr::write_bytes(to.cast::<u8>(), 0, size);
        let to = std::slice::from_raw_parts_mut(to.cast::<u8>(), size);
        match reader.source.read_at(reader.at, to) {
            Ok(n) if n == size || reader.at.saturating_add(size as u64) <= reader.len => {
                reader.rename(reader.at, to);
                reader.at += size as u64;
                0
            }
            _ => 1,
        }
    }
}

unsafe extern "C" fn seek(position: i64, data: *mut c_void) -> c_int {
    // SAFETY: as above.
    unsafe { (*data.cast::<Reader>()).at = position.max(0) as u64 };
    0
}

unsafe extern "C" fn wait_for_file_size(size: i64, data: *mut c_void) -> sys::heif_reader_grow_status {
    // SAFETY: as above.
    let len = unsafe { (*data.cast::<Reader>()).len };
    if size >= 0 && size as u64 <= len {
        sys::heif_reader_grow_status_heif_reader_grow_status_size_reached
    } else {
        sys::heif_reader_grow_status_heif_reader_grow_status_size_beyond_eof
    }
}

/// Zeroed for later additions to the interface: libheif reads only the fields of version 1.
pub(super) fn reader_table() -> sys::heif_reader {
    // SAFETY: a plain C struct of integers and nullable function pointers, for which zero is valid.
    let mut table: sys::heif_reader = unsafe { std::mem::zeroed() };
    table.reader_api_version = 1;
    table.get_position = Some(get_position);
    table.read = Some(read);
    table.seek = Some(seek);
    table.wait_for_file_size = Some(wait_for_file_size);
    table
}
