//! One order: the account, the challenges, the certificate.

use super::client::Client;
use super::fault::Fault;
use super::{Settings, schedule, write};
use crate::net::tls::Certificates;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder,
    Order, OrderStatus,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

/// The account as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredAccount {
    directory: String,
    contact: String,
    credentials: AccountCredentials,
}

/// Orders a certificate for the names: the key and the chain, PEM.
pub(super) async fn obtain(
    settings: &Settings,
    certificates: &Certificates,
    client: &Client,
) -> Result<String, Fault> {
    let account = account(settings, client).await?;
    match certificate(settings, certificates, client, &account).await {
        Err(Fault::NoAccount) => {
            tracing::warn!("the ACME server does not have the stored account: a new one is registered");
            let account = register(settings, client).await?;
            certificate(settings, certificates, client, &account).await
        }
        other => other,
    }
}

fn path(settings: &Settings) -> PathBuf {
    settings.dir.join("acme-account.json")
}

/// The stored account, if it belongs to the directory and the contact; otherwise a new one.
async fn account(settings: &Settings, client: &Client) -> Result<Account, Fault> {
    let path = path(settings);
    let fail = |why: String| Fault::Stored { path: path.clone(), why };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return register(settings, client).await,
        Err(e) => return Err(fail(e.to_string())),
    };
    let stored = match serde_json::from_slice::<StoredAccount>(&text) {
        Ok(stored) if stored.directory == settings.directory && stored.contact == settings.contact => stored,
        Ok(_) => return register(settings, client).await,
        Err(e) => {
            tracing::warn!("{} cannot be read ({e}): a new ACME account is registered", path.display());
            return register(settings, client).await;
        }
    };
    let builder = Account::builder_with_http(Box::new(client.clone()));
    builder.from_credentials(stored.credentials).await.map_err(|e| Fault::of(e, settings))
}

async fn register(settings: &Settings, client: &Client) -> Result<Account, Fault> {
    let contact = format!("mailto:{}", settings.contact);
    let contact: &[&str] = if settings.contact.is_empty() { &[] } else { &[&contact] };
    let new = NewAccount { contact, terms_of_service_agreed: true, only_return_existing: false };
    let builder = Account::builder_with_http(Box::new(client.clone()));
    let created = builder.create(&new, settings.directory.clone(), None).await;
    let (account, credentials) = created.map_err(|e| Fault::of(e, settings))?;
    let (directory, contact) = (settings.directory.clone(), settings.contact.clone());
    let stored = StoredAccount { directory, contact, credentials };
    let text = serde_json::to_vec(&stored).map_err(|e| Fault::Internal(e.to_string()))?;
    write(&path(settings), &text)?;
    Ok(account)
}

/// The challenges that are answered; the answers are removed when it is dropped.
struct Answers<'a> {
    certificates: &'a Certificates,
    names: Vec<String>,
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            self.certificates.set_challenge(name, None);
        }
    }
}

async fn certificate(
    settings: &Settings,
    certificates: &Certificates,
    client: &Client,
    account: &Account,
) -> Result<String, Fault> {
    let of = |e: Error| {
        if let Error::Timeout(Some(at)) = &e {
            let wait = at.saturating_duration_since(std::time::Instant::now());
            client.hold_off(crate::clock::now().saturating_add_unsigned(wait.as_secs()));
        }
        Fault::of(e, settings)
    };
    let names: Vec<Identifier> = settings.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(of)?;
    let mut answers = Answers { certificates, names: Vec::new() };
    answer(&mut order, &mut answers, settings).await?;
    let ready = order.poll_ready(&schedule::polling()).await;
    drop(answers);
    match ready {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(Error::Api(_)) => {
            let fallback = ready.err().map_or_else(|| Fault::no_reason(settings), of);
            return Err(refusal(&mut order).await.unwrap_or(fallback));
        }
        Err(e) => return Err(of(e)),
    }
    let key = order.finalize().await.map_err(of)?;
    let chain = order.poll_certificate(&schedule::polling()).await.map_err(of)?;
    Ok(format!("{key}{chain}"))
}

/// Prepares the answers to the challenges, and requests the validation. Names that the server has validated
/// recently need no challenge.
async fn answer(order: &mut Order, answers: &mut Answers<'_>, settings: &Settings) -> Result<(), Fault> {
    let of = |e: Error| Fault::of(e, settings);
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(of)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
            return Err(Fault::NoChallenge { name });
        };
        let digest = challenge.key_authorization().digest();
        let key = challenge_certificate(&name, digest.as_ref())?;
        answers.certificates.set_challenge(&name, Some(Arc::new(key)));
        answers.names.push(name);
        challenge.set_ready().await.map_err(of)?;
    }
    Ok(())
}

/// The certificate that answers a challenge: self-signed, for one name, with the digest of the key
/// authorization (RFC 8737, section 3).
fn challenge_certificate(name: &str, digest: &[u8]) -> Result<CertifiedKey, Fault> {
    let fail = |e: rcgen::Error| Fault::Internal(e.to_string());
    let mut params = CertificateParams::new([name.to_owned()]).map_err(fail)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(fail)?;
    let certificate = params.self_signed(&key).map_err(fail)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Not by `certified`: its check refuses certificates with the critical extension of ACME.
    let key = ring::sign::any_supported_type(&private).map_err(|e| Fault::Internal(e.to_string()))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// Why the server did not validate a name.
async fn refusal(order: &mut Order) -> Option<Fault> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else { continue };
        let problem = state.challenges.iter().find_map(|c| c.error.clone());
        if let Some(problem) = problem {
            return Some(Fault::Validation { name, problem });
        }
    }
    None
}
