//! The formats of files. The table below is the only list of them: names, kinds, extensions and signatures.

use serde::{Deserialize, Serialize};

/// How users see a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Photo,
    Video,
}

/// Formats with one decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Jpeg,
    Heif,
    Raster,
    Raw,
    Photoshop,
    Video,
}

/// Bytes at fixed positions that a file begins with; all parts must match.
pub type Signature = &'static [(usize, &'static [u8])];

/// The properties of a format.
#[derive(Debug)]
pub struct FormatInfo {
    /// In JSON and in the index.
    pub name: &'static str,
    pub family: Family,
    /// In documentation.
    pub title: &'static str,
    /// Correct extensions, in lower case; the usual one is first.
    pub extensions: &'static [&'static str],
    /// What files of this format begin with. Empty if only the contents distinguish it from another format.
    pub signatures: &'static [Signature],
}

macro_rules! formats {
    ($($format:ident $name:literal $family:ident $title:literal $extensions:tt $signatures:tt)*) => {
        /// A file format, detected from the content and never from the name. Serialised as its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Format {
            $(#[doc = $title] #[serde(rename = $name)] $format,)*
        }

        impl Format {
            const ALL: &[Format] = &[$(Format::$format),*];

            /// The properties of this format.
            pub fn info(self) -> &'static FormatInfo {
                match self {
                    $(Format::$format => &FormatInfo {
                        name: $name,
                        family: Family::$family,
                        title: $title,
                        extensions: &$extensions,
                        signatures: &$signatures,
                    },)*
                }
            }
        }
    };
}

