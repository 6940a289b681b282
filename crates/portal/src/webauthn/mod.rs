//! Passkeys (WebAuthn level 2): registration and sign-in, with user verification, without attestation.
//!
//! webauthn-rs brings some 170 crates beyond those that the portal has (342 against 163, `cargo tree`); this
//! module implements the part of the standard that the portal needs, with ring for signatures. It follows the
//! steps of the standard's sections 7.1 and 7.2; attestation is left out, since no decision of the portal
//! depends on it.

mod cbor;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// COSE numbers of the accepted signature algorithms: ES256, EdDSA, RS256.
pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;
/// Bytes of a credential's id (the standard's limit), and of a key.
const LONGEST_ID: usize = 1023;
const LONGEST_KEY: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebauthnError {
    #[error("the passkey's answer cannot be read")]
    Malformed,
    #[error("the passkey's answer is to another question, or too late")]
    Challenge,
    #[error("the passkey's answer is for another site")]
    Origin,
    #[error("the passkey did not verify its user: set a PIN or fingerprint for it")]
    NotVerified,
    #[error("the kind of key is not known")]
    Algorithm,
    #[error("the signature is wrong")]
    Signature,
    #[error("this passkey seems to have been copied")]
    Copied,
}

/// The site that the browser must report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The host name without port.
    pub id: String,
    /// Scheme, host and port.
    pub origin: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// A new credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub id: Vec<u8>,
    /// COSE.
    pub public_key: Vec<u8>,
    pub counter: u32,
}

pub fn decode(text: &str) -> Result<Vec<u8>, WebauthnError> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| WebauthnError::Malformed)
}

pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The answer of `navigator.credentials.create`.
pub fn register(
    site: &Site,
    challenge: &str,
    client_data: &[u8],
    attestation: &[u8],
) -> Result<Credential, WebauthnError> {
    check_client(site, "webauthn.create", challenge, client_data)?;
    let (object, rest) = cbor::read(attestation).ok_or(WebauthnError::Malformed)?;
    if !rest.is_empty() {
        return Err(WebauthnError::Malformed);
    }
    let data = object.named("authData").and_then(cbor::Value::bytes).ok_or(WebauthnError::Malformed)?;
    let (flags, counter, rest) = check_authenticator(site, data)?;
    if flags & HAS_CREDENTIAL == 0 {
        return Err(WebauthnError::Malformed);
    }
    let rest = rest.get(16..).ok_or(WebauthnError::Malformed)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(WebauthnError::Malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > LONGEST_ID {
        return Err(WebauthnError::Malformed);
    }
    let (id, rest) = rest.split_at_checked(length).ok_or(WebauthnError::Malformed)?;
    let (_, after) = cbor::read(rest).ok_or(WebauthnError::Malformed)?;
    let public_key = &rest[..rest.len() - after.len()];
    if public_key.len() > LONGEST_KEY {
        return Err(WebauthnError::Malformed);
    }
    Key::read(public_key)?;
    Ok(Credential { id: id.to_vec(), public_key: public_key.to_vec(), counter })
}

/// The answer of `navigator.credentials.get`, by the key that was registered; the counter to store.
pub fn verify(
    site: &Site,
    challenge: &str,
    client_data: &[u8],
    data: &[u8],
    signature: &[u8],
    public_key: &[u8],
    counter: u32,
) -> Result<u32, WebauthnError> {
    check_client(site, "webauthn.get", challenge, client_data)?;
    let (_, new, _) = check_authenticator(site, data)?;
    let mut signed = data.to_vec();
    signed.extend_from_slice(digest(&SHA256, client_data).as_ref());
    Key::read(public_key)?.verify(&signed, signature)?;
    // Both zero: an authenticator without a counter, as with synchronised passkeys.
    if (new != 0 || counter != 0) && new <= counter {
        return Err(WebauthnError::Copied);
    }
    Ok(new)
}

fn check_client(site: &Site, kind: &str, challenge: &str, bytes: &[u8]) -> Result<(), WebauthnError> {
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| WebauthnError::Malformed)?;
    if data.r#type != kind || data.challenge.trim_end_matches('=') != challenge {
        return Err(WebauthnError::Challenge);
    }
    if data.origin != site.origin || data.cross_origin {
        return Err(WebauthnError::Origin);
    }
    Ok(())
}

