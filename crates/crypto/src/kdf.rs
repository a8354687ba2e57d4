//! The key derivation of every format here: NIST SP 800-108r1 section 4.1, counter mode, with HMAC.
//!
//! Block `i` is `HMAC(key, [i]32 || label || 0x00 || context || [L]32)`, with `i` counted from 1 and `L` the
//! length of the whole output in bits, both 32-bit big-endian; the output is the blocks one after the other,
//! cut to length. Labels contain no zero byte. The hash is SHA-256 for the messages of suite 0x0001 and SHA-512
//! for what is stored; no key is ever used with both. This never changes: stored data depends on it.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::{
    error::CryptoError,
    scratch::with_joined,
    sha256::{HmacSha256, padded_for_mac},
};

/// Bytes of the counter.
const COUNTER_LEN: usize = 4;

/// A key prepared for derivation: the two key blocks of HMAC are hashed once, not per message.
pub struct DerivationKey(Prf);

/// The pseudorandom function of a key. That of stored records is not asked for every call and comes from the library,
/// whose prepared key is large.
enum Prf {
    Sha256(HmacSha256),
    Sha512(Box<hmac::Key>),
}

impl DerivationKey {
    /// Prepares the key for derivation with HMAC-SHA-256. Any length goes in; formats fix theirs.
    pub fn hmac_sha256(key: &[u8]) -> Self {
        Self(Prf::Sha256(HmacSha256::new(key)))
    }

    /// Prepares the key for derivation with HMAC-SHA-512. Any length goes in; formats fix theirs.
    pub fn hmac_sha512(key: &[u8]) -> Self {
        Self(Prf::Sha512(Box::new(hmac::Key::new(hmac::HMAC_SHA512, key))))
    }

    /// `N` bytes for the purpose that `label` names, bound to all of `context`.
    ///
    /// # Errors
    /// [`CryptoError::Failure`] when the library fails.
    pub fn derive<const N: usize>(
        &self,
        label: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<[u8; N]>, CryptoError> {
        let bits =
            u32::try_from(N).ok().and_then(|bytes| bytes.checked_mul(8)).ok_or(CryptoError::Failure)?;
        let mut output = Zeroizing::new([0; N]);
        self.counter_mode(&[&[0; 4], label, &[0], context, &bits.to_be_bytes()], &mut *output)?;
        Ok(output)
    }

    /// Fills `output`; the first four bytes of `input` are the room for the counter.
    pub(crate) fn counter_mode(&self, input: &[&[u8]], output: &mut [u8]) -> Result<(), CryptoError> {
        if input.first().is_none_or(|room| room.len() < COUNTER_LEN) {
            return Err(CryptoError::Failure);
        }
        match &self.0 {
            Prf::Sha256(key) => match padded_for_mac(input) {
                // The messages differ in their counter only, so that they are padded once.
                Some(mut message) => count(&mut message, output, |message, to| {
                    key.mac_of_block_into(message, to);
                    Ok(())
                }),
                None => with_joined(input, |message| {
                    count(message, output, |message, to| {
                        key.mac_into(message, to);
                        Ok(())
                    })
                }),
            },
            Prf::Sha512(key) => with_joined(input, |message| {
                count(message, output, |message, to: &mut [u8; 64]| {
                    hmac::sign_to_buffer(key, message, to)?;
                    Ok(())
                })
            }),
        }
    }
}

/// Fills `output` with what `prf` makes of the input under each counter.
fn count<Input: AsMut<[u8]> + ?Sized, const BLOCK: usize>(
    input: &mut Input,
    output: &mut [u8],
    prf: impl Fn(&Input, &mut [u8; BLOCK]) -> Result<(), CryptoError>,
) -> Result<(), CryptoError> {
    for (counter, to) in (1_u32..).zip(output.chunks_mut(BLOCK)) {
        *input.as_mut().first_chunk_mut().ok_or(CryptoError::Failure)? = counter.to_be_bytes();
        if let Ok(whole) = to.try_into() {
            prf(input, whole)?;
        } else {
            let mut block = Zeroizing::new([0; BLOCK]);
            prf(input, &mut block)?;
            to.copy_from_slice(block.get(..to.len()).ok_or(CryptoError::Failure)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::kdf::{
        KbkdfCtrHmacAlgorithmId::{Sha256, Sha512},
        get_kbkdf_ctr_hmac_algorithm, kbkdf_ctr_hmac,
    };
    use proptest::prelude::*;

    use super::*;

    /// NIST's CAVP answers for SP 800-108 with PRF=HMAC_SHA512, CTRLOCATION=BEFORE_FIXED, RLEN=32_BITS.
    #[test]
    #[expect(clippy::print_stdout, reason = "how many cases ran is worth seeing")]
    fn nist_answers() {
        let mut count = 0;
        let file = include_str!("../vectors/nist-sp800-108-ctr-hmac-sha512.txt");
        for case in file.split("COUNT=").skip(1) {
            let field = |name: &str| {
                let line = case.lines().find_map(|line| line.trim().strip_prefix(name));
                hex::decode(line.unwrap().trim()).unwrap()
            };
            let expected = field("KO =");
            let mut output = vec![0; expected.len()];
            let key = DerivationKey::hmac_sha512(&field("KI ="));
            key.counter_mode(&[&[0; 4], &field("FixedInputData =")], &mut output).unwrap();
            assert_eq!(hex::encode(output), hex::encode(expected));
            count += 1;
        }
        println!("NIST SP 800-108 counter mode, HMAC-SHA-512: {count} cases");
        assert_eq!(count, 40);
    }

    #[test]
    fn refuses_an_input_without_room_for_the_counter() {
        for key in [DerivationKey::hmac_sha256(&[1; 32]), DerivationKey::hmac_sha512(&[1; 32])] {
            let short: [&[u8]; 2] = [b"abc", b"and more"];
            for input in [&[][..], &short] {
                assert!(key.counter_mode(input, &mut [0; 32]).is_err());
            }
        }
    }

    proptest! {
        /// The library's own counter mode has no prepared key, but must agree.
        #[test]
        fn agrees_with_the_library(key: [u8; 32], label in "[a-z0-9 ]{1,30}", context: Vec<u8>) {
            for (prepared, hash) in
                [(DerivationKey::hmac_sha256(&key), Sha256), (DerivationKey::hmac_sha512(&key), Sha512)]
            {
                let derived = prepared.derive::<76>(label.as_bytes(), &context).unwrap();
                let info = [label.as_bytes(), &[0], &context, &608_u32.to_be_bytes()].concat();
                let mut expected = [0; 76];
                let algorithm = get_kbkdf_ctr_hmac_algorithm(hash).unwrap();
                kbkdf_ctr_hmac(algorithm, &key, &info, &mut expected).unwrap();
                prop_assert_eq!(*derived, expected);
            }
        }
    }
}
