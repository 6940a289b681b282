//! Being asked to stop: by Ctrl-C, by SIGTERM, and in a command by the SIGHUP of a closed terminal. The first request stops
//! the run cleanly, everything finished so far is kept; a second one ends the process at once.

use albumen_core::cancel::CancelToken;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Cheap to clone; all clones hear the same request.
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
    /// For a service: hears SIGINT and SIGTERM from now on. SIGHUP has it read its config again.
    pub fn on_signals() -> std::io::Result<Shutdown> {
        Shutdown::on(&[SIGINT, SIGTERM])
    }

    /// For a command: hears SIGHUP, too, unless it was started to outlive its terminal (`nohup`).
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

    /// Asks the run to stop as the signal would.
    pub fn request(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.token.cancel();
        let callbacks = std::mem::take(&mut *self.callbacks());
        callbacks.into_iter().for_each(|call| call());
    }

    /// Has `call` called when the run is asked to stop: at once, where it was asked already. It must not wait for anything.
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

    /// 128 and the signal, such as 130 or 143, once one has been heard.
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

/// Whether whoever started this process has it ignore a signal.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
