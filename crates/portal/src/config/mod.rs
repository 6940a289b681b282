//! The settings of the portal: `[portal]` of albumen.toml, and the engine's settings that the portal uses.
//!
//! Promises: an unknown key or a bad value is refused with line and reason. Settings that only the engine
//! uses are checked by the engine.

mod network;
mod spaces;

pub use network::{Networks, client_network, plain as plain_address};
pub use spaces::{Space, SpaceConfig, SpaceKind, Spaces, pattern_folders};

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Settings of both programs, as far as the portal uses them.
#[derive(Debug, Clone)]
pub struct Config {
    /// The engine's state folder: index.sqlite and derived/.
    pub index: PathBuf,
    /// The engine's socket; `None` if it has none.
    pub socket: Option<PathBuf>,
    pub spaces: Vec<SpaceConfig>,
    pub portal: Portal,
    /// Where the settings were read from.
    pub path: Option<PathBuf>,
}

/// `[portal]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Portal {
    pub listen: SocketAddr,
    pub tls: Tls,
    /// Files of `tls = "files"`: the certificate with its chain, and its key, both PEM.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// `tls = "acme"`: the directory of the ACME server.
    pub acme_directory: String,
    /// An e-mail address for the ACME server; "" for none.
    pub acme_contact: String,
    /// Further certificate authorities, PEM, for the connection to the directory.
    pub acme_ca: Option<PathBuf>,
    /// The path prefix of all addresses: "/" or "/photos/".
    pub base_path: String,
    pub state: PathBuf,
    /// Names by which browsers reach the portal; the host's own and IP addresses are always allowed.
    pub names: Vec<String>,
    /// Addresses and networks of proxies whose X-Forwarded-For, X-Forwarded-Proto and `trusted_header` are
    /// trusted.
    pub trusted_proxies: Networks,
    /// The header in which such a proxy passes the name of the signed-in account; "" for none.
    pub trusted_header: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// A certificate by a local authority that the portal makes.
    #[default]
    SelfSigned,
    Files,
    /// Certificates by an ACME server.
    Acme,
    /// Plain HTTP: on loopback, or for trusted proxies alone.
    Off,
}

impl Default for Portal {
    fn default() -> Self {
        Portal {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8443),
            tls: Tls::SelfSigned,
            certificate: None,
            key: None,
            acme_directory: instant_acme::LetsEncrypt::Production.url().to_owned(),
            acme_contact: String::new(),
            acme_ca: None,
            base_path: "/".to_owned(),
            state: PathBuf::from("/var/lib/albumen-portal"),
            names: Vec::new(),
            trusted_proxies: Networks::default(),
            trusted_header: String::new(),
        }
    }
}

/// The whole file. The sections that only the engine reads are listed, so that a mistyped name is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Whole {
    index: Option<PathBuf>,
    jobs: Option<IgnoredAny>,
    memory: Option<IgnoredAny>,
    grace: Option<IgnoredAny>,
    space: Vec<SpaceConfig>,
    ignore: Option<IgnoredAny>,
    guard: Option<IgnoredAny>,
    render: Option<IgnoredAny>,
    recognise: Option<IgnoredAny>,
    service: Service,
    portal: Option<Spanned<Portal>>,
}

/// `[service]`, of which the portal reads one setting.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Service {
    socket: Option<PathBuf>,
}

/// Why settings are refused. The message has file, line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the file named by `--config`, else the first that exists of
    /// `$XDG_CONFIG_HOME/albumen/albumen.toml` (`~/.config` if the variable is not set) and
    /// `/etc/albumen/albumen.toml`, else the defaults.
    pub fn find(named: Option<&Path>) -> Result<Config, ConfigError> {
        if let Some(path) = named {
            return Config::read(path);
        }
        let standard = base_dir("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("albumen/albumen.toml"));
        for path in standard.into_iter().chain([PathBuf::from("/etc/albumen/albumen.toml")]) {
            // One that exists and cannot be read is an error; the next is not tried.
            if path.symlink_metadata().is_ok() {
                return Config::read(&path);
            }
        }
        Config::parse("")
    }

    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError(format!("{}: cannot be read: {e}", path.display())))?;
        let config = Config::parse(&text)
            .map_err(|ConfigError(why)| ConfigError(format!("{}: {why}", path.display())))?;
        Ok(Config { path: Some(path.to_owned()), ..config })
    }

    /// Reads settings from text. The error begins with `line N`.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        let refuse = |at: usize, why: String| {
            let line = text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
            ConfigError(format!("line {line}: {why}"))
        };
        let whole: Whole = toml::from_str(text)
            .map_err(|e| refuse(e.span().map_or(0, |span| span.start), e.message().trim().to_owned()))?;
        if let Some((at, why)) = spaces::find_mistake(&whole.space) {
            return Err(refuse(at, why));
        }
        let (at, mut portal) = match whole.portal {
            Some(portal) => (portal.span().start, portal.into_inner()),
            None => (0, Portal::default()),
        };
        portal.complete().map_err(|why| refuse(at, why))?;
        let standard = || base_dir("XDG_DATA_HOME", ".local/share").map(|dir| dir.join("albumen"));
        let index = whole.index.or_else(standard).unwrap_or_else(|| PathBuf::from("/var/lib/albumen"));
        let socket = whole.service.socket.unwrap_or_else(|| PathBuf::from("/run/albumen/albumen.sock"));
        let socket = (!socket.as_os_str().is_empty()).then_some(socket);
        Ok(Config { index, socket, spaces: whole.space, portal, path: None })
    }

    /// The spaces, resolved against the disk now.
    pub fn resolve_spaces(&self) -> Spaces {
        Spaces::resolve(&self.spaces)
    }
}

