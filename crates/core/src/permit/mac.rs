//! MACs under a permitted HMAC key. An HMAC takes microseconds, so that it is made where it is asked for.

use reseal_crypto::mac::MacKey;
use reseal_types::MacAlgorithm;

use super::Permitted;
use crate::{
    env::Env,
    error::{Error, InvalidKeyUsage},
    keyring::Materials,
};

impl Permitted {
    /// The MAC of `message`.
    pub(crate) async fn generate_mac(
        &self,
        env: &Env,
        algorithm: MacAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        Ok(self.mac_key(env, algorithm).await?.generate_mac(message))
    }

    /// Checks a MAC, in time that says nothing about where it differs.
    ///
    /// # Errors
    /// [`Error::InvalidMac`], also when it is too short or too long.
    pub(crate) async fn verify_mac(
        &self,
        env: &Env,
        algorithm: MacAlgorithm,
        message: &[u8],
        mac: &[u8],
    ) -> Result<(), Error> {
        let right = self.mac_key(env, algorithm).await?.verify_mac(message, mac);
        if right { Ok(()) } else { Err(Error::InvalidMac) }
    }

    async fn mac_key(&self, env: &Env, algorithm: MacAlgorithm) -> Result<&MacKey, Error> {
        let spec = self.key.spec();
        if spec.mac_algorithm() != Some(algorithm) {
            return Err(Error::InvalidKeyUsage(InvalidKeyUsage::Algorithm(algorithm.as_str(), spec)));
        }
        match self.key.materials(env).await? {
            Materials::Mac(key) => Ok(key),
            _ => Err(Self::of_another_kind()),
        }
    }
}
