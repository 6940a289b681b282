//! FFmpeg's functions, bound from its shared libraries on first use.
//!
//! They are not linked: with some eighty libraries behind them, the loader alone took three quarters of a
//! worker's start and most of its memory at rest, and a JPEG needs none of it. Promises: each function has
//! the type of FFmpeg's headers, and the libraries are opened by the version of these headers. The functions
//! keep FFmpeg's names and contracts; each is as unsafe as there.

#![allow(non_snake_case)] // sws_getContext is FFmpeg's spelling.

use ffmpeg_next::ffi::*;
use libc::{c_char, c_int, c_uchar, c_void};
use std::ffi::{CStr, CString};
use std::sync::OnceLock;

type ReadPacket = unsafe extern "C" fn(opaque: *mut c_void, buf: *mut u8, buf_size: c_int) -> c_int;
type Seek = unsafe extern "C" fn(opaque: *mut c_void, offset: i64, whence: c_int) -> i64;

macro_rules! functions {
    ($($library:literal $version:ident { $(fn $name:ident($($arg:ident: $type:ty),*) $(-> $returns:ty)?;)* })*) => {
        /// Where they are.
        struct Functions {
            $($($name: unsafe extern "C" fn($($type),*) $(-> $returns)?,)*)*
        }

        impl Functions {
            fn find() -> Result<Functions, String> {
                $($(let $name;)* {
                    let library = open($library, $version)?;
                    // SAFETY: that the function has this type is checked below against the headers of this version.
                    unsafe { $($name = std::mem::transmute::<
                        *mut c_void,
                        unsafe extern "C" fn($($type),*) $(-> $returns)?,
                    >(find(library, stringify!($name))?);)* }
                })*
                Ok(Functions { $($($name,)*)* })
            }
        }

        $($(
            const _: unsafe extern "C" fn($($type),*) $(-> $returns)? = ffmpeg_next::ffi::$name;

            /// # Safety
            /// As FFmpeg's.
            #[inline]
            #[allow(clippy::too_many_arguments)] // They are FFmpeg's.
            pub(crate) unsafe fn $name($($arg: $type),*) $(-> $returns)? {
                // SAFETY: the caller's promise.
                unsafe { (functions().$name)($($arg),*) }
            }
        )*)*
    };
}

