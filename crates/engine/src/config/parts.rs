//! The sections of the config and their defaults. The settings are documented in config/albumen.toml.

use super::values::{Bytes, Duration, Preview, Quality, Share, TimeOfDay};
use albumen_files::volume;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Spanned;

/// `[[space]]`, as written; [`super::Spaces`] has the resolved patterns.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    pub name: Spanned<String>,
    #[serde(default)]
    pub kind: SpaceKind,
    /// Absolute paths; those of a personal space may have wildcards.
    pub folders: Vec<Spanned<PathBuf>>,
    /// The account of a personal space; only the portal checks that it exists.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default = "yes")]
    pub people: bool,
    #[serde(default = "yes")]
    pub subjects: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceKind {
    /// One owner.
    #[default]
    Personal,
    Shared,
}

/// `[ignore]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ignore {
    pub defaults: bool,
    /// gitignore syntax, relative to each volume.
    pub patterns: Spanned<Vec<String>>,
}

impl Default for Ignore {
    fn default() -> Self {
        Ignore { defaults: true, patterns: Spanned::new(0..0, Vec::new()) }
    }
}

/// `[guard]`
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    pub share: Share,
    /// Files.
    pub minimum: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Guard { share: Share::percent(20), minimum: volume::Guard::default().minimum }
    }
}

impl From<Guard> for volume::Guard {
    fn from(guard: Guard) -> volume::Guard {
        volume::Guard { share: guard.share.get(), minimum: guard.minimum }
    }
}

/// `[render]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Render {
    pub quality: Quality,
    pub preview: Preview,
}

/// `[recognise]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recognise {
    pub enabled: bool,
    /// Idle time after which the recogniser is ended, which releases its memory.
    pub idle: Duration,
    /// Folder of the models and ONNX Runtime; by default beside the program or in the user's cache.
    pub models: Option<PathBuf>,
}

impl Default for Recognise {
    fn default() -> Self {
        Recognise { enabled: true, idle: Duration::from_secs(60), models: None }
    }
}

/// `[service]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// The Unix socket; empty for none.
    pub socket: PathBuf,
    /// Loopback addresses only, and only with tokens.
    pub tcp: Option<Spanned<SocketAddr>>,
    #[serde(rename = "token")]
    pub tokens: Vec<TcpToken>,
    /// Watch folders with inotify.
    pub watch: bool,
    /// A file is read when it has not been written to for this time.
    pub settle: Duration,
    /// Interval of walks of network mounts.
    pub poll: Duration,
    /// Interval of full walks; 0: never.
    pub full_scan: Duration,
    /// Idle time after which worker processes are ended.
    pub idle: Duration,
    /// Format of the log.
    pub log: LogFormat,
    pub uploads: Uploads,
    pub background: Background,
    #[serde(rename = "window")]
    pub windows: Vec<Window>,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Human-readable lines.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

impl Default for Service {
    fn default() -> Self {
        Service {
            socket: PathBuf::from("/run/albumen/albumen.sock"),
            tcp: None,
            tokens: Vec::new(),
            watch: true,
            settle: Duration::from_secs(2),
            poll: Duration::from_secs(15 * 60),
            full_scan: Duration::from_days(7),
            idle: Duration::from_secs(60),
            log: LogFormat::Text,
            uploads: Uploads::default(),
            background: Background::default(),
            windows: Vec::new(),
        }
    }
}

/// `[[service.token]]`: a client that may connect over TCP.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpToken {
    /// For logs.
    pub name: String,
    /// The secret itself, or a file that contains it: exactly one of the two.
    pub token: Option<Spanned<String>>,
    pub file: Option<PathBuf>,
    /// Names of spaces that it is restricted to; absent: all.
    pub spaces: Option<Vec<Spanned<String>>>,
}

/// `[service.uploads]`: limits on requests and on the work that they cause.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uploads {
    /// Largest request body.
    pub max_body: Bytes,
    /// Paths in one request.
    pub max_paths: usize,
    /// Requests waiting; further ones get 429.
    pub max_waiting: usize,
    /// Whether an upload may stop background work to get a worker immediately.
    pub preempt: bool,
}

impl Default for Uploads {
    fn default() -> Self {
        Uploads { max_body: Bytes(1 << 20), max_paths: 10_000, max_waiting: 1_000, preempt: true }
    }
}

/// `[service.background]`: limits on background work.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Background {
    /// `nice`, 0 to 19.
    pub nice: u8,
    /// SCHED_IDLE and the idle class of ionice.
    pub idle_class: bool,
    /// Fraction of the time that each worker may compute.
    pub cpu: Share,
    /// One-minute load average per core above which background work pauses; 0: never.
    pub load_limit: f64,
}

impl Default for Background {
    fn default() -> Self {
        Background { nice: 10, idle_class: true, cpu: Share::percent(100), load_limit: 0.0 }
    }
}

/// `[[service.window]]`: another limit for a part of the day, local time. `from` later than `to` spans midnight.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub from: TimeOfDay,
    pub to: TimeOfDay,
    /// Fraction of the time that background work may compute; `0%` pauses it.
    pub cpu: Share,
}

impl Window {
    /// Whether it contains a minute of the day.
    pub fn holds(&self, minute: u16) -> bool {
        let (from, to) = (self.from.minutes(), self.to.minutes());
        if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }
}

impl Service {
    /// Checks beyond the types: the position and the reason of the first mistake.
    pub(super) fn find_mistake(&self, spaces: &[SpaceConfig]) -> Option<(usize, String)> {
        if let Some(tcp) = &self.tcp {
            let at = tcp.span().start;
            if !tcp.get_ref().ip().is_loopback() {
                return Some((
                    at,
                    format!("{} can be reached from outside; only loopback is served", tcp.get_ref()),
                ));
            }
            if self.tokens.is_empty() {
                return Some((at, "tcp needs at least one [[service.token]]".to_owned()));
            }
        }
        if self.background.nice > 19 {
            return Some((
                0,
                format!("service.background.nice is {}; it goes from 0 to 19", self.background.nice),
            ));
        }
        if !self.background.load_limit.is_finite() || self.background.load_limit < 0.0 {
            return Some((0, "service.background.load_limit must be 0 or more".to_owned()));
        }
        self.tokens.iter().find_map(|token| token.find_mistake(spaces))
    }
}

impl TcpToken {
    /// A shorter token can be guessed: 16 characters of base64 are 96 bits.
    pub const SHORTEST: usize = 16;

    fn find_mistake(&self, spaces: &[SpaceConfig]) -> Option<(usize, String)> {
        let at = self.token.as_ref().map_or(0, |t| t.span().start);
        if self.token.is_some() == self.file.is_some() {
            return Some((at, format!("service token `{}` needs either `token` or `file`", self.name)));
        }
        if self.token.as_ref().is_some_and(|t| t.get_ref().len() < TcpToken::SHORTEST) {
            return Some((at, format!("a token needs at least {} characters", TcpToken::SHORTEST)));
        }
        let unknown = self.spaces.iter().flatten().find(|name| {
            // The names of a pattern's spaces depend on the folders on disk.
            let is_known =
                |s: &SpaceConfig| s.name.get_ref() == name.get_ref() || s.name.get_ref().contains("{}");
            !spaces.iter().any(is_known)
        });
        unknown.map(|name| (name.span().start, format!("there is no space `{}`", name.get_ref())))
    }
}
