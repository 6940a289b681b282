//! When certificates are ordered.

use std::time::Duration;

/// The pause after the first error, and the longest, seconds.
const FIRST_PAUSE: i64 = 60;
const LONGEST_PAUSE: i64 = 12 * 3600;
/// The longest `Retry-After` that is applied: longer ones are mistakes.
const LONGEST_RETRY_AFTER: i64 = 30 * 86_400;

/// When a certificate is renewed: after two thirds of its lifetime.
pub(super) fn renewal(from: i64, until: i64) -> i64 {
    from + (until - from) / 3 * 2
}

/// The pause after errors in a row: doubled with each, and shortened by up to a quarter, so that the portals
/// that one failure of a server has stopped do not return together.
pub(super) fn pause(failures: u32, random: [u8; 1]) -> i64 {
    let doubled = FIRST_PAUSE << failures.saturating_sub(1).min(16);
    let pause = doubled.min(LONGEST_PAUSE);
    pause - pause * i64::from(random[0]) / (4 * 256)
}

/// The time that a `Retry-After` header names: seconds, or a date (RFC 9110).
pub(super) fn retry_after(value: &str, now: i64) -> Option<i64> {
    let value = value.trim();
    let until = match value.parse::<u64>() {
        Ok(seconds) => now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)),
        Err(_) => jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_second(),
    };
    Some(until.min(now + LONGEST_RETRY_AFTER))
}

/// How often an order is queried while the server validates names and issues the certificate.
pub(super) fn polling() -> instant_acme::RetryPolicy {
    instant_acme::RetryPolicy::new()
        .initial_delay(Duration::from_millis(500))
        .timeout(Duration::from_secs(120))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_renewed_at_two_thirds() {
        let day = 86_400;
        assert_eq!(renewal(1000, 1000 + 90 * day), 1000 + 60 * day);
        assert_eq!(renewal(1000, 1000 + 6 * day), 1000 + 4 * day);
    }

    #[test]
    fn pauses_double_to_twelve_hours() {
        let longest: Vec<i64> = (1..=12).map(|n| pause(n, [0])).collect();
        assert_eq!(
            longest,
            [60, 120, 240, 480, 960, 1920, 3840, 7680, 15_360, 30_720, LONGEST_PAUSE, LONGEST_PAUSE]
        );
        assert_eq!(pause(u32::MAX, [0]), LONGEST_PAUSE);
        for failures in 1..20 {
            let (short, long) = (pause(failures, [255]), pause(failures, [0]));
            assert!(short < long && short >= long * 3 / 4, "{failures}: {short} {long}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("120", 1000), Some(1120));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 1000), Some(LONGEST_RETRY_AFTER + 1000));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_000), Some(784_111_777));
        assert_eq!(retry_after("99999999999999999999", 1000), None);
        assert_eq!(retry_after("18446744073709551615", 1000), Some(LONGEST_RETRY_AFTER + 1000));
        assert_eq!(retry_after("soon", 1000), None);
    }
}
