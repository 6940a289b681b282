//! `--memory`: one budget; permits are taken from it and returned on drop.
//!
//! The limit applies to the sum of PSS of the engine and all its children. The fixed part (engine, idle workers,
//! recogniser with its sessions) is reserved first; permits share the rest, first come, first served, so that small
//! files cannot starve a large one.

use albumen_core::fault::Fault;
use albumen_core::vocabulary::Admission;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Shared by all threads that need memory for media.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The part of `--memory` beyond the fixed part.
    rest: u64,
    used: u64,
    /// Bytes that idle workers use beyond the fixed part.
    resting: u64,
    next_ticket: u64,
    waiting: VecDeque<u64>,
    /// Number of urgent requests (uploads), at the front of the queue.
    urgent: usize,
    closed: bool,
}

impl State {
    /// Whether a permit can be granted now. It always can if no other permit is out, because waiting would change
    /// nothing: the idle memory of the requester's own worker is already subtracted from its ceiling.
    fn has_room_for(&self, bytes: u64) -> bool {
        self.used == 0 || self.used + self.resting + bytes <= self.rest
    }
}

impl MemoryBudget {
    /// A budget of `rest` bytes, without the fixed part.
    pub fn new(rest: u64) -> MemoryBudget {
        let state = State {
            rest,
            used: 0,
            resting: 0,
            next_ticket: 0,
            waiting: VecDeque::new(),
            urgent: 0,
            closed: false,
        };
        MemoryBudget { inner: Arc::new(Inner { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain numbers and valid after every statement, so a poisoned lock is harmless.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The maximum for one file.
    pub fn ceiling(&self) -> u64 {
        self.lock().rest
    }

    /// Bytes in permits at present.
    pub fn used(&self) -> u64 {
        self.lock().used
    }

    /// Reserves the memory that a worker uses without a file, until the result is dropped.
    pub fn resting(&self, bytes: u64) -> Resting {
        self.lock().resting += bytes;
        Resting { budget: self.clone(), bytes }
    }

    /// Fails all waiting requests with [`Fault::Cancelled`]: the run is being stopped.
    pub fn close(&self) {
        self.lock().closed = true;
        self.inner.changed.notify_all();
    }

    /// Waits for `bytes`, first come, first served.
    pub fn acquire(&self, bytes: u64) -> Result<Permit, Fault> {
        self.wait_for(bytes, None)
    }

    /// Like [`MemoryBudget::acquire`], before all requests that are not urgent. `make_room` is called once if there is
    /// not enough memory.
    pub fn acquire_urgently(&self, bytes: u64, make_room: &dyn Fn()) -> Result<Permit, Fault> {
        self.wait_for(bytes, Some(make_room))
    }

    fn wait_for(&self, bytes: u64, mut make_room: Option<&dyn Fn()>) -> Result<Permit, Fault> {
        let is_urgent = make_room.is_some();
        let mut s = self.lock();
        let ticket = s.next_ticket;
        s.next_ticket += 1;
        if is_urgent {
            let behind = s.urgent;
            s.waiting.insert(behind, ticket);
            s.urgent += 1;
        } else {
            s.waiting.push_back(ticket)
        }
        loop {
            let verdict = if s.closed {
                Some(Err(Fault::Cancelled))
            } else if bytes > s.rest {
                Some(Err(Fault::TooLarge { needed: bytes }))
            } else if s.waiting.front() == Some(&ticket) && s.has_room_for(bytes) {
                s.used += bytes;
                Some(Ok(Permit { budget: self.clone(), bytes }))
            } else {
                None
            };
            if let Some(verdict) = verdict {
                s.waiting.retain(|t| *t != ticket);
                s.urgent -= usize::from(is_urgent);
                self.inner.changed.notify_all();
                return verdict;
            }
            if let Some(make_room) = make_room.take() {
                drop(s);
                make_room();
                s = self.lock();
                // The memory that it freed may be available already.
                continue;
            }
            s = self.inner.changed.wait(s).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Granted memory, returned on drop.
#[derive(Debug)]
pub struct Permit {
    budget: MemoryBudget,
    bytes: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.lock().used -= self.bytes;
        self.budget.inner.changed.notify_all();
    }
}

/// Memory of an idle worker; dropped when the worker has ended or its size has changed.
#[derive(Debug)]
pub struct Resting {
    budget: MemoryBudget,
    bytes: u64,
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.budget.lock().resting -= self.bytes;
        self.budget.inner.changed.notify_all();
    }
}

/// One file's use of the budget: at most one permit at a time.
pub struct Claim<'a> {
    /// Bytes that the file's worker uses already.
    growth: u64,
    budget: &'a MemoryBudget,
    permit: RefCell<Option<Permit>>,
    /// For an urgent file: frees memory for it.
    make_room: Option<&'a dyn Fn()>,
}

impl<'a> Claim<'a> {
    pub fn new(budget: &'a MemoryBudget) -> Claim<'a> {
        Claim { growth: 0, budget, permit: RefCell::new(None), make_room: None }
    }

    /// Makes it urgent, for a file that an upload waits for.
    pub fn urgently<'b>(self, make_room: &'b dyn Fn()) -> Claim<'b>
    where
        'a: 'b,
    {
        Claim { growth: self.growth, budget: self.budget, permit: self.permit, make_room: Some(make_room) }
    }

    /// For a worker that uses `growth` bytes beyond the fixed part, which reduce the maximum of its file.
    pub fn beside(self, growth: u64) -> Claim<'a> {
        Claim { growth, ..self }
    }

    /// Returns the permit.
    pub fn release(&self) {
        self.permit.replace(None);
    }
}

impl Admission for Claim<'_> {
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        // The first permit is returned before the second is requested: two claims that each hold one and wait for more
        // would deadlock.
        self.permit.replace(None);
        if bytes > self.ceiling() {
            return Err(Fault::TooLarge { needed: bytes });
        }
        let permit = match self.make_room {
            Some(make_room) => self.budget.acquire_urgently(bytes, make_room),
            None => self.budget.acquire(bytes),
        };
        self.permit.replace(Some(permit?));
        Ok(())
    }
    fn ceiling(&self) -> u64 {
        self.budget.ceiling().saturating_sub(self.growth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_never_exceed_the_rest_and_all_are_given_back() {
        let budget = MemoryBudget::new(100);
        let peak = Mutex::new(0);
        std::thread::scope(|s| {
            for i in 0..8u64 {
                let (budget, peak) = (&budget, &peak);
                s.spawn(move || {
                    for j in 0..200 {
                        let _permit = budget.acquire(1 + (i * 37 + j * 11) % 100).unwrap();
                        let used = budget.used();
                        let mut p = peak.lock().unwrap();
                        *p = used.max(*p);
                    }
                });
            }
        });
        assert!(*peak.lock().unwrap() <= 100);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_can_never_fit_is_told_with_its_figure() {
        let budget = MemoryBudget::new(100);
        assert_eq!(budget.acquire(101).unwrap_err(), Fault::TooLarge { needed: 101 });
        let claim = Claim::new(&budget);
        claim.admit(60).unwrap();
        claim.admit(90).unwrap();
        assert_eq!(budget.used(), 90);
        drop(claim);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_workers_hold_at_rest_comes_off() {
        for growth in [1, 7, 40, 99] {
            let budget = MemoryBudget::new(100);
            let resting = budget.resting(growth);
            let claim = Claim::new(&budget).beside(growth);
            assert_eq!(claim.ceiling(), 100 - growth);
            assert_eq!(claim.admit(101 - growth), Err(Fault::TooLarge { needed: 101 - growth }));
            claim.admit(100 - growth).unwrap();
            assert!(!budget.lock().has_room_for(1), "all is taken, {growth} of it by a worker at rest");
            drop(resting);
            assert_eq!(budget.lock().has_room_for(1), growth > 0);
            // Idle memory must not block a single file permanently.
            drop(claim);
            let _resting = budget.resting(growth);
            budget.acquire(100).unwrap();
        }
    }

    #[test]
    fn who_is_waited_for_goes_first_and_may_make_room() {
        let budget = MemoryBudget::new(10);
        let held = Mutex::new(Some(budget.acquire(10).unwrap()));
        std::thread::scope(|s| {
            let patient = s.spawn(|| budget.acquire(10).map(|_| std::time::Instant::now()));
            while budget.lock().waiting.is_empty() {
                std::thread::yield_now();
            }
            let make_room = || drop(held.lock().unwrap().take());
            let permit = budget.acquire_urgently(10, &make_room).unwrap();
            let had = std::time::Instant::now();
            drop(permit);
            assert!(patient.join().unwrap().unwrap() >= had);
        });
        assert_eq!((budget.used(), budget.lock().urgent), (0, 0));
    }

    #[test]
    fn closing_lets_waiters_go() {
        let budget = MemoryBudget::new(10);
        let _held = budget.acquire(10).unwrap();
        std::thread::scope(|s| {
            let waiter = s.spawn(|| budget.acquire(5).map(drop));
            budget.close();
            assert_eq!(waiter.join().unwrap(), Err(Fault::Cancelled));
        });
    }
}
