//! What the portal reads: the timeline, grids, folders and files, each for one [`Visible`] scope.
//!
//! A query takes the scope as its filter: an item outside of it is in no count, page, cover or suggestion. An index
//! connection holds one scope at a time ([`crate::Index::look_as`]); the SQL function `visible(folder_id, file_id)` asks it.

pub mod counted;
pub mod facets;
pub mod files;
pub mod folders;
pub mod grid;
pub mod suggest;
pub mod timeline;
pub mod visible;

#[cfg(test)]
mod tests;
