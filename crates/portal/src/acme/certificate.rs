//! The stored certificate: its dates and its names.

use super::schedule;
use crate::net::tls::TlsError;
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use std::path::Path;
use yasna::tags::TAG_UTCTIME;
use yasna::{ASN1Result, BERReader, Tag};

/// The text before the key and the chain in the stored file (RFC 7468 permits text there) that names the server.
const DIRECTORY: &str = "ACME directory: ";

/// A certificate with its dates, Unix seconds.
pub(super) struct Stored {
    pub from: i64,
    pub until: i64,
    directory: Option<String>,
    certificate: CertificateDer<'static>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it is not PEM: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("its dates cannot be read: {0}")]
    Dates(#[from] yasna::ASN1Error),
}

impl Stored {
    pub(super) fn read(path: &Path) -> Result<Stored, TlsError> {
        let fail = |why: String| TlsError::Certificate { path: path.to_owned(), why };
        let pem = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
        Stored::parse(&pem).map_err(|e| fail(e.to_string()))
    }

    /// The text that is stored.
    pub(super) fn compose(directory: &str, key_and_chain: &str) -> String {
        format!("{DIRECTORY}{directory}\n{key_and_chain}")
    }

    /// The first certificate of a text: in a chain, that of the server.
    pub(super) fn parse(pem: &str) -> Result<Stored, Unreadable> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())?;
        let (from, until) = validity(&certificate)?;
        let directory = pem.lines().next().and_then(|line| line.strip_prefix(DIRECTORY)).map(str::to_owned);
        Ok(Stored { from, until, directory, certificate })
    }

    pub(super) fn renewal(&self) -> i64 {
        schedule::renewal(self.from, self.until)
    }

    /// Why it is not the certificate of these settings; `None` if it is.
    pub(super) fn mismatch(&self, directory: &str, names: &[String]) -> Option<String> {
        if let Some(name) = self.missing(names) {
            return Some(format!("does not contain {name}"));
        }
        (self.directory.as_deref() != Some(directory)).then(|| format!("is not from {directory}"))
    }

    /// The first of `names` that it does not cover.
    fn missing<'a>(&self, names: &'a [String]) -> Option<&'a str> {
        let parsed = ParsedCertificate::try_from(&self.certificate);
        let covers = |name: &str| match (&parsed, ServerName::try_from(name)) {
            (Ok(parsed), Ok(name)) => verify_server_name(parsed, &name).is_ok(),
            _ => false,
        };
        names.iter().map(String::as_str).find(|name| !covers(name))
    }
}

/// The dates of a certificate (RFC 5280, section 4.1): `Certificate`, `TBSCertificate`, `Validity`.
fn validity(der: &[u8]) -> ASN1Result<(i64, i64)> {
    yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            let validity = reader.next().read_sequence(|reader| {
                // The version.
                reader.read_optional(|reader| {
                    reader.read_tagged(Tag::context(0), |reader| reader.read_der())
                })?;
                // The serial number, the algorithm and the issuer.
                for _ in 0..3 {
                    reader.next().read_der()?;
                }
                let validity = reader
                    .next()
                    .read_sequence(|reader| Ok((moment(reader.next())?, moment(reader.next())?)))?;
                while reader.read_optional(|reader| reader.read_der())?.is_some() {}
                Ok(validity)
            })?;
            // The algorithm and the signature.
            reader.next().read_der()?;
            reader.next().read_der()?;
            Ok(validity)
        })
    })
}

fn moment(reader: BERReader<'_, '_>) -> ASN1Result<i64> {
    Ok(if reader.lookahead_tag()? == TAG_UTCTIME {
        reader.read_utctime()?.datetime().unix_timestamp()
    } else {
        reader.read_generalized_time()?.datetime().unix_timestamp()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(from: i64, until: i64) -> rcgen::Certificate {
        let names = ["photos.example.org".to_owned(), "*.example.net".to_owned()];
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = time::OffsetDateTime::from_unix_timestamp(from).unwrap();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(until).unwrap();
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn dates_before_and_after_2050_are_read() {
        for (from, until) in [(1_800_000_000, 1_800_518_400), (1_800_000_000, 2_600_000_000)] {
            let certificate = certificate(from, until);
            assert_eq!(validity(certificate.der()), Ok((from, until)));
            let der = certificate.der();
            for length in 0..der.len() {
                assert!(validity(&der[..length]).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn names_that_are_not_covered_are_found() {
        let pem = certificate(1_800_000_000, 1_800_518_400).pem();
        let stored = Stored::parse(&pem).unwrap();
        let missing = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            stored.missing(&names).map(str::to_owned)
        };
        assert_eq!(missing(&["photos.example.org", "a.example.net"]), None);
        assert_eq!(missing(&["photos.example.org", "example.org"]), Some("example.org".into()));
        assert!(Stored::parse("no certificate").is_err());
        let names = ["photos.example.org".to_owned()];
        assert_eq!(stored.mismatch("https://ca/dir", &names), Some("is not from https://ca/dir".into()));
        let stored = Stored::parse(&Stored::compose("https://ca/dir", &pem)).unwrap();
        assert_eq!(stored.mismatch("https://ca/dir", &names), None);
        assert_eq!(
            stored.mismatch("https://other/dir", &names),
            Some("is not from https://other/dir".into())
        );
    }
}
