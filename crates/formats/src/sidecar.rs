//! Files that describe another file: XMP sidecars and Google Takeout's JSON.
//!
//! Reads are bounded; an invalid sidecar gives no values and does not affect the photo.
//! `albumen_library::sidecar_names` decides which file a sidecar belongs to.

use super::budget::PACKET;
use super::bytes::{Reader, tidy};
use super::exif::Exif;
use super::jpeg;
use super::values::place;
use super::xmp::{self, Xmp};
use albumen_core::source::Source;
use albumen_core::vocabulary::Gps;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;

/// Maximum bytes of Takeout's JSON; files with hundreds of comments have some 100 KB.
const MAX_JSON: u64 = 1 << 20;

/// Maximum number of people in one JSON.
const MAX_PEOPLE: usize = 1000;

/// The metadata of a picture from Google Photos.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Takeout {
    /// Seconds since 1970, UTC.
    pub taken: Option<i64>,
    pub description: Option<String>,
    pub gps: Option<Gps>,
    pub people: Vec<String>,
}

/// The kind of a sidecar, with its values.
pub enum Sidecar {
    Xmp(Box<Xmp>),
    Takeout(Takeout),
    /// A camera's metadata in the thumbnail of a clip (`THM`).
    Thumbnail(Box<Exif>),
}

/// Reads a sidecar; `None` if it has no usable values.
pub fn read(source: &Source) -> Option<Sidecar> {
    if source.len() > PACKET as u64 {
        return None;
    }
    let bytes = source.head(PACKET).ok()?;
    if bytes.starts_with(b"\xff\xd8\xff") {
        return jpeg::read(&Reader::from_bytes(bytes)).exif.map(|x| Sidecar::Thumbnail(Box::new(x)));
    }
    match bytes.iter().find(|b| !b.is_ascii_whitespace())? {
        b'{' if source.len() > MAX_JSON => None,
        b'{' => takeout(&bytes).map(Sidecar::Takeout),
        _ => xmp::read(&bytes).map(|x| Sidecar::Xmp(Box::new(x))),
    }
}

/// The relevant part of any value of Takeout's JSON: a value of the wrong type counts as absent and does not affect
/// others. Everything else is skipped, and no tree is built of it.
#[derive(Debug, Default)]
enum Scalar {
    #[default]
    None,
    Text(String),
    Number(f64),
    Whole(i64),
    /// The fields of an object that are used somewhere.
    Object(Box<Fields>),
    /// The names in a list of objects.
    Names(Vec<String>),
}

#[derive(Debug, Default)]
struct Fields {
    title: Scalar,
    description: Scalar,
    photo_taken_time: Scalar,
    geo_data: Scalar,
    geo_data_exif: Scalar,
    people: Scalar,
    timestamp: Scalar,
    latitude: Scalar,
    longitude: Scalar,
    altitude: Scalar,
    name: Scalar,
}

impl Scalar {
    fn text(&self) -> Option<&str> {
        if let Scalar::Text(s) = self { Some(s) } else { None }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Scalar::Number(v) => Some(*v),
            Scalar::Whole(v) => Some(*v as f64),
            _ => None,
        }
    }

    fn whole(&self) -> Option<i64> {
        match self {
            Scalar::Whole(v) => Some(*v),
            other => other.text()?.parse().ok(),
        }
    }

    fn fields(&self) -> Option<&Fields> {
        if let Scalar::Object(fields) = self { Some(fields) } else { None }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Scalar, D::Error> {
        value.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }
    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }
    fn visit_i64<E>(self, v: i64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(v).map_or(Scalar::Number(v as f64), Scalar::Whole))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(v.to_owned()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let slot = match &*key {
                "title" => &mut fields.title,
                "description" => &mut fields.description,
                "photoTakenTime" => &mut fields.photo_taken_time,
                "geoData" => &mut fields.geo_data,
                "geoDataExif" => &mut fields.geo_data_exif,
                "people" => &mut fields.people,
                "timestamp" => &mut fields.timestamp,
                "latitude" => &mut fields.latitude,
                "longitude" => &mut fields.longitude,
                "altitude" => &mut fields.altitude,
                "name" => &mut fields.name,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = map.next_value()?;
        }
        Ok(Scalar::Object(Box::new(fields)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        let mut names = Vec::new();
        while names.len() < MAX_PEOPLE
            && let Some(value) = list.next_element::<Scalar>()?
        {
            names.extend(value.fields().and_then(|f| f.name.text()).and_then(tidy));
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Names(names))
    }
}

fn takeout(bytes: &[u8]) -> Option<Takeout> {
    let json: Scalar = serde_json::from_slice(bytes).ok()?;
    let json = json.fields()?;
    let position = |place_in: &Scalar| {
        let fields = place_in.fields()?;
        let alt = fields.altitude.number().filter(|a| *a != 0.0);
        place(fields.latitude.number()?, fields.longitude.number()?, alt)
    };
    let taken = json.photo_taken_time.fields().and_then(|f| f.timestamp.whole());
    // Albums and lists have JSON files, too: one without a time and a title does not belong to a picture.
    if taken.is_none() && json.title.text().is_none() {
        return None;
    }
    Some(Takeout {
        taken,
        description: json.description.text().and_then(tidy),
        gps: position(&json.geo_data).or_else(|| position(&json.geo_data_exif)),
        people: if let Scalar::Names(names) = &json.people { names.clone() } else { Vec::new() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xmp_in_utf_16_is_no_jpeg() {
        let text = "\u{feff}<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
                    <rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4'/></rdf:RDF></x:xmpmeta>";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let Some(Sidecar::Xmp(x)) = read(&Source::from_bytes(bytes)) else { panic!("no XMP") };
        assert_eq!(x.rating, Some(4.0));
    }

    #[test]
    fn takeout_json() {
        let t = takeout(
            br#"{"title":"a.jpg","description":"x","photoTakenTime":{"timestamp":"1696566000"},
            "geoData":{"latitude":0.0,"longitude":0.0,"altitude":0.0},
            "geoDataExif":{"latitude":48.85,"longitude":2.29,"altitude":65.0},"people":[{"name":"Ann"}]}"#,
        )
        .unwrap();
        assert_eq!((t.taken, t.people), (Some(1_696_566_000), vec!["Ann".to_owned()]));
        assert_eq!(t.gps, Some(Gps { lat: 48.85, lon: 2.29, alt: Some(65.0) }));
        assert_eq!(takeout(br#"{"albums":[]}"#), None);
    }

    #[test]
    fn a_field_of_another_kind_costs_itself() {
        let wrong =
            ["7", "-1e300", "null", "true", "[]", "[[1],{}]", "{}", r#"{"name":{"name":[]}}"#, r#""text""#];
        for other in wrong {
            for field in ["photoTakenTime", "geoData", "people", "description", "unknown"] {
                let json = format!(
                    r#"{{"title":"a.jpg","{field}":{other},"geoDataExif":{{"latitude":1,"longitude":2.5}}}}"#
                );
                let t = takeout(json.as_bytes()).unwrap_or_else(|| panic!("{json}"));
                assert_eq!(t.gps, Some(Gps { lat: 1.0, lon: 2.5, alt: None }), "{json}");
                let t = takeout(
                    format!(r#"{{"{field}":{other},"title":"a.jpg","people":[5,{{"name":"Ann"}}]}}"#)
                        .as_bytes(),
                );
                assert!(field == "people" || t.unwrap().people == ["Ann"], "{json}");
            }
        }
    }
}
