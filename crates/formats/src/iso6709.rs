//! Coordinates as one text: `+48.8583+002.2919+065.730/`, also in degrees and minutes.

use super::values::place;
use albumen_core::vocabulary::Gps;

/// Latitude and longitude, and altitude if present; `None` for an impossible place.
pub fn parse(s: &str) -> Option<Gps> {
    let s = s.trim().trim_end_matches('/');
    let s = s.split("CRS").next()?;
    let mut starts: Vec<usize> =
        s.char_indices().filter(|(_, c)| matches!(c, '+' | '-')).map(|(i, _)| i).collect();
    if starts.first() != Some(&0) {
        return None;
    }
    starts.push(s.len());
    let mut parts = starts.windows(2).map(|w| &s[w[0]..w[1]]);
    let lat = angle(parts.next()?, 2)?;
    let lon = angle(parts.next()?, 3)?;
    let alt = parts.next().and_then(|p| p.trim().parse().ok());
    place(lat, lon, alt)
}

/// `+DD.D`, `+DDMM.M` or `+DDMMSS.S`: distinguished by the digits before the point.
fn angle(part: &str, degree_digits: usize) -> Option<f64> {
    let (negative, digits) = (part.starts_with('-'), part.get(1..)?.trim());
    let whole = digits.find('.').unwrap_or(digits.len());
    let value: f64 = digits.parse().ok()?;
    let angle = match whole {
        n if n <= degree_digits => value,
        n if n == degree_digits + 2 => (value / 100.0).floor() + value % 100.0 / 60.0,
        n if n == degree_digits + 4 => {
            (value / 10_000.0).floor() + (value / 100.0).floor() % 100.0 / 60.0 + value % 100.0 / 3600.0
        }
        _ => value,
    };
    Some(if negative { -angle } else { angle })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_to_write_a_place() {
        let paris = parse("+48.8583+002.2919+065.730/").unwrap();
        assert_eq!((paris.lat, paris.lon, paris.alt), (48.8583, 2.2919, Some(65.73)));
        let minutes = parse("+4851.498-00217.514/").unwrap();
        assert!((minutes.lat - 48.8583).abs() < 1e-6 && (minutes.lon + 2.2919).abs() < 1e-6);
        let seconds = parse("-485129.88+0021730.84/").unwrap();
        assert!((seconds.lat + 48.8583).abs() < 1e-6 && (seconds.lon - 2.2919).abs() < 1e-6);
        assert_eq!(parse("+00.0000+000.0000/"), None);
        assert_eq!(parse("nowhere"), None);
        assert_eq!(parse("+\u{e9}1+2/"), None);
    }
}
