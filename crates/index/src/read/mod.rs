//! Queries of the portal: the timeline, grids, folders and files, each in one [`visible::Visible`] scope.
//!
//! The scope is a filter of every query: an item outside it is in no count, page, cover or suggestion. A connection has
//! one scope at a time ([`crate::IndexReader::look_as`]), which the SQL function `visible(folder_id, file_id)` applies.

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
