//! The worker and the recogniser: the only program that links codecs and ONNX Runtime. Started by `albumen`,
//! never by a person; it speaks the protocol of `albumen::worker::protocol` on the socket it inherits.

// Here and not in the library: the engine keeps libc's malloc.
#[cfg(target_env = "gnu")]
#[path = "../worker/interpose.rs"]
mod interpose;

use albumen::worker::serve;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let outcome = match mode.to_str() {
        Some("--version") => {
            println!("albumen-worker {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => serve::worker(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("albumen-worker: {why}");
            ExitCode::from(2)
        }
    }
}
