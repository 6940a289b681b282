//! Part of a list.

/// The rows of a page, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    pub rows: Vec<T>,
    /// The id to continue after; `None` at the end of the list.
    pub next: Option<i64>,
}
