//! Key material by what a key is for: made fresh, and prepared for use. The one place that knows which spec and usage
//! take which kind.

use std::sync::Arc;

use reseal_crypto::{
    agreement::AgreementKey,
    asymmetric::{GeneratedKeyPair, KeyPair},
    ciphertext::MaterialKey,
    error::CryptoError,
    import::names_its_curve,
    kem::KemKeyPair,
    mac::MacKey,
    signing::SigningKey,
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
    generate_in_pool(env, spec, usage).await
}

/// Makes a key pair that no KMS key has: the caller gets it.
pub(crate) async fn generate_data_key_pair(env: &Env, spec: KeySpec) -> Result<Fresh, Error> {
    // By usage, since the same spec may stand for several kinds; as PKCS#8 they are all alike.
    let usage = if spec.allows(KeyUsage::SignVerify) {
        KeyUsage::SignVerify
    } else {
        KeyUsage::EncapsulateDecapsulate
    };
    generate_in_pool(env, spec, usage).await
}

async fn generate_in_pool(env: &Env, spec: KeySpec, usage: KeyUsage) -> Result<Fresh, Error> {
    // The search for RSA primes takes up to seconds: one at a time, so that the pool has room for others.
    let is_slow = spec.rsa_modulus_bytes().is_some();
    let _one_at_a_time = if is_slow { Some(env.generation.lock().await) } else { None };
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
        KeyUsage::SignVerify => {
            let GeneratedKeyPair { pkcs8, spki } = SigningKey::generate(spec)?;
            (pkcs8, spki)
        }
        KeyUsage::EncryptDecrypt | KeyUsage::GenerateVerifyMac => {
            let GeneratedKeyPair { pkcs8, spki } = KeyPair::generate(spec)?;
            (pkcs8, spki)
        }
    };
    Ok(Fresh { bytes, public_key: Some(public_key) })
}

/// Prepares the one version of key material that every key but a symmetric encryption key has.
pub(crate) async fn prepare(
    env: &Env,
    spec: KeySpec,
    usage: KeyUsage,
    bytes: SecretBytes,
) -> Result<Materials, Error> {
    let prepared = match usage {
        KeyUsage::GenerateVerifyMac => load(spec, usage, &bytes),
        // Checking of a private key and deriving of its public key take up to a millisecond.
        _ => offload(env.workers.as_ref(), move || load(spec, usage, &bytes)).await?,
    };
    prepared.map_err(|_| Error::Internal(Cause::Crypto("loading of key material")))
}

/// Checks that the bytes are key material for keys of that spec and usage; gives the public key if they have one. Up to
/// a few milliseconds of work.
///
/// # Errors
/// [`CryptoError::InvalidKey`] when they are not.
pub(crate) fn inspect(
    spec: KeySpec,
    usage: KeyUsage,
    bytes: &SecretBytes,
) -> Result<Option<Vec<u8>>, CryptoError> {
    if spec == KeySpec::SymmetricDefault {
        return MaterialKey::new(bytes).map(|_| None);
    }
    if !names_its_curve(spec, bytes) {
        return Err(CryptoError::InvalidKey);
    }
    Ok(match load(spec, usage, bytes)? {
        Materials::Symmetric(_) | Materials::Mac(_) | Materials::External(_) => None,
        Materials::Signing(key) => Some(key.public_key_der().to_vec()),
        Materials::Pair(pair) => Some(pair.public_key_der().to_vec()),
        Materials::Agreement(key) => Some(key.public_key_der().to_vec()),
        Materials::Kem(pair) => Some(pair.public_key_der().to_vec()),
    })
}

fn load(spec: KeySpec, usage: KeyUsage, bytes: &SecretBytes) -> Result<Materials, CryptoError> {
    match usage {
        KeyUsage::GenerateVerifyMac => MacKey::load(spec, bytes).map(Box::new).map(Materials::Mac),
        KeyUsage::KeyAgreement => AgreementKey::load(spec, bytes).map(Arc::new).map(Materials::Agreement),
        KeyUsage::EncapsulateDecapsulate => KemKeyPair::load(spec, bytes).map(Box::new).map(Materials::Kem),
        KeyUsage::SignVerify => SigningKey::load(spec, bytes).map(Arc::new).map(Materials::Signing),
        KeyUsage::EncryptDecrypt => KeyPair::load(spec, bytes).map(Arc::new).map(Materials::Pair),
    }
}
