//! Container readers without pixels: one file per format reads its metadata ([`Findings`]).
//!
//! An invalid source affects only itself. All parsers are pure functions of bytes; they run in a worker process.
#![deny(unsafe_code)]

pub mod asf;
pub mod bmff;
pub mod budget;
pub mod bytes;
pub mod dv;
pub mod exif;
pub mod flv;
pub mod heif;
pub mod iptc;
pub mod iso6709;
pub mod jpeg;
pub mod jxl;
pub mod lens;
pub mod makernote;
pub mod matroska;
pub mod motion;
pub mod movie;
pub mod mpeg;
pub mod mrw;
pub mod mxf;
pub mod ogg;
pub mod photoshop;
pub mod preview;
pub mod psd;
pub mod raster;
pub mod raw;
pub mod rdf;
pub mod regions;
pub mod riff;
pub mod sidecar;
pub mod sniff;
#[cfg(test)]
mod testing;
pub mod tiff;
pub mod values;
pub mod x3f;
pub mod xmp;

use albumen_core::fault::Fault;
use albumen_core::vocabulary::Format;
use bytes::Reader;
use exif::Exif;
use iptc::Iptc;
use movie::Movie;
use xmp::Xmp;

/// Reads a file of a format that [`sniff::sniff`] has detected.
pub fn read(reader: &Reader, format: Format) -> Findings {
    use Format::*;
    match format {
        Jpeg => jpeg::read(reader),
        Heic | Heif | Avif => heif::read(reader),
        Png => raster::read_png(reader),
        Gif => raster::read_gif(reader),
        Webp => raster::read_webp(reader),
        Bmp => raster::read_bmp(reader),
        Tiff | Cr2 | Nef | Arw | Dng | Orf | Rw2 | Pef | Srw | ThreeFr | Iiq | Dcr | Erf => {
            raw::read_tiff(reader, format)
        }
        Mrw => mrw::read(reader),
        X3f => x3f::read(reader),
        Psd => psd::read(reader),
        Raf => raw::read_raf(reader),
        Crw => raw::read_crw(reader),
        Cr3 => raw::read_cr3(reader),
        Jxl => jxl::read_jxl(reader),
        Jp2 => jxl::read_jp2(reader),
        Mp4 | Mov | ThreeGp => movie::read(reader),
        Mkv | Webm => matroska::read(reader),
        Avi => riff::read_avi(reader),
        Mts => mpeg::read_transport(reader),
        Mpeg => mpeg::read_program(reader),
        Wmv => asf::read(reader),
        Flv => flv::read(reader),
        Ogv => ogg::read(reader),
        Mxf => mxf::read(reader),
        Dv => dv::read(reader),
        H264 => mpeg::read_bare(reader, "h264"),
        H265 => mpeg::read_bare(reader, "hevc"),
    }
}

/// What unsupported files begin with: position, bytes, and what they are.
const UNSUPPORTED: &[(usize, &[u8], &str)] = &[
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"Rar!\x1a", "a RAR archive"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"ID3", "a sound file"),
    (0, b"OggS", "a sound file"),
    (0, b"fLaC", "a sound file"),
    (8, b"WAVE", "a sound file"),
    (0, b"FORM", "an Amiga or AIFF file"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"\0\0\x02\0", "a mouse pointer"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (0, b"#?RADIANCE", "a Radiance picture"),
    (0, b"II\xbc", "a JPEG XR picture"),
    (0, b"BPG\xfb", "a BPG picture"),
    (0, b"FLIF", "a FLIF picture"),
    (0, b"qoif", "a QOI picture"),
    (0, b"DDS ", "a texture (DDS)"),
    (0, b"SIMPLE  =", "an astronomical picture (FITS)"),
    (0, b"\x8aMNG", "an MNG animation"),
    (0, b"\0\0\x01\xb0", "MPEG-4 video without a container"),
    (0, b"DKIF", "VP8, VP9 or AV1 video without a container (IVF)"),
    (0, b".RMF", "a RealMedia video"),
    (0, b"FWS", "a Flash animation"),
    (0, b"CWS", "a Flash animation"),
];

