//! JPEG files with the metadata of cameras and phones: EXIF, the GPano packet of a full sphere, the packet of
//! a motion photo.

use super::scene::Picture;

/// Facts of a generated photo.
pub(crate) struct Shot {
    pub make: &'static str,
    pub model: &'static str,
    pub lens: &'static str,
    /// `YYYY:MM:DD HH:MM:SS`.
    pub taken: String,
    /// `+02:00`.
    pub offset: &'static str,
    /// Latitude and longitude in degrees.
    pub gps: Option<(f64, f64)>,
    pub iso: u16,
    /// Exposure time as a fraction of a second: 1 / this.
    pub exposure: u32,
    /// Aperture and focal length in tenths.
    pub aperture: u32,
    pub focal: u32,
}

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

/// One tag of an IFD; the value little endian.
struct Tag(u16, u16, u32, Vec<u8>);

fn ascii(tag: u16, text: &str) -> Tag {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    Tag(tag, ASCII, bytes.len() as u32, bytes)
}

fn short(tag: u16, value: u16) -> Tag {
    Tag(tag, SHORT, 1, value.to_le_bytes().to_vec())
}

fn long(tag: u16, value: u32) -> Tag {
    Tag(tag, LONG, 1, value.to_le_bytes().to_vec())
}

fn rationals(tag: u16, values: &[(u32, u32)]) -> Tag {
    let bytes = values.iter().flat_map(|(n, d)| [n.to_le_bytes(), d.to_le_bytes()]).flatten().collect();
    Tag(tag, RATIONAL, values.len() as u32, bytes)
}

/// An IFD that begins at `at`, values after it, no next one.
fn ifd(tags: &[Tag], at: usize) -> Vec<u8> {
    let mut head = (tags.len() as u16).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let values_at = at + 2 + tags.len() * 12 + 4;
    for Tag(tag, kind, count, value) in tags {
        head.extend(tag.to_le_bytes());
        head.extend(kind.to_le_bytes());
        head.extend(count.to_le_bytes());
        if value.len() <= 4 {
            head.extend(value);
            head.extend(std::iter::repeat_n(0, 4 - value.len()));
        } else {
            head.extend(((values_at + values.len()) as u32).to_le_bytes());
            values.extend(value);
            values.extend(std::iter::repeat_n(0, value.len() % 2));
        }
    }
    head.extend([0; 4]);
    head.extend(values);
    head
}

/// Degrees, minutes and hundredths of seconds.
fn sexagesimal(degrees: f64) -> [(u32, u32); 3] {
    let hundredths = (degrees.abs() * 360_000.0).round() as u32;
    [(hundredths / 360_000, 1), (hundredths / 6_000 % 60, 1), (hundredths % 6_000, 100)]
}

/// The EXIF block: `Exif`, then a little-endian TIFF.
fn exif(shot: &Shot) -> Vec<u8> {
    let details = [
        rationals(0x829a, &[(1, shot.exposure)]),
        rationals(0x829d, &[(shot.aperture, 10)]),
        short(0x8827, shot.iso),
        ascii(0x9003, &shot.taken),
        ascii(0x9011, shot.offset),
        rationals(0x920a, &[(shot.focal, 10)]),
        ascii(0xa434, shot.lens),
    ];
    let mut first = vec![
        ascii(0x010f, shot.make),
        ascii(0x0110, shot.model),
        short(0x0112, 1),
        ascii(0x0132, &shot.taken),
        long(0x8769, 0),
    ];
    if shot.gps.is_some() {
        first.push(long(0x8825, 0));
    }
    let details_at = 8 + ifd(&first, 8).len();
    let details = ifd(&details, details_at);
    let place_at = details_at + details.len();
    first[4] = long(0x8769, details_at as u32);
    if shot.gps.is_some() {
        first[5] = long(0x8825, place_at as u32);
    }
    let mut out = b"Exif\0\0II*\0\x08\0\0\0".to_vec();
    out.extend(ifd(&first, 8));
    out.extend(details);
    if let Some((lat, lon)) = shot.gps {
        let place = [
            ascii(1, if lat < 0.0 { "S" } else { "N" }),
            rationals(2, &sexagesimal(lat)),
            ascii(3, if lon < 0.0 { "W" } else { "E" }),
            rationals(4, &sexagesimal(lon)),
        ];
        out.extend(ifd(&place, place_at));
    }
    out
}

fn xmp(attributes: &str, content: &str) -> Vec<u8> {
    format!(
        "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
         xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
         {attributes}>{content}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

/// The packet that marks a full sphere for viewers.
pub(crate) fn sphere_packet(width: usize, height: usize) -> Vec<u8> {
    xmp(
        &format!(
            "xmlns:GPano=\"http://ns.google.com/photos/1.0/panorama/\" GPano:ProjectionType=\"equirectangular\" \
             GPano:UsePanoramaViewer=\"True\" GPano:FullPanoWidthPixels=\"{width}\" \
             GPano:FullPanoHeightPixels=\"{height}\" GPano:CroppedAreaImageWidthPixels=\"{width}\" \
             GPano:CroppedAreaImageHeightPixels=\"{height}\" GPano:CroppedAreaLeftPixels=\"0\" \
             GPano:CroppedAreaTopPixels=\"0\""
        ),
        "",
    )
}

/// The packet of a motion photo whose video is the last `length` bytes of the file.
pub(crate) fn motion_packet(length: usize) -> Vec<u8> {
    xmp(
        "xmlns:Camera=\"http://ns.google.com/photos/1.0/camera/\" \
         xmlns:Container=\"http://ns.google.com/photos/1.0/container/\" \
         xmlns:Item=\"http://ns.google.com/photos/1.0/container/item/\" Camera:MotionPhoto=\"1\" \
         Camera:MotionPhotoVersion=\"1\" Camera:MotionPhotoPresentationTimestampUs=\"500000\"",
        &format!(
            "<Container:Directory><rdf:Seq><rdf:li rdf:parseType=\"Resource\"><Container:Item \
             Item:Mime=\"image/jpeg\" Item:Semantic=\"Primary\"/></rdf:li><rdf:li rdf:parseType=\"Resource\">\
             <Container:Item Item:Mime=\"video/mp4\" Item:Semantic=\"MotionPhoto\" Item:Length=\"{length}\"/>\
             </rdf:li></rdf:Seq></Container:Directory>"
        ),
    )
}

/// A JPEG of a picture with EXIF and further APP1 packets.
pub(crate) fn encode(
    picture: &Picture,
    shot: Option<&Shot>,
    packets: &[Vec<u8>],
) -> Result<Vec<u8>, turbojpeg::Error> {
    let image = turbojpeg::Image {
        pixels: picture.pixels.as_slice(),
        width: picture.width,
        pitch: picture.width * 3,
        height: picture.height,
        format: turbojpeg::PixelFormat::RGB,
    };
    let plain = turbojpeg::compress(image, 88, turbojpeg::Subsamp::Sub2x2)?;
    let mut out = plain[..2].to_vec();
    for block in shot.map(exif).iter().chain(packets) {
        out.extend([0xff, 0xe1]);
        out.extend(((block.len() + 2) as u16).to_be_bytes());
        out.extend(block);
    }
    out.extend(&plain[2..]);
    Ok(out)
}
