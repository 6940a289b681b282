//! Lenses: by the maker's number, or by focal length and aperture.
//!
//! Sony's cameras for A-mount and Pentax's write a number for the lens; lenses.tsv has the names.

use super::tiff::{Entry, Tiff};

const LENSES: &str = include_str!("lenses.tsv");

/// The name of a lens with this number of a maker; `None` if several lenses share it.
pub fn of_number(maker: &str, number: &str) -> Option<String> {
    LENSES.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (of, rest) = line.split_once('\t')?;
        let (own, name) = rest.split_once('\t')?;
        (of == maker && own == number).then(|| name.to_owned())
    })
}

/// Focal lengths and apertures of a lens, `18-70mm f/3.5-4.5`; invalid fractions are left out.
pub fn of_figures(tiff: &Tiff<'_>, e: Entry) -> Option<String> {
    if e.count < 4 {
        return None;
    }
    let v: Vec<Option<f64>> =
        (0..4).map(|i| tiff.float_at(e, i).filter(|v| *v > 0.0 && *v < 10_000.0)).collect();
    words(v[0]?, v[1], v[2], v[3])
}

/// A description of a lens by its figures.
pub fn words(short: f64, long: Option<f64>, wide: Option<f64>, tele: Option<f64>) -> Option<String> {
    let number = |v: f64| {
        let s = format!("{v:.2}");
        s.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let range = |a: f64, b: Option<f64>| match b {
        Some(b) if (b - a).abs() > 1e-6 => format!("{}-{}", number(a), number(b)),
        _ => number(a),
    };
    let mut words = format!("{}mm", range(short, long));
    if let Some(wide) = wide {
        words.push_str(&format!(" f/{}", range(wide, tele)));
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenses_are_known_by_number() {
        assert_eq!(of_number("pentax", "3 250").as_deref(), Some("smc PENTAX-DA 50-200mm F4-5.6 ED"));
        assert_eq!(of_number("sony", "25981").as_deref(), Some("Minolta AF 100mm F2"));
        assert_eq!(of_number("pentax", "3 44"), None, "shared by several");
        assert!(LENSES.lines().skip(2).all(|line| line.split('\t').count() == 3));
    }
}
