//! The time of day.

/// Seconds since 1970, UTC. With ALBUMEN_FAULTS=1, for tests, ALBUMEN_CLOCK is an offset of the clock in seconds.
pub fn now() -> i64 {
    static WRONG_BY: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let wrong_by = WRONG_BY.get_or_init(|| {
        let may = std::env::var_os("ALBUMEN_FAULTS").is_some_and(|v| v == "1");
        let said = std::env::var("ALBUMEN_CLOCK").ok().filter(|_| may);
        said.and_then(|s| s.parse().ok()).unwrap_or(0)
    });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |d| d.as_secs() as i64) + wrong_by
}
