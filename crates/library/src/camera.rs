//! Normalizes the names of camera makers.

/// Prefixes of makers' names as written (lower case), and the normalized name.
const MAKERS: &[(&str, &str)] = &[
    ("acer", "Acer"),
    ("agfa", "Agfa"),
    ("apple", "Apple"),
    ("asus", "Asus"),
    ("blackmagic", "Blackmagic Design"),
    ("canon", "Canon"),
    ("casio", "Casio"),
    ("concord", "Concord"),
    ("dji", "DJI"),
    ("eastman kodak", "Kodak"),
    ("epson", "Epson"),
    ("fairphone", "Fairphone"),
    ("fuji", "Fujifilm"),
    ("ge medical", "GE"),
    ("general imaging", "GE"),
    ("google", "Google"),
    ("gopro", "GoPro"),
    ("hasselblad", "Hasselblad"),
    ("hewlett", "HP"),
    ("hp", "HP"),
    ("hmd", "HMD"),
    ("honor", "Honor"),
    ("htc", "HTC"),
    ("huawei", "Huawei"),
    ("insta360", "Insta360"),
    ("arashi vision", "Insta360"),
    ("jenoptik", "Jenoptik"),
    ("jvc", "JVC"),
    ("kodak", "Kodak"),
    ("konica minolta", "Konica Minolta"),
    ("konica", "Konica"),
    ("kyocera", "Kyocera"),
    ("leica", "Leica"),
    ("lenovo", "Lenovo"),
    ("lge", "LG"),
    ("lg ", "LG"),
    ("mamiya", "Mamiya"),
    ("microsoft", "Microsoft"),
    ("minolta", "Minolta"),
    ("motorola", "Motorola"),
    ("nec", "NEC"),
    ("nikon", "Nikon"),
    ("nokia", "Nokia"),
    ("nothing", "Nothing"),
    ("olympus", "Olympus"),
    ("om digital", "OM Digital Solutions"),
    ("oneplus", "OnePlus"),
    ("oppo", "OPPO"),
    ("panasonic", "Panasonic"),
    ("parrot", "Parrot"),
    ("pentax", "Pentax"),
    ("asahi optical", "Pentax"),
    ("phase one", "Phase One"),
    ("polaroid", "Polaroid"),
    ("realme", "realme"),
    ("research in motion", "BlackBerry"),
    ("blackberry", "BlackBerry"),
    ("ricoh", "Ricoh"),
    ("rollei", "Rollei"),
    ("samsung", "Samsung"),
    ("sanyo", "Sanyo"),
    ("seiko epson", "Epson"),
    ("sharp", "Sharp"),
    ("sigma", "Sigma"),
    ("skanhex", "Skanhex"),
    ("sony ericsson", "Sony Ericsson"),
    ("sony", "Sony"),
    ("toshiba", "Toshiba"),
    ("vivo", "vivo"),
    ("xiaomi", "Xiaomi"),
    ("yuneec", "Yuneec"),
    ("zte", "ZTE"),
];

/// The normalized name of a maker; an unknown one is unchanged.
pub fn make(written: &str) -> String {
    let clean = collapse(written);
    let low = clean.to_lowercase();
    let known = MAKERS.iter().find(|(start, _)| {
        low.strip_prefix(start).is_some_and(|rest| {
            // A whole word: "hp" does not match "hpx".
            start.ends_with(' ')
                || start.len() > 4
                || rest.is_empty()
                || !rest.starts_with(char::is_alphanumeric)
        })
    });
    match known {
        Some((_, name)) => (*name).to_owned(),
        None => clean,
    }
}

/// A model without padding; the camera's own name is kept.
pub fn model(written: &str) -> String {
    collapse(written)
}

/// Replaces several spaces by one.
fn collapse(s: &str) -> String {
    s.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_have_one_spelling() {
        for (written, name) in [
            ("NIKON CORPORATION", "Nikon"),
            ("NIKON", "Nikon"),
            ("SONY", "Sony"),
            ("Minolta Co., Ltd.", "Minolta"),
            ("KONICA MINOLTA ", "Konica Minolta"),
            ("OLYMPUS IMAGING CORP.  ", "Olympus"),
            ("SAMSUNG TECHWIN", "Samsung"),
            ("LG Electronics", "LG"),
            ("LGE", "LG"),
            ("HPX  Labs", "HPX Labs"),
        ] {
            assert_eq!(make(written), name);
        }
    }
}