/// Why the format of a file is unknown, in words for its owner.
pub fn unknown(reader: &Reader) -> Fault {
    let head = reader.view().head(512);
    if head.is_empty() {
        return Fault::corrupt("the file is empty");
    }
    if head.iter().all(|&b| b == 0) {
        return Fault::corrupt("the file holds only zeros: a copy that was never finished");
    }
    let is_at = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|part| part.starts_with(bytes));
    if let Some((_, _, what)) = UNSUPPORTED.iter().find(|(at, bytes, _)| is_at(*at, bytes)) {
        return Fault::unsupported(format!("{what}, which Albumen does not read"));
    }
    let text = head.iter().all(|&b| b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r'))
        && std::str::from_utf8(&head).is_ok();
    if text {
        return Fault::corrupt("the content is text, not a picture or video");
    }
    Fault::corrupt("the content does not begin like any picture or video")
}

/// The structure of a file as its decoder needs it, so that the file is parsed once. A decoder reads what is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Container {
    pub heif: Option<heif::Structure>,
    /// The parts of a JPEG's ICC profile, in order; none without a complete profile.
    pub jpeg_profile: Option<Vec<jpeg::Part>>,
    /// The finished pictures in a RAW file, largest first.
    pub previews: Option<Vec<preview::Preview>>,
}

/// The results of a format's reader, before any choice between sources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// The format, if the reader found a more precise one.
    pub format: Option<Format>,
    pub container: Container,
    /// Width and height as coded.
    pub coded: Option<(u32, u32)>,
    /// The upright size, if the container itself defines it (HEIF, JPEG XL, video); else EXIF does.
    pub display: Option<(u32, u32)>,
    /// The container's own orientation (video matrix, JPEG XL).
    pub orientation: Option<u8>,
    pub exif: Option<Exif>,
    /// All packets, the main one first.
    pub xmp: Vec<Xmp>,
    pub iptc: Option<Iptc>,
    /// Number of EXIF and XMP packets read, valid or not.
    packets: usize,
    /// Texts with their own keys: `png:Creation Time`.
    pub text: Vec<(String, String)>,
    pub movie: Option<Movie>,
    /// ITU-T H.273 transfer characteristics: 16 is PQ, 18 is HLG.
    pub transfer: Option<u16>,
    pub iso_gain_map: bool,
    pub google_gain_map: bool,
    pub apple_gain_map: bool,
    /// Offset and length of the multi-picture directory.
    pub mpf: Option<(u64, u64)>,
    /// Offset and length of a video according to the container.
    pub embedded_video: Option<(u64, u64)>,
}

impl Findings {
    /// Adds a block; the first one with a value has precedence.
    fn add_exif(&mut self, exif: Option<Exif>) {
        let Some(mut exif) = exif else { return };
        if !self.has_room_for_packet() {
            return;
        }
        if let Some(packet) = exif.xmp.take() {
            self.add_xmp(packet);
        }
        if let Some(block) = exif.iptc.take() {
            photoshop::read_block(&block, self);
        }
        match &mut self.exif {
            Some(have) => have.absorb(exif),
            None => self.exif = Some(exif),
        }
    }

    fn add_xmp(&mut self, packet: Vec<u8>) {
        if self.has_room_for_packet() {
            self.xmp.extend(xmp::read(&packet));
        }
    }

    /// Counts a metadata packet, valid or not. False: there are too many.
    fn has_room_for_packet(&mut self) -> bool {
        /// Per file: EXIF and XMP, an extension, a copy in another container, those of each embedded picture.
        const MAX_PACKETS: usize = 24;
        self.packets += 1;
        self.packets <= MAX_PACKETS
    }

    fn add_text(&mut self, key: &str, value: String) {
        const MAX_TEXTS: usize = 1000;
        /// Bytes of all of them.
        const MAX_BYTES: usize = 1 << 20;
        let before: usize = self.text.iter().map(|(_, value)| value.len()).sum();
        if self.text.len() < MAX_TEXTS && before + value.len() <= MAX_BYTES {
            self.text.push((key.to_owned(), value));
        }
    }

    fn movie_mut(&mut self) -> &mut Movie {
        self.movie.get_or_insert_with(Movie::default)
    }

    /// The XMP packets.
    pub fn tags(&self) -> impl Iterator<Item = &Xmp> {
        self.xmp.iter()
    }
}
