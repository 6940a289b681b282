//! The access of a caller: all spaces, or those of its token.

/// The spaces that a caller may access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    spaces: Option<Vec<String>>,
}

impl Access {
    pub const ALL: Access = Access { spaces: None };

    /// `None`: all spaces.
    pub fn to(spaces: Option<Vec<String>>) -> Access {
        Access { spaces }
    }

    pub fn may_see(&self, space: &str) -> bool {
        self.spaces.as_ref().is_none_or(|s| s.iter().any(|n| n == space))
    }

    pub fn may_see_all<'a>(&self, mut spaces: impl Iterator<Item = &'a String>) -> bool {
        spaces.all(|s| self.may_see(s))
    }

    /// The accessible spaces; `None`: all.
    pub fn spaces(&self) -> Option<&[String]> {
        self.spaces.as_deref()
    }

    /// Whether it is restricted to some spaces.
    pub fn is_limited(&self) -> bool {
        self.spaces.is_some()
    }
}
