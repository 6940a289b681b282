use super::values::{Bytes, Preview, Share, TimeOfDay};
use super::*;
use albumen_core::vocabulary::PreviewSize;
use proptest::prelude::*;

fn refused(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn nothing_said_is_the_defaults() {
    assert_eq!(Config::parse("").unwrap(), Config::default());
    assert_eq!(volume_guard(&Config::default()), albumen_files::volume::Guard::default());
    assert_eq!(Config::default().render_settings(), RenderSettings::default());
}

fn volume_guard(config: &Config) -> albumen_files::volume::Guard {
    config.guard.into()
}

/// The installed file with comments: as shipped, and with every `#key = value` line enabled.
#[test]
fn the_explained_file_is_true() {
    let text = include_str!("../../../../config/albumen.toml");
    let mut shipped = Config::parse(text).unwrap();
    shipped.ignore = Config::default().ignore;
    shipped.index = None;
    shipped.portal.clear();
    assert_eq!(shipped, Config::default(), "what is not commented out is the default");

    let all: String = text
        .lines()
        .map(|line| {
            let code = line.strip_prefix('#').filter(|l| l.starts_with('[') || l.contains(" = "));
            format!("{}\n", code.filter(|l| !l.starts_with(' ')).unwrap_or(line))
        })
        .collect();
    let all = Config::parse(&all).unwrap_or_else(|e| panic!("{e}\n{all}"));
    assert_eq!(all.spaces.len(), 3);
    assert_eq!(all.service.windows.len(), 2);
    assert_eq!(all.service.tokens.len(), 1);
}

#[test]
fn mistakes_are_refused_with_line_and_reason() {
    for (text, expected) in [
        ("jobs = 2\nmemroy = \"256M\"", "line 2: unknown field `memroy`"),
        ("\n\nmemory = \"63M\"", "line 3: 63 MiB of memory are too little; 64M is the least"),
        ("memory = \"lots\"", "line 1: `lots` is no size"),
        ("[guard]\nshare = \"120%\"", "line 2: `120%` is no share"),
        ("[render]\nquality = 0", "line 2: `0` is no quality"),
        ("[render]\npreview = 12", "line 2: `12` is no preview size"),
        ("grace = 30", "line 1: `30` is no length of time"),
        ("grace = true", "line 1: invalid type"),
        ("jobs = -1", "line 1: invalid value"),
        ("jobs = ", "line 1: "),
        ("[ignore]\npatterns = [\"[z-a]\"]", "line 2: ignore pattern `[z-a]`"),
        ("[[space]]\nname = \"a\"\nfolders = []", "line 2: space `a` has no folders"),
        ("[[space]]\nname = \"a\"\nfolders = [\"p\"]", "line 3: `p` is not an absolute path"),
        ("[[space]]\nname = \"a\"\nfolders = [\"/h/*/P\"]", "line 3: `/h/*/P` is a pattern"),
        ("[[space]]\nname = \"{}\"\nfolders = [\"/h\"]", "line 3: the name `{}` has `{}`"),
        ("[[space]]\nname = \"{}\"\nfolders = [\"/h/[z\"]", "line 3: `[z` is not a valid pattern"),
        (
            "[[space]]\nname = \"{}\"\nkind = \"shared\"\nfolders = [\"/h/*\"]",
            "line 2: space `{}` is a pattern",
        ),
        ("[service]\ntcp = \"0.0.0.0:80\"", "line 2: 0.0.0.0:80 can be reached from outside"),
        ("[service]\ntcp = \"127.0.0.1:80\"", "line 2: tcp needs at least one"),
        ("[[service.token]]\nname = \"a\"\ntoken = \"short\"", "line 3: a token needs at least 16"),
        ("[[service.window]]\nfrom = \"25:00\"", "line 2: `25:00` is no time of day"),
    ] {
        let why = refused(text);
        assert!(why.starts_with(expected), "{text:?} gave {why:?}");
    }
    let two = "[[space]]\nname = \"a\"\nfolders = [\"/p\"]\n[[space]]\nname = \"b\"\nfolders = [\"/p\"]";
    assert_eq!(refused(two), "line 6: `/p` belongs to space `a` already");
    let limited = "[[service.token]]\nname = \"t\"\ntoken = \"0123456789abcdef\"\nspaces = [\"nobody\"]";
    assert_eq!(refused(limited), "line 4: there is no space `nobody`");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = Path::new("/nowhere/albumen.toml");
    let why = Config::find(Some(missing)).unwrap_err().to_string();
    assert!(why.starts_with("/nowhere/albumen.toml: cannot be read"), "{why}");
}

#[test]
fn values_with_units() {
    assert_eq!("256M".parse::<Memory>().unwrap().bytes(), 256 << 20);
    assert_eq!("1.5 GiB".parse::<Bytes>(), Ok(Bytes(3 << 29)));
    assert_eq!("67108864".parse::<Memory>().unwrap().bytes(), Memory::LEAST);
    assert_eq!("30 days".parse::<Duration>(), Ok(Duration::from_days(30)));
    assert_eq!("90s".parse::<Duration>().unwrap().as_secs(), 90);
    assert_eq!("20%".parse::<Share>(), Ok(Share::percent(20)));
    assert_eq!("full".parse::<Preview>().unwrap().get(), PreviewSize::Full);
    assert_eq!("2560".parse::<Preview>(), Ok(Preview::default()));
    assert_eq!("7:05".parse::<TimeOfDay>().unwrap().minutes(), 425);
    for bad in ["", "M", "-1M", "1X", "1e9M", "99999999T", "inf", "NaN"] {
        assert!(bad.parse::<Bytes>().is_err(), "{bad}");
    }
    for bad in ["7:5", "24:01", "a:00", "12", "-1:00"] {
        assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
    }
}

#[test]
fn a_window_may_span_midnight() {
    let window = |from: &str, to: &str| Window {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        cpu: Share::percent(25),
    };
    let night = window("22:00", "07:00");
    assert!(night.holds(23 * 60) && night.holds(0) && night.holds(6 * 60 + 59));
    assert!(!night.holds(7 * 60) && !night.holds(12 * 60));
    let evening = window("18:00", "22:00");
    assert!(evening.holds(18 * 60) && !evening.holds(22 * 60));
}

#[test]
fn a_pattern_gives_a_personal_space_a_match() {
    let disk = tempfile::tempdir().unwrap();
    let homes = disk.path().join("homes");
    for folder in
        ["bob/Photos", "alice/Photos", "alice/Videos", "carol/Music", "@eaDir/Photos", ".hidden/Photos"]
    {
        std::fs::create_dir_all(homes.join(folder)).unwrap();
    }
    // Mallory's Photos is a link to Alice's.
    std::fs::create_dir(homes.join("mallory")).unwrap();
    std::os::unix::fs::symlink(homes.join("alice/Photos"), homes.join("mallory/Photos")).unwrap();
    std::os::unix::fs::symlink(homes.join("alice"), homes.join("eve")).unwrap();

    let home = homes.display();
    let text = format!(
        "[[space]]\nname = \"home {{}}\"\nfolders = [\"{home}/*/Photos\", \"{home}/*/Videos\"]\nsubjects = false\n\
         [[space]]\nname = \"family\"\nkind = \"shared\"\nfolders = [\"{home}/alice/Photos/family\"]"
    );
    let spaces = Spaces::resolve(&Config::parse(&text).unwrap().spaces);
    let names: Vec<_> = spaces.iter().map(|s| (s.name.as_str(), s.folders.len())).collect();
    assert_eq!(names, [("home alice", 2), ("home bob", 1), ("family", 1)]);
    assert!(spaces.iter().take(2).all(|s| s.kind == SpaceKind::Personal && !s.subjects && s.people));

    let holder = |below: &str| spaces.holding(&homes.join(below)).map(|(s, _)| s.name.clone());
    assert_eq!(holder("alice/Photos/2019"), Some("home alice".to_owned()));
    assert_eq!(holder("alice/Photos/family/x.jpg"), Some("family".to_owned()), "the deepest holds it");
    assert_eq!(holder("carol/Music"), None);
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused_by_line(text in "[ -~\n]{0,80}") {
        if let Err(e) = Config::parse(&text) {
            prop_assert!(e.to_string().starts_with("line "));
        }
    }

    #[test]
    fn any_value_is_taken_or_refused(text in "\\PC{0,12}") {
        let _ = (text.parse::<Bytes>(), text.parse::<Duration>(), text.parse::<Share>(), text.parse::<TimeOfDay>());
    }
}
