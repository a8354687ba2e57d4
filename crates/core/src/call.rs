//! What is known about a call besides its body: who, where, when, through what.

use std::{fmt, net::IpAddr};

use reseal_types::Region;

use crate::{
    env::{Entropy, NoEntropy},
    hex_text::HexText,
    identity::Authenticated,
};

/// A call that passed authentication.
pub struct Call {
    /// Who calls.
    pub caller: Authenticated,
    /// The Region of the signature's scope, one that is served.
    pub region: Region,
    /// Told to the caller and recorded.
    pub request_id: RequestId,
    /// Where the connection comes from.
    pub source_ip: IpAddr,
    /// The `User-Agent` header, shortened if absurdly long.
    pub user_agent: String,
    /// The TLS connection, if it is one.
    pub tls: Option<TlsDetails>,
}

/// What the audit record says about a TLS connection.
#[derive(Debug, Clone)]
pub struct TlsDetails {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The host the client asked for.
    pub host: String,
    /// The group of the key exchange, such as `X25519MLKEM768`.
    pub key_exchange: Option<String>,
}

/// A version 4 UUID in its text form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 36]);

impl RequestId {
    /// Of the text form.
    pub(crate) const LENGTH: usize = 36;

    /// The text form.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The id with that text form.
    #[cfg(test)]
    pub(crate) fn of_text(text: [u8; Self::LENGTH]) -> Self {
        Self(text)
    }

    /// A fresh id.
    ///
    /// # Errors
    /// [`NoEntropy`].
    pub fn random(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut bytes = [0; 16];
        entropy.fill_public(&mut bytes)?;
        Ok(Self::from_bytes(bytes))
    }

    fn from_bytes(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = HexText::of(&bytes);
        let mut text = [b'-'; 36];
        // Where the groups of digits stand between the dashes.
        for (place, first, length) in [(0, 0, 8), (9, 8, 4), (14, 12, 4), (19, 16, 4), (24, 20, 12)] {
            let group = digits.as_bytes().get(first..first + length);
            if let (Some(to), Some(group)) = (text.get_mut(place..place + length), group) {
                to.copy_from_slice(group);
            }
        }
        Self(text)
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_version_4_uuid() {
        assert_eq!(RequestId::from_bytes([0xff; 16]).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(RequestId::from_bytes([0; 16]).as_str(), "00000000-0000-4000-8000-000000000000");
    }
}
