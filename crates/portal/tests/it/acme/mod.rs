//! Certificates by ACME: the real portal and a real ACME server.

mod pebble;

use crate::fixture::{Portal, mode, signal};
use pebble::{BLOCKED, NO_HOST, Options, Pebble};
use std::process::Command;

const NAME: &str = "photos.example.org";

fn portal(directory: &str, ca: &std::path::Path, name: &str) -> Portal {
    let mut portal = Portal::new();
    portal.tls = "acme";
    set(&mut portal, directory, ca, name);
    portal
}

fn set(portal: &mut Portal, directory: &str, ca: &std::path::Path, name: &str) {
    portal.settings = format!(
        "acme_directory = {directory:?}\nacme_ca = {ca:?}\nacme_contact = \"anna@example.org\"\nnames = [{name:?}, \"nas.local\"]"
    );
}

fn start(portal: &mut Portal) {
    let mut command = portal.command();
    portal.start_by(command.env("ALBUMEN_LOG", "info"));
}

/// The names, and the issuer, of the certificate that the portal serves, by openssl; with `-alpn` and others as
/// further arguments.
fn served(portal: &Portal, more: &[&str]) -> String {
    let address = portal.address().to_string();
    let hello = Command::new("openssl")
        .args(["s_client", "-connect", &address, "-servername", NAME])
        .args(more)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl is installed");
    text_of(&hello.stdout)
}

