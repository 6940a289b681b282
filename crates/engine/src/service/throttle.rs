//! Limits on background work: when it may run, for what fraction of the time, and at which process priority.
//!
//! Uploads are not limited. The throttle uses only memory and the load average; it never accesses a disk.

use crate::config::{Background, Window};
use albumen_isolation::ProcessPriority;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The smallest fraction that is applied; less is a pause.
const LEAST_SHARE: f64 = 0.01;

/// Shared by all threads with background work.
#[derive(Clone)]
pub struct Throttle {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    background: Background,
    windows: Vec<Window>,
    /// Paused by request.
    paused: bool,
}

/// Completed work, after which the time fraction requires a pause.
#[derive(Debug, Clone, Copy)]
pub struct DutyCycle {
    since: Instant,
    worked: Duration,
}

impl DutyCycle {
    /// For work that ends now.
    pub fn after(worked: Duration) -> DutyCycle {
        DutyCycle { since: Instant::now(), worked }
    }
}

impl Throttle {
    pub fn new(background: Background, windows: Vec<Window>) -> Throttle {
        Throttle { inner: Arc::new(Mutex::new(Inner { background, windows, paused: false })) }
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

    /// Applies new settings.
    pub fn reload(&self, background: Background, windows: Vec<Window>) {
        self.with(|i| {
            i.background = background;
            i.windows = windows;
        });
    }

    /// Why background work may not run now; `None` if it may.
    pub fn held_back(&self) -> Option<String> {
        self.with(|i| {
            if i.paused {
                return Some("paused by request".into());
            }
            if i.share_at(minute_now()) < LEAST_SHARE {
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

    /// Whether the result can change with time alone: then it must be polled.
    pub fn depends_on_time(&self) -> bool {
        self.with(|i| !i.windows.is_empty() || i.background.load_limit > 0.0)
    }

    /// Priority of background processes; `None`: unchanged.
    pub fn process_priority(&self) -> Option<ProcessPriority> {
        self.with(|i| {
            let Background { nice, idle_class, .. } = i.background;
            (nice > 0 || idle_class).then_some(ProcessPriority { nice, idle_class })
        })
    }

    /// Remaining pause at the present time fraction.
    pub fn pause_after(&self, duty_cycle: DutyCycle) -> Duration {
        let share = self.with(|i| i.share_at(minute_now())).clamp(LEAST_SHARE, 1.0);
        duty_cycle.worked.mul_f64(1.0 / share - 1.0).saturating_sub(duty_cycle.since.elapsed())
    }
}

impl Inner {
    /// The fraction of the time for background work at a minute of the day, 0 to 1.
    fn share_at(&self, minute: u16) -> f64 {
        let window = self.windows.iter().find(|w| w.holds(minute));
        window.map_or(self.background.cpu, |w| w.cpu).get()
    }
}

/// The minute of the day, local time.
fn minute_now() -> u16 {
    let now = jiff::Zoned::now();
    now.hour() as u16 * 60 + now.minute() as u16
}

/// The one-minute load average; 0 if it is not available.
fn load_average() -> f64 {
    rustix::system::sysinfo().loads[0] as f64 / 65_536.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn throttle(text: &str) -> Throttle {
        let service = Config::parse(text).unwrap().service;
        Throttle::new(service.background, service.windows)
    }

    #[test]
    fn at_night_full_speed_by_day_a_quarter_never_from_18_to_22() {
        let throttle = throttle(
            "[[service.window]]\nfrom = \"18:00\"\nto = \"22:00\"\ncpu = \"0%\"\n\
             [[service.window]]\nfrom = \"07:00\"\nto = \"18:00\"\ncpu = \"25%\"\n",
        );
        let share = |h: u16, m: u16| throttle.with(|i| i.share_at(h * 60 + m));
        assert_eq!([share(3, 0), share(6, 59), share(22, 0), share(23, 59)], [1.0; 4]);
        assert_eq!([share(7, 0), share(12, 30), share(17, 59)], [0.25; 3]);
        assert_eq!([share(18, 0), share(21, 59)], [0.0; 2]);
    }

    #[test]
    fn a_share_is_kept_however_long_a_file_took() {
        let quarter = throttle("[service.background]\ncpu = \"25%\"\n");
        for worked in [Duration::from_millis(80), Duration::from_secs(20)] {
            let pause = quarter.pause_after(DutyCycle::after(worked));
            assert!(pause > worked * 29 / 10 && pause <= worked * 3, "{worked:?} {pause:?}");
        }
        let full = throttle("");
        assert_eq!(full.pause_after(DutyCycle::after(Duration::from_secs(20))), Duration::ZERO);
    }

    #[test]
    fn a_pause_and_a_high_load_hold_back() {
        let throttle = throttle("[service.background]\nload_limit = 0.0001\nidle_class = false\nnice = 0\n");
        throttle.pause(true);
        assert_eq!(throttle.held_back().as_deref(), Some("paused by request"));
        throttle.pause(false);
        // A machine that runs tests has some load, unless it was just started.
        assert_eq!(throttle.held_back().is_some(), load_average() > 0.1);
        assert_eq!(throttle.process_priority(), None);
    }
}
