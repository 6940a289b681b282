use super::*;
use proptest::prelude::*;

fn one(text: &str) -> Filter {
    let mut query = Query::parse(text).unwrap();
    assert_eq!(query.terms.len(), 1, "{text}");
    query.terms[0].any_of.remove(0)
}

fn dates(from: &str, until: &str) -> Span<String> {
    let some = |v: &str| (!v.is_empty()).then(|| v.to_owned());
    Span { from: some(from), until: some(until) }
}

#[test]
fn words_dates_and_filters_are_told_apart() {
    let query = Query::parse("berlin 2023 camera:canon,nikon -tag:work \"new year\"").unwrap();
    assert_eq!(query.terms.len(), 5);
    let word = Filter::Words { field: None, words: Words { text: "2023".into(), is_prefix: false } };
    assert_eq!(query.terms[1].any_of, [Filter::Taken(dates("2023", "2023")), word]);
    assert_eq!(query.terms[2].any_of.len(), 2);
    assert!(query.terms[3].denied);
    assert_eq!(
        query.terms[4].any_of,
        [Filter::Words { field: None, words: Words { text: "new year".into(), is_prefix: false } }]
    );
}

#[test]
fn ranges_have_many_forms() {
    assert_eq!(one("date:2019..2021-03"), Filter::Taken(dates("2019", "2021-03")));
    assert_eq!(one("date:>=2020-05-01"), Filter::Taken(dates("2020-05-01", "")));
    assert_eq!(one("date:..2020"), Filter::Taken(dates("", "2020")));
    assert_eq!(one("..2020"), Filter::Taken(dates("", "2020")));
    assert_eq!(one("2020-02-29"), Filter::Taken(dates("2020-02-29", "2020-02-29")));
    assert!(matches!(one("...and"), Filter::Words { .. }));
    let Filter::Number { span, .. } = one("exposure:1/250") else { panic!() };
    assert!(span.from.unwrap() < 0.004 && span.until.unwrap() > 0.004);
}

#[test]
fn quotes_keep_colons_commas_and_years_as_text() {
    assert!(matches!(one("\"2023\""), Filter::Words { .. }));
    assert!(matches!(one("\"a:b\""), Filter::Words { .. }));
    assert_eq!(one("tag:\"a, b\""), Filter::Tag("a, b".into()));
}

#[test]
fn dates_are_told_from_today() {
    let today = jiff::civil::date(2024, 3, 31);
    for (text, from, until) in [
        ("date:30d", "2024-03-01", ""),
        ("date:2w", "2024-03-17", ""),
        ("date:1m", "2024-02-29", ""),
        ("date:1y", "2023-03-31", ""),
        ("date:today", "2024-03-31", "2024-03-31"),
        ("date:Gestern", "2024-03-30", "2024-03-30"),
        ("date:this-week", "2024-03-25", "2024-03-31"),
        ("date:last-week", "2024-03-18", "2024-03-24"),
        ("date:last-month", "2024-02", "2024-02"),
        ("date:letztes-jahr", "2023", "2023"),
    ] {
        let terms = Query::parse_on(text, today).unwrap().terms;
        assert_eq!(terms[0].any_of, [Filter::Taken(dates(from, until))], "{text}");
    }
    let added = Query::parse_on("added:30d", today).unwrap().terms;
    assert_eq!(added[0].any_of, [Filter::Added(dates("2024-03-01", ""))]);
    assert!(Query::parse("added:30x").is_err());
    assert!(Query::parse("added:99999999999d").is_err());
}

#[test]
fn keywords_are_offered_beside_the_words() {
    let of = |text: &str| Query::parse(text).unwrap().terms;
    let word =
        |text: &str| Filter::Words { field: None, words: Words { text: text.into(), is_prefix: false } };
    assert_eq!(of("360")[0].any_of, [Filter::Is(Is::Sphere), word("360")]);
    assert_eq!(of("\"Live Photo\"")[0].any_of, [Filter::Is(Is::Live), word("Live Photo")]);
    let both = Filter::All(vec![word("live"), word("photos")]);
    let terms = of("anna live photos berlin");
    assert_eq!(terms.len(), 3);
    assert_eq!(terms[1].any_of, [Filter::Is(Is::Live), both]);
    assert!(of("-video")[0].denied);
    assert_eq!(of("-live photo").len(), 2);
    assert_eq!(of("video*")[0].any_of.len(), 1);
    assert_eq!(of("name:video")[0].any_of.len(), 1);
}

#[test]
fn a_circle_over_the_date_line_is_a_box_over_it() {
    let Filter::Area(area) = one("near:-17,179.9,50km") else { panic!() };
    assert!(area.west > area.east, "{area:?}");
}

#[test]
fn errors_say_what_to_write() {
    for (text, hint) in [
        ("colour:red", "Filters:"),
        ("kind:song", "kind:photo"),
        ("rating:good", "rating:>=4"),
        ("date:tomorrow", "2023-07-01"),
        ("date:2023-13", "2023-07-01"),
        ("date:2023-02-29", "2023-07-01"),
        ("date:>=2023-07-01T25", "2023-07-01"),
        ("\"open", "not closed"),
        ("tag:", "tag:VALUE"),
        ("box:1,2,3", "box:SOUTH"),
    ] {
        let message = Query::parse(text).unwrap_err().to_string();
        assert!(message.contains(hint), "{text}: {message}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,60}") {
        let _ = Query::parse(&text);
    }

    #[test]
    fn text_of_the_language_is_answered(text in "[-\"a-z0-9:.,<>=/ ]{0,40}") {
        let _ = Query::parse(&text);
    }
}
