//! Face regions written by other programs: MWG-RS (Lightroom, digiKam, Picasa, Apple) and Microsoft's.
//!
//! Invariants: boxes are fractions of the upright picture, top left first, limited to the picture.

use super::rdf::Node;
use albumen_core::vocabulary::{Box4, Region};

/// A region as written, before rotation to upright.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRegion {
    pub name: Option<String>,
    /// A pet: its name becomes a tag, not a person.
    pub is_pet: bool,
    /// Left, top, width, height as fractions of the writer's picture.
    pub area: [f64; 4],
    /// The size of that picture, if written.
    pub applied_to: Option<(f64, f64)>,
}

/// Maximum number of regions of one picture.
const MAX_REGIONS: usize = 1000;

pub fn from_xmp(properties: &[Node]) -> Vec<RawRegion> {
    let mut out = Vec::new();
    for p in properties {
        match p.name.as_str() {
            "mwg-rs:Regions" => mwg(p, &mut out),
            "MP:RegionInfo" => microsoft(p, &mut out),
            _ => {}
        }
    }
    out.truncate(MAX_REGIONS);
    // Some programs write both kinds: a name that appears twice at one place is one face.
    let mut unique: Vec<RawRegion> = Vec::new();
    for r in out {
        let same =
            |o: &RawRegion| o.name == r.name && o.area.iter().zip(&r.area).all(|(a, b)| (a - b).abs() < 0.02);
        if !unique.iter().any(same) {
            unique.push(r);
        }
    }
    unique
}

fn number(node: Option<&Node>) -> Option<f64> {
    node?.value()?.trim().parse().ok().filter(|v: &f64| v.is_finite())
}

fn mwg(regions: &Node, out: &mut Vec<RawRegion>) {
    let dimensions = regions.field("mwg-rs:AppliedToDimensions");
    let size = dimensions.and_then(|d| Some((number(d.field("stDim:w"))?, number(d.field("stDim:h"))?)));
    let Some(list) = regions.field("mwg-rs:RegionList") else { return };
    for r in list.items().into_iter().take(MAX_REGIONS) {
        let kind = r.field("mwg-rs:Type").and_then(Node::value);
        let is_pet = kind.as_ref().is_some_and(|k| k.eq_ignore_ascii_case("pet"));
        if !is_pet && kind.is_some_and(|k| !k.eq_ignore_ascii_case("face")) {
            continue;
        }
        let Some(area) = r.field("mwg-rs:Area") else { continue };
        let n = |name: &str| number(area.field(name));
        // The centre is given; a circle has a diameter instead of sides.
        let (Some(mut x), Some(mut y)) = (n("stArea:x"), n("stArea:y")) else { continue };
        let (mut w, mut h) = match (n("stArea:w"), n("stArea:h"), n("stArea:d")) {
            (Some(w), Some(h), _) => (w, h),
            (_, _, Some(d)) => (d, d),
            _ => continue,
        };
        let pixels = area.field("stArea:unit").and_then(Node::value).is_some_and(|u| u == "pixel");
        if pixels {
            let Some((pw, ph)) = size.filter(|s| s.0 > 0.0 && s.1 > 0.0) else { continue };
            (x, y, w, h) = (x / pw, y / ph, w / pw, h / ph);
        }
        let name = r.field("mwg-rs:Name").and_then(Node::value);
        out.push(RawRegion { name, is_pet, area: [x - w / 2.0, y - h / 2.0, w, h], applied_to: size });
    }
}

fn microsoft(info: &Node, out: &mut Vec<RawRegion>) {
    let Some(list) = info.field("MPRI:Regions") else { return };
    for r in list.items().into_iter().take(MAX_REGIONS) {
        let Some(rectangle) = r.field("MPReg:Rectangle").and_then(Node::value) else { continue };
        let v: Vec<f64> = rectangle.split(',').map_while(|p| p.trim().parse().ok()).collect();
        let [x, y, w, h] = v[..] else { continue };
        let name = r.field("MPReg:PersonDisplayName").and_then(Node::value);
        out.push(RawRegion { name, is_pet: false, area: [x, y, w, h], applied_to: None });
    }
}

/// Rotates a region to upright. Writers disagree on whether regions refer to the stored or the upright picture: the
/// size that they were applied to decides; without it the standard's rule (stored) is used.
pub fn upright(region: &RawRegion, coded: Option<(u32, u32)>, orientation: u8) -> Option<Region> {
    let [x, y, w, h] = region.area;
    let seen_upright = match (region.applied_to, coded) {
        (Some((aw, ah)), Some((cw, ch))) if orientation >= 5 && cw != ch && aw != ah => {
            (aw > ah) != (cw > ch)
        }
        _ => false,
    };
    let (x, y, w, h) = if seen_upright {
        (x, y, w, h)
    } else {
        match orientation {
            2 => (1.0 - x - w, y, w, h),
            3 => (1.0 - x - w, 1.0 - y - h, w, h),
            4 => (x, 1.0 - y - h, w, h),
            5 => (y, x, h, w),
            6 => (1.0 - y - h, x, h, w),
            7 => (1.0 - y - h, 1.0 - x - w, h, w),
            8 => (y, 1.0 - x - w, h, w),
            _ => (x, y, w, h),
        }
    };
    let (left, top) = (x.clamp(0.0, 1.0), y.clamp(0.0, 1.0));
    let (right, bottom) = ((x + w).clamp(0.0, 1.0), (y + h).clamp(0.0, 1.0));
    let area: Box4 = [left as f32, top as f32, (right - left) as f32, (bottom - top) as f32];
    (area[2] > 0.0 && area[3] > 0.0).then(|| Region { name: region.name.clone(), area })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(applied_to: Option<(f64, f64)>) -> RawRegion {
        RawRegion { name: None, is_pet: false, area: [0.1, 0.2, 0.3, 0.4], applied_to }
    }

    fn close(a: Box4, b: Box4) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn a_stored_region_is_turned_with_the_picture() {
        let turned = upright(&region(Some((400.0, 300.0))), Some((4000, 3000)), 6).unwrap();
        assert!(close(turned.area, [0.4, 0.1, 0.4, 0.3]), "{:?}", turned.area);
    }

    #[test]
    fn a_region_written_for_the_upright_picture_stays() {
        let kept = upright(&region(Some((300.0, 400.0))), Some((4000, 3000)), 6).unwrap();
        assert!(close(kept.area, [0.1, 0.2, 0.3, 0.4]), "{:?}", kept.area);
    }

    #[test]
    fn what_lies_outside_is_no_region() {
        let out = RawRegion { name: None, is_pet: false, area: [1.2, 0.0, 0.3, 0.3], applied_to: None };
        assert_eq!(upright(&out, None, 1), None);
    }
}
