//! The sandbox: untrusted bytes are parsed in worker processes only. This crate is the interface between them and the
//! engine.
//!
//! The engine's side: [`WorkerHandle`], [`RecogniserHandle`] and [`pss`]. The workers' side is
//! `albumen_worker::serve`. Between them: [`protocol`] (messages and their validation) over [`wire`] (the transport).
//! [`sandbox`] and [`memory`] restrict a worker.
#![allow(unsafe_code)]

mod handle;
mod leaving;
pub mod memory;
pub mod modes;
pub mod priority;
pub mod process;
mod process_slot;
pub mod protocol;
mod recogniser;
pub mod sandbox;
mod spawner;
pub mod wire;

pub use handle::{WorkerHandle, WorkerSettings};
pub use leaving::leave_files_to_another;
pub use priority::ProcessPriority;
pub use process::{Deadline, StartError, children, find_program, pss};
pub use recogniser::{RecogniserHandle, RecogniserSettings};
pub use sandbox::SandboxReport;
