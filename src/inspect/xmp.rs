//! XMP: from an RDF packet to a tree of properties, and from there to values with names.
//!
//! Promises: a broken packet gives what stood before the break; size, depth and count are bounded; namespaces
//! are told by their address, not by the prefix. No entity is expanded but the five of XML.

use super::bytes::tidy;
use super::exif::place;
use super::regions::{self, RawRegion};
use crate::pipeline::vocabulary::Gps;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;

/// Elements and attributes taken from one packet. Edit histories have thousands.
const MAX_NODES: usize = 50_000;

/// How deep elements may stand in each other.
const MAX_DEPTH: usize = 40;

/// The longest text of one property; depth maps and thumbnails are longer and not wanted.
const MAX_TEXT: usize = 64 * 1024;

/// Namespaces, and the prefix each has in here.
const NAMESPACES: &[(&str, &str)] = &[
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"),
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://ns.adobe.com/xap/1.0/", "xmp"),
    ("http://ns.adobe.com/exif/1.0/", "exif"),
    ("http://cipa.jp/exif/1.0/", "exifEX"),
    ("http://ns.adobe.com/exif/1.0/aux/", "aux"),
    ("http://ns.adobe.com/tiff/1.0/", "tiff"),
    ("http://ns.adobe.com/photoshop/1.0/", "photoshop"),
    ("http://ns.adobe.com/lightroom/1.0/", "lr"),
    ("http://ns.adobe.com/hdr-gain-map/1.0/", "hdrgm"),
    ("http://ns.adobe.com/hdr-metadata/1.0/", "hdr_metadata"),
    ("http://ns.google.com/photos/1.0/panorama/", "GPano"),
    ("http://ns.google.com/photos/1.0/camera/", "GCamera"),
    ("http://ns.google.com/photos/1.0/container/", "Container"),
    ("http://ns.google.com/photos/1.0/container/item/", "Item"),
    ("http://ns.google.com/videos/1.0/spherical/", "GSpherical"),
    ("http://ns.apple.com/HDRGainMap/1.0/", "HDRGainMap"),
    ("http://www.metadataworkinggroup.com/schemas/regions/", "mwg-rs"),
    ("http://ns.adobe.com/xmp/sType/Area#", "stArea"),
    ("http://ns.adobe.com/xap/1.0/sType/Dimensions#", "stDim"),
    ("http://ns.microsoft.com/photo/1.0/", "MicrosoftPhoto"),
    ("http://ns.microsoft.com/photo/1.0", "MicrosoftPhoto"),
    ("http://ns.microsoft.com/photo/1.1", "MicrosoftPhoto"),
    ("http://ns.microsoft.com/photo/1.2/", "MP"),
    ("http://ns.microsoft.com/photo/1.2/t/RegionInfo#", "MPRI"),
    ("http://ns.microsoft.com/photo/1.2/t/Region#", "MPReg"),
    ("http://www.digikam.org/ns/1.0/", "digiKam"),
    ("http://ns.acdsee.com/iptc/1.0/", "acdsee"),
    ("http://ns.adobe.com/xmp/1.0/DynamicMedia/", "xmpDM"),
    ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt"),
    ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "Iptc4xmpCore"),
    ("http://ns.adobe.com/xap/1.0/rights/", "xmpRights"),
];

/// An element, or an attribute that stands for one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// `prefix:Name` with the prefixes of [`NAMESPACES`].
    pub name: String,
    pub text: String,
    pub lang: Option<String>,
    /// An rdf:nodeID: the value, or this description, is elsewhere under that name.
    node_id: Option<String>,
    pub children: Vec<Node>,
}

impl Node {
    /// A structure's field, wherever RDF lets it stand.
    pub fn field(&self, name: &str) -> Option<&Node> {
        self.children.iter().find_map(|c| {
            if c.name == name {
                Some(c)
            } else if matches!(c.name.as_str(), "rdf:Description" | "rdf:li" | "rdf:value") {
                c.field(name)
            } else {
                None
            }
        })
    }

    /// The items of an array; a plain value is an array of one.
    pub fn items(&self) -> Vec<&Node> {
        for c in &self.children {
            if matches!(c.name.as_str(), "rdf:Bag" | "rdf:Seq" | "rdf:Alt") {
                return c.children.iter().filter(|i| i.name == "rdf:li").collect();
            }
        }
        vec![self]
    }

