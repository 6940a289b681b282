//! The shared index. All SQL lives here.
