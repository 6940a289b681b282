//! Random secrets and their digests.
//!
//! A random value of at least 128 bits cannot be guessed, so a plain SHA-256 protects it in the database;
//! passwords chosen by users go through [`crate::password`].

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// The random number generator of the kernel failed: no secret can be generated.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct NoRandom;

/// Random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// A secret, returned once. Not `Debug`, so that it is not logged by accident.
pub struct Secret(String);

impl Secret {
    /// 256 bits, for sessions and tokens.
    pub fn new() -> Result<Secret, NoRandom> {
        Ok(Secret(URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    /// 128 bits, for use in links.
    pub fn for_link() -> Result<Secret, NoRandom> {
        Ok(Secret(URL_SAFE_NO_PAD.encode(random::<16>()?)))
    }

    /// 120 bits in groups that can be typed: `k3fm-q7ab-...`.
    pub fn typed() -> Result<Secret, NoRandom> {
        Ok(Secret(in_groups(&random::<15>()?)))
    }

    /// 80 bits in groups: a recovery code.
    pub fn recovery() -> Result<Secret, NoRandom> {
        Ok(Secret(in_groups(&random::<10>()?)))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// SHA-256 of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub fn of(secret: &str) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Digest(out)
    }

    /// The digest of a typed secret: spaces, hyphens and case are ignored.
    pub fn of_typed(secret: &str) -> Digest {
        let plain = secret.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let mut grouped = String::new();
        for (i, c) in plain.flat_map(char::to_lowercase).enumerate() {
            if i > 0 && i % 4 == 0 {
                grouped.push('-');
            }
            grouped.push(c);
        }
        Digest::of(&grouped)
    }
}

/// Base 32 of RFC 4648 without padding, in capitals.
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(LETTERS[(held >> bits) as usize & 31]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(LETTERS[(held << (5 - bits)) as usize & 31]));
    }
    out
}

fn in_groups(bytes: &[u8]) -> String {
    let letters = base32(bytes).to_lowercase();
    let mut out = String::new();
    for (i, c) in letters.chars().enumerate() {
        if i > 0 && i % 4 == 0 {
            out.push('-');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn typed_secrets_are_forgiving() {
        let secret = Secret::typed().unwrap();
        let typed = secret.expose().replace('-', " ").to_uppercase();
        assert_eq!(secret.expose().len(), 24 + 5);
        assert_eq!(Digest::of_typed(&typed), secret.digest());
        assert_eq!(Digest::of_typed(&secret.expose().replace('-', "")), secret.digest());
        assert_ne!(Digest::of_typed("aaaa"), secret.digest());
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(Secret::new().unwrap().digest(), Secret::new().unwrap().digest());
        assert_eq!(Secret::new().unwrap().expose().len(), 43);
        assert_eq!(Secret::for_link().unwrap().expose().len(), 22);
    }
}
