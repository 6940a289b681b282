//! Counters of `GET /v1/status`, `/metrics` and of progress, kept by space: a client restricted to some spaces receives
//! only theirs.

use super::access::Access;
use albumen_index::counts::Counts;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files since the start of the service by outcome, and requests that wait now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SinceStart {
    pub developed: u64,
    pub recognised: u64,
    pub failed: u64,
    pub uploads_waiting: u64,
}

/// Shared by all threads of the service.
#[derive(Debug, Default)]
pub struct Counters {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    done: BTreeMap<String, SinceStart>,
    /// Recent counts of the index: counting a million rows for every request is too slow.
    counts: Option<BTreeMap<String, Counts>>,
    /// Pending uploads by job, with the spaces of their paths; `None` if a path is in no configured space.
    uploads: BTreeMap<i64, Option<BTreeSet<String>>>,
}

impl Counters {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The figures stay valid if a thread panics while it holds the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a file of a space that was developed or recognised; `add` increments the right counter.
    pub fn done(&self, space: &str, add: impl FnOnce(&mut SinceStart)) {
        let mut inner = self.lock();
        match inner.done.get_mut(space) {
            Some(done) => add(done),
            None => add(inner.done.entry(space.to_owned()).or_default()),
        }
    }

    pub fn counted(&self, counts: BTreeMap<String, Counts>) {
        self.lock().counts = Some(counts);
    }

    /// Records a pending upload for paths in these spaces.
    pub fn upload_waits(&self, job: i64, spaces: Option<BTreeSet<String>>) {
        self.lock().uploads.insert(job, spaces);
    }

    pub fn upload_done(&self, job: i64) {
        self.lock().uploads.remove(&job);
    }

    /// Number of pending uploads.
    pub fn uploads_waiting(&self) -> usize {
        self.lock().uploads.len()
    }

    /// The counters that a caller may see.
    pub fn since_start(&self, access: &Access) -> SinceStart {
        let inner = self.lock();
        let mut sum = SinceStart::default();
        for (_, done) in inner.done.iter().filter(|(space, _)| access.may_see(space)) {
            sum.developed += done.developed;
            sum.recognised += done.recognised;
            sum.failed += done.failed;
        }
        let may_see = |spaces: &&Option<BTreeSet<String>>| match spaces {
            Some(spaces) => access.may_see_all(spaces.iter()),
            None => !access.is_limited(),
        };
        sum.uploads_waiting = inner.uploads.values().filter(may_see).count() as u64;
        sum
    }

    /// The counts of the index that a caller may see; `None` before the first count.
    pub fn counts(&self, access: &Access) -> Option<Counts> {
        let inner = self.lock();
        let mut sum = Counts::default();
        for (_, counts) in inner.counts.as_ref()?.iter().filter(|(space, _)| access.may_see(space)) {
            sum += counts;
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_the_spaces_that_may_be_seen() {
        let counters = Counters::default();
        counters.done("anna", |d| d.developed += 2);
        counters.done("berta", |d| d.developed += 3);
        counters.done("berta", |d| d.failed += 1);
        let spaces = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect());
        counters.upload_waits(1, spaces(&["anna"]));
        counters.upload_waits(2, spaces(&["anna", "berta"]));
        let counts = |items| Counts { items, ..Counts::default() };
        assert_eq!(counters.counts(&Access::ALL), None);
        counters.counted([("anna".into(), counts(5)), ("berta".into(), counts(7))].into());
        let anna = Access::to(Some(vec!["anna".into()]));
        let hers = counters.since_start(&anna);
        assert_eq!((hers.developed, hers.failed, hers.uploads_waiting), (2, 0, 1));
        let all = counters.since_start(&Access::ALL);
        assert_eq!((all.developed, all.failed, all.uploads_waiting), (5, 1, 2));
        assert_eq!(counters.counts(&anna), Some(counts(5)));
        assert_eq!(counters.counts(&Access::ALL), Some(counts(12)));
        counters.upload_done(2);
        assert_eq!(counters.uploads_waiting(), 1);
    }
}
