//! The wall: hostile bytes are parsed in worker processes only, and this is how the engine talks to them.
//!
//! The engine's side: [`WorkerHandle`], [`RecogniserHandle`] and [`pss`]. The workers' side is `albumen_worker::serve`.
//! Between them: [`protocol`] (what is said and how it is checked) over [`wire`] (how it travels). [`sandbox`] and
//! [`memory`] take from a worker what it does not need.
#![allow(unsafe_code)]

mod handle;
pub mod kind;
mod leaving;
pub mod memory;
pub mod modes;
pub mod process;
pub mod protocol;
mod recogniser;
pub mod sandbox;
mod seat;
mod spawner;
pub mod wire;

pub use handle::{WorkerHandle, WorkerSettings};
pub use kind::Kindness;
pub use leaving::leave_files_to_another;
pub use process::{Deadline, StartError, children, find_program, pss};
pub use recogniser::{RecogniserHandle, RecogniserSettings};
pub use sandbox::SandboxReport;
