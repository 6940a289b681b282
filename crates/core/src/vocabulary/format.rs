//! The formats of files, with their names, kinds and extensions.

use serde::{Deserialize, Serialize};

/// How users see a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Photo,
    Video,
}

/// A file format, detected from the content and never from the name. Serialised as its lower-case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Jpeg,
    Heic,
    /// HEIF with another codec than HEVC or AV1 (or an unknown one) inside.
    Heif,
    Avif,
    Png,
    Gif,
    Webp,
    Tiff,
    Bmp,
    Jxl,
    Jp2,
    Cr2,
    Cr3,
    Crw,
    Nef,
    Arw,
    Dng,
    Raf,
    Orf,
    Rw2,
    Pef,
    Srw,
    /// Minolta.
    Mrw,
    /// Sigma.
    X3f,
    /// Hasselblad.
    #[serde(rename = "3fr")]
    ThreeFr,
    /// Phase One.
    Iiq,
    /// Kodak.
    Dcr,
    /// Epson.
    Erf,
    Psd,
    Mp4,
    Mov,
    #[serde(rename = "3gp")]
    ThreeGp,
    Mkv,
    Webm,
    Avi,
    Mts,
    Mpeg,
    Wmv,
    Flv,
    Ogv,
    Mxf,
    Dv,
    /// A stream without a container.
    H264,
    H265,
}

/// Name in JSON, the kind, and the correct extensions (lower case) of each format.
const FORMATS: &[(Format, &str, Kind, &[&str])] = &[
    (Format::Jpeg, "jpeg", Kind::Photo, &["jpg", "jpeg", "jpe", "jfif", "jif", "mpo", "jps", "insp", "thm"]),
    (Format::Heic, "heic", Kind::Photo, &["heic", "heif", "heics", "heifs", "hif"]),
    (Format::Heif, "heif", Kind::Photo, &["heif", "heic", "heifs", "hif", "avci", "avcs"]),
    (Format::Avif, "avif", Kind::Photo, &["avif", "avifs", "heif"]),
    (Format::Png, "png", Kind::Photo, &["png", "apng"]),
    (Format::Gif, "gif", Kind::Photo, &["gif"]),
    (Format::Webp, "webp", Kind::Photo, &["webp"]),
    (Format::Tiff, "tiff", Kind::Photo, &["tif", "tiff", "btf", "tf8"]),
    (Format::Bmp, "bmp", Kind::Photo, &["bmp", "dib"]),
    (Format::Jxl, "jxl", Kind::Photo, &["jxl"]),
    (Format::Jp2, "jp2", Kind::Photo, &["jp2", "j2k", "jpf", "jpx", "jpm", "j2c", "jpc"]),
    (Format::Cr2, "cr2", Kind::Photo, &["cr2"]),
    (Format::Cr3, "cr3", Kind::Photo, &["cr3"]),
    (Format::Crw, "crw", Kind::Photo, &["crw"]),
    (Format::Nef, "nef", Kind::Photo, &["nef", "nrw"]),
    (Format::Arw, "arw", Kind::Photo, &["arw", "sr2", "srf"]),
    (Format::Dng, "dng", Kind::Photo, &["dng", "gpr"]),
    (Format::Raf, "raf", Kind::Photo, &["raf"]),
    (Format::Orf, "orf", Kind::Photo, &["orf", "ori"]),
    (Format::Rw2, "rw2", Kind::Photo, &["rw2", "raw", "rwl"]),
    (Format::Pef, "pef", Kind::Photo, &["pef"]),
    (Format::Srw, "srw", Kind::Photo, &["srw"]),
    (Format::Mrw, "mrw", Kind::Photo, &["mrw"]),
    (Format::X3f, "x3f", Kind::Photo, &["x3f"]),
    (Format::ThreeFr, "3fr", Kind::Photo, &["3fr", "fff"]),
    (Format::Iiq, "iiq", Kind::Photo, &["iiq"]),
    (Format::Dcr, "dcr", Kind::Photo, &["dcr", "kdc", "k25"]),
    (Format::Erf, "erf", Kind::Photo, &["erf"]),
    (Format::Psd, "psd", Kind::Photo, &["psd", "psb"]),
    (Format::Mp4, "mp4", Kind::Video, &["mp4", "m4v", "f4v", "lrv", "lrf", "insv", "360", "mp4v", "mp"]),
    (Format::Mov, "mov", Kind::Video, &["mov", "qt"]),
    (Format::ThreeGp, "3gp", Kind::Video, &["3gp", "3g2", "3gpp", "3gpp2"]),
    (Format::Mkv, "mkv", Kind::Video, &["mkv", "mk3d"]),
    (Format::Webm, "webm", Kind::Video, &["webm"]),
    (Format::Avi, "avi", Kind::Video, &["avi", "divx"]),
    (Format::Mts, "mts", Kind::Video, &["mts", "m2ts", "ts", "m2t"]),
    (Format::Mpeg, "mpeg", Kind::Video, &["mpg", "mpeg", "vob", "mpe", "mod", "tod", "m2v", "m1v"]),
    (Format::Wmv, "wmv", Kind::Video, &["wmv", "asf", "wm"]),
    (Format::Flv, "flv", Kind::Video, &["flv"]),
    (Format::Ogv, "ogv", Kind::Video, &["ogv", "ogg", "ogx", "ogm"]),
    (Format::Mxf, "mxf", Kind::Video, &["mxf"]),
    (Format::Dv, "dv", Kind::Video, &["dv", "dif"]),
    (Format::H264, "h264", Kind::Video, &["h264", "264", "avc"]),
    (Format::H265, "h265", Kind::Video, &["h265", "265", "hevc"]),
];

