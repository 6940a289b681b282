use super::*;

#[test]
fn names_that_carry_a_date() {
    for (name, expected) in [
        ("IMG_20230701_102030.jpg", "2023-07-01T10:20:30"),
        ("VID_20230701_102030.mp4", "2023-07-01T10:20:30"),
        ("PXL_20230701_082030123.MP.jpg", "2023-07-01T08:20:30"),
        ("20230701_102030.jpg", "2023-07-01T10:20:30"),
        ("20230701_102030(1).jpg", "2023-07-01T10:20:30"),
        ("IMG-20230701-WA0003.jpg", "2023-07-01T00:00:00"),
        ("WhatsApp Image 2023-07-01 at 10.20.30.jpeg", "2023-07-01T10:20:30"),
        ("WhatsApp Image 2023-07-01 at 10.20.30 (1).jpeg", "2023-07-01T10:20:30"),
        ("Screenshot_20230701-102030_Chrome.png", "2023-07-01T10:20:30"),
        ("Screenshot_2023-07-01-10-20-30-12.png", "2023-07-01T10:20:30"),
        ("Screenshot 2023-07-01 at 10.20.30.png", "2023-07-01T10:20:30"),
        ("signal-2023-07-01-10-20-30-123.jpg", "2023-07-01T10:20:30"),
        ("signal-2023-07-01-102030.jpg", "2023-07-01T10:20:30"),
        ("DSC_20230701_102030.JPG", "2023-07-01T10:20:30"),
        ("2023-07-01 10.20.30.jpg", "2023-07-01T10:20:30"),
        ("2023-07-01_10-20-30.heic", "2023-07-01T10:20:30"),
        ("20230701102030.jpg", "2023-07-01T10:20:30"),
        ("BURST20230701102030123.jpg", "2023-07-01T10:20:30"),
        ("photo_2023-07-01_10-20-30.jpg", "2023-07-01T10:20:30"),
        ("P_20230701_102030.jpg", "2023-07-01T10:20:30"),
        ("MVIMG_20230701_102030.jpg", "2023-07-01T10:20:30"),
        ("mmexport1688206830123.jpg", "2023-07-01T10:20:30"),
        ("Bildschirmfoto 2023-07-01 um 10.20.30.png", "2023-07-01T10:20:30"),
        ("Capture d'écran 2023-07-01 à 10.20.30.png", "2023-07-01T10:20:30"),
        ("Captura de pantalla 2023-07-01 a las 10.20.30.png", "2023-07-01T00:00:00"),
        ("Screen Shot 2023-07-01 at 3.04.05 PM.png", "2023-07-01T15:04:05"),
        ("Screenshot 2023-07-01 at 12.04.05\u{202f}AM.png", "2023-07-01T00:04:05"),
        ("\u{622A}\u{5C4F}2023-07-01 \u{4E0B}\u{5348}3.04.05.png", "2023-07-01T15:04:05"),
        ("WhatsApp Image 2023-07-01 at 3.04.05 PM (1).jpeg", "2023-07-01T15:04:05"),
        ("2023-07-01 3.jpg", "2023-07-01T00:00:00"),
        ("2023-07-01 at 3.04 PM.jpg", "2023-07-01T15:04:00"),
        ("2023-07-01.jpg", "2023-07-01T00:00:00"),
    ] {
        assert_eq!(from_name(name, 2024).map(|w| w.at.to_string()).as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn numbers_that_are_no_dates() {
    for name in [
        "IMG_1234.jpg",
        "DSC04923.JPG",
        "20231301_102030.jpg",
        "123456789012345678901.jpg",
        "12345678.jpg",
        "1920-1080.png",
        "20990231.jpg",
    ] {
        assert_eq!(from_name(name, 2024), None, "{name}");
    }
}

fn short(when: Option<When>) -> Option<String> {
    when.map(|w| w.at.to_string()[..w.precision.length()].to_owned())
}

#[test]
fn folders() {
    for (folder, expected) in [
        ("2019/2019-07-01", Some("2019-07-01")),
        ("Photos/2019/07/01", Some("2019-07-01")),
        ("2019-07-01 Summer/raw", Some("2019-07-01")),
        ("2005.08.14 Rom", Some("2005-08-14")),
        ("2005/08 August/14", Some("2005-08-14")),
        ("2005/08-Aug/14 Rome", Some("2005-08-14")),
        ("2005/08", Some("2005-08")),
        ("2005/08 August", Some("2005-08")),
        ("2005-08 Italy", Some("2005-08")),
        ("2005-08", Some("2005-08")),
        ("2005_08_Italy", Some("2005-08")),
        ("200508 Italy", Some("2005-08")),
        ("2005\u{5E74}8\u{6708}14\u{65E5}", Some("2005-08-14")),
        ("2005\u{5E74}/8\u{6708}", Some("2005-08")),
        ("2005\u{5E74}8\u{6708}", Some("2005-08")),
        ("1998 Wedding", Some("1998")),
        ("1998 Wedding/01", Some("1998")),
        ("Wedding 1998", Some("1998")),
        ("Photos from 2005", Some("2005")),
        ("Fotos von 2005/raw", Some("2005")),
        ("2005/Italy", Some("2005")),
        ("2005/03 Party", Some("2005")),
        ("14.08.2005", Some("2005")),
        ("Photos/2019", Some("2019")),
        // None of these is a date, or only a date in the future.
        ("2005-2006 Italy", None),
        ("100_2005", None),
        ("DCIM/100CANON", None),
        ("Canon 2000D", None),
        ("Cyberpunk 2077", None),
        ("", None),
    ] {
        assert_eq!(short(from_folder(folder, 2024)).as_deref(), expected, "{folder}");
    }
}

#[test]
fn years_and_months_in_names() {
    for (name, expected) in [
        ("1965 Granny on the beach.jpg", Some("1965")),
        ("1965-07 Granny.jpg", Some("1965-07")),
        ("1965-07-14 Granny.jpg", Some("1965-07-14")),
        ("1965-07-00 Granny.jpg", Some("1965-07")),
        ("19650714 Granny.jpg", Some("1965-07-14")),
        ("Wedding 1998 (3).jpg", Some("1998")),
        ("1965\u{5E74} \u{5BB6}\u{65CF}.jpg", Some("1965")),
        ("2023-07-01 at 3.04 PM.jpg", Some("2023-07-01T15:04")),
        ("IMG_2005.jpg", None),
        ("DSC_1998 edited.jpg", None),
        ("DSC_1998-bearbeitet.jpg", None),
        ("1965.jpg", None),
        ("2019 12345.jpg", None),
        ("Wallpaper 1920x1080.jpg", None),
        ("Wallpaper 1920 1080.jpg", None),
        ("Game in the year 2077.png", None),
        ("19030617_10154871234567890_n.jpg", None),
    ] {
        assert_eq!(short(from_name(name, 2024)).as_deref(), expected, "{name}");
    }
}

proptest::proptest! {
    /// A folder of a year, a month and a day has this precision, with any words beside it.
    #[test]
    fn folders_give_what_they_name(
        y in 1826u32..2024, m in 1u32..=12, d in 1u32..=28, known in 1usize..=3,
        words in "( [A-Za-z\u{e4}\u{f6}\u{fc}\u{3b1}-\u{3c9}\u{430}-\u{44f}]{3,9}){0,3}", nested in proptest::bool::ANY,
    ) {
        let sep = if nested { "/" } else { "-" };
        let text = [format!("{y}"), format!("{y}{sep}{m:02}"), format!("{y}{sep}{m:02}{sep}{d:02}")][known - 1].clone();
        let folder = if nested { format!("Photos/{text}") } else { format!("Photos/{text}{words}") };
        let expected = When::partial(y, if known > 1 { m } else { 0 }, if known > 2 { d } else { 0 });
        proptest::prop_assert_eq!(from_folder(&folder, 2024), expected, "{}", folder);
    }

    #[test]
    fn no_name_makes_it_panic(name in "\\PC{0,40}") {
        let _ = from_name(&name, 2024);
        let _ = from_folder(&name, 2024);
    }
}
