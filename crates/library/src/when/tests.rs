use super::*;

fn show(text: &str) -> Option<(String, String, Option<i32>)> {
    parse(text).map(|w| (w.at.to_string(), w.subsec, w.offset))
}

#[test]
fn the_ways_dates_are_written() {
    let cases: &[(&str, &str, &str, Option<i32>)] = &[
        ("2023:07:01 10:20:30", "2023-07-01T10:20:30", "", None),
        ("2023-07-01T10:20:30.546+02:00", "2023-07-01T10:20:30", "546", Some(120)),
        ("2019-07-24T11:25:40+0300", "2019-07-24T11:25:40", "", Some(180)),
        ("2023-07-01T10:20-05:00", "2023-07-01T10:20:00", "", Some(-300)),
        ("2023-07-01T08:20Z", "2023-07-01T08:20:00", "", Some(0)),
        ("20230701", "2023-07-01T00:00:00", "", None),
        ("20230701 102030", "2023-07-01T10:20:30", "", None),
        ("2004: 6: 9 16: 2: 5", "2004-06-09T16:02:05", "", None),
        ("Tue Oct 04 15:00:01 2005", "2005-10-04T15:00:01", "", None),
        ("2023:07:01 24:00:00", "2023-07-01T00:00:00", "", None),
        ("2015:08:22 24:08:19", "2015-08-22T00:08:19", "", None),
        ("2016:07:01 03:20:30 PM", "2016-07-01T15:20:30", "", None),
        ("2016:07:01 12:20:30 am", "2016-07-01T00:20:30", "", None),
        ("2016:07:01 15:20:30 PM", "2016-07-01T15:20:30", "", None),
        ("2001/ 1/27  1:42PM", "2001-01-27T13:42:00", "", None),
        ("2005/02/16/ 12:30", "2005-02-16T12:30:00", "", None),
        ("2016-07-01 \u{4E0B}\u{5348} 03:20:30", "2016-07-01T15:20:30", "", None),
        ("2016-07-01 \u{4E0A}\u{5348}12:20:30", "2016-07-01T00:20:30", "", None),
        ("2016/07/01 \u{5348}\u{5F8C} 3:20:30", "2016-07-01T15:20:30", "", None),
        ("2016:07:01 \u{C624}\u{D6C4} 3:20:30", "2016-07-01T15:20:30", "", None),
        ("2016:07:01 3:20:30 \u{645}", "2016-07-01T15:20:30", "", None),
        ("2016:07:01 3:20 \u{3BC}.\u{3BC}.", "2016-07-01T15:20:00", "", None),
        ("2016:07:01 03:20:30 p. m.", "2016-07-01T15:20:30", "", None),
        ("2016/07/01 \u{CF}\u{C2}\u{CE}\u{E7} 03:20:30", "2016-07-01T15:20:30", "", None),
        ("2016/07/01 \u{A4}U\u{A4}\u{C8} 03:20:30", "2016-07-01T15:20:30", "", None),
        ("Fri Jul 01 03:20:30 PM 2016", "2016-07-01T15:20:30", "", None),
        (
            "\u{662}\u{660}\u{661}\u{668}:\u{660}\u{661}:\u{660}\u{662} \u{661}\u{660}:\u{662}\u{660}:\u{663}\u{660}",
            "2018-01-02T10:20:30",
            "",
            None,
        ),
        ("2003:08:27:00:09:15", "2003-08-27T00:09:15", "", None),
        ("2017:08:21 15:08:70", "2017-08-21T15:08:00", "", None),
        ("2024-04-22T14:38:09.526GMT+02:00", "2024-04-22T14:38:09", "526", Some(120)),
        ("2024-04-22T14:38:09GMT+2", "2024-04-22T14:38:09", "", Some(120)),
    ];
    for (text, at, subsec, offset) in cases {
        assert_eq!(show(text), Some(((*at).into(), (*subsec).into(), *offset)), "{text}");
    }
    for text in
        ["0000:00:00 00:00:00", "2023:13:01 00:00:00", "    :  :     :  :  ", "", "20230", "1234", "\u{e9}"]
    {
        assert_eq!(show(text), None, "{text}");
    }
}