/// Flags, counter, and the remaining bytes.
fn check_authenticator<'a>(site: &Site, data: &'a [u8]) -> Result<(u8, u32, &'a [u8]), WebauthnError> {
    let (id, rest) = data.split_first_chunk::<32>().ok_or(WebauthnError::Malformed)?;
    let (flags, rest) = rest.split_first().ok_or(WebauthnError::Malformed)?;
    let (counter, rest) = rest.split_first_chunk::<4>().ok_or(WebauthnError::Malformed)?;
    if id != digest(&SHA256, site.id.as_bytes()).as_ref() {
        return Err(WebauthnError::Origin);
    }
    if flags & (USER_PRESENT | USER_VERIFIED) != USER_PRESENT | USER_VERIFIED {
        return Err(WebauthnError::NotVerified);
    }
    Ok((*flags, u32::from_be_bytes(*counter), rest))
}

/// A public key in COSE form.
enum Key {
    /// An uncompressed point of P-256.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl Key {
    fn read(bytes: &[u8]) -> Result<Key, WebauthnError> {
        let (map, rest) = cbor::read(bytes).ok_or(WebauthnError::Malformed)?;
        if !rest.is_empty() {
            return Err(WebauthnError::Malformed);
        }
        let number = |key| map.numbered(key).and_then(cbor::Value::integer);
        let part = |key: i64, length: Option<usize>| {
            let bytes = map.numbered(key).and_then(cbor::Value::bytes).ok_or(WebauthnError::Malformed)?;
            if length.is_none_or(|l| l == bytes.len()) {
                Ok(bytes.to_vec())
            } else {
                Err(WebauthnError::Malformed)
            }
        };
        match (number(1), number(3), number(-1)) {
            (Some(2), Some(-7), Some(1)) => {
                Ok(Key::P256([vec![4], part(-2, Some(32))?, part(-3, Some(32))?].concat()))
            }
            (Some(1), Some(-8), Some(6)) => Ok(Key::Ed25519(part(-2, Some(32))?)),
            (Some(3), Some(-257), _) => Ok(Key::Rsa { n: part(-1, None)?, e: part(-2, None)? }),
            _ => Err(WebauthnError::Algorithm),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WebauthnError> {
        let verified = match self {
            Key::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Key::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Key::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| WebauthnError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

    fn site() -> Site {
        Site { id: "localhost".into(), origin: "https://localhost:8443".into() }
    }

    fn client(kind: &str, challenge: &str, origin: &str) -> Vec<u8> {
        serde_json::json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn authenticator(id: &str, flags: u8, counter: u32) -> Vec<u8> {
        [digest(&SHA256, id.as_bytes()).as_ref(), &[flags], &counter.to_be_bytes()].concat()
    }

    fn bytes(content: &[u8]) -> Vec<u8> {
        [&[0x59][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    }

    fn attestation(data: &[u8]) -> Vec<u8> {
        [
            &[0xa3, 0x63][..],
            b"fmt",
            &[0x64],
            b"none",
            &[0x67],
            b"attStmt",
            &[0xa0, 0x68],
            b"authData",
            &bytes(data),
        ]
        .concat()
    }

    fn es256() -> (EcdsaKeyPair, Vec<u8>) {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let cose = [
            &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..],
            &point[1..33],
            &[0x22, 0x58, 32],
            &point[33..],
        ]
        .concat();
        (pair, cose)
    }

    fn registered(cose: &[u8], flags: u8) -> Result<Credential, WebauthnError> {
        let data = [&authenticator("localhost", flags, 1)[..], &[0; 16], &[0, 3], b"abc", cose].concat();
        register(&site(), "Q", &client("webauthn.create", "Q", "https://localhost:8443"), &attestation(&data))
    }

    #[test]
    fn a_passkey_from_registration_to_sign_in() {
        let (pair, cose) = es256();
        let credential = registered(&cose, 0x45).unwrap();
        assert_eq!((credential.id.as_slice(), credential.counter), (&b"abc"[..], 1));
        assert_eq!(credential.public_key, cose);
        let sign = |client: &[u8], data: &[u8]| {
            let message = [data, digest(&SHA256, client).as_ref()].concat();
            pair.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec()
        };
        let tried = |client: &[u8], data: &[u8], counter| {
            verify(&site(), "Q", client, data, &sign(client, data), &cose, counter)
        };
        let right = client("webauthn.get", "Q", "https://localhost:8443");
        let data = authenticator("localhost", 5, 2);
        assert_eq!(tried(&right, &data, 1), Ok(2));
        assert_eq!(tried(&right, &data, 2), Err(WebauthnError::Copied));
        assert_eq!(tried(&right, &authenticator("localhost", 5, 0), 0), Ok(0));
        assert_eq!(tried(&right, &authenticator("localhost", 5, 0), 9), Err(WebauthnError::Copied));
        assert_eq!(tried(&right, &authenticator("localhost", 1, 2), 1), Err(WebauthnError::NotVerified));
        assert_eq!(tried(&right, &authenticator("evil.example", 5, 2), 1), Err(WebauthnError::Origin));
        assert_eq!(
            tried(&client("webauthn.create", "Q", "https://localhost:8443"), &data, 1),
            Err(WebauthnError::Challenge)
        );
        assert_eq!(
            tried(&client("webauthn.get", "R", "https://localhost:8443"), &data, 1),
            Err(WebauthnError::Challenge)
        );
        assert_eq!(
            tried(&client("webauthn.get", "Q", "https://localhost"), &data, 1),
            Err(WebauthnError::Origin)
        );
        let mut signature = sign(&right, &data);
        *signature.last_mut().unwrap() ^= 1;
        assert_eq!(verify(&site(), "Q", &right, &data, &signature, &cose, 1), Err(WebauthnError::Signature));
        let (_, other) = es256();
        assert_eq!(
            verify(&site(), "Q", &right, &data, &sign(&right, &data), &other, 1),
            Err(WebauthnError::Signature)
        );
    }

    #[test]
    fn ed25519_keys_are_taken_and_unknown_ones_are_not() {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let cose = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], pair.public_key().as_ref()].concat();
        registered(&cose, 0x45).unwrap();
        let (client, data) =
            (client("webauthn.get", "Q", "https://localhost:8443"), authenticator("localhost", 5, 2));
        let signature = pair.sign(&[&data[..], digest(&SHA256, &client).as_ref()].concat());
        assert_eq!(verify(&site(), "Q", &client, &data, signature.as_ref(), &cose, 1), Ok(2));
        // ES384.
        assert_eq!(registered(&[0xa3, 1, 2, 3, 0x38, 0x22, 0x20, 2], 0x45), Err(WebauthnError::Algorithm));
    }

    #[test]
    fn a_registration_needs_a_verified_user_and_a_credential() {
        let (_, cose) = es256();
        assert_eq!(registered(&cose, 0x41), Err(WebauthnError::NotVerified));
        assert_eq!(registered(&cose, 0x05), Err(WebauthnError::Malformed));
        assert_eq!(registered(&cose[..40], 0x45), Err(WebauthnError::Malformed));
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_panics(attested in prop::collection::vec(any::<u8>(), 0..300), data in prop::collection::vec(any::<u8>(), 0..300)) {
            let client = client("webauthn.create", "Q", "https://localhost:8443");
            let _ = register(&site(), "Q", &client, &attested);
            let _ = register(&site(), "Q", &client, &attestation(&[&authenticator("localhost", 0x45, 1)[..], &data].concat()));
            let _ = verify(&site(), "Q", &client, &data, &attested, &data, 0);
        }
    }
}
