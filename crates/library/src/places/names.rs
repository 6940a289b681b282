//! The names of countries in some fifty languages, for searches: `Deutschland`, `Allemagne` and `ドイツ` are
//! Germany.

/// One line each: code and names, by build/gazetteer/local_names.py out of CLDR.
const NAMES: &str = include_str!("data/country_names.tsv");

/// The ISO codes of the countries with this name in any language, ignoring case.
pub fn countries_called(name: &str) -> impl Iterator<Item = &'static str> {
    let name = name.trim().to_lowercase();
    NAMES.lines().filter_map(move |line| {
        let (code, names) = line.split_once('\t')?;
        names.split('\t').any(|known| known.to_lowercase() == name).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::countries_called;

    #[test]
    fn countries_are_known_by_what_others_call_them() {
        let found = |name| countries_called(name).collect::<Vec<_>>();
        for (name, code) in
            [("deutschland", "DE"), ("ALLEMAGNE", "DE"), ("ドイツ", "DE"), ("Ελλάδα", "GR"), ("suomi", "FI")]
        {
            assert_eq!(found(name), [code], "{name}");
        }
        assert!(found("").is_empty() && found("atlantis").is_empty());
    }
}
