//! `--memory`: one budget, handed out in permits, given back by dropping them.
//!
//! The bound holds for the sum of PSS of the engine and all its children. The fixed part (engine, idle workers,
//! recogniser with its sessions) is reserved first; the rest is what permits are taken from, in order of asking,
//! so that a large file is not starved by small ones.

use super::fault::Fault;
use super::vocabulary::Admission;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Shared by all who need memory for media.
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
    /// What is left of `--memory` after the fixed part.
    rest: u64,
    used: u64,
    next_ticket: u64,
    waiting: VecDeque<u64>,
    closed: bool,
}

impl MemoryBudget {
    /// A budget of `rest` bytes, the fixed part already taken off.
    pub fn new(rest: u64) -> MemoryBudget {
        let state = State { rest, used: 0, next_ticket: 0, waiting: VecDeque::new(), closed: false };
        MemoryBudget { inner: Arc::new(Inner { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain numbers, right after every statement: a poisoned lock says nothing about it.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most that one file may have.
    pub fn ceiling(&self) -> u64 {
        self.lock().rest
    }

    /// Bytes in permits now.
    pub fn used(&self) -> u64 {
        self.lock().used
    }

    /// Lets everybody who waits go with [`Fault::Cancelled`]: the run is being stopped.
    pub fn close(&self) {
        self.lock().closed = true;
        self.inner.changed.notify_all();
    }

    /// Waits for `bytes`, in order of asking.
    pub fn acquire(&self, bytes: u64) -> Result<Permit, Fault> {
        let mut s = self.lock();
        let ticket = s.next_ticket;
        s.next_ticket += 1;
        s.waiting.push_back(ticket);
        loop {
            let verdict = if s.closed {
                Some(Err(Fault::Cancelled))
            } else if bytes > s.rest {
                Some(Err(Fault::TooLarge { needed: bytes }))
            } else if s.waiting.front() == Some(&ticket) && s.used + bytes <= s.rest {
                s.used += bytes;
                Some(Ok(Permit { budget: self.clone(), bytes }))
            } else {
                None
            };
            if let Some(verdict) = verdict {
                s.waiting.retain(|t| *t != ticket);
                self.inner.changed.notify_all();
                return verdict;
            }
            s = self.inner.changed.wait(s).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Memory that somebody has; dropping gives it back.
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

/// One file's claim on the budget: at most one permit at a time.
#[derive(Debug)]
pub struct Claim<'a> {
    budget: &'a MemoryBudget,
    permit: RefCell<Option<Permit>>,
}

impl<'a> Claim<'a> {
    pub fn new(budget: &'a MemoryBudget) -> Claim<'a> {
        Claim { budget, permit: RefCell::new(None) }
    }
}

impl Admission for Claim<'_> {
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        // The first permit goes back before the second is asked for: two claims that each hold one and wait for
        // more would wait for ever.
        self.permit.replace(None);
        self.permit.replace(Some(self.budget.acquire(bytes)?));
        Ok(())
    }
    fn ceiling(&self) -> u64 {
        self.budget.ceiling()
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