    /// The value as text: an array's first item, of alternatives the default.
    pub fn value(&self) -> Option<String> {
        let items = self.items();
        let default = items.iter().find(|i| i.lang.as_deref() == Some("x-default"));
        let node = default.or(items.first()).copied()?;
        tidy(&node.text).or_else(|| tidy(&node.children.iter().find(|c| c.name == "rdf:value")?.text))
    }

    /// All values of an array.
    pub fn values(&self) -> Vec<String> {
        self.items().into_iter().filter_map(|i| i.leaf()).collect()
    }

    fn leaf(&self) -> Option<String> {
        tidy(&self.text).or_else(|| tidy(&self.children.iter().find(|c| c.name == "rdf:value")?.text))
    }
}

/// What XMP says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Xmp {
    pub date_original: Option<String>,
    pub date_digitized: Option<String>,
    pub date_created: Option<String>,
    pub create_date: Option<String>,
    pub make: Option<String>,
    pub model: Option<String>,
    pub lens: Option<String>,
    pub software: Option<String>,
    pub iso: Option<u32>,
    pub f_number: Option<f64>,
    pub exposure_s: Option<f64>,
    pub focal_mm: Option<f64>,
    pub focal_35mm: Option<f64>,
    pub flash: Option<bool>,
    pub white_balance: Option<&'static str>,
    pub gps: Option<Gps>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub copyright: Option<String>,
    pub rating: Option<f64>,
    pub rating_percent: Option<f64>,
    /// dc:subject, then what other programs keep elsewhere.
    pub tags: Vec<String>,
    /// `Places|Europe|Paris`
    pub hierarchical: Vec<String>,
    /// Who is in the picture, without saying where.
    pub people: Vec<String>,
    pub regions: Vec<RawRegion>,
    pub pano: Pano,
    pub motion: MotionTags,
    pub burst_id: Option<String>,
    /// Google's, Adobe's or Apple's gain map.
    pub gain_map: bool,
    pub apple_gain_map: bool,
}

/// Google's panorama tags.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pano {
    pub projection: Option<String>,
    pub use_viewer: Option<bool>,
    pub full_width: Option<f64>,
    pub full_height: Option<f64>,
    pub cropped_width: Option<f64>,
    pub cropped_height: Option<f64>,
}

/// Google's motion photo tags, old and new.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MotionTags {
    /// MicroVideo or MotionPhoto is 1.
    pub tagged: bool,
    /// Bytes from the end of the file to the video.
    pub from_end: Option<u64>,
    /// The container directory: semantic, mime, length, padding.
    pub items: Vec<(String, String, u64, u64)>,
}

/// Reads a packet.
pub fn read(bytes: &[u8]) -> Option<Xmp> {
    let text = decode(bytes);
    let properties = parse(&text)?;
    Some(Xmp::from_properties(&properties))
}

/// UTF-8 as it should be, or UTF-16 as the standard also allows.
fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, ..] | [0, b'<', ..] => {
            encoding_rs::UTF_16BE.decode_with_bom_removal(bytes).0.into_owned()
        }
        [0xFF, 0xFE, ..] | [b'<', 0, ..] => {
            encoding_rs::UTF_16LE.decode_with_bom_removal(bytes).0.into_owned()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The properties of a packet, from all its descriptions.
pub fn parse(text: &str) -> Option<Vec<Node>> {
    let start = text.find('<')?;
    let root = tree(&text[start..]);
    let rdf = find_deep(&root, "rdf:RDF")?;
    let mut properties: Vec<Node> = Vec::new();
    for d in &rdf.children {
        if d.node_id.is_none() || !d.name.ends_with(":Description") {
            properties.extend(d.children.iter().cloned());
        }
    }
    // A value that is described elsewhere, by its name.
    let named: HashMap<&str, &Node> =
        rdf.children.iter().filter_map(|d| Some((d.node_id.as_deref()?, d))).collect();
    for p in &mut properties {
        resolve(p, &named, 0);
    }
    Some(properties)
}

fn resolve(node: &mut Node, named: &HashMap<&str, &Node>, depth: usize) {
    if depth > 8 || named.is_empty() {
        return;
    }
    if let Some(target) = node.node_id.take().and_then(|id| named.get(id.as_str())) {
        node.children.extend(target.children.iter().take(1000).cloned());
        if target.name.starts_with("rdf:") && target.name != "rdf:Description" {
            node.children = vec![Node { node_id: None, ..(*target).clone() }];
        }
    }
    for c in &mut node.children {
        resolve(c, named, depth + 1);
    }
}

fn find_deep<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    if node.name == name {
        return Some(node);
    }
    node.children.iter().find_map(|c| find_deep(c, name))
}

