//! Key material by what a key is for: made fresh, and prepared for use. The one place that knows which spec and usage
//! take which kind.

use std::sync::Arc;

use reseal_crypto::{
    agreement::AgreementKey,
    asymmetric::{GeneratedKeyPair, KeyPair},
    error::CryptoError,
    kem::KemKeyPair,
    mac::MacKey,
};
use reseal_types::{KeySpec, KeyUsage, SecretBytes};

use crate::{
    env::{Env, offload},
    error::{Cause, Error},
    keyring::Materials,
};

/// Key material that nothing was done with yet.
pub(crate) struct Fresh {
    /// As it is stored: bare bytes of a symmetric or HMAC key, else PKCS#8.
    pub(crate) bytes: SecretBytes,
    /// DER SubjectPublicKeyInfo of an asymmetric key.
    pub(crate) public_key: Option<Vec<u8>>,
}

/// Whether key material for such keys is made here. The spec allows the usage.
pub(crate) fn is_made_here(spec: KeySpec, usage: KeyUsage) -> bool {
    match usage {
        KeyUsage::GenerateVerifyMac | KeyUsage::KeyAgreement | KeyUsage::EncapsulateDecapsulate => true,
        KeyUsage::EncryptDecrypt | KeyUsage::SignVerify => matches!(
            spec,
            KeySpec::SymmetricDefault | KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 | KeySpec::Sm2
        ),
    }
}

/// Whether these bare bytes can be the material of a symmetric encryption key or an HMAC key of that spec.
pub(crate) fn fits(spec: KeySpec, bytes: &SecretBytes) -> bool {
    match spec {
        KeySpec::SymmetricDefault => bytes.len() == 32,
        _ => MacKey::load(spec, bytes).is_ok(),
    }
}

/// Makes key material for a key of that spec and usage.
pub(crate) async fn generate(env: &Env, spec: KeySpec, usage: KeyUsage) -> Result<Fresh, Error> {
    let bare = match usage {
        KeyUsage::GenerateVerifyMac => spec.mac_algorithm().map(reseal_types::MacAlgorithm::mac_bytes),
        _ => (spec == KeySpec::SymmetricDefault).then_some(32),
    };
    if let Some(length) = bare {
        let bytes = SecretBytes::generate(length, |bytes| env.entropy.fill_secret(bytes))?;
        return Ok(Fresh { bytes, public_key: None });
    }
    let _one_at_a_time = env.generation.lock().await;
    let generated = offload(env.workers.as_ref(), move || generate_pair(spec, usage)).await?;
    generated.map_err(|_| Error::Internal(Cause::Crypto("generation of a key pair")))
}

fn generate_pair(spec: KeySpec, usage: KeyUsage) -> Result<Fresh, CryptoError> {
    let (bytes, public_key) = match usage {
        KeyUsage::KeyAgreement => {
            let (pkcs8, key) = AgreementKey::generate(spec)?;
            (pkcs8, key.public_key_der().to_vec())
        }
        KeyUsage::EncapsulateDecapsulate => {
            let (pkcs8, pair) = KemKeyPair::generate(spec)?;
            (pkcs8, pair.public_key_der().to_vec())
        }
        KeyUsage::EncryptDecrypt | KeyUsage::SignVerify | KeyUsage::GenerateVerifyMac => {
            let GeneratedKeyPair { pkcs8, spki } = KeyPair::generate(spec)?;
            (pkcs8, spki)
        }
    };
    Ok(Fresh { bytes, public_key: Some(public_key) })
}

/// Prepares the one version of key material that every key but a symmetric encryption key has.
pub(crate) fn prepare(spec: KeySpec, usage: KeyUsage, bytes: &SecretBytes) -> Result<Materials, Error> {
    let prepared = match usage {
        KeyUsage::GenerateVerifyMac => MacKey::load(spec, bytes).map(Box::new).map(Materials::Mac),
        KeyUsage::KeyAgreement => AgreementKey::load(spec, bytes).map(Arc::new).map(Materials::Agreement),
        KeyUsage::EncapsulateDecapsulate => KemKeyPair::load(spec, bytes).map(Box::new).map(Materials::Kem),
        KeyUsage::EncryptDecrypt | KeyUsage::SignVerify => {
            KeyPair::load(spec, bytes).map(Arc::new).map(Materials::Pair)
        }
    };
    prepared.map_err(|_| Error::Internal(Cause::Crypto("loading of key material")))
}
