//! TLS with curl as the client: the local authority, files, reload, HTTP/2.

use crate::fixture::{Answer, PASSWORD, Portal, mode, parse, signal};
use std::process::Command;

/// curl, asking for one page. Headers and body, or curl's own words.
fn curl(args: &[&str]) -> Result<Answer, String> {
    let output = Command::new("curl")
        .args(["-sS", "-i", "--max-time", "60"])
        .args(args)
        .output()
        .expect("curl is installed");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(parse(&output.stdout))
}

#[test]
fn the_local_authority_is_trusted_once_it_is_installed() {
    let mut portal = Portal::new();
    portal.tls = "self-signed";
    portal.add("anna", &["--admin"]);
    let address = portal.start();
    let (url, port) = (format!("https://localhost:{}", address.port()), address.port());
    let to = format!("localhost:{port}:127.0.0.1");
    let refused = curl(&["--resolve", &to, &format!("{url}/api/v1/health")]).unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");

    let page = curl(&["-k", "--resolve", &to, &format!("{url}/ca")]).unwrap();
    let fingerprint = portal.done(&["check"], "");
    let fingerprint = fingerprint.lines().find_map(|l| l.split("SHA-256 ").nth(1)).unwrap();
    assert!(page.text.contains(fingerprint), "{}", page.text);
    let downloaded = curl(&["-k", "--resolve", &to, &format!("{url}/ca.crt")]).unwrap();
    assert_eq!(downloaded.header("content-type"), Some("application/x-x509-ca-cert"));
    let ca = portal.path("ca.crt");
    std::fs::write(&ca, &downloaded.text).unwrap();
    let ca = ca.to_str().unwrap();

    let answer = curl(&["--cacert", ca, "--resolve", &to, &format!("{url}/api/v1/health")]).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("strict-transport-security"),
        None,
        "a lost authority must not lock browsers out"
    );
    // By its address, too.
    assert_eq!(curl(&["--cacert", ca, &format!("https://{address}/api/v1/health")]).unwrap().status, 200);
    let body = format!("{{\"account\":\"anna\",\"password\":\"{PASSWORD}\"}}");
    let json = "Content-Type: application/json";
    let signed_in =
        curl(&["--cacert", ca, "-H", json, "-d", &body, &format!("https://{address}/api/v1/session")])
            .unwrap();
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-albumen=") && cookie.contains("; Secure"), "{cookie}");

    // The authority stays the same through a restart, and its key is its owner's.
    portal.stop();
    let address = portal.start();
    assert_eq!(curl(&["--cacert", ca, &format!("https://{address}/api/v1/health")]).unwrap().status, 200);
    assert_eq!(mode(&portal.path("state/tls/authority.key")), 0o600);
}

#[test]
fn the_authority_vouches_for_home_networks_alone() {
    let mut portal = Portal::new();
    portal.tls = "self-signed";
    portal.start();
    let text = Command::new("openssl")
        .args(["x509", "-noout", "-text", "-in"])
        .arg(portal.path("state/tls/authority.crt"))
        .output()
        .expect("openssl is installed");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("X509v3 Name Constraints: critical"), "{text}");
    assert!(text.contains("DNS:local") && text.contains("IP:192.168.0.0/255.255.0.0"), "{text}");
    assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
}

/// A certificate with its key for localhost, by openssl.
fn make_certificate(portal: &Portal, name: &str) {
    let subject = format!("/CN={name}");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", &subject, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .arg("-keyout")
        .arg(portal.path("new.key"))
        .arg("-out")
        .arg(portal.path("new.crt"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn use_new(portal: &Portal) {
    std::fs::rename(portal.path("new.key"), portal.path("tls.key")).unwrap();
    std::fs::rename(portal.path("new.crt"), portal.path("tls.crt")).unwrap();
}

#[test]
fn a_replaced_certificate_is_taken_without_a_restart_and_a_broken_one_is_not() {
    let mut portal = Portal::new();
    portal.tls = "files";
    portal.settings =
        format!("certificate = {:?}\nkey = {:?}", portal.path("tls.crt"), portal.path("tls.key"));
    make_certificate(&portal, "first");
    use_new(&portal);
    let address = portal.start();
    let subject = || {
        let url = format!("https://{address}/api/v1/health");
        let output = Command::new("curl").args(["-sSvk", &url]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.lines().find_map(|l| l.split("subject: CN=").nth(1)).map(str::to_owned).unwrap_or(said)
    };
    assert_eq!(subject(), "first");
    let answer = curl(&["-k", &format!("https://{address}/api/v1/health")]).unwrap();
    assert!(answer.header("strict-transport-security").is_some());

    make_certificate(&portal, "second");
    use_new(&portal);
    signal(portal.pid(), rustix::process::Signal::HUP);
    // The signal is obeyed at once, and not before it arrives.
    let becomes = |name: &str| {
        (0..500).any(|_| {
            std::thread::yield_now();
            subject() == name
        })
    };
    assert!(becomes("second"), "{}", subject());
    std::fs::write(portal.path("tls.crt"), "no certificate").unwrap();
    signal(portal.pid(), rustix::process::Signal::HUP);
    for _ in 0..5 {
        assert_eq!(subject(), "second");
    }
    make_certificate(&portal, "third");
    use_new(&portal);
    signal(portal.pid(), rustix::process::Signal::HUP);
    assert!(becomes("third"), "{}", subject());
    assert_eq!(portal.stop(), Some(0));
}

#[test]
fn http_2_and_1_over_tls_and_nothing_older() {
    let mut portal = Portal::new();
    portal.tls = "self-signed";
    let address = portal.start();
    let url = format!("https://{address}/api/v1/health");
    let version = |args: &[&str]| {
        let mut all = vec!["-sk", "-o", "/dev/null", "-w", "%{http_version}"];
        all.extend(args);
        String::from_utf8(Command::new("curl").args(all).arg(&url).output().unwrap().stdout).unwrap()
    };
    assert_eq!(version(&["--http2"]), "2");
    assert_eq!(version(&["--http1.1"]), "1.1");
    assert_eq!(version(&["--tls-max", "1.2"]), "2");
    assert!(curl(&["-k", "--tls-max", "1.1", &url]).is_err());
    // Plain HTTP on the same port gets no answer.
    assert!(curl(&[&format!("http://{address}/")]).is_err());
}