/// The tree of elements, as far as it is well formed.
fn tree(text: &str) -> Node {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut scopes: Vec<Vec<(String, String)>> = vec![Vec::new()];
    let mut stack = vec![Node::default()];
    let mut nodes = 0;
    loop {
        let event = match reader.read_event() {
            Ok(Event::Eof) | Err(_) => break,
            Ok(event) => event,
        };
        match event {
            Event::Start(e) => {
                if stack.len() >= MAX_DEPTH || nodes > MAX_NODES {
                    break;
                }
                let node = open(&e, &mut scopes, &mut nodes);
                stack.push(node);
            }
            Event::Empty(e) => {
                if nodes > MAX_NODES {
                    break;
                }
                let node = open(&e, &mut scopes, &mut nodes);
                scopes.pop();
                if let Some(parent) = stack.last_mut() {
                    parent.children.push(node);
                }
            }
            Event::End(_) => {
                if stack.len() < 2 {
                    break;
                }
                scopes.pop();
                close(&mut stack);
            }
            Event::Text(t) => {
                if let Some(node) = stack.last_mut() {
                    append(node, &t);
                }
            }
            Event::CData(t) => {
                if let Some(node) = stack.last_mut() {
                    append(node, &t);
                }
            }
            Event::GeneralRef(r) => {
                if let Some(node) = stack.last_mut() {
                    let c = match r.resolve_char_ref() {
                        Ok(Some(c)) => Some(c),
                        _ => match &*r {
                            "amp" => Some('&'),
                            "lt" => Some('<'),
                            "gt" => Some('>'),
                            "quot" => Some('"'),
                            "apos" => Some('\''),
                            _ => None,
                        },
                    };
                    if let Some(c) = c {
                        append(node, c.encode_utf8(&mut [0; 4]));
                    }
                }
            }
            _ => {}
        }
    }
    while stack.len() > 1 {
        close(&mut stack);
    }
    stack.pop().unwrap_or_default()
}

fn append(node: &mut Node, s: &str) {
    if node.text.len() + s.len() <= MAX_TEXT {
        node.text.push_str(s);
    }
}

fn close(stack: &mut Vec<Node>) {
    if let Some(node) = stack.pop()
        && let Some(parent) = stack.last_mut()
    {
        parent.children.push(node);
    }
}

/// An element with its attributes; opens a scope of namespaces.
fn open(e: &BytesStart<'_>, scopes: &mut Vec<Vec<(String, String)>>, nodes: &mut usize) -> Node {
    let mut scope = Vec::new();
    let mut attributes = Vec::new();
    for a in e.attributes().with_checks(false).flatten().take(MAX_NODES) {
        let key = a.key.as_ref().to_owned();
        let value = match quick_xml::escape::unescape(&a.value) {
            Ok(v) => v.into_owned(),
            Err(_) => a.value.into_owned(),
        };
        match key.strip_prefix("xmlns:") {
            Some(prefix) => scope.push((prefix.to_owned(), value)),
            None => attributes.push((key, value)),
        }
    }
    scopes.push(scope);
    *nodes += 1 + attributes.len();
    let mut node = Node { name: canonical(e.name().as_ref(), scopes), ..Node::default() };
    for (key, value) in attributes {
        let name = canonical(&key, scopes);
        match name.as_str() {
            "xml:lang" => node.lang = Some(value),
            "rdf:nodeID" => node.node_id = Some(value),
            "rdf:resource" => append(&mut node, &value),
            "rdf:about" | "rdf:parseType" | "rdf:ID" => {}
            _ if value.len() > MAX_TEXT => {}
            _ => node.children.push(Node { name, text: value, ..Node::default() }),
        }
    }
    node
}

/// `prefix:Name` with the prefix that the namespace has in here.
fn canonical(name: &str, scopes: &[Vec<(String, String)>]) -> String {
    let Some((prefix, local)) = name.split_once(':') else { return name.to_owned() };
    let address = scopes.iter().rev().flatten().find(|(p, _)| p == prefix).map(|(_, a)| a.as_str());
    match address.and_then(|a| NAMESPACES.iter().find(|n| n.0 == a)) {
        Some((_, known)) => format!("{known}:{local}"),
        None => name.to_owned(),
    }
}

