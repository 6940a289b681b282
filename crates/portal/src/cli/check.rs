//! `albumen-portal check`: the settings, the certificate, the database, and the connection to the engine.

use super::{Done, FAILED, Failure, open, say};
use crate::acme;
use crate::clock::now;
use crate::config::{Config, SpaceKind, Tls};
use crate::net;
use crate::net::authority::Authority;
use crate::net::tls::{Certificates, Source};

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Check only the settings, for a reload
    #[arg(long)]
    config_only: bool,
}

pub(super) fn run(args: &CheckArgs, config: &Config) -> Done {
    let from =
        config.path.as_ref().map_or_else(|| "none, the defaults hold".into(), |p| p.display().to_string());
    say(format_args!("settings: {from}"))?;
    if args.config_only {
        return Ok(());
    }
    let store = open(config)?;
    let mut faults = store.check()?;
    let names = super::serve::hosts(config);
    match config.portal.tls {
        Tls::Off => say("tls: off; a proxy, or this machine alone, is expected to ask")?,
        Tls::SelfSigned => {
            let authority = Authority::open(&config.portal.state, &names, now())?;
            say(format_args!(
                "tls: certificate by the portal's own authority, SHA-256 {}",
                authority.fingerprint()
            ))?;
        }
        Tls::Acme => {
            say(format_args!("tls: certificates by {}", config.portal.acme_directory))?;
            match acme::Settings::new(&config.portal).describe() {
                Ok(Some(stored)) => say(format_args!("certificate: {stored}"))?,
                Ok(None) => say("certificate: none yet; the portal orders it when it runs")?,
                Err(fault) => faults.push(fault),
            }
            let public = config.portal.public_names();
            for name in config.portal.names.iter().filter(|name| !public.contains(name)) {
                say(format_args!("name {name}: not public, and not part of the certificate"))?;
            }
        }
        Tls::Files => {
            if let (Some(certificate), Some(key)) = (&config.portal.certificate, &config.portal.key) {
                let source = Source::Files { certificate: certificate.clone(), key: key.clone() };
                match Certificates::load(source, now()) {
                    Ok(_) => say(format_args!("tls: {}", certificate.display()))?,
                    Err(e) => faults.push(e.to_string()),
                }
            }
        }
    }
    say(format_args!("names: {}, and IP addresses", names.join(", ")))?;
    let spaces = config.resolve_spaces();
    let (_, policy) = store.policy(&spaces)?;
    for space in spaces.iter() {
        let owner =
            policy.spaces.get(&space.name).and_then(|s| s.owner).and_then(|id| policy.accounts.get(&id));
        match (space.kind, owner) {
            (SpaceKind::Shared, _) => say(format_args!("space {}: shared", space.name))?,
            (SpaceKind::Personal, Some(owner)) => {
                say(format_args!("space {}: of {}", space.name, owner.name))?
            }
            (SpaceKind::Personal, None) => say(format_args!(
                "space {}: of no account, so nobody sees it: `albumen-portal account set NAME --space {}`",
                space.name, space.name
            ))?,
        }
        for grant in store.grants(&space.name)? {
            if space.shown(&grant.folder).is_none() {
                let volume = String::from_utf8_lossy(&grant.folder.volume).into_owned();
                faults.push(format!(
                    "space {}: rights are granted in {volume}, which is not in the config any more",
                    space.name
                ));
            }
        }
    }
    let accounts = store.accounts()?;
    say(format_args!(
        "accounts: {}, administrators: {}",
        accounts.len(),
        accounts.iter().filter(|a| a.is_admin).count()
    ))?;
    if let Some(socket) = &config.socket {
        match crate::engine::request(socket, "GET", "/v1/status", None) {
            Ok(_) => say(format_args!("engine: answers at {}", socket.display()))?,
            Err(e) => say(format_args!("engine: {e}; photos can be looked at, and not changed"))?,
        }
    }
    for address in net::host_addresses().iter().filter(|a| !a.is_loopback()) {
        say(format_args!("address: {address}"))?;
    }
    if faults.is_empty() { say("ok") } else { Err(Failure::new(FAILED, faults.join("\nalbumen-portal: "))) }
}
