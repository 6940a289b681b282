//! Being asked to stop: by Ctrl-C, SIGTERM or SIGHUP of a closed terminal. The first request stops the run
//! cleanly, everything finished so far is kept; a second one of the same kind ends the process at once.

use albumen_core::cancel::CancelToken;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Cheap to clone; all clones hear the same request.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    signal: Arc<AtomicI32>,
    token: CancelToken,
}

impl Shutdown {
    /// Hears SIGINT and SIGTERM from now on.
    pub fn on_signals() -> std::io::Result<Shutdown> {
        let shutdown = Shutdown::default();
        let mut signals =
            signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])?;
        let heard = shutdown.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if heard.signal.load(Ordering::SeqCst) != 0 {
                    std::process::exit(128 + signal);
                }
                heard.request(signal);
            }
        })?;
        Ok(shutdown)
    }

    /// Asks the run to stop as the signal would.
    pub fn request(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.token.cancel();
    }

    pub fn requested(&self) -> bool {
        self.signal.load(Ordering::SeqCst) != 0
    }

    /// 130 or 143 once a signal has been heard.
    pub fn exit_code(&self) -> Option<u8> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(128 + signal as u8),
        }
    }

    /// What workers listen to.
    pub fn token(&self) -> &CancelToken {
        &self.token
    }
}
