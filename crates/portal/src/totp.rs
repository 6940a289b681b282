//! Time-based one-time codes (RFC 6238): SHA-1, six digits, thirty seconds, as every authenticator app has
//! them.

use crate::percent::percent;
use crate::secret::base32;
use ring::hmac;

const PERIOD: i64 = 30;
/// Steps before and after the current one whose codes are accepted: clocks of phones differ.
const TOLERANCE: i64 = 1;

/// The step of a moment.
pub fn step(now: i64) -> i64 {
    now.div_euclid(PERIOD)
}

/// The code of a step.
pub fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 15);
    let number = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// The step of a code, if it is near the current one and was not used: later than `last_step`. A last step in
/// the future dates from before the clock was set back, and is ignored.
pub fn verify(secret: &[u8], given: &str, now: i64, last_step: i64) -> Option<i64> {
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let present = step(now);
    let used = if last_step > present + TOLERANCE { i64::MIN } else { last_step };
    let steps = present - TOLERANCE..=present + TOLERANCE;
    // Every step is tried, so that the time does not reveal which one matches.
    let mut found = None;
    for step in steps {
        if is_equal(code(secret, step).as_bytes(), given.as_bytes()) && step > used {
            found = Some(step);
        }
    }
    found
}

/// What an authenticator app reads from a QR code.
pub fn uri(secret: &[u8], account: &str, issuer: &str) -> String {
    let (account, issuer) = (percent(account), percent(issuer));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={PERIOD}",
        base32(secret)
    )
}

/// Compares in constant time.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// The values of RFC 6238, appendix B, reduced to the last six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (now, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, step(now)), expected);
        }
    }

    #[test]
    fn a_code_is_taken_once_and_for_a_minute_around() {
        let now = 1_111_111_109;
        let used = verify(SECRET, "081 804", now, 0).unwrap();
        assert_eq!(used, step(now));
        assert_eq!(verify(SECRET, "081804", now, used), None);
        assert!(verify(SECRET, "081804", now + PERIOD, 0).is_some());
        assert!(verify(SECRET, "081804", now - PERIOD, 0).is_some());
        assert_eq!(verify(SECRET, "081804", now + 2 * PERIOD, 0), None);
        assert_eq!(verify(SECRET, "081805", now, 0), None);
        assert_eq!(verify(SECRET, "", now, 0), None);
    }

    #[test]
    fn a_clock_set_back_locks_no_account_out() {
        let now = 1_111_111_109;
        assert!(verify(SECRET, "081804", now, step(now) + 10_000).is_some());
    }

    #[test]
    fn the_uri_names_account_and_issuer() {
        assert_eq!(
            uri(b"foobar", "jörg s", "Albumen nas"),
            "otpauth://totp/Albumen%20nas:j%C3%B6rg%20s?secret=MZXW6YTBOI&issuer=Albumen%20nas&algorithm=SHA1&digits=6&period=30"
        );
    }
}
