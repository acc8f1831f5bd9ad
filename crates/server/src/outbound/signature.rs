//! Signatures over the raw bytes of a webhook or callback.
//!
//! Two of them stand side by side. Standard Webhooks: HMAC-SHA-256 over `id "." timestamp "." body` with a secret
//! shared with the receiver, after
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>. RSA: RSASSA-PKCS1-v1_5
//! with SHA-256 over `timestamp "." body` with the key of the merchant's certificate, so that a receiver needs no
//! secret to check it.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ParsedCertificate;
use std::fmt;
use subtle::ConstantTimeEq;
use xanpay_domain::id::to_hex;

/// The event's id, the same at every try.
pub const WEBHOOK_ID: &str = "webhook-id";
/// When this try was signed, in seconds since 1970.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// One or more Standard Webhooks signatures, separated by spaces.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";
/// The RSA signature in base64. Lower case, as header names are written on the wire by hyper.
pub const XANPAY_SIGNATURE: &str = "x-xanpay-signature";
/// The timestamp inside the RSA signature, in seconds since 1970.
pub const XANPAY_TIMESTAMP: &str = "x-xanpay-timestamp";
/// Which certificate the RSA signature belongs to.
pub const XANPAY_KEY_ID: &str = "x-xanpay-key-id";

/// How far a signature's time may lie from the verifier's, in seconds.
pub const TOLERANCE_SECONDS: i64 = 5 * 60;

const SECRET_PREFIX: &str = "whsec_";
const VERSION: &str = "v1";
/// The version, its comma and 32 bytes in base64.
const SIGNATURE_LENGTH: usize = 47;

/// Why a key is not taken or a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The webhook secret is not `whsec_` and 24 to 64 bytes in base64.
    #[error("a webhook secret is whsec_ followed by 24 to 64 bytes in base64")]
    Secret,
    /// The private key is not PKCS #8 DER of an RSA key.
    #[error("the signing key is not an RSA key in PKCS #8")]
    PrivateKey,
    /// Neither an X.509 certificate nor a public key, or not RSA of at least 2048 bits.
    #[error("not a certificate or public key of RSA with at least 2048 bits")]
    PublicKey,
    /// The cryptographic library could not sign.
    #[error("signing failed")]
    Signing,
    /// The timestamp is not whole seconds in plain digits.
    #[error("the timestamp is not a number of seconds")]
    Timestamp,
    /// The timestamp lies more than [`TOLERANCE_SECONDS`] back.
    #[error("the timestamp is too old")]
    TooOld,
    /// The timestamp lies more than [`TOLERANCE_SECONDS`] ahead.
    #[error("the timestamp is in the future")]
    TooNew,
    /// No signature belongs to this key and these bytes.
    #[error("no signature matches")]
    Mismatch,
}

/// A Standard Webhooks secret, shared with one endpoint.
#[derive(Clone)]
pub struct WebhookSecret {
    bytes: Vec<u8>,
    key: hmac::Key,
}

impl WebhookSecret {
    /// A secret from random bytes; 24 to 64 of them, as the specification asks.
    ///
    /// # Errors
    /// [`SignatureError::Secret`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        if !(24..=64).contains(&bytes.len()) {
            return Err(SignatureError::Secret);
        }
        Ok(Self { bytes: bytes.to_vec(), key: hmac::Key::new(hmac::HMAC_SHA256, bytes) })
    }

    /// Reads the text form, `whsec_` and base64.
    ///
    /// # Errors
    /// [`SignatureError::Secret`] if it is anything else.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(SignatureError::Secret)?;
        Self::from_bytes(&STANDARD.decode(encoded).map_err(|_| SignatureError::Secret)?)
    }

    /// The text form that is shown to the merchant once.
    pub fn reveal(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(&self.bytes))
    }

    /// The bytes, for sealing them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn append_signature(&self, head: &str, body: &[u8], text: &mut String) {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(head.as_bytes());
        context.update(body);
        text.push_str(VERSION);
        text.push(',');
        STANDARD.encode_string(context.sign(), text);
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// The value of [`WEBHOOK_SIGNATURE`]: one signature per secret, in the order given, which is two while a secret
/// rotates. The id must not contain a full stop, which separates the signed parts.
pub fn sign(secrets: &[&WebhookSecret], id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp_seconds}.");
    let mut text = String::with_capacity(secrets.len() * (SIGNATURE_LENGTH + 1));
    for secret in secrets {
        if !text.is_empty() {
            text.push(' ');
        }
        secret.append_signature(&head, body, &mut text);
    }
    text
}

