//! Being kind: when background work may run, and at what share of the time.
//!
//! Uploads never pass through here. The gate answers from memory and the load average alone; it never touches a disk.

use crate::config::{Background, Window};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shared by all who do background work.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    background: Background,
    windows: Vec<Window>,
    /// Paused by request.
    paused: bool,
    /// When the last piece of background work began.
    last: Option<Instant>,
}

impl Gate {
    pub fn new(background: Background, windows: Vec<Window>) -> Gate {
        let inner = Inner { background, windows, paused: false, last: None };
        Gate { inner: Arc::new(Mutex::new(inner)) }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn pause(&self, paused: bool) {
        self.with(|i| i.paused = paused);
    }

    pub fn is_paused(&self) -> bool {
        self.with(|i| i.paused)
    }

    /// Takes over other settings.
    pub fn reload(&self, background: Background, windows: Vec<Window>) {
        self.with(|i| {
            i.background = background;
            i.windows = windows;
        });
    }

    /// Why background work may not run now; `None` when it may.
    pub fn held_back(&self) -> Option<String> {
        self.with(|i| {
            if i.paused {
                return Some("paused by request".into());
            }
            if i.share() <= 0.0 {
                return Some("outside its time windows".into());
            }
            let limit = i.background.load_limit;
            let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
            let load = load_average();
            (limit > 0.0 && load > limit * cores)
                .then(|| format!("the load is {load:.1}, more than {:.1}", limit * cores))
        })
    }

    pub fn background_may_run(&self) -> bool {
        self.held_back().is_none()
    }

    /// Whether time alone can change the answer: then somebody must look again now and then.
    pub fn depends_on_time(&self) -> bool {
        self.with(|i| !i.windows.is_empty() || i.background.load_limit > 0.0)
    }

    /// Rests for as long as the share of the time asks after the work since the last call.
    pub fn breathe(&self) {
        let rest = self.with(|i| {
            let share = i.share().clamp(0.01, 1.0);
            let worked = i.last.map_or(Duration::ZERO, |t| t.elapsed());
            i.last = Some(Instant::now());
            worked.mul_f64(1.0 / share - 1.0).min(Duration::from_secs(2))
        });
        if !rest.is_zero() {
            std::thread::sleep(rest);
            self.with(|i| i.last = Some(Instant::now()));
        }
    }
}

impl Inner {
    /// The share of the time that background work has now, 0 to 1.
    fn share(&self) -> f64 {
        let now = jiff::Zoned::now();
        let minute = now.hour() as u16 * 60 + now.minute() as u16;
        let window = self.windows.iter().find(|w| w.holds(minute));
        window.map_or(self.background.cpu, |w| w.cpu).get()
    }
}

/// The one-minute load average; 0 where it cannot be told.
fn load_average() -> f64 {
    rustix::system::sysinfo().loads[0] as f64 / 65_536.0
}
