//! 360-degree pictures and other panoramas.
//!
//! The rule for `is_360`: the projection is equirectangular, the full panorama is as wide and as high as the
//! cropped area, and UsePanoramaViewer is not false. All else is recorded and not marked.

use albumen_core::vocabulary::Pano;
use albumen_formats::xmp;

/// A photo's panorama tags.
pub fn of_photo(tags: &xmp::Pano) -> Option<Pano> {
    let projection = tags.projection.clone()?.to_lowercase();
    let equal = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| a == b && a > 0.0);
    let is_360 = projection == "equirectangular"
        && equal(tags.full_width, tags.cropped_width)
        && equal(tags.full_height, tags.cropped_height)
        && tags.use_viewer != Some(false);
    Some(Pano { projection, is_360 })
}

/// A video's projection: from the `sv3d` box, Google's spherical XML or Matroska's projection element.
pub fn of_video(projection: &str) -> Pano {
    let projection = projection.to_lowercase();
    Pano { is_360: projection == "equirectangular", projection }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> xmp::Pano {
        xmp::Pano {
            projection: Some("Equirectangular".into()),
            use_viewer: None,
            full_width: Some(4096.0),
            full_height: Some(2048.0),
            cropped_width: Some(4096.0),
            cropped_height: Some(2048.0),
        }
    }

    #[test]
    fn the_rule() {
        assert!(of_photo(&tags()).unwrap().is_360);
        assert!(of_photo(&xmp::Pano { use_viewer: Some(true), ..tags() }).unwrap().is_360);
        for not in [
            xmp::Pano { use_viewer: Some(false), ..tags() },
            xmp::Pano { cropped_width: Some(4000.0), ..tags() },
            xmp::Pano { cropped_height: None, ..tags() },
            xmp::Pano { full_width: None, full_height: None, ..tags() },
            xmp::Pano { projection: Some("cylindrical".into()), ..tags() },
        ] {
            assert!(!of_photo(&not).unwrap().is_360, "{not:?}");
        }
        assert_eq!(of_photo(&xmp::Pano { projection: None, ..tags() }), None);
    }
}