impl Portal {
    /// Refuses values that the types allow but are invalid, and normalizes the rest.
    fn complete(&mut self) -> Result<(), String> {
        if !self.base_path.starts_with('/') {
            return Err(format!("base_path `{}` does not begin with /", self.base_path));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
        if !self.base_path.chars().all(is_plain) || self.base_path.split('/').any(|c| c == "." || c == "..") {
            return Err(format!("base_path `{}` may have letters, digits and / - _ . in it", self.base_path));
        }
        if !self.base_path.ends_with('/') {
            self.base_path.push('/');
        }
        if self.base_path.contains("//") {
            return Err(format!("base_path `{}` has an empty part", self.base_path));
        }
        for name in &mut self.names {
            let is_name =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
            if !is_name {
                return Err(format!("`{name}` in names is no host name: write it without scheme and port"));
            }
            name.make_ascii_lowercase();
        }
        match self.tls {
            Tls::Files if self.certificate.is_none() || self.key.is_none() => {
                return Err("tls = \"files\" needs certificate and key".to_owned());
            }
            Tls::Off if !self.listen.ip().is_loopback() && self.trusted_proxies.is_empty() => {
                return Err(format!(
                    "tls = \"off\" on {}: passwords would cross the network in clear; listen on 127.0.0.1, or name the \
                     proxy that does TLS in trusted_proxies",
                    self.listen
                ));
            }
            Tls::Acme => self.check_acme()?,
            _ => {}
        }
        if !self.trusted_header.is_empty() {
            if self.trusted_proxies.is_empty() {
                return Err("trusted_header needs trusted_proxies".to_owned());
            }
            let is_name = self.trusted_header.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !is_name {
                return Err(format!("`{}` is no name of a header", self.trusted_header));
            }
        }
        Ok(())
    }

    fn check_acme(&self) -> Result<(), String> {
        if self.public_names().is_empty() {
            let present = if self.names.is_empty() {
                "names is empty".to_owned()
            } else {
                format!("{} cannot have a public certificate", self.names.join(", "))
            };
            return Err(format!(
                "tls = \"acme\" needs the portal's public host name in names, such as \"photos.example.org\": {present}"
            ));
        }
        let is_https = self.acme_directory.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
        if !is_https {
            return Err(format!("acme_directory `{}` does not begin with https://", self.acme_directory));
        }
        let contact = &self.acme_contact;
        let is_address = contact.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && is_public_name(host) && contact.bytes().all(|b| b.is_ascii_graphic())
        });
        if !contact.is_empty() && !is_address {
            return Err(format!("acme_contact `{contact}` is no e-mail address"));
        }
        Ok(())
    }

    /// Those of `names` that a public certificate authority can certify.
    pub fn public_names(&self) -> Vec<String> {
        self.names.iter().filter(|name| is_public_name(name)).cloned().collect()
    }
}

/// Whether a name is a host name below a public top-level domain: not an address, not a name of home networks or
/// a reserved one (RFC 6761).
fn is_public_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=63).contains(&label.len()) && is_plain && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_below = |suffix: &&str| name.strip_suffix(suffix).is_some_and(|head| head.ends_with('.'));
    let mut reserved = crate::net::authority::HOME.iter().chain(&["test", "invalid", "example", "onion"]);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && name.len() <= 253
        && name.split('.').all(is_label)
        && !last.bytes().all(|b| b.is_ascii_digit())
        && !reserved.any(|suffix| name == *suffix || is_below(suffix))
}

/// A folder of the XDG base directory specification: relative and empty values are ignored.
fn base_dir(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}

#[cfg(test)]
mod tests;
