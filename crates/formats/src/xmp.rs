//! XMP: from the properties of a packet to named values.

use super::rdf::{self, Node};
use super::regions::{self, RawRegion};
use super::values::place;
use albumen_core::vocabulary::Gps;

/// The values of XMP.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Xmp {
    pub date_original: Option<String>,
    pub date_digitized: Option<String>,
    pub date_created: Option<String>,
    pub create_date: Option<String>,
    /// 1 to 8, as in EXIF.
    pub orientation: Option<u8>,
    /// UTC.
    pub gps_time: Option<String>,
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
    /// dc:subject, then the tags of other programs.
    pub tags: Vec<String>,
    /// `Places|Europe|Paris`
    pub hierarchical: Vec<String>,
    /// People in the picture, without a region.
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
    Some(Xmp::from_properties(&rdf::read(bytes)?))
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
            gps_time: text(&["exif:GPSTimeStamp"]),
            orientation: num(&["tiff:Orientation"]).filter(|v| (1.0..=8.0).contains(v)).map(|v| v as u8),
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
            // The fields are in a Container:Item structure, or in the list item itself.
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