#[test]
fn what_is_not_known_of_a_date_is_not_made_up() {
    for (text, at, precision) in [
        ("1965", "1965-01-01", Precision::Year),
        ("19650000", "1965-01-01", Precision::Year),
        ("1965:00:00 00:00:00", "1965-01-01", Precision::Year),
        ("1965:  :     :  :  ", "1965-01-01", Precision::Year),
        ("1965-07", "1965-07-01", Precision::Month),
        ("196507", "1965-07-01", Precision::Month),
        ("19650700", "1965-07-01", Precision::Month),
        ("1965:07:00 00:00:00", "1965-07-01", Precision::Month),
        ("1965:07:     :  :  ", "1965-07-01", Precision::Month),
        ("1965-07-14", "1965-07-14", Precision::Day),
        ("1965:07:14   :  :  ", "1965-07-14", Precision::Day),
        ("1965:00:14 00:00:00", "1965-01-01", Precision::Year),
    ] {
        let when = parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((when.at.date().to_string().as_str(), when.precision), (at, precision), "{text}");
        assert!(!when.has_time(), "{text}");
    }
    assert_eq!(parse("2023-07-01T10:20-05:00").unwrap().precision, Precision::Minute);
    assert_eq!(parse("1965-02").unwrap().end().to_string(), "1965-02-28T23:59:59");
}

proptest::proptest! {
    /// Each precision is read as written, with each way to omit the rest.
    #[test]
    fn precisions_are_read_as_written(y in 1826u32..2099, mo in 1u32..=12, d in 1u32..=28, form in 0usize..4, known in 1usize..=3) {
        let (month, day) = (if known >= 2 { mo } else { 0 }, if known == 3 { d } else { 0 });
        let text = match form {
            0 => format!("{y:04}{month:02}{day:02}"),
            1 => format!("{y:04}:{month:02}:{day:02} 00:00:00").split_at(if known == 3 { 10 } else { 19 }).0.to_owned(),
            2 => [format!("{y:04}"), format!("{y:04}-{mo:02}"), format!("{y:04}-{mo:02}-{d:02}")][known - 1].clone(),
            _ => [format!("{y:04}:  :     :  :  "), format!("{y:04}:{mo:02}:     :  :  "), format!("{y:04}:{mo:02}:{d:02}   :  :  ")][known - 1].clone(),
        };
        let when = parse(&text).unwrap();
        proptest::prop_assert_eq!(Some(when.clone()), When::partial(y, month, day), "{}", text);
        proptest::prop_assert!(when.end() > when.at);
    }

    /// A time of a twelve-hour clock equals that of a twenty-four-hour clock, in all languages and
    /// positions of the word.
    #[test]
    fn clocks_of_twelve_hours(h in 0u32..24, mi in 0u32..60, s in 0u32..60, word in 0usize..HALVES.len(), before in proptest::bool::ANY) {
        let half = if h < 12 { Half::Am } else { Half::Pm };
        let word = HALVES.iter().cycle().skip(word).find(|(_, of)| *of == half).unwrap().0;
        let twelve = if h % 12 == 0 { 12 } else { h % 12 };
        let clock = format!("{twelve}:{mi:02}:{s:02}");
        let text = if before { format!("2016:07:01 {word} {clock}") } else { format!("2016:07:01 {clock} {word}") };
        proptest::prop_assert_eq!(parse(&text).map(|w| w.at), date_time(2016, 7, 1, h, mi, s), "{}", text);
    }

    /// Hour 24 is hour 0 of the day that is written.
    #[test]
    fn hour_twenty_four(d in 1u32..=28, mi in 0u32..60, s in 0u32..60) {
        let text = format!("2015:08:{d:02} 24:{mi:02}:{s:02}");
        proptest::prop_assert_eq!(parse(&text).map(|w| w.at), date_time(2015, 8, d, 0, mi, s));
    }

    #[test]
    fn any_real_date_survives(y in 1900i32..2099, mo in 1u32..=12, d in 1u32..=28, h in 0u32..24, mi in 0u32..60, s in 0u32..60) {
        let text = format!("{y:04}:{mo:02}:{d:02} {h:02}:{mi:02}:{s:02}");
        let expected = format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}");
        proptest::prop_assert_eq!(parse(&text).unwrap().at.to_string(), expected);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}") {
        let _ = parse(&text);
        let _ = offset(&text);
    }
}