functions! {
    "avutil" LIBAVUTIL_VERSION_MAJOR {
        fn av_dict_free(dictionary: *mut *mut AVDictionary);
        fn av_dict_set(to: *mut *mut AVDictionary, key: *const c_char, value: *const c_char, flags: c_int) -> c_int;
        fn av_frame_alloc() -> *mut AVFrame;
        fn av_frame_free(frame: *mut *mut AVFrame);
        fn av_frame_get_buffer(frame: *mut AVFrame, align: c_int) -> c_int;
        fn av_free(block: *mut c_void);
        fn av_freep(block: *mut c_void);
        fn av_log_set_level(level: c_int);
        fn av_pix_fmt_desc_get(format: AVPixelFormat) -> *const AVPixFmtDescriptor;
        fn av_malloc(size: usize) -> *mut c_void;
        fn av_mallocz(size: usize) -> *mut c_void;
    }
    "avcodec" LIBAVCODEC_VERSION_MAJOR {
        fn av_new_packet(packet: *mut AVPacket, size: c_int) -> c_int;
        fn av_packet_alloc() -> *mut AVPacket;
        fn av_packet_free(packet: *mut *mut AVPacket);
        fn av_packet_unref(packet: *mut AVPacket);
        fn avcodec_alloc_context3(codec: *const AVCodec) -> *mut AVCodecContext;
        fn avcodec_find_decoder_by_name(name: *const c_char) -> *const AVCodec;
        fn avcodec_flush_buffers(context: *mut AVCodecContext);
        fn avcodec_free_context(context: *mut *mut AVCodecContext);
        fn avcodec_get_name(id: AVCodecID) -> *const c_char;
        fn avcodec_open2(context: *mut AVCodecContext, codec: *const AVCodec, options: *mut *mut AVDictionary) -> c_int;
        fn avcodec_parameters_to_context(context: *mut AVCodecContext, parameters: *const AVCodecParameters) -> c_int;
        fn avcodec_receive_frame(context: *mut AVCodecContext, frame: *mut AVFrame) -> c_int;
        fn avcodec_send_packet(context: *mut AVCodecContext, packet: *const AVPacket) -> c_int;
    }
    "avformat" LIBAVFORMAT_VERSION_MAJOR {
        fn av_find_input_format(name: *const c_char) -> *const AVInputFormat;
        fn av_find_best_stream(
            of: *mut AVFormatContext, kind: AVMediaType, wanted: c_int, related: c_int, decoder: *mut *const AVCodec,
            flags: c_int
        ) -> c_int;
        fn av_read_frame(of: *mut AVFormatContext, packet: *mut AVPacket) -> c_int;
        fn av_seek_frame(of: *mut AVFormatContext, stream: c_int, at: i64, flags: c_int) -> c_int;
        fn av_stream_get_side_data(of: *const AVStream, kind: AVPacketSideDataType, size: *mut usize) -> *mut u8;
        fn avformat_alloc_context() -> *mut AVFormatContext;
        fn avformat_close_input(of: *mut *mut AVFormatContext);
        fn avformat_find_stream_info(of: *mut AVFormatContext, options: *mut *mut AVDictionary) -> c_int;
        fn avformat_open_input(
            to: *mut *mut AVFormatContext, url: *const c_char, format: *const AVInputFormat,
            options: *mut *mut AVDictionary
        ) -> c_int;
        fn avio_alloc_context(
            buffer: *mut c_uchar, size: c_int, write: c_int, opaque: *mut c_void, read_packet: Option<ReadPacket>,
            write_packet: Option<ReadPacket>, seek: Option<Seek>
        ) -> *mut AVIOContext;
        fn avio_context_free(of: *mut *mut AVIOContext);
    }
    "swscale" LIBSWSCALE_VERSION_MAJOR {
        fn sws_freeContext(scaler: *mut SwsContext);
        fn sws_getContext(
            from_width: c_int, from_height: c_int, from: AVPixelFormat, to_width: c_int, to_height: c_int,
            to: AVPixelFormat, flags: c_int, from_filter: *mut SwsFilter, to_filter: *mut SwsFilter,
            parameters: *const f64
        ) -> *mut SwsContext;
        fn sws_scale(
            scaler: *mut SwsContext, from: *const *const u8, from_strides: *const c_int, first_row: c_int, rows: c_int,
            to: *const *mut u8, to_strides: *const c_int
        ) -> c_int;
    }
}

/// Opens FFmpeg's libraries if they are not open yet. `Err` is the reason why they cannot be opened.
pub(crate) fn load() -> Result<(), &'static str> {
    found().as_ref().map(drop).map_err(String::as_str)
}

fn found() -> &'static Result<Functions, String> {
    static FOUND: OnceLock<Result<Functions, String>> = OnceLock::new();
    FOUND.get_or_init(Functions::find)
}

fn functions() -> &'static Functions {
    found().as_ref().expect("nothing of FFmpeg is used where it could not be opened")
}

/// Opens a library, which stays open until the program ends.
fn open(name: &str, version: c_int) -> Result<*mut c_void, String> {
    let file = format!("lib{name}.so.{version}");
    let c_file = CString::new(file).expect("a name without a zero byte");
    // Its functions are bound on first call: of eighty libraries a file needs few. SAFETY: opens a library of
    // the system, whose initialisers run.
    let library = unsafe { libc::dlopen(c_file.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
    if library.is_null() { Err(why()) } else { Ok(library) }
}

fn find(library: *mut c_void, name: &str) -> Result<*mut c_void, String> {
    let c_name = CString::new(name).expect("a name without a zero byte");
    // SAFETY: the library is open, the name ends with a zero byte.
    let function = unsafe { libc::dlsym(library, c_name.as_ptr()) };
    if function.is_null() { Err(why()) } else { Ok(function) }
}

/// The loader's reason for the last failure.
fn why() -> String {
    // SAFETY: the text lives until the next call of the loader in this thread; it is copied at once.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            "it cannot be loaded".into()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}
