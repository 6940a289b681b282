//! LibRaw through a small C wrapper (`libraw.c`): a file's bytes in, a picture of 8-bit samples out.
//!
//! It is opened on first use, like FFmpeg: most pictures do not need it. Promises: the bytes outlive their
//! reader; LibRaw's allocations are freed; a picture is only read inside of the memory that LibRaw reports
//! for it.

use albumen_core::fault::Fault;
use libc::c_char;
use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::OnceLock;

mod ffi {
    use libc::c_char;

    #[repr(C)]
    pub(super) struct Raw {
        opaque: [u8; 0],
    }

    #[repr(C)]
    #[derive(Debug, Clone, Copy, Default)]
    pub(super) struct Header {
        pub width: u32,
        pub height: u32,
        pub unpacked_bytes: u64,
        pub pixels: u64,
        pub mosaic: i32,
        pub moved: i32,
        pub needs_bytes: i32,
    }

    #[repr(C)]
    pub(super) struct Picture {
        pub samples: *const u8,
        pub width: u32,
        pub height: u32,
        pub channels: u32,
        pub damaged: i32,
    }

    pub(super) const DONE: i32 = 0;
    pub(super) const UNKNOWN: i32 = 1;
    pub(super) const NO_MEMORY: i32 = 3;

    unsafe extern "C" {
        pub(super) fn albumen_raw_load() -> *const c_char;
        pub(super) fn albumen_raw_new() -> *mut Raw;
        pub(super) fn albumen_raw_open(
            raw: *mut Raw,
            bytes: *const u8,
            len: usize,
            header: *mut Header,
        ) -> i32;
        pub(super) fn albumen_raw_unpack(raw: *mut Raw, header: *const Header) -> i32;
        pub(super) fn albumen_raw_develop(raw: *mut Raw, half_size: i32, picture: *mut Picture) -> i32;
        pub(super) fn albumen_raw_close(raw: *mut Raw);
    }
}

/// Opens the library if it is not open yet. `Err` is the reason why it cannot be opened.
pub(crate) fn load() -> Result<(), &'static str> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    let why = |why: *const c_char| {
        // SAFETY: the loader's reason ends with a zero byte and is copied before another call can change it.
        (!why.is_null()).then(|| unsafe { CStr::from_ptr(why) }.to_string_lossy().into_owned())
    };
    // SAFETY: opens a library of the system, whose initialisers run; once, by one thread.
    let load = || why(unsafe { ffi::albumen_raw_load() }).map_or(Ok(()), Err);
    LOADED.get_or_init(load).as_ref().map(drop).map_err(String::as_str)
}

/// LibRaw's object of one file.
struct Raw(NonNull<ffi::Raw>);

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: made by albumen_raw_new and closed once.
        unsafe { ffi::albumen_raw_close(self.0.as_ptr()) };
    }
}

/// A file whose directories have been read.
pub(super) struct Sensor {
    // Declared before `bytes`, which it reads: fields are dropped in this order.
    raw: Raw,
    bytes: Vec<u8>,
    header: ffi::Header,
}

impl Sensor {
    /// Reads a file's directories. [`load`] must have succeeded.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Sensor, Fault> {
        load().map_err(|why| Fault::unsupported("LibRaw is missing on this machine").with_detail(why))?;
        // SAFETY: the library is open; null is handled.
        let raw = NonNull::new(unsafe { ffi::albumen_raw_new() }).map(Raw).ok_or_else(out_of_memory)?;
        let mut header = ffi::Header::default();
        // SAFETY: `bytes` has this length and stays in place until `raw` is closed or has released it.
        let code =
            unsafe { ffi::albumen_raw_open(raw.0.as_ptr(), bytes.as_ptr(), bytes.len(), &raw mut header) };
        outcome(code)?;
        Ok(Sensor { raw, bytes, header })
    }

    /// The picture's width and height, unturned.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.header.width, self.header.height)
    }

    /// Whether a picture of half the width and height can be made of it.
    pub(super) fn is_mosaic(&self) -> bool {
        self.header.mosaic != 0
    }

    /// The maximum bytes in use from here to the picture, including the file's own.
    pub(super) fn cost(&self, half_size: bool) -> u64 {
        /// Four samples of 16 bits, and three of 8.
        const WORKING: u64 = 8;
        const SHOWN: u64 = 3;
        let file = self.bytes.len() as u64;
        let pixels = self.header.pixels / if half_size { 4 } else { 1 };
        let working = pixels * WORKING * if self.header.moved != 0 { 2 } else { 1 };
        let kept = if self.header.needs_bytes != 0 { file } else { 0 };
        let unpacking = file + self.header.unpacked_bytes;
        let developing = kept + self.header.unpacked_bytes + working + pixels * SHOWN;
        unpacking.max(developing)
    }

    /// Unpacks and develops it: balanced to the camera's white, in sRGB, as bright as dcraw makes it.
    pub(super) fn develop(mut self, half_size: bool) -> Result<Developed, Fault> {
        let raw = self.raw.0.as_ptr();
        // SAFETY: the file is open; its bytes stay until LibRaw has released them.
        outcome(unsafe { ffi::albumen_raw_unpack(raw, &raw const self.header) })?;
        if self.header.needs_bytes == 0 {
            self.bytes = Vec::new();
        }
        let mut picture =
            ffi::Picture { samples: std::ptr::null(), width: 0, height: 0, channels: 0, damaged: 0 };
        // SAFETY: the sensor's data are unpacked.
        outcome(unsafe { ffi::albumen_raw_develop(raw, half_size.into(), &raw mut picture) })?;
        Ok(Developed { _raw: self.raw, picture })
    }
}

/// A picture, which LibRaw owns.
pub(super) struct Developed {
    _raw: Raw,
    picture: ffi::Picture,
}

impl Developed {
    pub(super) fn size(&self) -> (u32, u32) {
        (self.picture.width, self.picture.height)
    }

    /// One sample per pixel; otherwise red, green and blue.
    pub(super) fn is_grey(&self) -> bool {
        self.picture.channels == 1
    }

    /// Rows without padding.
    pub(super) fn samples(&self) -> &[u8] {
        let p = &self.picture;
        let len = p.width as usize * p.height as usize * p.channels as usize;
        // SAFETY: albumen_raw_develop has checked that the picture has that many samples; they live as long as `_raw`.
        unsafe { std::slice::from_raw_parts(p.samples, len) }
    }

    /// Whether LibRaw found that bytes of the sensor's data were missing or invalid.
    pub(super) fn is_damaged(&self) -> bool {
        self.picture.damaged != 0
    }
}

fn outcome(code: i32) -> Result<(), Fault> {
    match code {
        ffi::DONE => Ok(()),
        ffi::UNKNOWN => Err(Fault::unsupported(
            "its camera or its kind of compression is not among those that LibRaw reads",
        )),
        ffi::NO_MEMORY => Err(out_of_memory()),
        _ => Err(Fault::corrupt("its sensor data are damaged or cut off")),
    }
}

fn out_of_memory() -> Fault {
    Fault::TooLarge { needed: 0 }
}