/// A number, also as a fraction: `1/125`.
fn number(s: &str) -> Option<f64> {
    let s = s.trim();
    let v = match s.split_once('/') {
        Some((n, d)) => {
            let (n, d): (f64, f64) = (n.trim().parse().ok()?, d.trim().parse().ok()?);
            if d == 0.0 {
                return None;
            }
            n / d
        }
        None => s.parse().ok()?,
    };
    v.is_finite().then_some(v)
}

/// `48,51.4983N`, `48,51,29.88N`, or plain degrees.
fn coordinate(s: &str) -> Option<f64> {
    let s = s.trim();
    let negative = s.ends_with(['S', 'W', 's', 'w']);
    let digits = s.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let mut parts = digits.split(',');
    let d: f64 = parts.next()?.trim().parse().ok()?;
    let m: f64 = parts.next().map_or(Some(0.0), |p| p.trim().parse().ok())?;
    let s: f64 = parts.next().map_or(Some(0.0), |p| p.trim().parse().ok())?;
    let v = d.abs() + m / 60.0 + s / 3600.0;
    Some(if negative || d < 0.0 { -v } else { v })
}

impl Xmp {
    fn from_properties(properties: &[Node]) -> Xmp {
        let get = |name: &str| properties.iter().find(|p| p.name == name);
        let text = |names: &[&str]| names.iter().find_map(|n| get(n)?.value());
        let num = |names: &[&str]| names.iter().find_map(|n| number(&get(n)?.value()?));
        let positive = |names: &[&str]| num(names).filter(|v| *v > 0.0);
        let yes =
            |name: &str| get(name).and_then(Node::value).map(|v| v == "1" || v.eq_ignore_ascii_case("true"));
        let mut x = Xmp {
            date_original: text(&["exif:DateTimeOriginal"]),
            date_digitized: text(&["exif:DateTimeDigitized"]),
            date_created: text(&["photoshop:DateCreated"]),
            create_date: text(&["xmp:CreateDate"]),
            make: text(&["tiff:Make"]),
            model: text(&["tiff:Model"]),
            lens: text(&["exifEX:LensModel", "aux:Lens", "aux:LensModel"]),
            software: text(&["xmp:CreatorTool", "tiff:Software"]),
            iso: positive(&["exifEX:PhotographicSensitivity", "exif:ISOSpeedRatings"])
                .filter(|v| *v < 1e7)
                .map(|v| v.round() as u32),
            f_number: positive(&["exif:FNumber"]),
            exposure_s: positive(&["exif:ExposureTime"]),
            focal_mm: positive(&["exif:FocalLength"]),
            focal_35mm: positive(&["exif:FocalLengthIn35mmFilm"]),
            flash: get("exif:Flash")
                .and_then(|n| n.field("exif:Fired")?.value())
                .map(|v| v.eq_ignore_ascii_case("true")),
            white_balance: match text(&["exif:WhiteBalance"]).as_deref() {
                Some("0") => Some("auto"),
                Some("1") => Some("manual"),
                _ => None,
            },
            title: text(&["dc:title"]),
            description: text(&["dc:description"]),
            copyright: text(&["dc:rights"]),
            rating: num(&["xmp:Rating", "acdsee:rating"]),
            rating_percent: num(&["MicrosoftPhoto:Rating"]),
            burst_id: text(&["GCamera:BurstID", "GCamera:burstId"]),
            gain_map: text(&["hdrgm:Version"]).is_some(),
            apple_gain_map: text(&["HDRGainMap:HDRGainMapVersion"]).is_some(),
            ..Xmp::default()
        };
        x.tags = ["dc:subject", "MicrosoftPhoto:LastKeywordXMP"]
            .iter()
            .filter_map(|n| get(n))
            .flat_map(Node::values)
            .collect();
        x.hierarchical =
            ["lr:hierarchicalSubject"].iter().filter_map(|n| get(n)).flat_map(Node::values).collect();
        x.people = get("Iptc4xmpExt:PersonInImage").map(Node::values).unwrap_or_default();
        if let Some(list) = get("digiKam:TagsList") {
            x.hierarchical.extend(list.values().into_iter().map(|t| t.replace('/', "|")));
        }
        let coordinate_of = |name: &str, reference: &str| {
            let v = coordinate(&text(&[name])?)?;
            let r = text(&[reference]).unwrap_or_default();
            Some(if r.starts_with(['S', 'W']) { -v.abs() } else { v })
        };
        if let (Some(lat), Some(lon)) = (
            coordinate_of("exif:GPSLatitude", "exif:GPSLatitudeRef"),
            coordinate_of("exif:GPSLongitude", "exif:GPSLongitudeRef"),
        ) {
            let below = text(&["exif:GPSAltitudeRef"]).as_deref() == Some("1");
            let alt = num(&["exif:GPSAltitude"]).map(|a| if below { -a.abs() } else { a });
            x.gps = place(lat, lon, alt);
        }
        x.regions = regions::from_xmp(properties);
        x.pano = Pano {
            projection: text(&["GPano:ProjectionType"]),
            use_viewer: yes("GPano:UsePanoramaViewer"),
            full_width: num(&["GPano:FullPanoWidthPixels"]),
            full_height: num(&["GPano:FullPanoHeightPixels"]),
            cropped_width: num(&["GPano:CroppedAreaImageWidthPixels"]),
            cropped_height: num(&["GPano:CroppedAreaImageHeightPixels"]),
        };
        let spherical = yes("GSpherical:Spherical") == Some(true);
        if x.pano.projection.is_none() && spherical {
            x.pano.projection = text(&["GSpherical:ProjectionType"]);
        }
        x.motion = MotionTags {
            tagged: yes("GCamera:MotionPhoto") == Some(true) || yes("GCamera:MicroVideo") == Some(true),
            from_end: num(&["GCamera:MicroVideoOffset"]).filter(|v| *v > 0.0 && *v < 1e15).map(|v| v as u64),
            items: get("Container:Directory").map(container_items).unwrap_or_default(),
        };
        x
    }
}

