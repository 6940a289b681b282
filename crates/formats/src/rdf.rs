//! RDF as XMP uses it: from a packet to a tree of properties. What they mean is for [`super::xmp`] and
//! [`super::regions`] to say.
//!
//! Promises: a broken packet gives what stood before the break; size, depth and count are bounded; namespaces
//! are told by their address, not by the prefix. No entity is expanded but the five of XML.

use super::bytes::tidy;
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

/// The properties of a packet, from all its descriptions.
pub fn read(packet: &[u8]) -> Option<Vec<Node>> {
    let text = decode(packet);
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

/// UTF-8 as it should be, UTF-16 as the standard also allows, or else the Latin-1 that some programs write.
fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, ..] | [0, b'<', ..] => {
            encoding_rs::UTF_16BE.decode_with_bom_removal(bytes).0.into_owned()
        }
        [0xFF, 0xFE, ..] | [b'<', 0, ..] => {
            encoding_rs::UTF_16LE.decode_with_bom_removal(bytes).0.into_owned()
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // One damaged character must not turn all others into two each.
            Err(_) if has_long_characters(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        },
    }
}

/// Whether any character but ASCII stands there in UTF-8.
fn has_long_characters(bytes: &[u8]) -> bool {
    // The mark in a packet's first line is there in any encoding.
    bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).any(|c| !c.is_ascii() && c != '\u{feff}')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_1_is_read_where_nothing_is_utf_8() {
        assert!(decode(b"<a b='\xef\xbb\xbf'>Aim\xe9</a>").ends_with(">Aim\u{e9}</a>"));
        assert_eq!(decode("<a>Aim\u{e9}</a>".as_bytes()), "<a>Aim\u{e9}</a>");
        assert_eq!(decode(b"<a>Aim\xc3\xa9 \xe9</a>"), "<a>Aim\u{e9} \u{fffd}</a>", "one damaged character");
    }
}