/// openssl's text about the first certificate in PEM.
fn text_of(pem: &[u8]) -> String {
    use std::io::Write;
    let mut child = Command::new("openssl")
        .args(["x509", "-noout", "-issuer", "-ext", "subjectAltName", "-fingerprint"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("openssl is installed");
    // Without a certificate it does not read everything.
    let _ = child.stdin.take().unwrap().write_all(pem);
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// The headers of an answer, over a connection without verification.
fn headers(portal: &Portal) -> String {
    let url = format!("https://{}/api/v1/health", portal.address());
    let output = Command::new("curl").args(["-skI", &url]).output().expect("curl is installed");
    String::from_utf8(output.stdout).unwrap().to_ascii_lowercase()
}

fn orders(requests: &[String]) -> usize {
    requests.iter().filter(|line| line.contains("POST /order-plz")).count()
}

#[test]
fn a_certificate_is_ordered_once_and_survives_a_restart_and_a_backup() {
    let Some(mut pebble) = Pebble::start("a_certificate_is_ordered_once", &Options::default()) else {
        return;
    };
    let mut portal = portal(&pebble.directory(), &pebble.ca(), NAME);
    let checked = portal.done(&["check"], "");
    assert!(checked.contains("certificate: none yet"), "{checked}");
    start(&mut portal);
    assert!(
        portal.early.iter().any(|l| l.contains("there is no certificate by ACME yet")),
        "{:?}",
        portal.early
    );
    pebble.forward(portal.address());
    portal.log().wait_for("a new certificate for photos.example.org is in use");

    let first = served(&portal, &[]);
    assert!(first.contains("Pebble Intermediate CA") && first.contains(&format!("DNS:{NAME}")), "{first}");
    assert!(!first.contains("nas.local"), "only public names: {first}");
    assert!(headers(&portal).contains("strict-transport-security"));
    // The challenge is over: the server of the protocol has no answer.
    assert_eq!(served(&portal, &["-alpn", "acme-tls/1"]), "");
    for file in ["acme.pem", "acme-account.json"] {
        assert_eq!(mode(&portal.path("state/tls").join(file)), 0o600, "{file}");
    }
    let checked = portal.done(&["check"], "");
    assert!(checked.contains("certificate: photos.example.org until 20"), "{checked}");
    assert!(checked.contains("name nas.local: not public"), "{checked}");

    assert_eq!(portal.stop(), Some(0));
    assert!(orders(&pebble.requests()) >= 1);
    start(&mut portal);
    portal.log().wait_for("the stored certificate is valid until");
    assert_eq!(served(&portal, &[]), first);
    assert_eq!(pebble.requests().len(), 1, "only the marker");
    assert_eq!(portal.stop(), Some(0));

    let backup = portal.path("backup");
    portal.done(&["backup", backup.to_str().unwrap()], "");
    std::fs::remove_dir_all(portal.path("state/tls")).unwrap();
    portal.done(&["restore", backup.to_str().unwrap()], "");
    start(&mut portal);
    portal.log().wait_for("the stored certificate is valid until");
    assert_eq!(served(&portal, &[]), first);
    assert_eq!(mode(&portal.path("state/tls/acme.pem")), 0o600);
    assert_eq!(portal.stop(), Some(0));

    // Another server of the same names.
    set(&mut portal, &format!("{}?second", pebble.directory()), &pebble.ca(), NAME);
    start(&mut portal);
    pebble.forward(portal.address());
    portal.log().wait_for("a new certificate for photos.example.org is in use");
    assert_ne!(served(&portal, &[]), first);
}

#[test]
fn a_certificate_is_renewed_while_the_portal_serves() {
    let options = Options { validity: 30, ..Options::default() };
    let Some(mut pebble) = Pebble::start("a_certificate_is_renewed", &options) else { return };
    let mut portal = portal(&pebble.directory(), &pebble.ca(), NAME);
    start(&mut portal);
    pebble.forward(portal.address());
    portal.log().wait_for("a new certificate for photos.example.org is in use");
    let first = served(&portal, &[]);
    let accounts = |requests: &[String]| requests.iter().filter(|l| l.contains("POST /sign-me-up")).count();
    assert!(accounts(&pebble.requests()) >= 1);
    portal.log().wait_for("a new certificate for photos.example.org is in use");
    let second = served(&portal, &[]);
    assert!(second.contains(&format!("DNS:{NAME}")), "{second}");
    assert_ne!(first, second);
    assert_eq!(accounts(&pebble.requests()), 0, "the account is kept");
}

#[test]
fn a_server_that_refuses_is_not_asked_again_before_the_pause() {
    let options = Options { needs_external_account: true, ..Options::default() };
    let Some(pebble) = Pebble::start("a_server_that_refuses", &options) else { return };
    let mut portal = portal(&pebble.directory(), &pebble.ca(), NAME);
    start(&mut portal);
    let refused = portal.log().wait_for("no certificate by ACME").pop().unwrap();
    for part in ["/dir refuses: ", "it needs an account of its operator", "The next attempt is at 2"] {
        assert!(refused.contains(part), "{refused}");
    }
    let local = served(&portal, &[]);
    assert!(local.contains("Albumen local authority") && local.contains(&format!("DNS:{NAME}")), "{local}");
    assert!(
        !headers(&portal).contains("strict-transport-security"),
        "the local authority must not lock browsers out"
    );
    let directory = |requests: &[String]| requests.iter().filter(|l| l.contains("GET /dir")).count();
    assert_eq!(directory(&pebble.requests()), 1);
    // A reload ends the pause.
    signal(portal.pid(), rustix::process::Signal::HUP);
    portal.log().wait_for("no certificate by ACME");
    assert_eq!(directory(&pebble.requests()), 1);
    assert_eq!(portal.stop(), Some(0));
}

#[test]
fn wrong_names_are_reported_and_corrected_ones_get_a_certificate() {
    let Some(mut pebble) = Pebble::start("wrong_names_are_reported", &Options::default()) else { return };
    let (directory, ca) = (pebble.directory(), pebble.ca());
    let mut portal = portal(&directory, &ca, BLOCKED);
    start(&mut portal);
    let refused = portal.log().wait_for("no certificate by ACME").pop().unwrap();
    assert!(refused.contains(BLOCKED) && refused.contains("; correct names"), "{refused}");
    portal.stop();

    set(&mut portal, &directory, &ca, NO_HOST);
    start(&mut portal);
    let refused = portal.log().wait_for("no certificate by ACME").pop().unwrap();
    assert!(refused.contains("nowhere.example.org is not validated: "), "{refused}");
    assert!(refused.contains("DNS entry of this name"), "{refused}");
    portal.stop();

    set(&mut portal, &directory, &ca, NAME);
    start(&mut portal);
    pebble.forward(portal.address());
    portal.log().wait_for("a new certificate for photos.example.org is in use");
    portal.stop();

    // The certificate lacks a name that was added: it stays in use, and the name is reported.
    set(&mut portal, &directory, &ca, NO_HOST);
    let checked = portal.run(&["check"], "");
    let fault = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success() && fault.contains("does not contain nowhere.example.org"), "{fault}");
    start(&mut portal);
    portal.log().wait_for("does not contain nowhere.example.org: a new one is ordered");
    portal.log().wait_for("no certificate by ACME");
    assert!(served(&portal, &[]).contains(&format!("DNS:{NAME}")));
}

#[test]
fn retry_after_holds_through_a_reload_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (port, requests) = pebble::busy_server(dir.path(), 7200);
    let mut portal = portal(&format!("https://127.0.0.1:{port}/dir"), &dir.path().join("busy.pem"), NAME);
    start(&mut portal);
    let refused = portal.log().wait_for("no certificate by ACME").pop().unwrap();
    assert!(refused.contains("the answer is 503"), "{refused}");
    assert_eq!(requests.try_iter().count(), 1);
    signal(portal.pid(), rustix::process::Signal::HUP);
    portal.log().wait_for("refuses requests before 20");
    assert_eq!(portal.stop(), Some(0));
    start(&mut portal);
    portal.log().wait_for("refuses requests before 20");
    assert_eq!(portal.stop(), Some(0));
    assert_eq!(requests.try_iter().count(), 0);
}