/// The reference verifier: what a receiver does with the three headers and the raw body.
///
/// It holds if any `v1` signature in the header belongs to the secret. Compared in constant time.
///
/// # Errors
/// [`SignatureError::Timestamp`], [`SignatureError::TooOld`], [`SignatureError::TooNew`] or
/// [`SignatureError::Mismatch`].
pub fn verify(
    secret: &WebhookSecret,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now_seconds: i64,
) -> Result<(), SignatureError> {
    let signed_at = fresh_timestamp(timestamp, now_seconds)?;
    let expected = sign(&[secret], id, signed_at, body);
    let matches = |given: &str| bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
    if signatures.split(' ').any(matches) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// Reads a timestamp header and holds it against the verifier's clock.
///
/// # Errors
/// [`SignatureError::Timestamp`], [`SignatureError::TooOld`] or [`SignatureError::TooNew`].
pub fn fresh_timestamp(timestamp: &str, now_seconds: i64) -> Result<i64, SignatureError> {
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SignatureError::Timestamp);
    }
    let signed_at: i64 = timestamp.parse().map_err(|_| SignatureError::Timestamp)?;
    let age_seconds = now_seconds.saturating_sub(signed_at);
    if age_seconds > TOLERANCE_SECONDS {
        Err(SignatureError::TooOld)
    } else if age_seconds < -TOLERANCE_SECONDS {
        Err(SignatureError::TooNew)
    } else {
        Ok(signed_at)
    }
}

/// Signs callbacks with the private key of a merchant's certificate.
pub struct RsaSigner {
    key: RsaKeyPair,
    key_id: String,
}

impl RsaSigner {
    /// Takes a private key as PKCS #8 DER.
    ///
    /// # Errors
    /// [`SignatureError::PrivateKey`] if it is not an RSA key in that form.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignatureError> {
        let key = RsaKeyPair::from_pkcs8(der).map_err(|_| SignatureError::PrivateKey)?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).map_err(|_| SignatureError::PrivateKey)?;
        let key_id = key_id(public.as_ref());
        Ok(Self { key, key_id })
    }

    /// Which certificate belongs to this key: the value of [`XANPAY_KEY_ID`].
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The value of [`XANPAY_SIGNATURE`].
    ///
    /// # Errors
    /// [`SignatureError::Signing`] if the cryptographic library refuses.
    pub fn sign(&self, timestamp_seconds: i64, body: &[u8]) -> Result<String, SignatureError> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        let digest = signed_digest(timestamp_seconds, body);
        self.key.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).map_err(|_| SignatureError::Signing)?;
        Ok(STANDARD.encode(signature))
    }
}

impl fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaSigner").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Checks RSA signatures with the public key of a merchant's certificate.
#[derive(Debug)]
pub struct RsaVerifier {
    key: ParsedPublicKey,
    key_id: String,
}

