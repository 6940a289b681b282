use super::*;

fn refused(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn nothing_said_is_the_defaults() {
    let config = Config::parse("").unwrap();
    assert_eq!(config.portal, Portal::default());
    assert_eq!(config.portal.listen.to_string(), "0.0.0.0:8443");
    assert_eq!(config.socket, Some(PathBuf::from("/run/albumen/albumen.sock")));
}

/// The commented file that is installed: as it is, and with every `#key = value` line enabled. The test fails
/// if the engine has a key that the portal lacks.
#[test]
fn the_explained_file_is_true() {
    let text = include_str!("../../../../config/albumen.toml");
    let shipped = Config::parse(text).unwrap();
    assert_eq!(shipped.portal, Portal::default(), "what is not commented out is the default");

    let all: String = text
        .lines()
        .map(|line| {
            let code = line.strip_prefix('#').filter(|l| l.starts_with('[') || l.contains(" = "));
            format!("{}\n", code.filter(|l| !l.starts_with(' ')).unwrap_or(line))
        })
        .collect();
    let all = Config::parse(&all).unwrap_or_else(|e| panic!("{e}\n{all}"));
    assert!(!all.portal.names.is_empty() && !all.portal.trusted_proxies.is_empty());
    assert!(all.spaces.iter().any(|s| s.owner.is_some()));
}

#[test]
fn mistakes_are_refused_with_line_and_reason() {
    for (text, expected) in [
        ("[portl]", "line 1: unknown field `portl`"),
        ("[portal]\nport = 1", "line 2: unknown field `port`"),
        ("\n[portal]\nlisten = \"8443\"", "line 3: "),
        ("[portal]\ntls = \"on\"", "line 2: unknown variant `on`"),
        ("[portal]\ntls = \"files\"", "line 1: tls = \"files\" needs certificate and key"),
        ("[portal]\ntls = \"off\"", "line 1: tls = \"off\" on 0.0.0.0:8443"),
        ("[portal]\nbase_path = \"photos\"", "line 1: base_path `photos` does not begin with /"),
        ("[portal]\nbase_path = \"/a/../b\"", "line 1: base_path `/a/../b` may have"),
        ("[portal]\nbase_path = \"/a//b\"", "line 1: base_path `/a//b/` has an empty part"),
        ("[portal]\nnames = [\"https://nas\"]", "line 1: `https://nas` in names is no host name"),
        ("[portal]\ntrusted_proxies = [\"10.0.0.0/33\"]", "line 2: `10.0.0.0/33` is no network"),
        ("[portal]\ntrusted_header = \"Remote-User\"", "line 1: trusted_header needs trusted_proxies"),
        ("[portal]\ntls = \"acme\"", "line 1: tls = \"acme\" needs the portal's public host name in names"),
        (
            "[portal]\ntls = \"acme\"\nnames = [\"nas\", \"nas.local\", \"192.168.1.2\"]",
            "line 1: tls = \"acme\" needs the portal's public host name in names, such as \"photos.example.org\": \
             nas, nas.local, 192.168.1.2 cannot have a public certificate",
        ),
        (
            "[portal]\ntls = \"acme\"\nnames = [\"a.example.org\"]\nacme_directory = \"http://ca\"",
            "line 1: acme_directory `http://ca` does not begin with https://",
        ),
        (
            "[portal]\ntls = \"acme\"\nnames = [\"a.example.org\"]\nacme_contact = \"anna\"",
            "line 1: acme_contact `anna` is no e-mail address",
        ),
        (
            "[[space]]\nname = \"a\"\nfolders = [\"/a\"]\nkind = \"shared\"\nowner = \"x\"",
            "line 5: space `a` is shared",
        ),
        ("[[space]]\nname = \"{}\"\nfolders = [\"/h/*\"]\nowner = \"x\"", "line 4: space `{}` is a pattern"),
        ("[[space]]\nname = \"a\"\nfolders = [\"/a\"]\nonwer = \"x\"", "line 4: unknown field `onwer`"),
    ] {
        let why = refused(text);
        assert!(why.starts_with(expected), "{text:?} gave {why:?}");
    }
}

#[test]
fn plain_http_is_for_loopback_and_proxies() {
    Config::parse("[portal]\ntls = \"off\"\nlisten = \"127.0.0.1:0\"").unwrap();
    Config::parse("[portal]\ntls = \"off\"\ntrusted_proxies = [\"10.0.0.2\"]").unwrap();
}

#[test]
fn only_public_names_are_certified_by_acme() {
    let text = "[portal]\ntls = \"acme\"\nacme_contact = \"anna@example.org\"\nnames = [\"Photos.example.org\", \
                \"nas\", \"nas.local\", \"my.fritz.box\", \"a_b.example.org\", \"-a.example.org\", \"10.0.0.2\", \
                \"a..org\", \"x.test\", \"b.example.org\"]";
    let portal = Config::parse(text).unwrap().portal;
    assert_eq!(portal.public_names(), ["photos.example.org", "b.example.org"]);
}

#[test]
fn a_base_path_ends_with_a_slash() {
    let path = |text: &str| Config::parse(text).unwrap().portal.base_path;
    assert_eq!(path("[portal]\nbase_path = \"/photos\""), "/photos/");
    assert_eq!(path("[portal]\nbase_path = \"/\""), "/");
}
