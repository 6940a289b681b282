//! The six stages wired together. No stage knows what is in here but the words in [`vocabulary`].

pub mod breakpoints;
pub mod budget;
pub mod cancel;
pub mod developing;
pub mod fault;
pub mod grouping;
pub mod keys;
pub mod progress;
pub mod recognising;
pub mod recorder;
pub mod run;
pub mod scan;
pub mod settle;
pub mod shutdown;
pub mod source;
pub mod store;
pub mod vocabulary;
pub mod volumes;
