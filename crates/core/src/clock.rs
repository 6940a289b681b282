//! The time of day.

/// Seconds since 1970, UTC. With ALBUMEN_FAULTS=1, for tests, ALBUMEN_CLOCK is an offset in seconds.
pub fn now() -> i64 {
    static WRONG_BY: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let wrong_by = WRONG_BY.get_or_init(|| {
        let offset = || std::env::var("ALBUMEN_CLOCK").ok()?.parse().ok();
        crate::failpoints::are_requested().then(offset).flatten().unwrap_or(0)
    });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |d| d.as_secs() as i64) + wrong_by
}
