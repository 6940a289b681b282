//! Subjects: what is to be seen in a picture, in words that people look for.

pub mod taxonomy;