impl Format {
    fn row(self) -> &'static (Format, &'static str, Kind, &'static [&'static str]) {
        FORMATS.iter().find(|r| r.0 == self).expect("every format has a row")
    }
    /// All formats.
    pub fn all() -> impl Iterator<Item = Format> {
        FORMATS.iter().map(|r| r.0)
    }
    pub fn name(self) -> &'static str {
        self.row().1
    }
    pub fn kind(self) -> Kind {
        self.row().2
    }
    /// The correct extensions of this format, in lower case.
    pub fn extensions(self) -> &'static [&'static str] {
        self.row().3
    }
    pub fn is_raw(self) -> bool {
        use Format::*;
        matches!(
            self,
            Cr2 | Cr3
                | Crw
                | Nef
                | Arw
                | Dng
                | Raf
                | Orf
                | Rw2
                | Pef
                | Srw
                | Mrw
                | X3f
                | ThreeFr
                | Iiq
                | Dcr
                | Erf
        )
    }
    /// Whether it is decoded by shared libraries that only some workers load.
    pub fn needs_all_codecs(self) -> bool {
        self.kind() == Kind::Video || matches!(self, Format::Heic | Format::Heif | Format::Avif)
    }
    /// Whether every current browser shows it; other formats also get a `preview`.
    pub fn browser_shows(self) -> bool {
        use Format::*;
        matches!(self, Jpeg | Png | Gif | Webp | Bmp)
    }
}

/// The decoders that a worker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codecs {
    /// Compiled-in codecs, for most pictures. A process starts with them in a tenth of the time.
    Own,
    /// Also FFmpeg, LibRaw, and the libraries behind libheif.
    All,
}

/// Extensions of pictures and videos of unsupported kinds: such files are counted and reported to their owner.
#[rustfmt::skip]
pub const UNREAD_EXTENSIONS: &[&str] = &[
    // RAW files of unsupported makers.
    "mef", "mos", "rwz", "bay", "cap", "ptx", "pxn", "mdc", "ari", "r3d", "braw", "crm", "cine",
    // Pictures.
    "ai", "cdr", "dds", "djvu", "dpx", "emf", "eps", "exr", "fits", "flif", "hdr", "hdp", "ico", "jng", "jxr",
    "kra", "mng", "ora", "pam", "pbm", "pcd", "pcx", "pct", "pfm", "pgm", "pict", "pnm", "ppm", "qoi", "ras", "sgi",
    "svg", "svgz", "tga", "wbmp", "wdp", "wmf", "xbm", "xcf", "xpm",
    // Videos.
    "amv", "bik", "dvr-ms", "evo", "f4p", "fli", "flc", "gifv", "ivf", "m4p", "mj2", "mjpg", "mjpeg", "nsv", "nut",
    "rm", "rmvb", "roq", "smk", "swf", "trp", "wtv", "y4m", "yuv",
];

/// Extensions of files that describe another file and are not media themselves.
pub const SIDECAR_EXTENSIONS: &[&str] = &["xmp", "json"];
