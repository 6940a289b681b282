//! Pace of reading files: uploads at full speed, background files after them and at a limited rate.

use albumen_core::cancel::CancelToken;
use albumen_core::fault::Fault;
use albumen_files::hash;
use albumen_files::patience::Beat;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bytes of a background file that are read without limit: most photos are smaller.
const AT_ONCE: u64 = 16 << 20;
/// Bytes per second for the rest of a larger one: a little less than a single disk's throughput.
const RATE: f64 = 96.0 * 1024.0 * 1024.0;
/// Interval at which a waiting read checks for the end of uploads and for cancellation.
const STEP: Duration = Duration::from_millis(20);

/// Number of uploads in progress.
pub type Uploads = Arc<AtomicUsize>;

/// The pace of one file.
pub struct Pace {
    stop: CancelToken,
    beat: Beat,
    /// The uploads that it yields to; `None`: it is an upload itself, or there are none.
    behind: Option<Uploads>,
    read: Cell<u64>,
    /// Start of the bytes beyond [`AT_ONCE`], plus the time during which it yielded.
    since: Cell<Option<Instant>>,
}

impl Pace {
    /// At full speed.
    pub fn in_front(stop: CancelToken, beat: Beat) -> Pace {
        Pace { stop, beat, behind: None, read: Cell::new(0), since: Cell::new(None) }
    }

    /// For a background file.
    pub fn behind(uploads: Uploads, stop: CancelToken, beat: Beat) -> Pace {
        Pace { behind: Some(uploads), ..Pace::in_front(stop, beat) }
    }

    fn pause(&self) -> Result<(), Fault> {
        std::thread::sleep(STEP);
        // This side waits, not the file system.
        self.beat.tick();
        self.go_on()
    }

    fn go_on(&self) -> Result<(), Fault> {
        if self.stop.is_cancelled() { Err(Fault::Cancelled) } else { Ok(()) }
    }
}

impl hash::Pace for Pace {
    fn read(&self, bytes: u64) -> Result<(), Fault> {
        self.beat.tick();
        self.go_on()?;
        self.read.set(self.read.get() + bytes);
        let Some(uploads) = &self.behind else { return Ok(()) };
        let beyond = self.read.get().saturating_sub(AT_ONCE);
        if beyond == 0 {
            return Ok(());
        }
        let mut since = self.since.get().unwrap_or_else(Instant::now);
        let yields = Instant::now();
        while uploads.load(Ordering::Relaxed) > 0 {
            self.pause()?;
        }
        since += yields.elapsed();
        self.since.set(Some(since));
        while since.elapsed().as_secs_f64() < beyond as f64 / RATE {
            self.pause()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hash::Pace as _;

    #[test]
    fn a_large_background_file_waits_for_uploads_and_a_small_one_does_not() {
        let (uploads, stop) = (Uploads::default(), CancelToken::new());
        uploads.fetch_add(1, Ordering::Relaxed);
        let pace = Pace::behind(uploads.clone(), stop.clone(), Beat::default());
        assert_eq!(pace.read(AT_ONCE), Ok(()));
        std::thread::scope(|s| {
            let reading = s.spawn(move || pace.read(1 << 20));
            // It waits for the upload to end.
            uploads.fetch_sub(1, Ordering::Relaxed);
            assert_eq!(reading.join().unwrap(), Ok(()));
        });
        uploads.fetch_add(1, Ordering::Relaxed);
        let pace = Pace::behind(uploads, stop.clone(), Beat::default());
        stop.cancel();
        assert_eq!(pace.read(AT_ONCE + 1), Err(Fault::Cancelled));
        let pace = Pace::in_front(CancelToken::new(), Beat::default());
        assert_eq!(pace.read(1 << 40), Ok(()), "an upload is read as fast as it goes");
    }

    #[test]
    fn a_large_background_file_has_a_rate() {
        let pace = Pace::behind(Uploads::default(), CancelToken::new(), Beat::default());
        pace.read(AT_ONCE).unwrap();
        let begun = Instant::now();
        pace.read(RATE as u64 / 4).unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(240), "{:?}", begun.elapsed());
    }
}
