//! `Recipient`: an answer that only an attested enclave or instance can read.
//!
//! The pipeline checks the attestation document before it authorizes, so that policies can ask what it measured, and
//! after it has counted the call, since the check takes its time. From then on a secret goes out through [`deliver`] alone, which gives it in clear or encrypted to the
//! key in the document, never both.

use std::sync::Arc;

use reseal_crypto::attestation::{self, Attested, Platform, Roots};
use reseal_types::SecretBytes;

use crate::{
    env::{Env, offload},
    error::{Cause, Error, Unsupported},
    json::JsonObject,
    members::{Bounds, Members, ModelEnum},
    ops::shape::{Blob, SecretBlob},
};

/// How attestation documents are judged.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// Whose documents are believed.
    pub roots: Arc<Roots>,
    /// The most milliseconds that a document may be old, or ahead of the clock.
    pub max_age_millis: i64,
}

/// The member of that name.
pub(crate) struct Recipient {
    document: Arc<[u8]>,
    attested: Option<Arc<Attested>>,
}

/// `KeyEncryptionMechanism`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    RsaesOaepSha256,
}

impl ModelEnum for Mechanism {
    const ALL: &'static [Self] = &[Self::RsaesOaepSha256];

    fn name(self) -> &'static str {
        "RSAES_OAEP_SHA_256"
    }
}

impl Recipient {
    /// Reads the member. The one mechanism there is goes without saying.
    pub(crate) fn read(members: &mut Members<'_>) -> Result<Option<Self>, Error> {
        members.structure("Recipient", |inner| {
            inner.choice::<Mechanism>("KeyEncryptionAlgorithm")?;
            let document = inner.blob("AttestationDocument", Bounds(1, 262_144))?;
            Ok(Self { document: document.unwrap_or_default().into(), attested: None })
        })
    }

    /// Checks the document.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when no root is configured that could vouch for it, [`Error::Validation`] when it does
    /// not hold.
    pub(crate) async fn verify(&mut self, env: &Env) -> Result<(), Error> {
        let Some(Attestation { roots, max_age_millis }) = env.settings.attestation.clone() else {
            return Err(Error::Unsupported(Unsupported::Parameter("Recipient")));
        };
        if self.document.is_empty() {
            return Err(Error::Validation("Recipient needs an AttestationDocument.".to_owned()));
        }
        let (document, now) = (Arc::clone(&self.document), env.clock.now());
        let work = move || attestation::verify(&document, &roots, now, max_age_millis);
        let attested = offload(env.workers.as_ref(), work).await?;
        let attested = attested
            .map_err(|error| Error::Validation(format!("The attestation document is not valid: {error}.")))?;
        self.attested = Some(Arc::new(attested));
        Ok(())
    }

    /// What the document says, once it was checked.
    pub(crate) fn attested(&self) -> Option<&Arc<Attested>> {
        self.attested.as_ref()
    }
}

/// A secret as it leaves: in clear, or for the recipient alone. Exactly one is there.
pub(crate) struct Delivered {
    pub(crate) clear: Option<SecretBlob>,
    pub(crate) for_recipient: Option<Blob>,
}

/// Gives `secret` to whom the caller named, or to the caller.
pub(crate) fn deliver(to: Option<&Recipient>, secret: SecretBytes) -> Result<Delivered, Error> {
    let Some(recipient) = to else {
        return Ok(Delivered { clear: Some(SecretBlob(secret)), for_recipient: None });
    };
    let failed = || Error::Internal(Cause::Crypto("encryption to a recipient"));
    let attested = recipient.attested().ok_or_else(failed)?;
    let sealed = attested.recipient.encrypt(&secret).map_err(|_| failed())?;
    Ok(Delivered { clear: None, for_recipient: Some(Blob(sealed)) })
}

/// What policies may ask about the recipient.
pub(crate) fn measured(to: Option<&Recipient>) -> Option<&Attested> {
    to.and_then(|recipient| recipient.attested.as_deref())
}

/// What the audit record tells of a recipient. CloudTrail's names for an enclave; for NitroTPM the registers.
pub(crate) fn describe(attested: &Attested, data: &mut JsonObject<'_>) {
    data.object("recipient", |object| {
        object.text("attestationDocumentModuleId", &attested.module_id);
        object.optional_text("attestationDocumentEnclaveImageDigest", attested.image_digest().as_deref());
        if attested.platform == Platform::NitroTpm {
            object.object("attestationDocumentNitroTPMPCRs", |registers| {
                attested.measurements().iter().for_each(|(name, digest)| registers.pair(name, digest));
            });
        }
    });
}
