//! Failed attempts, counted on the disk: a restart does not reset them.
//!
//! A count delays the next attempt and never locks an account permanently. The rules are here, pure;
//! [`crate::sign_in`] applies them.

use super::{AccountId, Result, Store, optional};
use rusqlite::params;

/// Failures without a delay, for typing errors.
const FREE: u32 = 4;
/// A failure expires after this time without another one, seconds.
const FORGOTTEN_AFTER: i64 = 24 * 3600;
/// A network counts as known to an account for this time, seconds.
const KNOWN_FOR: i64 = 90 * 24 * 3600;

/// What is counted, and the longest delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    pub key: String,
    /// Seconds.
    pub longest: i64,
}

impl Throttle {
    /// Sign-ins to an account from networks unknown to it. The delay is short, since others could lock out
    /// its owner.
    pub fn account(name: &str) -> Throttle {
        Throttle { key: format!("account {}", name.to_lowercase()), longest: 60 }
    }

    /// Sign-ins to an account from a network known to it.
    pub fn pair(name: &str, network: &str) -> Throttle {
        Throttle { key: format!("pair {} {network}", name.to_lowercase()), longest: 900 }
    }

    /// All attempts from a network.
    pub fn network(network: &str) -> Throttle {
        Throttle { key: format!("network {network}"), longest: 900 }
    }

    /// Passwords of a link, request or folder.
    pub fn object(object: &str) -> Throttle {
        Throttle { key: format!("object {object}"), longest: 60 }
    }

    /// The seconds left to wait. If the clock was set back, the longest delay is the limit.
    fn remaining(&self, failures: u32, last: i64, now: i64) -> i64 {
        if failures <= FREE || now - last >= FORGOTTEN_AFTER {
            return 0;
        }
        let delay = 1i64
            .checked_shl(failures - FREE - 1)
            .filter(|d| *d > 0)
            .map_or(self.longest, |d| d.min(self.longest));
        (last.saturating_add(delay).saturating_sub(now)).clamp(0, delay)
    }
}

impl Store {
    /// Seconds until an attempt counted by all of these may be made; 0 for now.
    pub fn throttled(&self, throttles: &[Throttle], now: i64) -> Result<i64> {
        self.read(|conn| {
            let mut longest = 0;
            let mut statement = conn.prepare_cached("SELECT failures, last FROM throttles WHERE key = ?1")?;
            for throttle in throttles {
                let found: Option<(u32, i64)> =
                    optional(statement.query_row([&throttle.key], |r| Ok((r.get(0)?, r.get(1)?))))?;
                if let Some((failures, last)) = found {
                    longest = longest.max(throttle.remaining(failures, last, now));
                }
            }
            Ok(longest)
        })
    }

    /// Counts an attempt before it is checked, so that concurrent attempts all count. [`Store::succeeded`]
    /// uncounts one that succeeds. Returns the seconds left to wait; if not 0, nothing was counted.
    pub fn attempt(&self, throttles: &[Throttle], now: i64) -> Result<i64> {
        self.write(|tx| {
            let mut longest = 0;
            for throttle in throttles {
                let sql = "SELECT failures, last FROM throttles WHERE key = ?1";
                let found: Option<(u32, i64)> = optional(
                    tx.prepare_cached(sql)?.query_row([&throttle.key], |r| Ok((r.get(0)?, r.get(1)?))),
                )?;
                if let Some((failures, last)) = found {
                    longest = longest.max(throttle.remaining(failures, last, now));
                }
            }
            if longest > 0 {
                return Ok(longest);
            }
            tx.execute("DELETE FROM throttles WHERE last <= ?1", [now - FORGOTTEN_AFTER])?;
            for throttle in throttles {
                tx.prepare_cached(
                    "INSERT INTO throttles (key, failures, last) VALUES (?1, 1, ?2) \
                     ON CONFLICT DO UPDATE SET failures = failures + 1, last = excluded.last",
                )?
                .execute(params![throttle.key, now])?;
            }
            Ok(0)
        })
    }

    /// Uncounts a successful attempt: the counts of the account are deleted, the network's count is reduced
    /// by one, so that attackers with an account of their own do not reset their count for others.
    pub fn succeeded(&self, forget: &[Throttle], less: &Throttle) -> Result<()> {
        self.write(|tx| {
            for throttle in forget {
                tx.execute("DELETE FROM throttles WHERE key = ?1", [&throttle.key])?;
            }
            tx.execute("UPDATE throttles SET failures = failures - 1 WHERE key = ?1", [&less.key])?;
            tx.execute("DELETE FROM throttles WHERE key = ?1 AND failures <= 0", [&less.key])?;
            Ok(())
        })
    }

    /// Uncounts an attempt that neither succeeded nor failed.
    pub fn uncount(&self, throttles: &[Throttle]) -> Result<()> {
        self.write(|tx| {
            for throttle in throttles {
                tx.execute("UPDATE throttles SET failures = failures - 1 WHERE key = ?1", [&throttle.key])?;
                tx.execute("DELETE FROM throttles WHERE key = ?1 AND failures <= 0", [&throttle.key])?;
            }
            Ok(())
        })
    }

    /// Whether an account has signed in from a network.
    pub fn knows_network(&self, account: AccountId, network: &str, now: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM known_networks WHERE account_id = ?1 AND network = ?2 AND last > ?3)";
        self.read(|conn| Ok(conn.query_row(sql, params![account, network, now - KNOWN_FOR], |r| r.get(0))?))
    }

    pub fn learn_network(&self, account: AccountId, network: &str, now: i64) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO known_networks (account_id, network, last) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET last = excluded.last",
                params![account, network, now],
            )?;
            tx.execute("DELETE FROM known_networks WHERE last <= ?1", [now - KNOWN_FOR])?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_have_an_end() {
        let network = Throttle::network("192.0.2.1");
        let delays: Vec<i64> = (0..20).map(|failures| network.remaining(failures, 1000, 1000)).collect();
        assert_eq!(delays[..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(delays[19], 900);
        assert_eq!(network.remaining(u32::MAX, 1000, 1000), 900);
        assert_eq!(network.remaining(8, 1000, 1003), 5);
        assert_eq!(network.remaining(8, 1000, 2000), 0);
    }

    #[test]
    fn a_clock_set_back_delays_no_longer_than_the_rule() {
        let network = Throttle::network("192.0.2.1");
        assert_eq!(network.remaining(8, 5_000_000, 1000), 8);
        assert_eq!(network.remaining(40, i64::MAX, 0), 900);
    }
}
