//! RDF as XMP uses it: from a packet to a tree of properties. [`super::xmp`] and [`super::regions`] interpret them.
//!
//! Invariants: an invalid packet gives the properties before the error; bytes, depth and count are bounded, also for
//! parts that a packet references repeatedly by `rdf:nodeID`; namespaces are identified by their address, not by the
//! prefix. Only the five entities of XML are expanded.

use super::budget::{Budget, WORDS};
use super::bytes::tidy;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::collections::HashMap;

/// Attributes of one element. darktable and Lightroom write some hundred into one description.
const MAX_ATTRIBUTES: usize = 4096;

/// Namespaces that may be declared around one element. Packets declare some thirty.
const MAX_SCOPE: usize = 512;

/// Parts that replace references by name, and their bytes. Packets that use names do so for a few regions.
const NAMED_NODES: usize = 10_000;
const NAMED_BYTES: usize = 1 << 20;

/// Maximum depth of references.
const NAMED_DEPTH: usize = 8;

/// Maximum bytes of a packet that is not UTF-8, which must be copied.
const MAX_OTHER_ENCODING: usize = 1 << 20;

/// Maximum nesting depth of elements.
const MAX_DEPTH: usize = 40;

/// Maximum length of the text of one property; depth maps and thumbnails are longer and not needed.
const MAX_TEXT: usize = 64 * 1024;

/// Namespaces, and the prefix of each in this module.
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

/// An element, or an attribute that represents one.
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
    /// A field of a structure, in any form that RDF allows.
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

    /// The value as text: an array's first item, for alternatives the default.
    pub fn value(&self) -> Option<String> {
        let items = self.items();
        let default = items.iter().find(|i| i.lang.as_deref() == Some("x-default"));
        let node = default.or(items.first()).copied()?;
        tidy(&node.text).or_else(|| tidy(&node.children.iter().find(|c| c.name == "rdf:value")?.text))
    }

    /// All values of an array.
    pub fn values(&self) -> Vec<String> {
        self.items().into_iter().filter_map(|i| i.leaf()).take(WORDS).collect()
    }

    fn leaf(&self) -> Option<String> {
        tidy(&self.text).or_else(|| tidy(&self.children.iter().find(|c| c.name == "rdf:value")?.text))
    }
}

/// The properties of a packet, from all its descriptions.
pub fn read(packet: &[u8]) -> Option<Vec<Node>> {
    let text = decode(packet);
    let start = text.find('<')?;
    let rdf = find_deep(tree(&text[start..]), "rdf:RDF")?;
    let budget = Budget::of_parts(NAMED_NODES, NAMED_BYTES);
    let (named, described): (Vec<Node>, Vec<Node>) =
        rdf.children.into_iter().partition(|d| d.node_id.is_some() && d.name.ends_with(":Description"));
    // A value that is described elsewhere, by its name.
    let others = described.iter().filter(|d| d.node_id.is_some()).map(|d| copy(d, &budget));
    let others: Vec<Node> = others.map_while(|d| d).collect();
    let by_name: HashMap<&str, &Node> =
        named.iter().chain(&others).filter_map(|d| Some((d.node_id.as_deref()?, d))).collect();
    let mut properties: Vec<Node> = described.into_iter().flat_map(|d| d.children).collect();
    if !by_name.is_empty() {
        for p in &mut properties {
            resolve(p, &by_name, &budget, 0);
        }
    }
    Some(properties)
}

/// UTF-8, or UTF-16 as the standard also allows, or else the Latin-1 that some programs write.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let short = &bytes[..bytes.len().min(MAX_OTHER_ENCODING)];
    match bytes {
        [0xFE, 0xFF, ..] | [0, b'<', ..] => encoding_rs::UTF_16BE.decode_with_bom_removal(short).0,
        [0xFF, 0xFE, ..] | [b'<', 0, ..] => encoding_rs::UTF_16LE.decode_with_bom_removal(short).0,
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            // One damaged character must not turn all others into two each.
            Err(_) if has_long_characters(short) => String::from_utf8_lossy(short),
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(short).0,
        },
    }
}

