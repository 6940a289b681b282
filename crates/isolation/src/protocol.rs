//! The messages between the engine and a worker, and the engine's validation of them.
//!
//! A worker starts with [`Say::Hello`]. Then, for each file: the engine sends an [`Ask`] with the open files; the
//! worker may send [`Say::Need`] several times and waits for a [`Grant`]; it ends with [`Say::Done`] after it has
//! written a JSON header, followed by the JPEG bytes of the derivatives, into the reply's memory, which the engine
//! created.
//!
//! A compromised worker may send anything. Everything here is therefore a pure function over bytes that returns a
//! checked value or [`ProtocolViolation`]; no value from a worker is used before it is checked. These functions are fuzzed
//! (`fuzz/`). [`super::wire`] defines the transport.

use super::sandbox::SandboxReport;
use albumen_core::fault::Fault;
use albumen_core::ladder::{LADDER, LONG_EDGE_CAP};
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    Box4, DerivativeName, DevelopRequest, Developed, Facts, Pictures, PreviewSize, RecogniseRequest,
    Recognised, Rendition, StageCpu,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// Bytes of a reply's JSON header. Five hundred faces with 512-value embeddings need 1.3 MB.
pub const HEADER_LIMIT: u64 = 4 << 20;
/// Nodes of the header's JSON: of facts, and of faces, which have 512 numbers each.
const FACTS_NODES: usize = 100_000;
const FACES_NODES: usize = 850_000;
/// Bytes of a whole reply, which the engine holds while it writes the files. The largest possible reply is a `full`
/// preview; 200 megapixels at quality 80 give about 60 MB.
pub const REPLY_LIMIT: u64 = 128 << 20;
/// Bytes of one string in a reply. The longest captions that programs write are some thousand letters.
pub const STRING_LIMIT: usize = 32 << 10;
/// Entries of one list in a reply.
pub const LIST_LIMIT: usize = 4096;
/// Bytes of the reason in a fault.
const REASON_LIMIT: usize = 1000;
/// Faces in one picture; the largest group photos have about a thousand.
const FACES_LIMIT: usize = 2000;
/// A JPEG is at most this many pixels wide or high (its own limit).
const JPEG_LIMIT: u32 = 65_535;
/// Bytes per pixel that no baseline JPEG reaches (4:4:4 at quality 100 on noise stays below 4), and bytes for
/// headers.
const JPEG_BYTES_A_PIXEL: u64 = 6;
const JPEG_HEADERS: u64 = 64 << 10;

/// Plausible durations in seconds: up to a thousand years. Also more pictures per second than any camera takes.
const SECONDS: std::ops::Range<f64> = 0.0..3.2e10;

/// The exit status of a worker that needed more memory than its grant.
pub const EXIT_TOO_LARGE: i32 = 97;
/// The exit status of a worker for which the machine had no descriptor or memory left: its file is not at fault.
pub const EXIT_SHORT: i32 = 96;
/// The exit status of a worker that caught a panic: its state is not reliable for the next file.
pub const EXIT_PANICKED: i32 = 98;

/// The other side violated the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("violated the protocol: {0}")]
pub struct ProtocolViolation(pub Cow<'static, str>);

impl From<&'static str> for ProtocolViolation {
    fn from(what: &'static str) -> ProtocolViolation {
        ProtocolViolation(what.into())
    }
}

impl From<ProtocolViolation> for Fault {
    fn from(n: ProtocolViolation) -> Fault {
        Fault::crashed(n)
    }
}

// ------------------------------------------------------------------------------------------ messages

/// A worker's first message, after it has initialised its codecs and entered the sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the program: engine and worker must be of one build.
    pub version: String,
    pub sandbox: SandboxReport,
    /// Why the process cannot work (a recogniser without its models); it exits after this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unable: Option<String>,
}

/// A request of the engine. Files are sent with it: the primary first, then the sidecars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Develop {
        request: DevelopRequest,
        /// Bytes granted from the start, beyond the worker's fixed allowance.
        granted: u64,
        /// The maximum that could ever be granted.
        ceiling: u64,
        /// Of a RAW file nothing but its finished pictures may be read.
        previews_only: bool,
    },
    Recognise(RecogniseRequest),
}

/// The response to [`Say::Need`].
pub type Grant = Result<(), Fault>;

/// A message of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    Hello(Hello),
    /// Requests this number of bytes in total for the current file, beyond the fixed allowance; waits for a
    /// [`Grant`].
    Need {
        bytes: u64,
    },
    /// The last message: an allocation would have exceeded the grant. `bytes` in total would have been needed.
    Overran {
        bytes: u64,
    },
    /// The current file needs codecs that this worker has not loaded: another worker must process it.
    Elsewhere,
    /// The reply's memory contains `header` bytes of JSON, then `body` bytes of JPEGs.
    Done {
        header: u64,
        body: u64,
    },
}

