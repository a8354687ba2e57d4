//! The certificates of an attestation document, up to a root that the operator trusts (RFC 5280 section 6).

use std::{fmt, time::Duration};

use reseal_types::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert,
    aws_lc_rs::ECDSA_P384_SHA384,
};

use super::AttestationError;

/// Root certificates that vouch for attestation documents.
pub struct Roots(Vec<TrustAnchor<'static>>);

/// A file has no certificate that can be a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoots;

impl fmt::Display for NoRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no usable certificate in PEM form")
    }
}

impl std::error::Error for NoRoots {}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} roots", self.0.len())
    }
}

impl Roots {
    /// Reads one or more certificates in PEM form. They are trusted as they are, whatever their dates say.
    ///
    /// # Errors
    /// [`NoRoots`] when there is none, or one that cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Self, NoRoots> {
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| NoRoots)?;
            anchors.push(anchor_from_trusted_cert(&certificate).map_err(|_| NoRoots)?.to_owned());
        }
        if anchors.is_empty() { Err(NoRoots) } else { Ok(Self(anchors)) }
    }

    /// Leads `certificate` to one of the roots at the time `now`, and gives its public key. The bundle of a document
    /// holds its root too, which does not count.
    pub(super) fn verify(
        &self,
        certificate: &[u8],
        bundle: &[&[u8]],
        now: Timestamp,
    ) -> Result<Vec<u8>, AttestationError> {
        let untrusted = |_| AttestationError::Certificate;
        let now = u64::try_from(now.seconds()).map_err(|_| AttestationError::Certificate)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let certificate = CertificateDer::from(certificate);
        let bundle: Vec<CertificateDer<'_>> = bundle.iter().map(|der| CertificateDer::from(*der)).collect();
        let leaf = EndEntityCert::try_from(&certificate).map_err(untrusted)?;
        leaf.verify_for_usage(&[ECDSA_P384_SHA384], &self.0, &bundle, now, AnyUsage, None, None)
            .map_err(untrusted)?;
        Ok(leaf.subject_public_key_info().to_vec())
    }
}

/// Certificates of Nitro carry no extended key usage: there is none for attestation.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}
