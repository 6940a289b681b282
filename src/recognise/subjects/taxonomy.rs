//! The taxonomy: config/subjects.toml.

/// The text that is built in.
pub const TEXT: &str = "";
