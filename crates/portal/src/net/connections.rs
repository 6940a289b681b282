//! The open connections: the total, the number per peer, and which of them are idle.
//!
//! If a limit is reached, the connection that has been idle the longest is closed: silent clients cannot keep
//! others out, and a connection with a running request is never closed for another one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Limits on connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub in_all: usize,
    pub per_peer: usize,
}

#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    started: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    all: HashMap<u64, (String, Arc<Activity>)>,
    by_peer: HashMap<String, usize>,
}

/// The activity of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    /// Requests whose answers are not completely sent.
    running: AtomicUsize,
    /// Requests so far.
    served: AtomicU64,
    /// Milliseconds since the start of the server.
    idle_since: AtomicU64,
    started: Instant,
    /// Notified when it must be closed.
    pub evicted: Notify,
}

impl Activity {
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn begin(self: &Arc<Activity>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.served.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    pub(super) fn is_busy(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// Seconds without a request; 0 during one.
    pub(super) fn idle_seconds(&self) -> u64 {
        if self.is_busy() {
            0
        } else {
            self.now().saturating_sub(self.idle_since.load(Ordering::Relaxed)) / 1000
        }
    }

    pub(super) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed) > 0
    }
}

/// A running request; dropped with the end of its answer.
#[derive(Debug)]
pub(super) struct Running(Arc<Activity>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A slot among the connections.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    connections: Arc<Connections>,
    pub activity: Arc<Activity>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        remove(&mut open, self.id);
    }
}

/// An evicted one is already removed.
fn remove(open: &mut Open, id: u64) -> Option<Arc<Activity>> {
    let (peer, activity) = open.all.remove(&id)?;
    if let Some(count) = open.by_peer.get_mut(&peer) {
        *count -= 1;
        if *count == 0 {
            open.by_peer.remove(&peer);
        }
    }
    Some(activity)
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Arc<Connections> {
        Arc::new(Connections { limits, started: Instant::now(), open: Mutex::default() })
    }

    /// A slot for a connection; `None` if a limit is reached and all are busy. A trusted proxy represents
    /// many peers, and has no limit of its own.
    pub(super) fn admit(self: &Arc<Connections>, peer: &str, is_proxy: bool) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = open.by_peer.get(peer).copied().unwrap_or(0);
        if !is_proxy && of_peer >= self.limits.per_peer {
            evict(&mut open, |p| p == peer)?;
        } else if open.all.len() >= self.limits.in_all {
            evict(&mut open, |_| true)?;
        }
        let id = open.next;
        open.next += 1;
        let activity = Arc::new(Activity {
            running: AtomicUsize::new(0),
            served: AtomicU64::new(0),
            idle_since: AtomicU64::new(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)),
            started: self.started,
            evicted: Notify::new(),
        });
        open.all.insert(id, (peer.to_owned(), activity.clone()));
        *open.by_peer.entry(peer.to_owned()).or_default() += 1;
        Some(Place { id, connections: self.clone(), activity })
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all.len()
    }
}

/// Evicts one; `None` if all candidates are busy.
fn evict(open: &mut Open, may_go: impl Fn(&str) -> bool) -> Option<()> {
    let idle = open.all.iter().filter(|(_, (peer, activity))| may_go(peer) && !activity.is_busy());
    let id = idle.min_by_key(|(_, (_, a))| a.idle_since.load(Ordering::Relaxed)).map(|(id, _)| *id)?;
    remove(open, id)?.evicted.notify_one();
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_idle_one_makes_room_and_a_busy_one_does_not() {
        let connections = Connections::new(Limits { in_all: 3, per_peer: 2 });
        let busy = connections.admit("a", false).unwrap();
        let running = busy.activity.begin();
        let idle = connections.admit("a", false).unwrap();
        let third = connections.admit("a", false).unwrap();
        assert_eq!(connections.count(), 2, "the idle one went");
        let second = third.activity.begin();
        assert!(connections.admit("a", false).is_none(), "both of the peer are busy");
        let _other = connections.admit("b", false).unwrap();
        drop((running, second, idle));
        let _more = connections.admit("c", false).unwrap();
        assert_eq!(connections.count(), 3);
    }

    proptest! {
        #[test]
        fn counts_hold_whatever_comes_and_goes(steps in prop::collection::vec((0u8..4, 0usize..8), 1..200)) {
            let connections = Connections::new(Limits { in_all: 6, per_peer: 3 });
            let mut held: Vec<(Place, Option<Running>)> = Vec::new();
            for (step, n) in steps {
                match step {
                    0 | 1 => {
                        if let Some(place) = connections.admit(["a", "b", "c"][n % 3], false) {
                            let running = (step == 1).then(|| place.activity.begin());
                            held.push((place, running));
                        }
                    }
                    2 if !held.is_empty() => drop(held.swap_remove(n % held.len())),
                    _ if !held.is_empty() => {
                        let at = n % held.len();
                        held[at].1 = None;
                    }
                    _ => {}
                }
                let open = connections.open.lock().unwrap();
                prop_assert!(open.all.len() <= 6);
                prop_assert_eq!(open.by_peer.values().sum::<usize>(), open.all.len());
                prop_assert!(open.by_peer.values().all(|n| (1..=3).contains(n)));
            }
            drop(held);
            prop_assert_eq!(connections.count(), 0);
            prop_assert!(connections.open.lock().unwrap().by_peer.is_empty());
        }
    }
}