fn container_items(directory: &Node) -> Vec<(String, String, u64, u64)> {
    directory
        .items()
        .into_iter()
        .take(100)
        .map(|li| {
            // The fields stand in a Container:Item structure, or in the list item itself.
            let item = li.field("Container:Item").unwrap_or(li);
            let text = |name: &str| item.field(name).and_then(Node::value).unwrap_or_default();
            let size = |name: &str| text(name).parse().unwrap_or(0);
            (text("Item:Semantic"), text("Item:Mime"), size("Item:Length"), size("Item:Padding"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(body: &str) -> Vec<u8> {
        format!(
            r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
            <rdf:Description rdf:about="" xmlns:d="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
             xmlns:e="http://ns.adobe.com/exif/1.0/" xmp:Rating="4">{body}</rdf:Description></rdf:RDF></x:xmpmeta>"#
        )
        .into_bytes()
    }

    #[test]
    fn attributes_arrays_and_alternatives() {
        let x = read(&packet(
            r#"<d:title><rdf:Alt><rdf:li xml:lang="fr">Un</rdf:li><rdf:li xml:lang="x-default">One &amp; all</rdf:li></rdf:Alt></d:title>
               <d:subject><rdf:Bag><rdf:li>a</rdf:li><rdf:li>b</rdf:li></rdf:Bag></d:subject>
               <e:GPSLatitude>48,51.4983N</e:GPSLatitude><e:GPSLongitude>2,17.514W</e:GPSLongitude>"#,
        ))
        .unwrap();
        assert_eq!(x.title.as_deref(), Some("One & all"));
        assert_eq!(x.tags, ["a", "b"]);
        assert_eq!(x.rating, Some(4.0));
        let gps = x.gps.unwrap();
        assert!((gps.lat - 48.858305).abs() < 1e-6 && (gps.lon + 2.2919).abs() < 1e-6);
    }

    #[test]
    fn a_broken_packet_gives_what_stood_before_the_break() {
        let mut bytes = packet("<d:rights>me</d:rights><d:subject><rdf:Bag><rdf:li>a</rdf:li>");
        bytes.truncate(bytes.len() - 40);
        let x = read(&bytes).unwrap();
        assert_eq!(x.copyright.as_deref(), Some("me"));
        assert_eq!(x.tags, ["a"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(body in "[<>/a-z:=\"& ]{0,200}") {
            let _ = read(&packet(&body));
        }
    }
}
