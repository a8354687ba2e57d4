//! The token that GetParametersForImport gives out and ImportKeyMaterial takes back: the private wrapping key, how it
//! is to be used, and until when, sealed for one KMS key. Nothing about it is kept here meanwhile.

use reseal_crypto::asymmetric::GeneratedKeyPair;
use reseal_types::{Reveal, SecretBytes, Timestamp, WrappingAlgorithm, WrappingKeySpec};
use zeroize::Zeroizing;

use crate::{
    env::Env,
    error::{Cause, Error},
    record::KeyRecord,
};

/// What a token holds.
pub(crate) struct ImportToken {
    pub(crate) algorithm: WrappingAlgorithm,
    pub(crate) spec: WrappingKeySpec,
    /// Good before this moment.
    pub(crate) valid_to: Timestamp,
    /// The private key, PKCS#8.
    pub(crate) private_key: SecretBytes,
}

const FORM: u8 = 1;

impl ImportToken {
    pub(crate) fn new(
        algorithm: WrappingAlgorithm,
        spec: WrappingKeySpec,
        valid_to: Timestamp,
        pair: GeneratedKeyPair,
    ) -> Self {
        Self { algorithm, spec, valid_to, private_key: pair.pkcs8 }
    }

    /// The token as the caller gets it.
    pub(crate) fn seal(&self, env: &Env, key: &KeyRecord) -> Result<Vec<u8>, Error> {
        let too_long = || Error::Internal(Cause::Crypto("sealing of an import token"));
        let private_key = self.private_key.reveal(Reveal::ToSeal);
        let mut content = Zeroizing::new(Vec::with_capacity(private_key.len() + 128));
        content.push(FORM);
        content.extend_from_slice(&self.valid_to.millis().to_be_bytes());
        for name in [self.algorithm.as_str(), self.spec.as_str()] {
            content.push(u8::try_from(name.len()).map_err(|_| too_long())?);
            content.extend_from_slice(name.as_bytes());
        }
        content.extend_from_slice(private_key);
        Ok(env.vault.seal_token(&purpose(key), &content)?)
    }

    /// Opens a token that was given for that key.
    ///
    /// # Errors
    /// [`Error::InvalidImportToken`], or [`Error::ExpiredImportToken`] for one that was good once.
    pub(crate) fn open(env: &Env, key: &KeyRecord, token: &[u8]) -> Result<Self, Error> {
        let content = env.vault.open_token(&purpose(key), token).ok_or(Error::InvalidImportToken)?;
        let opened = Self::parse(content.reveal(Reveal::ToCipher)).ok_or(Error::InvalidImportToken)?;
        if opened.valid_to <= env.clock.now() {
            return Err(Error::ExpiredImportToken);
        }
        Ok(opened)
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let rest = content.strip_prefix(&[FORM])?;
        let (valid_to, rest) = rest.split_first_chunk()?;
        let (algorithm, rest) = name(rest)?;
        let (spec, private_key) = name(rest)?;
        Some(Self {
            algorithm: WrappingAlgorithm::parse(algorithm)?,
            spec: WrappingKeySpec::parse(spec)?,
            valid_to: Timestamp::from_millis(i64::from_be_bytes(*valid_to)),
            private_key: SecretBytes::from(private_key.to_vec()),
        })
    }
}

fn name(content: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = content.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(name).ok()?, rest))
}

/// A token of another key does not open.
fn purpose(key: &KeyRecord) -> String {
    format!("import/{}/{}/{}", key.region, key.account, key.id)
}
