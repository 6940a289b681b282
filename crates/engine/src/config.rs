//! The settings: location of the file, defaults, and validation.
//!
//! Promises: an unknown key or an invalid value is rejected with line and reason; nothing is guessed. All settings are
//! documented in config/albumen.toml, which a test compares with these defaults. Out of scope: the command line, which
//! takes precedence over the file, and the existence of folders, which walks check.

mod parts;
mod spaces;
pub mod values;

pub use parts::{
    Background, Guard, Ignore, LogFormat, Recognise, Render, Service, SpaceConfig, SpaceKind, TcpToken,
    Uploads, Window,
};
pub use spaces::{Space, Spaces};

use albumen_core::vocabulary::RenderSettings;
use albumen_files::ignore::Rules;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use values::{Duration, Memory};

/// All settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The state folder; see [`Config::index_dir`].
    pub index: Option<PathBuf>,
    /// Number of worker processes; 0: one for each core.
    pub jobs: usize,
    /// Memory limit of the engine and all its children together.
    pub memory: Memory,
    /// How long the rows of deleted files are kept.
    pub grace: Duration,
    #[serde(rename = "space")]
    pub spaces: Vec<SpaceConfig>,
    pub ignore: Ignore,
    pub guard: Guard,
    pub render: Render,
    pub recognise: Recognise,
    pub service: Service,
    /// `[portal]`, which only albumen-portal reads and validates.
    pub portal: toml::Table,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            index: None,
            jobs: 0,
            memory: Memory::new(400 << 20).expect("the default is more than the least"),
            grace: Duration::from_days(30),
            spaces: Vec::new(),
            ignore: Ignore::default(),
            guard: Guard::default(),
            render: Render::default(),
            recognise: Recognise::default(),
            service: Service::default(),
            portal: toml::Table::new(),
        }
    }
}

/// Why a config is rejected. The message has file, line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the file given by `--config`, else the first that exists of `$XDG_CONFIG_HOME/albumen/albumen.toml`
    /// (`~/.config` if the variable is not set) and `/etc/albumen/albumen.toml`, else uses the defaults. Also returns
    /// the path of the file.
    pub fn find(named: Option<&Path>) -> Result<(Config, Option<PathBuf>), ConfigError> {
        if let Some(path) = named {
            return Ok((Config::read(path)?, Some(path.to_owned())));
        }
        let standard = base_dir("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("albumen/albumen.toml"));
        for path in standard.into_iter().chain([PathBuf::from("/etc/albumen/albumen.toml")]) {
            // A file that exists and cannot be read is an error, not a reason to try the next.
            if path.symlink_metadata().is_ok() {
                return Ok((Config::read(&path)?, Some(path)));
            }
        }
        Ok((Config::default(), None))
    }

    /// Reads one file.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError(format!("{}: cannot be read: {e}{}", path.display(), advice(&e))))?;
        Config::parse(&text).map_err(|ConfigError(why)| ConfigError(format!("{}: {why}", path.display())))
    }

    /// Reads settings from text. The error begins with `line N`.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        let config: Config = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |span| span.start);
            ConfigError(format!("{}: {}", line_of(text, at), e.message().trim()))
        })?;
        let refuse = |at: usize, why: String| Err(ConfigError(format!("{}: {why}", line_of(text, at))));
        if let Some((at, why)) = spaces::find_mistake(&config.spaces) {
            return refuse(at, why);
        }
        if let Some((at, why)) = config.service.find_mistake(&config.spaces) {
            return refuse(at, why);
        }
        let patterns = &config.ignore.patterns;
        if let Err(why) = Rules::new(config.ignore.defaults, patterns.get_ref()) {
            return refuse(patterns.span().start, format!("ignore pattern {why}"));
        }
        Ok(config)
    }

    /// The state folder: as set, else `$XDG_DATA_HOME/albumen` (`~/.local/share/albumen`), else `/var/lib/albumen`.
    pub fn index_dir(&self) -> PathBuf {
        let standard = || base_dir("XDG_DATA_HOME", ".local/share").map(|dir| dir.join("albumen"));
        self.index.clone().or_else(standard).unwrap_or_else(|| PathBuf::from("/var/lib/albumen"))
    }

    /// Number of worker processes.
    pub fn jobs(&self) -> usize {
        match self.jobs {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            jobs => jobs,
        }
    }

    /// The rules for walking.
    pub fn rules(&self) -> Rules {
        Rules::new(self.ignore.defaults, self.ignore.patterns.get_ref())
            .expect("the patterns were tried when the config was read")
    }

    /// The settings of derivatives.
    pub fn render_settings(&self) -> RenderSettings {
        RenderSettings { quality: self.render.quality.get(), preview_size: self.render.preview.get() }
    }
}

/// The remedy for a config that cannot be read.
fn advice(e: &std::io::Error) -> &'static str {
    match e.kind() {
        // The packaged config may contain tokens, and belongs to root and the group of the service.
        std::io::ErrorKind::PermissionDenied => {
            "; use --config FILE for settings of your own, or become a member of the file's group"
        }
        _ => "",
    }
}

/// A folder of the XDG base directory specification, which requires that empty and relative values are ignored.
fn base_dir(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}

fn line_of(text: &str, at: usize) -> String {
    let line = text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
    format!("line {line}")
}

#[cfg(test)]
mod tests;
