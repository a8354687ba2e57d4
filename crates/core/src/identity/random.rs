//! Ids and secrets in the forms that AWS gives them.

use reseal_types::SecretBytes;

use crate::env::{Entropy, NoEntropy};

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An access key id: `AKIA` for long-term keys, `ASIA` for those of sessions, and 16 characters.
pub(crate) fn access_key_id(entropy: &dyn Entropy, prefix: &str) -> Result<String, NoEntropy> {
    Ok(format!("{prefix}{}", text(entropy, 16)?))
}

/// A unique id: `AIDA` for users, `AROA` for roles, `AGPA` for groups, `ANPA` for policies, and 17 characters.
pub(crate) fn unique_id(entropy: &dyn Entropy, prefix: &str) -> Result<String, NoEntropy> {
    Ok(format!("{prefix}{}", text(entropy, 17)?))
}

/// A secret access key: 40 characters.
pub(crate) fn secret_access_key(entropy: &dyn Entropy) -> Result<SecretBytes, NoEntropy> {
    SecretBytes::generate(40, |bytes| {
        entropy.fill_secret(bytes)?;
        for byte in bytes {
            *byte = BASE64.get(usize::from(*byte) % BASE64.len()).copied().unwrap_or(b'A');
        }
        Ok(())
    })
}

/// The alphabet's length is a power of two, so that no character is favoured.
fn text(entropy: &dyn Entropy, len: usize) -> Result<String, NoEntropy> {
    let mut bytes = vec![0; len];
    entropy.fill_public(&mut bytes)?;
    let letter = |byte: &u8| BASE32.get(usize::from(*byte) % BASE32.len()).map(|letter| *letter as char);
    Ok(bytes.iter().filter_map(letter).collect())
}
