//! Passwords: argon2id with 19 MiB and two passes (OWASP's first choice of parameters), at most two at a
//! time.
//!
//! A check of a missing account costs the same as one of an existing account, so that response times do not
//! reveal which accounts exist.

use crate::secret;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// Concurrent hashes: each takes 19 MiB.
const AT_A_TIME: usize = 2;
/// The minimum in characters and the maximum in bytes. There are no other requirements (NIST SP 800-63B).
pub const SHORTEST: usize = 8;
pub const LONGEST: usize = 1024;

/// Why a password cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("a password needs at least {SHORTEST} characters")]
    TooShort,
    #[error("a password may have at most {LONGEST} bytes")]
    TooLong,
    #[error("this password is among the most used ones: choose another")]
    Common,
    #[error("the password is the name of the account: choose another")]
    IsName,
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

/// Refuses the most common passwords and those derived from the name.
pub fn check_quality(password: &str, account: &str) -> Result<(), PasswordError> {
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    let lower = password.to_lowercase();
    if lower == account.to_lowercase() {
        return Err(PasswordError::IsName);
    }
    if COMMON.contains(&lower.as_str()) || lower.chars().all(|c| lower.starts_with(c)) {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// Passwords of eight characters and more at the top of every published list.
const COMMON: &[&str] = &[
    "password",
    "password1",
    "password12",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "87654321",
    "987654321",
    "qwertyui",
    "qwerty123",
    "qwertyuiop",
    "1q2w3e4r",
    "1qaz2wsx",
    "asdfghjkl",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "starwars",
    "trustno1",
    "letmein1",
    "welcome1",
    "admin123",
    "administrator",
    "changeme",
    "abcd1234",
    "abc12345",
    "passwort",
    "passwort1",
    "hallo123",
    "schatzi1",
    "fotoalbum",
    "albumen1",
    "synology",
    "computer",
    "internet",
    "whatever",
    "michelle",
    "jennifer",
];

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// A PHC string. Takes some 20 to 500 ms of computing: never on a thread that serves connections.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    let salt: [u8; 16] = secret::random().map_err(|e| PasswordError::Hash(e.to_string()))?;
    let hash = argon2().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|e| PasswordError::Hash(e.to_string()))?.to_string())
}

/// Whether a password matches a PHC string; without one, takes as long and returns false.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    static NONE: OnceLock<String> = OnceLock::new();
    let real = hash.is_some();
    let hash = match hash {
        Some(hash) => hash,
        None => NONE.get_or_init(|| self::hash("no account has this password").unwrap_or_default()),
    };
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    password.len() <= LONGEST && argon2().verify_password(password.as_bytes(), &hash).is_ok() && real
}

/// Hashes for a server: two at a time, on threads that may block.
#[derive(Debug, Clone)]
pub struct Hasher(Arc<Semaphore>);

impl Default for Hasher {
    fn default() -> Self {
        Hasher(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Hasher {
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.run(move || hash(&password)).await.unwrap_or_else(|e| Err(PasswordError::Hash(e)))
    }

    pub async fn verify(&self, password: String, hash: Option<String>) -> bool {
        self.run(move || verify(&password, hash.as_deref())).await.unwrap_or(false)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let permit = self.0.clone().acquire_owned().await.map_err(|e| e.to_string())?;
        tokio::task::spawn_blocking(move || {
            let out = work();
            drop(permit);
            out
        })
        .await
        .map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_knows_its_password() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse", Some(&hash)));
        assert!(!verify("correct horsf", Some(&hash)));
        assert!(!verify("no account has this password", None));
        assert!(!verify("x", Some("not a hash")));
        assert_ne!(hash, super::hash("correct horse").unwrap());
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        assert!(check_quality("seven77", "anna").is_err());
        assert!(check_quality("Password1", "anna").is_err());
        assert!(check_quality("aaaaaaaaaa", "anna").is_err());
        assert!(check_quality("Annabelle", "annabelle").is_err());
        assert!(check_quality(&"long".repeat(300), "anna").is_err());
        check_quality("violet kettle", "anna").unwrap();
        check_quality("пароль-фото", "anna").unwrap();
    }

    #[tokio::test]
    async fn two_hashes_at_a_time() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let hasher = Hasher::default();
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let jobs = (0..8).map(|_| {
            let (hasher, running, most) = (hasher.clone(), running.clone(), most.clone());
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let _ = hash("some password");
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                hasher.run(work).await.unwrap();
            })
        });
        for job in jobs.collect::<Vec<_>>() {
            job.await.unwrap();
        }
        assert!((1..=AT_A_TIME).contains(&most.load(Ordering::SeqCst)));
    }
}