/// Whether the text has a non-ASCII character in UTF-8.
fn has_long_characters(bytes: &[u8]) -> bool {
    // The mark in a packet's first line appears in any encoding.
    bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).any(|c| !c.is_ascii() && c != '\u{feff}')
}

/// Replaces references by their descriptions, within the budget. `depth` counts the references up to here.
fn resolve(node: &mut Node, named: &HashMap<&str, &Node>, budget: &Budget, depth: usize) {
    let target = node.node_id.take().and_then(|id| named.get(id.as_str()).copied());
    let mut depth = depth;
    if let Some(target) = target.filter(|_| depth < NAMED_DEPTH) {
        depth += 1;
        if target.name.starts_with("rdf:") && target.name != "rdf:Description" {
            node.children = copy(target, budget).map(|t| Node { node_id: None, ..t }).into_iter().collect();
        } else {
            node.children.extend(target.children.iter().map_while(|c| copy(c, budget)));
        }
    }
    for c in &mut node.children {
        resolve(c, named, budget, depth);
    }
}

/// A copy, if the budget allows it.
fn copy(node: &Node, budget: &Budget) -> Option<Node> {
    let bytes = node.name.len() + node.text.len() + node.lang.as_ref().map_or(0, String::len);
    if !budget.take(4 * size_of::<Node>() + bytes) {
        return None;
    }
    Some(Node {
        name: node.name.clone(),
        text: node.text.clone(),
        lang: node.lang.clone(),
        node_id: node.node_id.clone(),
        children: node.children.iter().map_while(|c| copy(c, budget)).collect(),
    })
}

fn find_deep(node: Node, name: &str) -> Option<Node> {
    if node.name == name {
        return Some(node);
    }
    node.children.into_iter().find_map(|c| find_deep(c, name))
}

