//! The machine of a measurement. Its name is the processor's; host names are not published.

use serde::Serialize;
use std::fs;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    pub memory_bytes: u64,
    pub architecture: String,
    pub kernel: String,
    pub os: String,
}

impl Machine {
    pub(crate) fn read() -> Machine {
        let field = |path: &str, keys: &[&str], separator: char| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let value = |key: &&str| {
                text.lines().find_map(|l| {
                    let (k, v) = l.split_once(separator)?;
                    (k.trim() == *key).then(|| v.trim().trim_matches('"').to_owned())
                })
            };
            keys.iter().find_map(value)
        };
        let memory = field("/proc/meminfo", &["MemTotal"], ':').unwrap_or_default();
        let kib = memory.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        // ARM boards report the board instead of the processor.
        let board = fs::read_to_string("/proc/device-tree/model").ok();
        let cpu = field("/proc/cpuinfo", &["model name", "Model", "Hardware"], ':');
        Machine {
            cpu: cpu.or(board).unwrap_or_else(|| "unknown".to_owned()).trim_matches('\0').to_owned(),
            cores: cores(),
            memory_bytes: kib * 1024,
            architecture: std::env::consts::ARCH.to_owned(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            os: field("/etc/os-release", &["PRETTY_NAME"], '=').unwrap_or_else(|| "Linux".to_owned()),
        }
    }

    /// A folder name made from the processor's name.
    pub(crate) fn slug(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let text: String = self.cpu.replace("(R)", "").replace("(TM)", "").chars().map(plain).collect();
        text.split('-').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("-")
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_after_the_processor() {
        let cpu = "Intel(R) Celeron(R) CPU J4125 @ 2.00GHz".to_owned();
        let machine = Machine { cpu, ..Machine::read() };
        assert_eq!(machine.slug(), "intel-celeron-cpu-j4125-2-00ghz");
    }
}
