//! DER (X.690), as much of it as public keys, private keys and encrypted answers need.

/// Tags, with the constructed bit where the type has it.
pub(crate) const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, primitive.
pub(crate) const CONTEXT_0: u8 = 0x80;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0_CONSTRUCTED: u8 = 0xa0;

/// One value: tag, definite length in as few bytes as it takes, and the parts of its content one after another.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = Vec::with_capacity(length + 6);
    der.push(tag);
    put_length(&mut der, length);
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1): `algorithm` is the content of the AlgorithmIdentifier, `key` the
/// whole content of the bit string.
pub(crate) fn subject_public_key_info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = value(SEQUENCE, &[algorithm]);
    value(SEQUENCE, &[&algorithm, &value(BIT_STRING, &[&[0], key])])
}

fn put_length(der: &mut Vec<u8>, length: usize) {
    let bytes = length.to_be_bytes();
    let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(skipped..).unwrap_or_default();
    match significant {
        [] => der.push(0),
        [short @ 0..0x80] => der.push(*short),
        long => {
            // At most eight bytes, so that the sum stays below the reserved 0xff.
            der.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            der.extend_from_slice(long);
        }
    }
}

/// Splits off the value with that tag at the start of `der`: its content, and what follows it.
pub(crate) fn split(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match (length, rest) {
        (0x00..=0x7f, _) => (usize::from(length), rest),
        (0x81, [length, rest @ ..]) => (usize::from(*length), rest),
        (0x82, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}

/// Whether `der` is one SEQUENCE of at most 65,535 bytes and nothing behind it: the library ignores what follows a
/// key.
pub(crate) fn is_one_sequence(der: &[u8]) -> bool {
    split(SEQUENCE, der).is_some_and(|(_, rest)| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_bytes_as_they_can() {
        let cases: [(usize, &[u8]); 6] = [
            (0, &[0x00]),
            (127, &[0x7f]),
            (128, &[0x81, 0x80]),
            (255, &[0x81, 0xff]),
            (256, &[0x82, 0x01, 0x00]),
            (65_536, &[0x83, 0x01, 0x00, 0x00]),
        ];
        for (length, expected) in cases {
            let der = value(SEQUENCE, &[&vec![7; length]]);
            assert_eq!(der[1..der.len() - length], *expected, "{length}");
            assert_eq!(is_one_sequence(&der), length < 65_536, "{length}");
            assert!(!is_one_sequence(&[&der[..], &[0]].concat()), "{length}");
        }
    }
}