impl RsaVerifier {
    /// Takes the public key out of an X.509 certificate in PEM. Nobody's trust in the certificate is asked for: the
    /// receiver got it from the gateway itself.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`] if there is no certificate of an RSA key.
    pub fn from_certificate_pem(pem: &str) -> Result<Self, SignatureError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| SignatureError::PublicKey)?;
        let certificate = ParsedCertificate::try_from(&der).map_err(|_| SignatureError::PublicKey)?;
        Self::from_spki_der(&certificate.subject_public_key_info())
    }

    /// Takes a public key as SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`] if it is not an RSA key of 2048 to 8192 bits.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, SignatureError> {
        let key =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).parse().map_err(|_| SignatureError::PublicKey)?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(&key).map_err(|_| SignatureError::PublicKey)?;
        let key_id = key_id(public.as_ref());
        Ok(Self { key, key_id })
    }

    /// The value of [`XANPAY_KEY_ID`] that names this key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks the value of [`XANPAY_SIGNATURE`] for a timestamp and a raw body. How old the timestamp may be is asked
    /// of [`fresh_timestamp`].
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`] if the signature does not hold.
    pub fn verify(&self, timestamp_seconds: i64, body: &[u8], signature: &str) -> Result<(), SignatureError> {
        let signature = STANDARD.decode(signature).map_err(|_| SignatureError::Mismatch)?;
        let digest = signed_digest(timestamp_seconds, body);
        self.key.verify_digest_sig(&digest, &signature).map_err(|_| SignatureError::Mismatch)
    }
}

/// SHA-256 of `timestamp "." body`.
fn signed_digest(timestamp_seconds: i64, body: &[u8]) -> digest::Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(timestamp_seconds.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    context.finish()
}

/// The first 16 hexadecimal digits of the SHA-256 of a SubjectPublicKeyInfo.
fn key_id(spki_der: &[u8]) -> String {
    let mut text = to_hex(digest::digest(&digest::SHA256, spki_der).as_ref());
    text.truncate(16);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use std::time::UNIX_EPOCH;

    const ID: &str = "62b03b2a5f1c9d0011223344";
    const BODY: &[u8] = br#"{"timestamp":1618226757.504,"reason":"charge_status_updated"}"#;
    const NOW: i64 = 1_649_367_553;

    fn secret(byte: u8) -> WebhookSecret {
        WebhookSecret::from_bytes(&[byte; 32]).unwrap()
    }

    /// What the published library, which asks the system's clock, says.
    fn judge(secret: &WebhookSecret, id: &str, timestamp: &str, signatures: &str, body: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(WEBHOOK_ID, id.parse().unwrap());
        headers.insert(WEBHOOK_TIMESTAMP, timestamp.parse().unwrap());
        headers.insert(WEBHOOK_SIGNATURE, signatures.parse().unwrap());
        standardwebhooks::Webhook::new(&secret.reveal()).unwrap().verify(body, &headers).is_ok()
    }

    /// The clock that the published library reads.
    #[allow(clippy::disallowed_methods)]
    fn system_seconds() -> i64 {
        std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
    }

    #[test]
    fn a_signature_equals_the_one_of_the_published_library() {
        // The vector of the library's own test.
        let secret = WebhookSecret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let signature = sign(&[&secret], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", NOW, body);
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
        assert_eq!(signature.len(), SIGNATURE_LENGTH);
        for length in 24..=64_u8 {
            let bytes: Vec<u8> = (0..length).collect();
            let ours = WebhookSecret::from_bytes(&bytes).unwrap();
            let theirs = standardwebhooks::Webhook::from_bytes(bytes).unwrap();
            assert_eq!(sign(&[&ours], ID, NOW, BODY), theirs.sign(ID, NOW, BODY).unwrap());
        }
    }

    /// Name, whether it verifies, id, timestamp, signatures, body.
    type Vector<'a> = (&'a str, bool, &'a str, &'a str, &'a str, &'a [u8]);

    /// Row W-051 of the catalogue of bad inputs, and what lies around it.
    #[test]
    fn the_reference_verifier_and_the_published_library_agree_on_every_vector() {
        let (old, new) = (secret(1), secret(2));
        let now = system_seconds();
        let stamp = now.to_string();
        let good = sign(&[&new], ID, now, BODY);
        let stale = now - 6 * 60;
        let early = now + 6 * 60;
        let flipped: Vec<u8> =
            BODY.iter().enumerate().map(|(at, byte)| if at == 20 { byte ^ 1 } else { *byte }).collect();
        let both = sign(&[&old, &new], ID, now, BODY);
        let cut: String = good.chars().take(good.len() - 4).collect();
        let vectors: &[Vector<'_>] = &[
            ("good", true, ID, &stamp, &good, BODY),
            ("one bit of the body flipped", false, ID, &stamp, &good, &flipped),
            ("body longer", false, ID, &stamp, &good, &[BODY, b" "].concat()),
            ("id changed", false, "62b03b2a5f1c9d0011223345", &stamp, &good, BODY),
            ("timestamp changed", false, ID, &(now - 1).to_string(), &good, BODY),
            ("six minutes old", false, ID, &stale.to_string(), &sign(&[&new], ID, stale, BODY), BODY),
            ("six minutes ahead", false, ID, &early.to_string(), &sign(&[&new], ID, early, BODY), BODY),
            ("timestamp is a word", false, ID, "tomorrow", &good, BODY),
            ("signature empty after the version", false, ID, &stamp, "v1,", BODY),
            ("signature empty", false, ID, &stamp, "", BODY),
            ("signature cut", false, ID, &stamp, &cut, BODY),
            ("unknown version", false, ID, &stamp, &good.replace("v1,", "v2,"), BODY),
            ("asymmetric version", false, ID, &stamp, &good.replace("v1,", "v1a,"), BODY),
            ("no version", false, ID, &stamp, &good.replace("v1,", ""), BODY),
            ("only the old key", false, ID, &stamp, &sign(&[&old], ID, now, BODY), BODY),
            ("two signatures, the second valid", true, ID, &stamp, &both, BODY),
            ("two signatures, the first valid", true, ID, &stamp, &sign(&[&new, &old], ID, now, BODY), BODY),
            ("rubbish before the valid one", true, ID, &stamp, &format!("v1,AAAA v9,x  {good}"), BODY),
        ];
        for (name, expected, id, timestamp, signatures, body) in vectors {
            assert_eq!(judge(&new, id, timestamp, signatures, body), *expected, "published library: {name}");
            let ours = verify(&new, id, timestamp, signatures, body, now);
            assert_eq!(ours.is_ok(), *expected, "reference verifier: {name}: {ours:?}");
        }
    }

    #[test]
    fn both_secrets_verify_one_delivery_while_a_secret_rotates() {
        let (old, new) = (secret(1), secret(2));
        let now = system_seconds();
        let signatures = sign(&[&new, &old], ID, now, BODY);
        for secret in [&old, &new] {
            assert!(judge(secret, ID, &now.to_string(), &signatures, BODY));
            assert_eq!(verify(secret, ID, &now.to_string(), &signatures, BODY, now), Ok(()));
        }
        assert!(!judge(&secret(3), ID, &now.to_string(), &signatures, BODY));
    }

    #[test]
    fn a_timestamp_holds_for_five_minutes_in_both_directions() {
        for (offset, expected) in [
            (0, Ok(())),
            (300, Ok(())),
            (301, Err(SignatureError::TooOld)),
            (-300, Ok(())),
            (-301, Err(SignatureError::TooNew)),
        ] {
            assert_eq!(fresh_timestamp(&NOW.to_string(), NOW + offset).map(drop), expected, "{offset}");
        }
        for text in ["", "+1649367553", "-1", " 1649367553", "1649367553.5", "1e9", "99999999999999999999"] {
            assert_eq!(fresh_timestamp(text, NOW), Err(SignatureError::Timestamp), "{text:?}");
        }
    }

    #[test]
    fn a_secret_survives_its_text_form_and_its_debug_form_says_nothing() {
        let secret = secret(7);
        let text = secret.reveal();
        assert!(text.starts_with("whsec_"));
        assert_eq!(WebhookSecret::parse(&text).unwrap().as_bytes(), secret.as_bytes());
        assert_eq!(format!("{secret:?}"), "WebhookSecret(..)");
    }

    #[test]
    fn a_secret_of_another_length_or_form_is_refused() {
        for length in [0, 1, 23, 65] {
            assert_eq!(WebhookSecret::from_bytes(&vec![1; length]).map(drop), Err(SignatureError::Secret), "{length}");
        }
        for text in
            ["", "whsec_", "whsec_!!!!", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "WHSEC_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
        {
            assert_eq!(WebhookSecret::parse(text).map(drop), Err(SignatureError::Secret), "{text}");
        }
    }

    #[test]
    fn an_rsa_signature_verifies_by_the_cryptographic_librarys_public_interface() {
        let key = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let signer = RsaSigner::from_pkcs8(pkcs8.as_ref()).unwrap();
        let signature = STANDARD.decode(signer.sign(NOW, BODY).unwrap()).unwrap();
        assert_eq!(signature.len(), 256);
        // The message is put together by hand and the key is the library's own.
        let message = [b"1649367553.".as_slice(), BODY].concat();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
        assert!(public.verify(&message, &signature).is_ok());
        assert!(public.verify(BODY, &signature).is_err());
    }

    #[test]
    fn an_rsa_signature_holds_for_its_own_key_timestamp_and_body_only() {
        let key = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).unwrap();
        let signer = RsaSigner::from_pkcs8(pkcs8.as_ref()).unwrap();
        let verifier = RsaVerifier::from_spki_der(spki.as_ref()).unwrap();
        assert_eq!(signer.key_id(), verifier.key_id());
        assert_eq!(signer.key_id(), key_id(spki.as_ref()));
        assert_eq!(signer.key_id().len(), 16);
        let signature = signer.sign(NOW, BODY).unwrap();
        assert_eq!(verifier.verify(NOW, BODY, &signature), Ok(()));
        assert_eq!(verifier.verify(NOW + 1, BODY, &signature), Err(SignatureError::Mismatch));
        assert_eq!(verifier.verify(NOW, b"", &signature), Err(SignatureError::Mismatch));
        for wrong in ["", "AAAA", "not base64", &signature[4..], &signer.sign(NOW, b"other").unwrap()] {
            assert_eq!(verifier.verify(NOW, BODY, wrong), Err(SignatureError::Mismatch));
        }
        let debug = format!("{signer:?}");
        assert_eq!(debug, format!("RsaSigner {{ key_id: {:?}, .. }}", signer.key_id()));
    }

    #[test]
    fn keys_of_another_kind_are_refused() {
        let elliptic = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        assert_eq!(RsaSigner::from_pkcs8(elliptic.serialized_der()).map(drop), Err(SignatureError::PrivateKey));
        assert_eq!(RsaSigner::from_pkcs8(b"").map(drop), Err(SignatureError::PrivateKey));
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&elliptic).unwrap().pem();
        for pem in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &certificate] {
            assert_eq!(RsaVerifier::from_certificate_pem(pem).map(drop), Err(SignatureError::PublicKey));
        }
        assert_eq!(RsaVerifier::from_spki_der(b"x").map(drop), Err(SignatureError::PublicKey));
    }
}
