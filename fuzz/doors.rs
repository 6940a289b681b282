//! The doors through which strange bytes come in, one for each parser of Albumen's own. A door takes any bytes,
//! puts them where a file would have them, and lets the parser read. It must come back: without a panic, in
//! little time, in little memory.
//!
//! The fuzz targets open them with made-up bytes; `tests/it/faults.rs` with what fuzzing has found before.

use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, FixedAdmission, Inputs, PreviewSize, RenderSettings};
use albumen_isolation::protocol;
use albumen_media::decode::{self, heif::items};

/// A door's name, which is also its fuzz target's and that of its folder of regression inputs.
pub type Door = (&'static str, fn(&[u8]));

/// All of them.
pub const DOORS: &[Door] = &[
    ("protocol", protocol_door),
    ("any", |bytes| inspect(bytes.to_vec())),
    ("jpeg", |bytes| inspect([b"\xFF\xD8\xFF", bytes].concat())),
    ("exif", |bytes| inspect(in_jpeg(0xE1, &[b"Exif\0\0", bytes].concat()))),
    ("xmp", |bytes| inspect(in_jpeg(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", bytes].concat()))),
    ("iptc", |bytes| inspect(in_jpeg(0xED, &photoshop(bytes)))),
    ("sidecar_xmp", |bytes| beside(b"a.jpg.xmp", bytes)),
    ("sidecar_json", |bytes| beside(b"a.jpg.json", bytes)),
    ("heif", |bytes| inspect([b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", bytes].concat())),
    ("movie", |bytes| inspect([b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", bytes].concat())),
    ("matroska", |bytes| inspect([b"\x1A\x45\xDF\xA3", bytes].concat())),
    ("avi", |bytes| inspect([b"RIFF\xFF\xFF\xFF\0AVI LIST", bytes].concat())),
    ("webp", |bytes| inspect([b"RIFF\xFF\xFF\xFF\0WEBPVP8X", bytes].concat())),
    ("tiff", |bytes| inspect([b"II*\0", bytes].concat())),
    ("tiff_big", |bytes| inspect([b"II+\0\x08\0\0\0", bytes].concat())),
    ("raf", |bytes| inspect([b"FUJIFILMCCD-RAW 0201", bytes].concat())),
    ("crw", |bytes| inspect([b"II\x1A\0\0\0HEAPCCDR", bytes].concat())),
    ("cr3", |bytes| inspect([b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", bytes].concat())),
    ("png", |bytes| inspect([b"\x89PNG\r\n\x1A\n", bytes].concat())),
    ("gif", |bytes| inspect([b"GIF89a", bytes].concat())),
    ("jxl", |bytes| inspect([b"\0\0\0\x0CJXL \r\n\x87\n", bytes].concat())),
    ("mpeg", |bytes| inspect([b"\0\0\x01\xBA", bytes].concat())),
    ("asf", |bytes| {
        inspect([&b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C"[..], bytes].concat())
    }),
    ("flv", |bytes| inspect([b"FLV\x01", bytes].concat())),
    ("ogg", |bytes| inspect([b"OggS\0\x02", bytes].concat())),
    ("mxf", |bytes| inspect([b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01", bytes].concat())),
    ("dv", |bytes| inspect([&dv_header(), bytes].concat())),
    ("h264", |bytes| inspect([b"\0\0\0\x01\x67", bytes].concat())),
    ("mini", |bytes| inspect([b"\0\0\0\x10ftypmif3avif\0\0\xFF\xFFmini", bytes].concat())),
    ("mrw", |bytes| inspect([b"\0MRM", bytes].concat())),
    ("x3f", |bytes| inspect([b"FOVb", bytes].concat())),
    ("psd", |bytes| inspect([b"8BPS\0", bytes].concat())),
    ("previews", previews),
    ("heif_items", heif_items),
    ("raw_develop", raw_develop),
    ("develop", develop),
];

/// Opens the door of this name.
pub fn open(name: &str, bytes: &[u8]) {
    let (_, door) = DOORS.iter().find(|(n, _)| *n == name).expect("a door of this name");
    door(bytes);
}

fn request(sidecars: Vec<Vec<u8>>) -> DevelopRequest {
    let preview = RenderSettings { preview_size: PreviewSize::LongEdge(2560), ..RenderSettings::default() };
    DevelopRequest {
        name: b"a.jpg".to_vec(),
        folder: b"2020/05".to_vec(),
        mtime_ns: 1_600_000_000_000_000_000,
        sidecars,
        render: Some(preview),
    }
}

/// A worker's words: a message, and a reply whose first two bytes say how long its header is.
fn protocol_door(bytes: &[u8]) {
    let _ = protocol::decode::<protocol::Say>(bytes);
    let _ = protocol::decode::<protocol::Ask>(bytes);
    let _ = protocol::decode::<protocol::Grant>(bytes);
    let _ = protocol::jpeg_size(bytes);
    let Some((&[hi, lo], rest)) = bytes.split_first_chunk() else { return };
    let reply = Source::from_bytes(rest.to_vec());
    let header = u64::from(u16::from_be_bytes([hi, lo]));
    let _ = protocol::read_recognised(&reply, reply.len());
    if let Ok(Ok(developed)) = protocol::read_developed(&reply, header, &request(Vec::new())) {
        // What was accepted is what was sent, so it passes again.
        let outcome = Ok(developed);
        let (header, body) = protocol::encode_developed(&outcome);
        let len = header.len() as u64;
        let again = Source::from_bytes([header, body.concat()].concat());
        assert!(protocol::read_developed(&again, len, &request(Vec::new())).is_ok());
    }
}

fn inspect(file: Vec<u8>) {
    let inputs = Inputs { primary: Source::from_bytes(file), sidecars: Vec::new() };
    checked(&request(Vec::new()), &inputs);
}

fn beside(name: &[u8], sidecar: &[u8]) {
    let primary = Source::from_bytes(in_jpeg(0xE0, b"JFIF\0"));
    let inputs = Inputs { primary, sidecars: vec![Source::from_bytes(sidecar.to_vec())] };
    checked(&request(vec![name.to_vec()]), &inputs);
}

/// Whatever is found must be what the engine believes: else a good file with strange words in it would be
/// recorded as a crash.
fn checked(request: &DevelopRequest, inputs: &Inputs) {
    let Ok(facts) = albumen_media::inspect::inspect(request, inputs) else { return };
    let request = DevelopRequest { render: None, ..request.clone() };
    let outcome = Ok(albumen_core::vocabulary::Developed { facts, ..Default::default() });
    let (header, _) = protocol::encode_developed(&outcome);
    let len = header.len() as u64;
    let reply = protocol::read_developed(&Source::from_bytes(header), len, &request);
    assert!(reply.is_ok(), "the engine would not believe: {}", reply.unwrap_err());
}

/// The blocks of DV that tell it from other files: a header, two of sub-code, one of the video's own.
fn dv_header() -> Vec<u8> {
    let mut header = vec![0; 241];
    header[..4].copy_from_slice(b"\x1F\x07\0\x3F");
    (header[80], header[160], header[240]) = (0x3F, 0x3F, 0x56);
    header
}

/// The walk to the previews of RAW files.
fn previews(bytes: &[u8]) {
    let reader = albumen_formats::bytes::Reader::from_bytes(bytes.to_vec());
    let found = albumen_formats::preview::previews(&reader);
    assert!(found.iter().all(|p| p.at <= bytes.len() as u64));
}

/// The item table that decoding reads, and the grids that it names.
fn heif_items(bytes: &[u8]) {
    let Ok(items) = items::parse_meta(bytes, 0) else { return };
    let source = Source::from_bytes(bytes.to_vec());
    for id in 0..16 {
        let Some(item) = items.get(id) else { continue };
        let _ = (items.grid(&source, item), items.is_alpha(item), items.properties_of(item).count());
        let _ = (items.references(id, b"dimg"), items.referring(id, b"auxl").count());
    }
}

/// LibRaw, which is given what a sealed worker would give it. It has faults of its own, so that no other door leads there.
fn raw_develop(bytes: &[u8]) {
    let source = Source::from_bytes(bytes.to_vec());
    let fit = |width: u32, height: u32| (width.min(64), height.min(64));
    let Ok(pixels) = decode::develop_sensor(&source, &Facts::default(), &fit, &FixedAdmission(64 << 20))
    else {
        return;
    };
    assert_eq!(pixels.rgb.len(), pixels.width as usize * pixels.height as usize * 3);
}

/// The whole way of a file through a worker, codecs and all but LibRaw.
fn develop(bytes: &[u8]) {
    let inputs = Inputs { primary: Source::from_bytes(bytes.to_vec()), sidecars: Vec::new() };
    let request = request(Vec::new());
    let outcome = albumen_worker::develop::develop_by(&request, &inputs, &FixedAdmission(64 << 20), true);
    let (header, body) = protocol::encode_developed(&outcome);
    let len = header.len() as u64;
    let reply =
        protocol::read_developed(&Source::from_bytes([header, body.concat()].concat()), len, &request);
    assert!(reply.is_ok(), "the engine would not believe: {}", reply.unwrap_err());
}

/// A JPEG with these bytes in one segment, as many as fit.
fn in_jpeg(marker: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(65_533)];
    let len = (payload.len() as u16 + 2).to_be_bytes();
    let frame = b"\xFF\xC0\0\x0B\x08\0\x10\0\x10\x01\x01\x11\0\xFF\xD9";
    [b"\xFF\xD8\xFF", &[marker][..], &len, payload, frame].concat()
}

/// A Photoshop resource block that holds these bytes as IPTC.
fn photoshop(iptc: &[u8]) -> Vec<u8> {
    let iptc = &iptc[..iptc.len().min(65_000)];
    [b"Photoshop 3.0\x008BIM\x04\x04\0\0", &(iptc.len() as u32).to_be_bytes()[..], iptc].concat()
}
