//! From when until when a certificate is valid: the one field of X.509 that needs no more than this reader.
//!
//! It judges nothing else about a certificate and must never be used to trust one.

use std::path::Path;

use reseal_types::Timestamp;
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// The validity of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

/// All certificates of a PEM file; an error says what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<Certificate>, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let parse = |certificate: Result<CertificateDer<'_>, _>| match certificate {
        Ok(der) => parse(&der).ok_or_else(|| "it holds a certificate that is not X.509".to_owned()),
        Err(error) => Err(format!("it is not PEM: {error}")),
    };
    let certificates: Vec<_> = certificates.map(parse).collect::<Result<_, _>>()?;
    if certificates.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(certificates) }
}

const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// RFC 5280, section 4.1: Certificate { tbsCertificate { [version], serial, signature, issuer, validity, ... } }.
fn parse(der: &[u8]) -> Option<Certificate> {
    let (SEQUENCE, certificate, _) = element(der)? else { return None };
    let (SEQUENCE, mut fields, _) = element(certificate)? else { return None };
    if let (EXPLICIT_VERSION, _, rest) = element(fields)? {
        fields = rest;
    }
    for _serial_signature_issuer in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (SEQUENCE, validity, _) = element(fields)? else { return None };
    let (before_tag, before, rest) = element(validity)?;
    let (after_tag, after, _) = element(rest)?;
    Some(Certificate { not_before: time(before_tag, before)?, not_after: time(after_tag, after)? })
}

/// The first DER element: its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// RFC 5280, section 4.1.2.5: two-digit years of UTCTime are 1950 to 2049; both forms end in `Z`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let days = days_from_civil(year, part(0)?, part(2)?);
    Some(Timestamp::from_millis((days * 86_400 + part(4)? * 3_600 + part(6)? * 60 + part(8)?) * 1_000))
}

/// Days since 1970-01-01, by counting in years that start on 1 March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", "1970-01-01T00:00:00Z"),
            (UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z"),
            (UTC_TIME, "000229120000Z", "2000-02-29T12:00:00Z"),
            (GENERALIZED_TIME, "20500101000001Z", "2050-01-01T00:00:01Z"),
        ] {
            assert_eq!(time(tag, text.as_bytes()).unwrap().to_string(), expected);
        }
        for bad in ["", "700101000000", "7001010000Z", "70010100000xZ", "é0101000000Z"] {
            assert!(time(UTC_TIME, bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn refuses_what_is_cut_short() {
        let minimal = [0x30, 0x02, 0x30, 0x00];
        assert!(parse(&minimal).is_none());
        assert!(element(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).is_none());
        assert!(element(&[0x30, 0x80]).is_none());
        assert!(element(&[]).is_none());
    }
}
