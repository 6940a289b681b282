//! The tags that describe the structure of a file and the coding of its pictures. Those of EXIF are in `exif`.

/// What a directory's picture is: bit 0 marks a smaller version of another one.
pub const SUBFILE_KIND: u16 = 0xFE;
pub const WIDTH: u16 = 0x100;
pub const HEIGHT: u16 = 0x101;
pub const BITS: u16 = 0x102;
pub const COMPRESSION: u16 = 0x103;
pub const PHOTOMETRIC: u16 = 0x106;
pub const FILL_ORDER: u16 = 0x10A;
pub const STRIP_OFFSETS: u16 = 0x111;
pub const SAMPLES: u16 = 0x115;
pub const ROWS_PER_STRIP: u16 = 0x116;
pub const STRIP_LENGTHS: u16 = 0x117;
pub const PLANAR: u16 = 0x11C;
pub const T4_OPTIONS: u16 = 0x124;
pub const PREDICTOR: u16 = 0x13D;
pub const COLOUR_MAP: u16 = 0x140;
pub const TILE_WIDTH: u16 = 0x142;
pub const TILE_HEIGHT: u16 = 0x143;
pub const TILE_OFFSETS: u16 = 0x144;
pub const TILE_LENGTHS: u16 = 0x145;
pub const SUB_DIRECTORIES: u16 = 0x14A;
pub const EXTRA_SAMPLES: u16 = 0x152;
pub const SAMPLE_FORMAT: u16 = 0x153;
pub const JPEG_TABLES: u16 = 0x15B;
/// The JPEG of before 1995, or a RAW file's preview.
pub const JPEG_OFFSET: u16 = 0x201;
pub const JPEG_LENGTH: u16 = 0x202;
pub const JPEG_RESTART_INTERVAL: u16 = 0x203;
pub const JPEG_QUANTISATION_TABLES: u16 = 0x207;
pub const JPEG_DC_TABLES: u16 = 0x208;
pub const JPEG_AC_TABLES: u16 = 0x209;
pub const SUBSAMPLING: u16 = 0x212;
pub const ICC_PROFILE: u16 = 0x8773;
pub const EXIF_DIRECTORY: u16 = 0x8769;
pub const MAKER_NOTE: u16 = 0x927C;
pub const DNG_VERSION: u16 = 0xC612;
pub const DEFAULT_CROP_SIZE: u16 = 0xC620;
/// Panasonic's JpgFromRaw.
pub const JPEG_FROM_RAW: u16 = 0x2E;

/// The value of [`PHOTOMETRIC`] for a sensor's mosaic.
pub const PHOTOMETRIC_MOSAIC: u32 = 32_803;
const PHOTOMETRIC_LINEAR_RAW: u32 = 34_892;

/// Whether a value of [`PHOTOMETRIC`] means a sensor's samples, as a mosaic or interpolated.
pub fn is_sensor(photometric: u32) -> bool {
    matches!(photometric, PHOTOMETRIC_MOSAIC | PHOTOMETRIC_LINEAR_RAW)
}