/// A declared namespace: its prefix, and its prefix in this module.
type Declared = (String, Option<&'static str>);

/// The tree of elements, as far as it is well formed.
fn tree(text: &str) -> Node {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut scopes: Vec<Vec<Declared>> = vec![Vec::new()];
    let mut stack = vec![Node::default()];
    let budget = Budget::default();
    // Depth within an unknown property, whose contents are dropped; edit histories are long.
    let mut unknown = 0usize;
    // The depth of the descriptions.
    let mut rdf_depth = None;
    loop {
        let event = match reader.read_event() {
            Ok(Event::Eof) | Err(_) => break,
            Ok(event) => event,
        };
        match event {
            Event::Start(e) => {
                if unknown > 0 {
                    unknown += 1;
                    continue;
                }
                if stack.len() >= MAX_DEPTH {
                    break;
                }
                let Some(node) = open(&e, &mut scopes, &budget) else { break };
                if node.name == "rdf:RDF" {
                    rdf_depth.get_or_insert(stack.len());
                }
                // Only within a description: elements around it may have any name.
                if rdf_depth.is_some_and(|depth| stack.len() > depth + 1) && !is_known(&node.name) {
                    scopes.pop();
                    unknown = 1;
                    continue;
                }
                stack.push(node);
            }
            Event::Empty(_) | Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if unknown > 0 => {}
            Event::Empty(e) => {
                let Some(node) = open(&e, &mut scopes, &budget) else { break };
                scopes.pop();
                if let Some(parent) = stack.last_mut() {
                    parent.children.push(node);
                }
            }
            Event::End(_) if unknown > 0 => unknown -= 1,
            Event::End(_) => {
                if stack.len() < 2 {
                    break;
                }
                scopes.pop();
                close(&mut stack);
            }
            Event::Text(t) => {
                if let Some(node) = stack.last_mut() {
                    append(node, &t, &budget);
                }
            }
            Event::CData(t) => {
                if let Some(node) = stack.last_mut() {
                    append(node, &t, &budget);
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
                        append(node, c.encode_utf8(&mut [0; 4]), &budget);
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

/// Adds to a text, up to its limit; unknown properties have no text.
fn append(node: &mut Node, s: &str, budget: &Budget) {
    if node.text.len() + s.len() <= MAX_TEXT && is_known(&node.name) && budget.take(2 * s.len()) {
        node.text.push_str(s);
    }
}

/// Whether a name is in one of the [`NAMESPACES`]. Others are kept in the tree without contents.
fn is_known(name: &str) -> bool {
    name.split_once(':').is_none_or(|(prefix, _)| prefix == "xml" || NAMESPACES.iter().any(|n| n.1 == prefix))
}

fn close(stack: &mut Vec<Node>) {
    if let Some(node) = stack.pop()
        && let Some(parent) = stack.last_mut()
    {
        parent.children.push(node);
    }
}

/// An element with its attributes; opens a scope of namespaces. `None`: the budget is used up.
fn open(e: &BytesStart<'_>, scopes: &mut Vec<Vec<Declared>>, budget: &Budget) -> Option<Node> {
    let around: usize = scopes.iter().map(Vec::len).sum();
    let attributes = || {
        let mut all = e.attributes();
        all.with_checks(false);
        all.flatten().take(MAX_ATTRIBUTES)
    };
    // An attribute may use a namespace that a later one declares.
    let declared = attributes().filter_map(|a| {
        let prefix = a.key.as_ref().strip_prefix("xmlns:")?.to_owned();
        let address = unescaped(&a.value);
        Some((prefix, NAMESPACES.iter().find(|n| n.0 == address).map(|n| n.1)))
    });
    let scope: Vec<Declared> = declared.take(MAX_SCOPE.saturating_sub(around)).collect();
    scopes.push(scope);
    // The first child of a node reserves memory for four.
    let take = |text: usize| budget.take(4 * size_of::<Node>() + text);
    let name = canonical(e.name().as_ref(), scopes);
    if !take(name.len()) {
        return None;
    }
    let mut node = Node { name, ..Node::default() };
    for a in attributes().filter(|a| !a.key.as_ref().starts_with("xmlns:") && a.value.len() <= MAX_TEXT) {
        let name = canonical(a.key.as_ref(), scopes);
        let value = unescaped(&a.value);
        match name.as_str() {
            "rdf:about" | "rdf:parseType" | "rdf:ID" => {}
            "rdf:resource" => append(&mut node, &value, budget),
            _ if !is_known(&name) => {}
            _ if !take(name.len() + value.len()) => return None,
            "xml:lang" => node.lang = Some(value.into_owned()),
            "rdf:nodeID" => node.node_id = Some(value.into_owned()),
            _ => node.children.push(Node { name, text: value.into_owned(), ..Node::default() }),
        }
    }
    Some(node)
}

/// A value with XML's own entities expanded; others are kept as written.
fn unescaped(value: &str) -> Cow<'_, str> {
    quick_xml::escape::unescape(value).unwrap_or(Cow::Borrowed(value))
}

/// `prefix:Name` with the prefix of the namespace in this module.
fn canonical(name: &str, scopes: &[Vec<Declared>]) -> String {
    let Some((prefix, local)) = name.split_once(':') else { return name.to_owned() };
    match scopes.iter().rev().flatten().find(|(p, _)| p == prefix) {
        Some((_, Some(known))) => format!("{known}:{local}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes of a tree.
    fn count(nodes: &[Node]) -> usize {
        nodes.iter().map(|n| 1 + count(&n.children)).sum()
    }

    fn packet(body: &str) -> String {
        format!(
            r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
            xmlns:dc="http://purl.org/dc/elements/1.1/">{body}</rdf:RDF></x:xmpmeta>"#
        )
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 24, ..Default::default() })]
        /// Descriptions that reference the next ones, each several times: in chains, in circles, of any kind.
        #[test]
        fn names_of_names_stay_small(
            levels in 1usize..30,
            each in 1usize..60,
            step in 1usize..4,
            kind in "(rdf:Description|rdf:Bag|rdf:Seq|dc:thing)",
            inner in "(dc:a|rdf:li|rdf:Description)",
            nested in proptest::bool::ANY,
            circle in proptest::bool::ANY,
        ) {
            let mut body = String::from(r#"<rdf:Description rdf:about=""><dc:rights>me</dc:rights><dc:title rdf:nodeID="n0"/>"#);
            body.push_str("</rdf:Description>");
            for level in 0..levels {
                let next = if circle { (level + step) % levels } else { level + step };
                let one = if nested { format!(r#"<{inner}><rdf:Bag><rdf:li rdf:nodeID="n{next}"/></rdf:Bag></{inner}>"#) } else { format!(r#"<{inner} rdf:nodeID="n{next}"/>"#) };
                body.push_str(&format!(r#"<{kind} rdf:nodeID="n{level}">{}</{kind}>"#, one.repeat(each)));
            }
            let properties = read(packet(&body).as_bytes()).unwrap();
            proptest::prop_assert!(count(&properties) <= 2 * NAMED_NODES + 3 * levels * each + 100);
            let rights = properties.iter().find(|p| p.name == "dc:rights").unwrap();
            proptest::prop_assert_eq!(rights.value(), Some("me".to_owned()), "what is beside it stays");
        }
    }

    #[test]
    fn packets_of_many_parts_stay_small_and_keep_their_beginning() {
        let long = "x".repeat(60_000);
        for part in [
            "<dc:a/>".to_owned(),
            "<dc:a>t</dc:a>".to_owned(),
            r#"<dc:a dc:b="" dc:c="" dc:d="" xml:lang="en"/>"#.to_owned(),
            format!(r#"<dc:a dc:b="{long}"/>"#),
            format!("<dc:a>{long}</dc:a>"),
            format!("<dc:a{}/>", r#" xmlns:p="q""#.repeat(2000)),
            format!(
                "<dc:a {}/>",
                (0..2000).map(|i| format!(r#" xmlns:p{i}="" p{i}:x="""#)).collect::<String>()
            ),
            "<dc:a>&amp;&#65;<![CDATA[text]]></dc:a>".to_owned(),
            "<z:unknown z:text='some'>text</z:unknown>".to_owned(),
        ] {
            let body = format!(
                "<rdf:Description><dc:rights>me</dc:rights>{}</rdf:Description>",
                part.repeat((6 << 20) / part.len())
            );
            let properties = read(packet(&body).as_bytes()).unwrap();
            let bytes = |n: &Node| size_of::<Node>() + n.name.len() + n.text.len();
            fn sum(nodes: &[Node], of: &dyn Fn(&Node) -> usize) -> usize {
                nodes.iter().map(|n| of(n) + sum(&n.children, of)).sum()
            }
            assert!(sum(&properties, &bytes) <= 5 << 20, "{}", &part[..part.len().min(40)]);
            assert_eq!(properties[0].value().as_deref(), Some("me"), "{}", &part[..part.len().min(40)]);
        }
        let deep = format!("<rdf:Description><dc:rights>me</dc:rights>{}", "<dc:a>".repeat(200_000));
        assert_eq!(read(packet(&deep).as_bytes()).unwrap()[0].value().as_deref(), Some("me"));
    }

    #[test]
    fn latin_1_is_read_where_nothing_is_utf_8() {
        assert!(decode(b"<a b='\xef\xbb\xbf'>Aim\xe9</a>").ends_with(">Aim\u{e9}</a>"));
        assert_eq!(decode("<a>Aim\u{e9}</a>".as_bytes()), "<a>Aim\u{e9}</a>");
        assert_eq!(decode(b"<a>Aim\xc3\xa9 \xe9</a>"), "<a>Aim\u{e9} \u{fffd}</a>", "one damaged character");
    }
}
