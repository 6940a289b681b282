//! The parts of FFmpeg that a file may use: the demuxers of each format, and the decoders.
//!
//! Debian's FFmpeg has some 350 demuxers and 500 decoders, most of them for formats of games and of the
//! nineties, seldom used and seldom fuzzed. A file is opened with the demuxer of the format that `inspect`
//! has detected from its bytes, and with a decoder of this list, also if a container names another and when
//! FFmpeg probes streams itself. No audio is decoded.
//!
//! To support another format, add a row; docs/formats.md has the list for users.

use albumen_core::vocabulary::Format;
use ffmpeg_next::ffi::AVCodecID::{self, *};
use std::ffi::CStr;

/// Formats that FFmpeg opens, and the demuxers for them. If there are several, FFmpeg probes the bytes.
pub(crate) const DEMUXERS: &[(&[Format], &[&CStr])] = &[
    (&[Format::Mp4, Format::Mov, Format::ThreeGp], &[c"mov"]),
    // Sequences of pictures, which are tracks.
    (&[Format::Heic, Format::Heif, Format::Avif], &[c"mov"]),
    (&[Format::Mkv, Format::Webm], &[c"matroska"]),
    (&[Format::Avi], &[c"avi"]),
    (&[Format::Mts], &[c"mpegts"]),
    (&[Format::Wmv], &[c"asf"]),
    (&[Format::Flv], &[c"flv"]),
    (&[Format::Ogv], &[c"ogg"]),
    (&[Format::Mxf], &[c"mxf"]),
    (&[Format::Dv], &[c"dv"]),
    (&[Format::H264], &[c"h264"]),
    (&[Format::H265], &[c"hevc"]),
    // Program streams, and the video alone.
    (&[Format::Mpeg], &[c"mpeg", c"mpegvideo"]),
];

/// The video codecs that are decoded, and FFmpeg's name of the decoder for each.
pub(crate) const DECODERS: &[(AVCodecID, &CStr)] = &[
    (AV_CODEC_ID_HEVC, c"hevc"),
    (AV_CODEC_ID_H264, c"h264"),
    (AV_CODEC_ID_VP8, c"vp8"),
    (AV_CODEC_ID_VP9, c"vp9"),
    (AV_CODEC_ID_AV1, c"libdav1d"),
    (AV_CODEC_ID_MPEG4, c"mpeg4"),
    (AV_CODEC_ID_MPEG1VIDEO, c"mpeg1video"),
    (AV_CODEC_ID_MPEG2VIDEO, c"mpeg2video"),
    (AV_CODEC_ID_MJPEG, c"mjpeg"),
    // Written by cameras and phones before 2012 in MOV, 3GP and AVI.
    (AV_CODEC_ID_H263, c"h263"),
    (AV_CODEC_ID_DVVIDEO, c"dvvideo"),
    (AV_CODEC_ID_MSMPEG4V2, c"msmpeg4v2"),
    (AV_CODEC_ID_MSMPEG4V3, c"msmpeg4"),
    // WMV, FLV and OGV files of the 2000s.
    (AV_CODEC_ID_WMV1, c"wmv1"),
    (AV_CODEC_ID_WMV2, c"wmv2"),
    (AV_CODEC_ID_WMV3, c"wmv3"),
    (AV_CODEC_ID_VC1, c"vc1"),
    (AV_CODEC_ID_FLV1, c"flv"),
    (AV_CODEC_ID_VP6F, c"vp6f"),
    (AV_CODEC_ID_THEORA, c"theora"),
    (AV_CODEC_ID_MSMPEG4V1, c"msmpeg4v1"),
    // Uncompressed or lossless, as in editors' masters.
    (AV_CODEC_ID_RAWVIDEO, c"rawvideo"),
    (AV_CODEC_ID_V210, c"v210"),
    (AV_CODEC_ID_FFV1, c"ffv1"),
    // Written by film cameras.
    (AV_CODEC_ID_PRORES, c"prores"),
];

/// The demuxers for a format; none if FFmpeg is not used for it.
pub(crate) fn demuxers(format: Format) -> &'static [&'static CStr] {
    DEMUXERS.iter().find(|(formats, _)| formats.contains(&format)).map_or(&[], |(_, demuxers)| demuxers)
}

/// The name of the decoder for a codec, if it is allowed.
pub(crate) fn decoder(codec: AVCodecID) -> Option<&'static CStr> {
    DECODERS.iter().find(|(id, _)| *id == codec).map(|(_, name)| *name)
}

/// Names in the syntax of FFmpeg's options.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a CStr>) -> Vec<u8> {
    let names: Vec<&[u8]> = names.map(CStr::to_bytes).collect();
    [names.join(&b","[..]), vec![0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_that_ffmpeg_is_for_has_its_demuxers_and_no_other() {
        for format in Format::all() {
            assert_eq!(format.needs_all_codecs(), !demuxers(format).is_empty(), "{format:?}");
        }
    }

    #[test]
    fn lists_are_what_options_take() {
        assert_eq!(list([c"mov", c"avi"].into_iter()), b"mov,avi\0");
        assert!(decoder(AV_CODEC_ID_FLIC).is_none() && decoder(AV_CODEC_ID_AAC).is_none());
    }
}
