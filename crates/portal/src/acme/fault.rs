//! Why there is no certificate: the cause, and the next step.

use super::Settings;
use instant_acme::{Error, Problem};
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(
        "{directory} cannot be used: {why}; check acme_directory, the network and the clock of this machine, and for a \
         private certificate authority acme_ca"
    )]
    Server { directory: String, why: String },
    #[error("{directory} refuses: {}; {}", detail(problem), advice(problem))]
    Refused { directory: String, problem: Problem },
    #[error("{name} is not validated: {}; {}", detail(problem), validation_advice(problem))]
    Validation { name: String, problem: Problem },
    #[error("the server does not offer TLS-ALPN-01 for {name}: use another ACME server, or tls = \"files\"")]
    NoChallenge { name: String },
    #[error("the server does not have the account")]
    NoAccount,
    #[error("the server did not complete the order in time")]
    Slow,
    #[error("the certificate of the server cannot be used: {0}")]
    Unusable(String),
    #[error(
        "the certificate of the server is valid from {from} until {until}, but the clock of this machine shows {now}: correct \
         the clock"
    )]
    Clock { from: String, until: String, now: String },
    #[error("{path} cannot be used: {why}; check its owner, and free space", path = .path.display())]
    Stored { path: PathBuf, why: String },
    #[error("the file of acme_ca, {path}, cannot be used: {why}", path = .path.display())]
    Authorities { path: PathBuf, why: String },
    #[error(
        "this system has no list of certificate authorities: install the package ca-certificates, or set acme_ca"
    )]
    NoAuthorities,
    #[error("{0}")]
    Internal(String),
}

impl Fault {
    /// The server ended an order without a description.
    pub(super) fn no_reason(settings: &Settings) -> Fault {
        let why = "the order failed, and the server does not describe why".to_owned();
        Fault::Server { directory: settings.directory.clone(), why }
    }

    pub(super) fn of(error: Error, settings: &Settings) -> Fault {
        let directory = settings.directory.clone();
        match error {
            Error::Api(problem) if kind(&problem) == "accountDoesNotExist" => Fault::NoAccount,
            Error::Api(problem) => Fault::Refused { directory, problem },
            Error::Timeout(_) => Fault::Slow,
            Error::Json(_) => Fault::Server { directory, why: "the answer is not ACME".to_owned() },
            other => Fault::Server { directory, why: other.to_string() },
        }
    }
}

/// The last part of a problem's type (RFC 8555, section 6.7).
fn kind(problem: &Problem) -> &str {
    problem.r#type.as_deref().and_then(|t| t.rsplit(':').next()).unwrap_or_default()
}

/// The server's description, with those of single names.
fn detail(problem: &Problem) -> String {
    let mut parts: Vec<String> = problem.detail.iter().cloned().collect();
    parts.extend(problem.subproblems.iter().map(|s| s.to_string()));
    if parts.is_empty() { kind(problem).to_owned() } else { parts.join("; ") }
}

/// The next step after a failed validation.
fn validation_advice(problem: &Problem) -> &'static str {
    match kind(problem) {
        "connection" | "tls" | "unauthorized" | "incorrectResponse" => {
            "forward port 443 of the addresses in the DNS entry of this name, IPv4 and IPv6, to the portal, without a proxy that \
             ends TLS"
        }
        "dns" => "create a DNS entry of this name with the public address of your router",
        "caa" | "rateLimited" => advice(problem),
        // Servers report other types for names without an address, too.
        _ => {
            "check the DNS entry of this name, and that port 443 of its addresses is forwarded to the portal"
        }
    }
}

/// The next step after a refused request.
fn advice(problem: &Problem) -> &'static str {
    match kind(problem) {
        "caa" => "permit this certificate authority in the CAA record of the domain",
        "rejectedIdentifier" | "unsupportedIdentifier" => "correct names, or use another ACME server",
        "invalidContact" | "unsupportedContact" => "correct acme_contact",
        "rateLimited" => "the portal waits for the time that the server names",
        "externalAccountRequired" => {
            "it needs an account of its operator, which the portal does not support: use another ACME server, or an ACME \
             client and tls = \"files\""
        }
        "unauthorized" => "delete tls/acme-account.json in the state folder, if the account was deactivated",
        "userActionRequired" => "read and accept its new terms at the address that it names",
        _ => "if this persists, consult the documentation of the ACME server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_cause_and_next_step() {
        let problem: Problem = serde_json::from_str(
            r#"{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"Cannot issue","status":400,
                "subproblems":[{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"Forbidden by policy",
                "identifier":{"type":"dns","value":"nas.example.org"}}]}"#,
        )
        .unwrap();
        let text = Fault::Refused { directory: "https://ca/dir".into(), problem }.to_string();
        for part in ["https://ca/dir refuses: Cannot issue", "nas.example.org", "correct names"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
