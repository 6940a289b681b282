//! The local certificate authority: a key that never leaves the state folder, and the certificate of the
//! portal that it signs.
//!
//! Name constraints limit the authority to the portal's names and addresses of home networks, so that a key
//! stolen from the NAS does not endanger a device that trusts it. New names outside of the constraints need a
//! new authority; otherwise the authority is kept.

use super::tls::{TlsError, certified};
use base64::Engine;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::OffsetDateTime;

/// Ten years for the authority; its certificates for the maximum that Apple's devices accept.
const AUTHORITY_DAYS: i64 = 3650;
const CERTIFICATE_DAYS: i64 = 397;
/// A certificate with less than this left is renewed.
pub const RENEW_DAYS: i64 = 30;

/// Name suffixes used only in home networks; the host's own are added.
pub(crate) const HOME: &[&str] = &["local", "lan", "home.arpa", "internal", "fritz.box", "localhost"];

#[derive(Debug)]
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
    der: CertificateDer<'static>,
    /// Name suffixes that it may sign for.
    domains: Vec<String>,
}

/// The input of the authority's certificate: sufficient to sign with it again.
#[derive(Serialize, Deserialize)]
struct Recipe {
    created: i64,
    serial: u64,
    domains: Vec<String>,
}

impl Authority {
    /// The authority in `state/tls`, if it may sign for all `names`; else a new one.
    pub fn open(state: &Path, names: &[String], now: i64) -> Result<Authority, TlsError> {
        let dir = state.join("tls");
        let fail = |path: &Path, e: &dyn std::fmt::Display| TlsError::Authority {
            path: path.to_owned(),
            why: e.to_string(),
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| fail(&dir, &e))?;
        let recipe_path = dir.join("authority.json");
        let key_path = dir.join("authority.key");
        let certificate_path = dir.join("authority.crt");
        match std::fs::read_to_string(&recipe_path) {
            Ok(text) => {
                let recipe: Recipe = serde_json::from_str(&text).map_err(|e| fail(&recipe_path, &e))?;
                let key = std::fs::read_to_string(&key_path).map_err(|e| fail(&key_path, &e))?;
                let key = KeyPair::from_pem(&key).map_err(|e| fail(&key_path, &e))?;
                let certificate = CertificateDer::from_pem_file(&certificate_path)
                    .map_err(|e| fail(&certificate_path, &e))?;
                let is_valid = now < recipe.created + (AUTHORITY_DAYS - CERTIFICATE_DAYS) * 86_400;
                let authority =
                    Authority::of(&recipe, key, Some(certificate)).map_err(|e| fail(&recipe_path, &e))?;
                if is_valid && names.iter().all(|n| authority.may_vouch_for(n)) {
                    return Ok(authority);
                }
                tracing::warn!("a new local certificate authority is made: devices must install it anew");
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(fail(&recipe_path, &e)),
        }
        let mut domains: Vec<String> = HOME.iter().map(|d| (*d).to_owned()).collect();
        domains.extend(names.iter().filter(|n| n.parse::<IpAddr>().is_err()).cloned());
        domains.sort();
        domains.dedup();
        let serial = u64::from_be_bytes(crate::secret::random().map_err(|e| fail(&key_path, &e))?) >> 1;
        let recipe = Recipe { created: now, serial, domains };
        let key = KeyPair::generate().map_err(|e| fail(&key_path, &e))?;
        // The recipe is written last: without it, key and certificate are created again.
        write_private(&key_path, key.serialize_pem().as_bytes()).map_err(|e| fail(&key_path, &e))?;
        let text = serde_json::to_vec(&recipe).map_err(|e| fail(&recipe_path, &e))?;
        let authority = Authority::of(&recipe, key, None).map_err(|e| fail(&recipe_path, &e))?;
        write_private(&certificate_path, authority.pem.as_bytes())
            .map_err(|e| fail(&certificate_path, &e))?;
        write_private(&recipe_path, &text).map_err(|e| fail(&recipe_path, &e))?;
        Ok(authority)
    }

    /// The authority of a recipe. Its certificate is stored, not signed again: signatures differ each time,
    /// and devices have this one installed.
    fn of(
        recipe: &Recipe,
        key: KeyPair,
        known: Option<CertificateDer<'static>>,
    ) -> Result<Authority, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, "Albumen");
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Albumen local authority {:08x}", recipe.serial >> 32));
        params.serial_number = Some(SerialNumber::from(recipe.serial));
        params.not_before = moment(recipe.created - 86_400);
        params.not_after = moment(recipe.created + AUTHORITY_DAYS * 86_400);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let names = recipe.domains.iter().map(|d| GeneralSubtree::DnsName(d.clone()));
        let networks = [
            CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8),
            CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8),
            CidrSubnet::from_v4_prefix([169, 254, 0, 0], 16),
            CidrSubnet::from_v4_prefix([172, 16, 0, 0], 12),
            CidrSubnet::from_v4_prefix([192, 168, 0, 0], 16),
            CidrSubnet::from_v4_prefix([100, 64, 0, 0], 10),
            CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::LOCALHOST.octets(), 128),
            CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0).octets(), 7),
            CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).octets(), 10),
        ];
        let permitted_subtrees = names.chain(networks.map(GeneralSubtree::IpAddress)).collect();
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        let der = match known {
            Some(der) => der,
            None => params.self_signed(&key)?.der().clone(),
        };
        let pem = pem(&der);
        Ok(Authority { pem, der, domains: recipe.domains.clone(), params, key })
    }

    /// Whether a name or address is within its constraints.
    fn may_vouch_for(&self, name: &str) -> bool {
        match name.parse::<IpAddr>() {
            Ok(address) => is_home(address),
            Err(_) => self
                .domains
                .iter()
                .any(|d| name == d || name.strip_suffix(d).is_some_and(|head| head.ends_with('.'))),
        }
    }

    /// A certificate for the portal. Addresses outside of home networks are left out: the authority may not
    /// sign for them.
    pub fn issue(&self, names: &[String], addresses: &[IpAddr], now: i64) -> Result<Issued, TlsError> {
        let fail = |e: rcgen::Error| TlsError::Issue(e.to_string());
        let mut params = CertificateParams::new(names.to_vec()).map_err(fail)?;
        let home = addresses.iter().copied().filter(|a| is_home(*a));
        params.subject_alt_names.extend(home.map(SanType::IpAddress));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("Albumen", String::as_str));
        params.not_before = moment(now - 86_400);
        params.not_after = moment(now + (CERTIFICATE_DAYS - 1) * 86_400);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(fail)?;
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).map_err(fail)?;
        let chain = vec![certificate.der().clone(), self.der.clone()];
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Issued { key: Arc::new(certified(chain, private)?), until: now + (CERTIFICATE_DAYS - 1) * 86_400 })
    }

    /// The certificate that devices install.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// SHA-256 of the certificate, in pairs of digits.
    pub fn fingerprint(&self) -> String {
        let pairs =
            digest(&SHA256, &self.der).as_ref().iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>();
        pairs.join(":")
    }
}

