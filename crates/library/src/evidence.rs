//! The data of a file and its sidecars, as input of the rules that choose a fact.

use albumen_formats::exif::Exif;
use albumen_formats::iptc::Iptc;
use albumen_formats::movie::Movie;
use albumen_formats::sidecar::Takeout;
use albumen_formats::xmp::Xmp;

/// All sources that a fact may come from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    pub exif: Option<&'a Exif>,
    pub xmp: &'a [Xmp],
    /// By the sidecar's name.
    pub sidecar_xmp: &'a [(String, Xmp)],
    /// EXIF of the thumbnails that a camera made of a clip, by the thumbnail's name.
    pub sidecar_exif: &'a [(String, Exif)],
    pub takeout: &'a [(String, Takeout)],
    pub iptc: Option<&'a Iptc>,
    pub movie: Option<&'a Movie>,
    pub text: &'a [(String, String)],
    /// The camera's maker, as chosen.
    pub make: &'a str,
    pub name: &'a str,
    /// Relative to the volume.
    pub folder: &'a str,
    pub mtime_ns: i64,
    pub is_video: bool,
    /// Milliseconds since 1970 that the camera writes after the picture.
    pub utc_ms: Option<i64>,
}

impl<'a> Evidence<'a> {
    /// A text by its key.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.text.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.as_str())
    }
}
