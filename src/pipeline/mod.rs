//! The six stages wired together. No stage knows what is in here but the words in [`vocabulary`].

pub mod cancel;
pub mod fault;
pub mod source;
pub mod vocabulary;
