//! The merchant's signing key and the self-signed certificate that carries its public half.
//!
//! The certificate is a container that every language's libraries read, not a statement of trust: the merchant
//! downloads it from the gateway and pins it.

use super::signature::{RsaSigner, SignatureError};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber, date_time_ymd,
};
use std::fmt;
use std::time::Duration;

/// The longest common name in a certificate, in characters (X.520, `ub-common-name`).
const COMMON_NAME_LIMIT: usize = 64;

/// The last second of the year 9999, the end of what X.509 can name.
const LAST_SECOND: i64 = 253_402_300_799;

/// A new signing key with its certificate.
pub struct Certificate {
    /// The X.509 certificate, for the merchant.
    pub pem: String,
    /// The private key as PKCS #8; to be sealed before it is stored.
    pub pkcs8_der: Vec<u8>,
    /// What deliveries name this key by.
    pub key_id: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The validity is empty or outside the years 1970 to 9999.
    #[error("a certificate is valid from a time to a later one, both from 1970 to 9999")]
    Validity,
    /// The cryptographic library failed.
    #[error("the certificate could not be made: {0}")]
    Generation(#[from] rcgen::Error),
    /// The new key does not sign.
    #[error("the new key cannot be used: {0}")]
    Key(#[from] SignatureError),
}

/// Makes an RSA key of 2048 bits and a certificate for it that signs itself.
///
/// `serial` is 16 random bytes. The times are seconds since 1970. Of the merchant's name the first 64 characters become
/// the common name, without control characters. Generating the key takes tens of milliseconds of CPU or more, so it
/// does not belong on an asynchronous worker.
///
/// # Errors
/// A [`CertificateError`].
pub fn generate(
    merchant_name: &str,
    not_before_seconds: i64,
    not_after_seconds: i64,
    mut serial: [u8; 16],
) -> Result<Certificate, CertificateError> {
    let (Ok(not_before), Ok(not_after)) = (u64::try_from(not_before_seconds), u64::try_from(not_after_seconds)) else {
        return Err(CertificateError::Validity);
    };
    if not_before >= not_after || not_after_seconds > LAST_SECOND {
        return Err(CertificateError::Validity);
    }
    // RFC 5280 wants a positive number; the bit below the sign keeps its length the same.
    serial[0] = serial[0] & 0x7f | 0x40;

    let mut name = DistinguishedName::new();
    let printable = merchant_name.chars().filter(|c| !c.is_control());
    name.push(DnType::CommonName, printable.take(COMMON_NAME_LIMIT).collect::<String>());

    let epoch = date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + Duration::from_secs(not_before);
    params.not_after = epoch + Duration::from_secs(not_after);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = name;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];

    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let pem = params.self_signed(&key)?.pem();
    let pkcs8_der = key.serialize_der();
    let key_id = RsaSigner::from_pkcs8(&pkcs8_der)?.key_id().to_owned();
    Ok(Certificate { pem, pkcs8_der, key_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::signature::RsaVerifier;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use std::sync::Arc;

    const FROM: i64 = 1_700_000_000;
    const TO: i64 = 2_015_360_000;

    fn contains(der: &[u8], part: &[u8]) -> bool {
        der.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_new_certificate_verifies_what_its_key_signs_and_names_it() {
        let made = generate("Shop", FROM, TO, [9; 16]).unwrap();
        let signer = RsaSigner::from_pkcs8(&made.pkcs8_der).unwrap();
        let verifier = RsaVerifier::from_certificate_pem(&made.pem).unwrap();
        assert_eq!((signer.key_id(), verifier.key_id()), (made.key_id.as_str(), made.key_id.as_str()));
        let signature = signer.sign(FROM, b"{}").unwrap();
        assert_eq!(verifier.verify(FROM, b"{}", &signature), Ok(()));
        let other = generate("Shop", FROM, TO, [9; 16]).unwrap();
        assert_ne!(other.key_id, made.key_id);
        assert!(RsaVerifier::from_certificate_pem(&other.pem).unwrap().verify(FROM, b"{}", &signature).is_err());
    }

    #[test]
    fn a_certificate_carries_the_name_the_serial_and_the_times_given() {
        let made = generate("Tee & Kaffee\r\n GmbH, 茶", FROM, TO, [0xff; 16]).unwrap();
        let der = CertificateDer::from_pem_slice(made.pem.as_bytes()).unwrap();
        assert!(contains(&der, "Tee & Kaffee GmbH, 茶".as_bytes()));
        assert!(contains(&der, &[&[0x02, 16, 0x7f], [0xff; 15].as_slice()].concat()));
        // Both times as UTCTime: 2023-11-14T22:13:20Z and 2033-11-11T22:13:20Z.
        assert!(contains(&der, b"231114221320Z") && contains(&der, b"331111221320Z"));
    }

    #[test]
    fn a_serial_of_zeros_still_gives_a_positive_number_of_sixteen_bytes() {
        let made = generate("Shop", FROM, TO, [0; 16]).unwrap();
        let der = CertificateDer::from_pem_slice(made.pem.as_bytes()).unwrap();
        assert!(contains(&der, &[&[0x02, 16, 0x40], [0; 15].as_slice()].concat()));
    }

    #[test]
    fn a_long_name_is_cut_at_sixty_four_characters() {
        let made = generate(&"茶".repeat(255), FROM, TO, [1; 16]).unwrap();
        let der = CertificateDer::from_pem_slice(made.pem.as_bytes()).unwrap();
        assert!(contains(&der, "茶".repeat(64).as_bytes()));
        assert!(!contains(&der, "茶".repeat(65).as_bytes()));
    }

    #[test]
    fn a_merchants_certificate_is_nobodys_authority_for_tls() {
        let made = generate("localhost", FROM, TO, [1; 16]).unwrap();
        let der = CertificateDer::from_pem_slice(made.pem.as_bytes()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
        assert!(verifier.verify_server_cert(&der, &[], &name, &[], now).is_err());
    }

    #[test]
    fn an_empty_or_unnameable_validity_is_refused() {
        for (from, to) in [(TO, FROM), (FROM, FROM), (-1, TO), (FROM, LAST_SECOND + 1), (i64::MIN, i64::MAX)] {
            assert!(matches!(generate("Shop", from, to, [1; 16]), Err(CertificateError::Validity)), "{from} {to}");
        }
        assert!(generate("Shop", 0, LAST_SECOND, [1; 16]).is_ok());
    }

    #[test]
    fn the_debug_form_shows_the_key_id_only() {
        let made = generate("Shop", FROM, TO, [1; 16]).unwrap();
        assert_eq!(format!("{made:?}"), format!("Certificate {{ key_id: {:?}, .. }}", made.key_id));
    }
}
