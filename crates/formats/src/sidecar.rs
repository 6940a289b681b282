//! Files that say something about a neighbour: XMP sidecars and Google Takeout's JSON.
//!
//! What is read is bounded; a broken sidecar says nothing and costs the photo nothing. Which file a sidecar belongs to is
//! decided in `albumen_library::sidecar_names`.

use super::bytes::tidy;
use super::values::place;
use super::xmp::{self, Xmp};
use albumen_core::source::Source;
use albumen_core::vocabulary::Gps;

/// The most bytes of a sidecar that are read. darktable's histories reach some MB.
const MAX_SIDECAR: u64 = 8 * 1024 * 1024;

/// What Google Photos says of a picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Takeout {
    /// Seconds since 1970, UTC.
    pub taken: Option<i64>,
    pub description: Option<String>,
    pub gps: Option<Gps>,
    pub people: Vec<String>,
}

/// What a sidecar turned out to be.
pub enum Sidecar {
    Xmp(Box<Xmp>),
    Takeout(Takeout),
}

/// Reads a sidecar; `None` when it says nothing that is understood.
pub fn read(source: &Source) -> Option<Sidecar> {
    if source.len() > MAX_SIDECAR {
        return None;
    }
    let bytes = source.head(MAX_SIDECAR as usize).ok()?;
    match bytes.iter().find(|b| !b.is_ascii_whitespace())? {
        b'{' => takeout(&bytes).map(Sidecar::Takeout),
        _ => xmp::read(&bytes).map(|x| Sidecar::Xmp(Box::new(x))),
    }
}

fn takeout(bytes: &[u8]) -> Option<Takeout> {
    let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let text = |v: &serde_json::Value| v.as_str().and_then(tidy);
    let seconds = |key: &str| {
        let v = &json[key]["timestamp"];
        v.as_i64().or_else(|| v.as_str()?.parse().ok())
    };
    let position = |key: &str| {
        let g = &json[key];
        let alt = g["altitude"].as_f64().filter(|a| *a != 0.0);
        place(g["latitude"].as_f64()?, g["longitude"].as_f64()?, alt)
    };
    let taken = seconds("photoTakenTime");
    // Albums and lists have JSON files, too: without a time and a title it is no picture's.
    if taken.is_none() && json["title"].as_str().is_none() {
        return None;
    }
    Some(Takeout {
        taken,
        description: text(&json["description"]),
        gps: position("geoData").or_else(|| position("geoDataExif")),
        people: json["people"]
            .as_array()
            .into_iter()
            .flatten()
            .take(1000)
            .filter_map(|p| text(&p["name"]))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
