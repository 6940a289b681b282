//! Shutdown requests: Ctrl-C, SIGTERM, and for a command SIGHUP from a closed terminal. The first request stops the run
//! cleanly and keeps all finished work; a second one ends the process immediately.

use albumen_core::cancel::CancelToken;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Cheap to clone; all clones share the request.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    signal: Arc<AtomicI32>,
    token: CancelToken,
    callbacks: Arc<Callbacks>,
}

/// Called once, at the first request.
#[derive(Default)]
struct Callbacks(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callbacks")
    }
}

impl Shutdown {
    /// For a service: handles SIGINT and SIGTERM from now on. SIGHUP makes it reload its config.
    pub fn on_signals() -> std::io::Result<Shutdown> {
        Shutdown::on(&[SIGINT, SIGTERM])
    }

    /// For a command: also handles SIGHUP, unless it was started to outlive its terminal (`nohup`).
    pub fn on_signals_and_hangup() -> std::io::Result<Shutdown> {
        if is_ignored(SIGHUP) { Shutdown::on_signals() } else { Shutdown::on(&[SIGINT, SIGTERM, SIGHUP]) }
    }

    fn on(signals: &[i32]) -> std::io::Result<Shutdown> {
        let shutdown = Shutdown::default();
        let mut signals = signal_hook::iterator::Signals::new(signals)?;
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

    /// Requests a stop, like the signal.
    pub fn request(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.token.cancel();
        let callbacks = std::mem::take(&mut *self.callbacks());
        callbacks.into_iter().for_each(|call| call());
    }

    /// Registers `call` for the first request; called immediately if there was one. It must not block.
    pub fn on_request(&self, call: impl FnOnce() + Send + 'static) {
        let mut callbacks = self.callbacks();
        if self.requested() {
            drop(callbacks);
            return call();
        }
        callbacks.push(Box::new(call));
    }

    fn callbacks(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn FnOnce() + Send>>> {
        self.callbacks.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn requested(&self) -> bool {
        self.signal.load(Ordering::SeqCst) != 0
    }

    /// 128 plus the signal, such as 130 or 143, after a request.
    pub fn exit_code(&self) -> Option<u8> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(128 + signal as u8),
        }
    }

    /// The token that cancels workers.
    pub fn token(&self) -> &CancelToken {
        &self.token
    }
}

/// Whether a signal was ignored when this process started.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
