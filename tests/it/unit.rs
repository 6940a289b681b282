//! The contract with systemd: readiness, the watchdog, a clean stop, a valid unit.

use crate::support::{ROOT, note_skipped};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const UNIT: &str = "config/albumen.service";

fn said(socket: &UnixDatagram) -> Option<String> {
    let mut buffer = [0; 512];
    socket.recv(&mut buffer).ok().map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned())
}

/// Waits for a message of the service; others in between are ignored.
fn wait_for(socket: &UnixDatagram, wanted: &str) -> Instant {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if said(socket).is_some_and(|m| m.lines().any(|line| line == wanted)) {
            return Instant::now();
        }
    }
    panic!("the service never said {wanted}");
}

#[test]
fn the_service_tells_systemd_that_it_is_ready_alive_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display();
    std::fs::create_dir(dir.path().join("photos")).unwrap();
    let config = format!(
        "index = \"{at}/index\"\n[[space]]\nname = \"family\"\nfolders = [\"{at}/photos\"]\n\
         [recognise]\nenabled = false\n[service]\nsocket = \"{at}/socket\"\n"
    );
    std::fs::write(dir.path().join("albumen.toml"), config).unwrap();
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    // Notified twice per watchdog interval.
    let watchdog = Duration::from_secs(2);
    let mut service = Command::new(env!("CARGO_BIN_EXE_albumen"))
        .arg("--config")
        .arg(dir.path().join("albumen.toml"))
        .arg("service")
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
        .spawn()
        .unwrap();
    wait_for(&socket, "READY=1");
    // Ready means that it accepts requests now, and not soon.
    let health = Command::new(env!("CARGO_BIN_EXE_albumen"))
        .arg("--config")
        .arg(dir.path().join("albumen.toml"))
        .args(["submit", "--wait"])
        .arg(dir.path().join("photos"))
        .output()
        .unwrap();
    assert!(health.status.success(), "{}", String::from_utf8_lossy(&health.stderr));
    let mut last = wait_for(&socket, "WATCHDOG=1");
    for _ in 0..3 {
        let next = wait_for(&socket, "WATCHDOG=1");
        assert!(next - last < watchdog, "systemd would have killed it after {:?}", next - last);
        last = next;
    }
    let id = rustix::process::Pid::from_raw(service.id() as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    wait_for(&socket, "STOPPING=1");
    assert_eq!(service.wait().unwrap().code(), Some(0));
}

#[test]
fn the_unit_starts_the_program_as_the_program_is_called() {
    let unit = std::fs::read_to_string(Path::new(ROOT).join(UNIT)).unwrap();
    let start = unit.lines().find_map(|l| l.strip_prefix("ExecStart=/usr/bin/albumen ")).expect("a command");
    let asked =
        Command::new(env!("CARGO_BIN_EXE_albumen")).args(start.split(' ')).arg("--help").output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    // No wait for readiness that never comes, and no restart that cannot succeed.
    for line in ["Type=notify", "RestartPreventExitStatus=2", "User=albumen", "ProtectSystem=strict"] {
        assert!(unit.lines().any(|l| l == line), "{line}");
    }
}

#[test]
fn systemd_finds_the_unit_sound_and_hardened() {
    /// `systemd-analyze security`: 0 is sealed, 10 open; below 5 it reports OK. The unit has the reason for
    /// each remaining exposure.
    const EXPOSURE: f64 = 2.5;
    let unit = Path::new(ROOT).join(UNIT);
    let asked = Command::new("systemd-analyze").args(["security", "--offline=yes"]).arg(&unit).output();
    let Ok(out) = asked else {
        return note_skipped("systemd_finds_the_unit_sound_and_hardened", "systemd-analyze is not installed");
    };
    let words = String::from_utf8_lossy(&out.stdout).into_owned();
    let overall = words.lines().find(|l| l.contains("Overall exposure level"));
    let Some(level) = overall.and_then(|l| l.split(": ").nth(1)?.split(' ').next()?.parse::<f64>().ok())
    else {
        let why =
            format!("systemd-analyze does not judge files: {}", String::from_utf8_lossy(&out.stderr).trim());
        return note_skipped("systemd_finds_the_unit_sound_and_hardened", &why);
    };
    assert!(level <= EXPOSURE, "{words}");
    eprintln!("exposure {level}");
}