// Sniffing tries signatures in this order; a container that several formats share is listed with the most general
// of them, and `albumen_formats::sniff` reads its contents to find the actual one.
formats! {
    Jpeg "jpeg" Jpeg "JPEG" ["jpg", "jpeg", "jpe", "jfif", "jif", "mpo", "jps", "insp", "thm"] [&[(0, b"\xff\xd8\xff")]]
    Heic "heic" Heif "HEIF with HEVC" ["heic", "heif", "heics", "heifs", "hif"] []
    Heif "heif" Heif "HEIF with another or an unknown codec" ["heif", "heic", "heifs", "hif", "avci", "avcs"] []
    Avif "avif" Heif "AVIF" ["avif", "avifs", "heif"] []
    Png "png" Raster "PNG" ["png", "apng"] [&[(0, b"\x89PNG\r\n\x1a\n")]]
    Gif "gif" Raster "GIF" ["gif"] [&[(0, b"GIF87a")], &[(0, b"GIF89a")]]
    Webp "webp" Raster "WebP" ["webp"] [&[(0, b"RIFF"), (8, b"WEBP")]]
    Tiff "tiff" Raster "TIFF" ["tif", "tiff", "btf", "tf8"]
        [&[(0, b"II\x2a\0")], &[(0, b"MM\0\x2a")], &[(0, b"II\x2b\0")], &[(0, b"MM\0\x2b")]]
    Bmp "bmp" Raster "BMP" ["bmp", "dib"] []
    Jxl "jxl" Raster "JPEG XL" ["jxl"] [&[(0, b"\xff\x0a")], &[(0, b"\0\0\0\x0cJXL \r\n\x87\n")]]
    Jp2 "jp2" Raster "JPEG 2000" ["jp2", "j2k", "jpf", "jpx", "jpm", "j2c", "jpc"]
        [&[(0, b"\xff\x4f\xff\x51")], &[(0, b"\0\0\0\x0cjP  \r\n\x87\n")]]
    Cr2 "cr2" Raw "Canon" ["cr2"] []
    Cr3 "cr3" Raw "Canon, since 2018" ["cr3"] []
    Crw "crw" Raw "Canon, until 2004" ["crw"] [&[(0, b"II"), (6, b"HEAPCCDR")], &[(0, b"MM"), (6, b"HEAPCCDR")]]
    Nef "nef" Raw "Nikon" ["nef", "nrw"] []
    Arw "arw" Raw "Sony" ["arw", "sr2", "srf"] []
    Dng "dng" Raw "Adobe DNG, of several makers" ["dng", "gpr"] []
    Raf "raf" Raw "Fujifilm" ["raf"] [&[(0, b"FUJIFILMCCD-RAW")]]
    Orf "orf" Raw "Olympus" ["orf", "ori"] [&[(0, b"IIRO")], &[(0, b"IIRS")], &[(0, b"MMOR")], &[(0, b"MMSR")]]
    Rw2 "rw2" Raw "Panasonic, Leica" ["rw2", "raw", "rwl"] [&[(0, b"IIU\0")]]
    Pef "pef" Raw "Pentax" ["pef"] []
    Srw "srw" Raw "Samsung" ["srw"] []
    Mrw "mrw" Raw "Minolta" ["mrw"] [&[(0, b"\0MRM")]]
    X3f "x3f" Raw "Sigma" ["x3f"] [&[(0, b"FOVb")]]
    ThreeFr "3fr" Raw "Hasselblad" ["3fr", "fff"] []
    Iiq "iiq" Raw "Phase One" ["iiq"] []
    Dcr "dcr" Raw "Kodak" ["dcr", "kdc", "k25"] []
    Erf "erf" Raw "Epson" ["erf"] []
    Psd "psd" Photoshop "Photoshop" ["psd", "psb"] [&[(0, b"8BPS\0\x01")], &[(0, b"8BPS\0\x02")]]
    Mp4 "mp4" Video "MPEG-4" ["mp4", "m4v", "f4v", "lrv", "lrf", "insv", "360", "mp4v", "mp"] []
    Mov "mov" Video "QuickTime" ["mov", "qt"] []
    ThreeGp "3gp" Video "3GPP" ["3gp", "3g2", "3gpp", "3gpp2"] []
    Mkv "mkv" Video "Matroska" ["mkv", "mk3d"] [&[(0, b"\x1a\x45\xdf\xa3")]]
    Webm "webm" Video "WebM" ["webm"] []
    Avi "avi" Video "AVI" ["avi", "divx"] [
        &[(0, b"RIFF"), (8, b"AVI ")],
        &[(0, b"RIFF"), (8, b"AVIX")],
        &[(0, b"RF64"), (8, b"AVI ")],
        &[(0, b"RF64"), (8, b"AVIX")],
    ]
    Mts "mts" Video "MPEG transport stream (AVCHD, broadcast)" ["mts", "m2ts", "ts", "m2t"] []
    Mpeg "mpeg" Video "MPEG program stream, and MPEG-1 or MPEG-2 video without a container"
        ["mpg", "mpeg", "vob", "mpe", "mod", "tod", "m2v", "m1v"] [&[(0, b"\0\0\x01\xba")], &[(0, b"\0\0\x01\xb3")]]
    Wmv "wmv" Video "Windows Media (ASF)" ["wmv", "asf", "wm"]
        [&[(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c")]]
    Flv "flv" Video "Flash Video" ["flv"] [&[(0, b"FLV\x01")]]
    Ogv "ogv" Video "Ogg" ["ogv", "ogg", "ogx", "ogm"] []
    Mxf "mxf" Video "MXF" ["mxf"] [&[(0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01")]]
    Dv "dv" Video "DV" ["dv", "dif"] []
    H264 "h264" Video "H.264 without a container" ["h264", "264", "avc"] []
    H265 "h265" Video "HEVC without a container" ["h265", "265", "hevc"] []
}

impl Format {
    /// All formats.
    pub fn all() -> impl Iterator<Item = Format> {
        Format::ALL.iter().copied()
    }

    /// The format whose signature a file begins with. Only the contents distinguish formats that share a container.
    pub fn by_signature(head: &[u8]) -> Option<Format> {
        let is_at =
            |&(at, bytes): &(usize, &[u8])| head.get(at..).is_some_and(|part| part.starts_with(bytes));
        Format::all().find(|f| f.info().signatures.iter().any(|signature| signature.iter().all(is_at)))
    }

    pub fn name(self) -> &'static str {
        self.info().name
    }

    pub fn family(self) -> Family {
        self.info().family
    }

    pub fn kind(self) -> Kind {
        if self.family() == Family::Video { Kind::Video } else { Kind::Photo }
    }

    /// The correct extensions of this format, in lower case.
    pub fn extensions(self) -> &'static [&'static str] {
        self.info().extensions
    }

    pub fn is_raw(self) -> bool {
        self.family() == Family::Raw
    }

    /// Whether it is decoded by shared libraries that only some workers load.
    pub fn needs_all_codecs(self) -> bool {
        matches!(self.family(), Family::Video | Family::Heif)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_extensions_are_in_one_row_each() {
        for (i, format) in Format::all().enumerate() {
            let info = format.info();
            assert_eq!(Format::all().position(|f| f.name() == info.name), Some(i), "{format:?}");
            assert!(!info.extensions.is_empty(), "{format:?}");
            for extension in info.extensions {
                assert_eq!(*extension, extension.to_lowercase(), "{format:?}");
                assert!(!UNREAD_EXTENSIONS.contains(extension), "{extension} is supported");
                assert!(!SIDECAR_EXTENSIONS.contains(extension), "{extension} is a sidecar's");
            }
        }
    }

    #[test]
    fn a_signature_is_not_the_beginning_of_another_one() {
        let begin = |signature: Signature| {
            let mut head = vec![0xAA; 32];
            for (at, bytes) in signature {
                head[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            head
        };
        for format in Format::all() {
            for signature in format.info().signatures {
                assert_eq!(Format::by_signature(&begin(signature)), Some(format), "{format:?}");
            }
        }
        assert_eq!(Format::by_signature(b"\xff\xd8"), None, "a file of two bytes");
    }
}