/// A message as bytes.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("the protocol's types have string keys only")
}

/// A message from bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProtocolViolation> {
    serde_json::from_slice(bytes).map_err(|e| ProtocolViolation(e.to_string().into()))
}

// ------------------------------------------------------------------------------------- develop's reply

#[derive(Serialize, Deserialize)]
struct WireDeveloped {
    facts: Facts,
    pictures: Option<Result<WirePictures, Fault>>,
    cpu: StageCpu,
}

#[derive(Serialize, Deserialize)]
struct WirePictures {
    renditions: Vec<WireRendition>,
    thumbhash: Vec<u8>,
    damaged: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct WireRendition {
    name: DerivativeName,
    width: u32,
    height: u32,
    /// Bytes; the pictures are stored one after the other in this order.
    len: u64,
}

/// A reply's header, and the bytes of its pictures, which follow it.
pub fn encode_developed(outcome: &Result<Developed, Fault>) -> (Vec<u8>, Vec<&[u8]>) {
    let mut body = Vec::new();
    let wire = match outcome {
        Err(fault) => Err(fault.clone()),
        Ok(developed) => Ok(WireDeveloped {
            facts: believable(&developed.facts),
            cpu: developed.cpu,
            pictures: developed.pictures.as_ref().map(|pictures| match pictures {
                Err(fault) => Err(fault.clone()),
                Ok(p) => Ok(WirePictures {
                    renditions: p
                        .renditions
                        .iter()
                        .map(|r| {
                            body.push(&r.jpeg[..]);
                            WireRendition {
                                name: r.name,
                                width: r.width,
                                height: r.height,
                                len: r.jpeg.len() as u64,
                            }
                        })
                        .collect(),
                    thumbhash: p.thumbhash.clone(),
                    damaged: p.damaged.clone(),
                }),
            }),
        }),
    };
    (encode_clipped(&wire), body)
}

/// JSON in which values longer than the limits of the other side are cut, so that a long caption loses its end and
/// the file does not fail.
fn encode_clipped<T: Serialize>(value: &T) -> Vec<u8> {
    fn clip(value: &mut Value) {
        match value {
            Value::String(s) if s.len() > STRING_LIMIT => s.truncate(s.floor_char_boundary(STRING_LIMIT)),
            Value::Array(list) => {
                list.truncate(LIST_LIMIT);
                list.iter_mut().for_each(clip);
            }
            Value::Object(map) => map.values_mut().for_each(clip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(value).expect("the protocol's types have string keys only");
    for reason in ["/Err/why", "/Err/detail", "/Ok/pictures/Err/why", "/Ok/pictures/Err/detail"] {
        if let Some(Value::String(words)) = value.pointer_mut(reason) {
            words.truncate(words.floor_char_boundary(REASON_LIMIT));
        }
    }
    clip(&mut value);
    encode(&value)
}

/// The reply to a [`DevelopRequest`], read from the reply's memory and checked against the request: every length,
/// every picture's name, size and frame header, every string and list.
pub fn read_developed(
    reply: &Source,
    header: u64,
    request: &DevelopRequest,
) -> Result<Result<Developed, Fault>, ProtocolViolation> {
    let wire: Result<WireDeveloped, Fault> = read_header(reply, header, FACTS_NODES)?;
    let wire = match wire {
        Ok(wire) => wire,
        Err(fault) if reply.len() == header => return Ok(Err(believable_fault(fault)?)),
        Err(_) => return Err("a fault with pictures".into()),
    };
    believable_facts(&wire.facts)?;
    believable_seconds(&[wire.cpu.inspect_s, wire.cpu.decode_s, wire.cpu.render_s])?;
    let mut at = header;
    let pictures = match (wire.pictures, &request.render) {
        (None, None) => None,
        (Some(Err(fault)), Some(_)) => Some(Err(believable_fault(fault)?)),
        (Some(Ok(pictures)), Some(settings)) => {
            let mut renditions = Vec::new();
            let mut previous: Option<DerivativeName> = None;
            for r in pictures.renditions {
                // Xl, m, sm, preview: strictly in this order, so no name comes twice.
                if previous.is_some_and(|p| p >= r.name)
                    || (previous.is_none() && r.name != DerivativeName::Xl)
                {
                    return Err("pictures missing, repeated or out of order".into());
                }
                previous = Some(r.name);
                believable_size(r.name, r.width, r.height, settings.preview_size)?;
                let most = u64::from(r.width) * u64::from(r.height) * JPEG_BYTES_A_PIXEL + JPEG_HEADERS;
                if r.len > most || r.len > reply.len().saturating_sub(at) {
                    return Err("a picture longer than it can be".into());
                }
                let len = usize::try_from(r.len).map_err(|_| "a picture longer than it can be")?;
                let jpeg = reply.slice(at, len).map_err(|_| "a picture outside the reply's memory")?;
                if jpeg_size(&jpeg) != Some((r.width, r.height)) {
                    return Err("a picture that is no JPEG of its size".into());
                }
                at += r.len;
                renditions.push(Rendition { name: r.name, width: r.width, height: r.height, jpeg });
            }
            if renditions.is_empty() {
                return Err("no pictures".into());
            }
            // A ThumbHash is 5 to 25 bytes.
            if pictures.thumbhash.len() > 32
                || pictures.damaged.as_ref().is_some_and(|d| d.len() > STRING_LIMIT)
            {
                return Err("a thumbhash or a reason that is too long".into());
            }
            Some(Ok(Pictures { renditions, thumbhash: pictures.thumbhash, damaged: pictures.damaged }))
        }
        (None, Some(_)) => return Err("no word on the pictures asked for".into()),
        (Some(_), None) => return Err("pictures that were not asked for".into()),
    };
    if at != reply.len() {
        return Err("bytes that belong to nothing".into());
    }
    Ok(Ok(Developed { facts: wire.facts, pictures, cpu: wire.cpu }))
}

/// The reply's JSON header as a value, with strings and lists within the limits.
fn read_header<T: DeserializeOwned>(
    reply: &Source,
    header: u64,
    nodes: usize,
) -> Result<T, ProtocolViolation> {
    fn check(value: &Value) -> Result<(), ProtocolViolation> {
        match value {
            Value::String(s) if s.len() > STRING_LIMIT => Err("a text that is too long".into()),
            Value::Array(list) if list.len() > LIST_LIMIT => Err("a list that is too long".into()),
            Value::Array(list) => list.iter().try_for_each(check),
            Value::Object(map) if map.len() > LIST_LIMIT => Err("a list that is too long".into()),
            Value::Object(map) => map.iter().try_for_each(|(key, value)| {
                if key.len() > STRING_LIMIT { Err("a text that is too long".into()) } else { check(value) }
            }),
            _ => Ok(()),
        }
    }
    if header > HEADER_LIMIT || header > reply.len() || reply.len() > REPLY_LIMIT {
        return Err("a reply that is too long".into());
    }
    let bytes = reply.slice(0, header as usize).map_err(|_| "a header outside the reply's memory")?;
    check_nodes(&bytes, nodes)?;
    let value: Value = decode(&bytes)?;
    check(&value)?;
    serde_json::from_value(value).map_err(|e| ProtocolViolation(e.to_string().into()))
}

/// Refuses JSON whose tree would have too many nodes, before the tree is built: two bytes make a node of 32, and an
/// object of eight bytes one of 600.
fn check_nodes(json: &[u8], most: usize) -> Result<(), ProtocolViolation> {
    /// Nodes that an object counts as.
    const OBJECT: usize = 16;
    let (mut nodes, mut in_text, mut escaped) = (0, false, false);
    for byte in json {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{') => nodes += OBJECT,
            (false, b'[' | b',') => nodes += 1,
            _ => {}
        }
    }
    if nodes > most { Err("a reply of too many parts".into()) } else { Ok(()) }
}

fn believable_fault(fault: Fault) -> Result<Fault, ProtocolViolation> {
    let why = match &fault {
        Fault::Unreadable { why }
        | Fault::Unsupported { why, .. }
        | Fault::Corrupt { why, .. }
        | Fault::TimedOut { why }
        | Fault::Unavailable { why }
        | Fault::Crashed { why, .. } => why.len(),
        Fault::TooLarge { .. } | Fault::Cancelled => 0,
    };
    let detail = fault.detail().map_or(0, str::len);
    if why.max(detail) > REASON_LIMIT { Err("a reason that is too long".into()) } else { Ok(fault) }
}

/// The facts without implausible values. The worker applies this before it replies, so that one absurd value loses
/// that value and not the file; if the engine finds another one, it rejects the whole reply.
fn believable(facts: &Facts) -> Facts {
    let lasts = |v: &f64| SECONDS.contains(v);
    let mut facts = facts.clone();
    facts.orientation = facts.orientation.filter(|o| (1..=8).contains(o));
    facts.rating = facts.rating.filter(|r| (-1..=5).contains(r));
    facts.gps = facts.gps.filter(|g| g.lat.abs() <= 90.0 && g.lon.abs() <= 180.0);
    facts.regions.retain(|r| r.area.iter().all(|v| v.is_finite()));
    facts.duration_s = facts.duration_s.filter(lasts);
    facts.fps = facts.fps.filter(lasts);
    facts
}

fn believable_facts(facts: &Facts) -> Result<(), ProtocolViolation> {
    if facts.kind.is_none() || facts.format.is_none() {
        return Err("a file without kind or format".into());
    }
    if believable(facts) == *facts { Ok(()) } else { Err("facts that no file can say".into()) }
}

fn believable_seconds(values: &[f64]) -> Result<(), ProtocolViolation> {
    if values.iter().all(|v| SECONDS.contains(v)) { Ok(()) } else { Err("a time that cannot be".into()) }
}

/// Whether a derivative of this name can have this size.
fn believable_size(
    name: DerivativeName,
    w: u32,
    h: u32,
    preview: PreviewSize,
) -> Result<(), ProtocolViolation> {
    let (short, long) = (w.min(h), w.max(h));
    let step = LADDER.iter().find(|step| step.0 == name);
    let fine = short > 0
        && long <= JPEG_LIMIT
        && match (step, preview) {
            (Some(&(_, target)), _) => short <= target && long <= target * LONG_EDGE_CAP,
            (None, PreviewSize::LongEdge(edge)) => long <= edge.max(1),
            (None, PreviewSize::Full) => true,
        };
    if fine { Ok(()) } else { Err("a picture of a size that was not asked for".into()) }
}

/// Width and height from a JPEG's frame header, if the bytes start and end like a JPEG and lead by whole segments to
/// a baseline or progressive frame of 8 bits.
pub fn jpeg_size(jpeg: &[u8]) -> Option<(u32, u32)> {
    if !jpeg.ends_with(&[0xFF, 0xD9]) {
        return None;
    }
    let mut rest = jpeg.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let (&[0xFF, marker, hi, lo], _) = rest.split_first_chunk::<4>()? else { return None };
        let len = usize::from(u16::from_be_bytes([hi, lo]));
        let segment = rest.get(4..2 + len)?;
        match marker {
            0xC0..=0xC2 => {
                let &[8, h1, h0, w1, w0, ..] = segment else { return None };
                return Some((u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into()));
            }
            // Only tables, application data and comments may come before the frame.
            0xC4 | 0xDB | 0xDD | 0xE0..=0xEF | 0xFE => rest = &rest[2 + len..],
            _ => return None,
        }
    }
}

// ----------------------------------------------------------------------------------- recognise's reply

/// A recogniser's reply: a header and nothing after it.
pub fn encode_recognised(outcome: &Result<Recognised, Fault>) -> Vec<u8> {
    encode_clipped(outcome)
}

/// The reply to a [`RecogniseRequest`], read from the reply's memory and checked.
pub fn read_recognised(reply: &Source, header: u64) -> Result<Result<Recognised, Fault>, ProtocolViolation> {
    if reply.len() != header {
        return Err("bytes that belong to nothing".into());
    }
    let recognised: Recognised = match read_header(reply, header, FACES_NODES)? {
        Ok(recognised) => recognised,
        Err(fault) => return Ok(Err(believable_fault(fault)?)),
    };
    let share = |v: f32| (0.0..=1.0).contains(&v);
    for face in &recognised.faces {
        believable_box(face.area)?;
        if !share(face.score) || !share(face.quality) {
            return Err("a score outside 0 to 1".into());
        }
        // The mouth or an eye of a face at the picture's edge may be estimated beyond it.
        if face.points.iter().flatten().any(|v| !(-1.0..=2.0).contains(v)) {
            return Err("a face's point far outside the picture".into());
        }
        if face.embedding.len() != recognised.faces[0].embedding.len() {
            return Err("embeddings of several lengths".into());
        }
    }
    for subject in &recognised.subjects {
        subject.area.map_or(Ok(()), believable_box)?;
        if !share(subject.score) {
            return Err("a score outside 0 to 1".into());
        }
    }
    if recognised.faces.len() > FACES_LIMIT {
        return Err("more faces than a picture can hold".into());
    }
    believable_seconds(&[recognised.faces_s, recognised.subjects_s])?;
    Ok(Ok(recognised))
}

/// A box with an area, inside the picture; a tolerance of a thousandth for rounding.
fn believable_box([x, y, w, h]: Box4) -> Result<(), ProtocolViolation> {
    const ROUNDING: f32 = 1e-3;
    let inside = |at: f32, len: f32| at >= -ROUNDING && len > 0.0 && at + len <= 1.0 + ROUNDING;
    if inside(x, w) && inside(y, h) { Ok(()) } else { Err("a box outside the picture".into()) }
}

#[cfg(test)]
mod tests;