/// A certificate as text.
fn pem(der: &CertificateDer<'_>) -> String {
    let coded = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<String> =
        coded.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A certificate of the portal; its key is in memory only.
pub struct Issued {
    pub key: Arc<CertifiedKey>,
    /// Unix seconds.
    pub until: i64,
}

fn is_home(address: IpAddr) -> bool {
    match crate::config::plain_address(address) {
        IpAddr::V4(a) => {
            a.is_private()
                || a.is_loopback()
                || a.is_link_local()
                || (a.octets()[0] == 100 && a.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(a) => a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local(),
    }
}

fn moment(at: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Writes a file for its owner only, atomically.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.to_owned().into_os_string();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let _ = std::fs::remove_file(&temporary);
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    if let Some(dir) = path.parent() {
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_kept_while_it_may_vouch_for_the_names() {
        let dir = tempfile::tempdir().unwrap();
        let names = |n: &[&str]| n.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let first = Authority::open(dir.path(), &names(&["nas", "nas.local"]), 1_800_000_000).unwrap();
        let again =
            Authority::open(dir.path(), &names(&["nas", "other.local", "192.168.1.2"]), 1_800_000_000)
                .unwrap();
        assert_eq!(first.der, again.der);
        let third =
            Authority::open(dir.path(), &names(&["nas", "photos.example.org"]), 1_800_000_000).unwrap();
        assert_ne!(first.der, third.der);
        let late = Authority::open(dir.path(), &names(&["nas"]), 1_800_000_000 + 3300 * 86_400).unwrap();
        assert_ne!(third.der, late.der);
        for file in ["authority.key", "authority.json"] {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join("tls").join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
