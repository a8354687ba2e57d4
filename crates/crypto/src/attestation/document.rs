//! The two layers of CBOR of an attestation document, read strictly: definite lengths, every member within its
//! bounds, none twice, nothing behind.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use minicbor::{Decoder, Encoder, data::Tag, data::Type};

use super::{AttestationError, Platform};

type Parsed<T> = Result<T, AttestationError>;
/// Index and digest.
type Registers<'a> = Vec<(u8, &'a [u8])>;

/// Any error of the decoder: the document is not what it should be, and more would help nobody.
impl From<minicbor::decode::Error> for AttestationError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::Malformed
    }
}

/// The protected header of every document: algorithm (1) is ES384 (-35), and nothing else.
const ES384: &[u8] = &[0xa1, 0x01, 0x38, 0x22];

/// COSE_Sign1, tagged or not.
const COSE_SIGN1: u64 = 18;

/// A COSE_Sign1, its signature not checked yet.
pub(super) struct Signed<'a> {
    pub(super) payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Parsed<Self> {
        let mut decoder = Decoder::new(bytes);
        if decoder.datatype()? == Type::Tag && decoder.tag()? != Tag::new(COSE_SIGN1) {
            return Err(AttestationError::Malformed);
        }
        check(decoder.array()? == Some(4))?;
        check(decoder.bytes()? == ES384)?;
        check(decoder.map()? == Some(0))?;
        let payload = decoder.bytes()?;
        let signature = decoder.bytes()?;
        check(decoder.position() == bytes.len())?;
        Ok(Self { payload, signature })
    }

    /// Checks the signature (RFC 9052 section 4.4) with a P-384 key, a DER SubjectPublicKeyInfo.
    pub(super) fn verify(&self, public_key: &[u8]) -> Parsed<()> {
        let mut signed = Vec::with_capacity(self.payload.len() + 32);
        let mut encoder = Encoder::new(&mut signed);
        let encoded = encoder
            .array(4)
            .and_then(|encoder| encoder.str("Signature1"))
            .and_then(|encoder| encoder.bytes(ES384))
            .and_then(|encoder| encoder.bytes(&[]))
            .and_then(|encoder| encoder.bytes(self.payload));
        encoded.map_err(|_| AttestationError::Signature)?;
        let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, public_key);
        key.verify(&signed, self.signature).map_err(|_| AttestationError::Signature)
    }
}

/// What a document says, not to be believed before its signature is checked.
pub(super) struct Document<'a> {
    pub(super) module_id: &'a str,
    /// Milliseconds since 1970.
    pub(super) timestamp: u64,
    pub(super) platform: Platform,
    pub(super) registers: Registers<'a>,
    pub(super) certificate: &'a [u8],
    pub(super) bundle: Vec<&'a [u8]>,
    pub(super) public_key: Option<&'a [u8]>,
}

/// Members as they come.
#[derive(Default)]
struct Members<'a> {
    module_id: Option<&'a str>,
    digest: Option<&'a str>,
    timestamp: Option<u64>,
    registers: Option<(Platform, Registers<'a>)>,
    certificate: Option<&'a [u8]>,
    bundle: Option<Vec<&'a [u8]>>,
    public_key: Option<&'a [u8]>,
    seen: Vec<&'a str>,
}

const MOST_MEMBERS: u64 = 32;
const MOST_REGISTERS: u64 = 32;
const MOST_CERTIFICATES: u64 = 16;
/// A certificate, and each of public key, user data and nonce.
const MOST_BYTES: usize = 1024;

impl<'a> Document<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Parsed<Self> {
        let mut decoder = Decoder::new(bytes);
        let mut members = Members::default();
        for _ in 0..count(decoder.map()?, 1, MOST_MEMBERS)? {
            members.read(&mut decoder)?;
        }
        check(decoder.position() == bytes.len())?;
        members.into_document().ok_or(AttestationError::Malformed)
    }
}

impl<'a> Members<'a> {
    /// One member; those of later versions of the format are left out of account.
    fn read(&mut self, decoder: &mut Decoder<'a>) -> Parsed<()> {
        let name = decoder.str()?;
        check(!self.seen.contains(&name))?;
        self.seen.push(name);
        match name {
            "module_id" => self.module_id = Some(decoder.str()?),
            "digest" => self.digest = Some(decoder.str()?),
            "timestamp" => self.timestamp = Some(decoder.u64()?),
            "pcrs" => self.set_registers(Platform::Enclave, decoder)?,
            "nitrotpm_pcrs" => self.set_registers(Platform::NitroTpm, decoder)?,
            "certificate" => self.certificate = Some(certificate(decoder)?),
            "cabundle" => {
                let count = count(decoder.array()?, 1, MOST_CERTIFICATES)?;
                self.bundle = Some((0..count).map(|_| certificate(decoder)).collect::<Parsed<_>>()?);
            }
            "public_key" => self.public_key = optional_bytes(decoder)?,
            "user_data" | "nonce" => {
                optional_bytes(decoder)?;
            }
            _ => decoder.skip()?,
        }
        Ok(())
    }

    /// A document is of one platform.
    fn set_registers(&mut self, platform: Platform, decoder: &mut Decoder<'a>) -> Parsed<()> {
        check(self.registers.replace((platform, registers(decoder)?)).is_none())
    }

    fn into_document(self) -> Option<Document<'a>> {
        let (platform, registers) = self.registers?;
        Some(Document {
            module_id: self.module_id.filter(|id| !id.is_empty() && id.len() <= MOST_BYTES)?,
            timestamp: self.digest.filter(|digest| *digest == "SHA384").and(self.timestamp)?,
            platform,
            registers,
            certificate: self.certificate?,
            bundle: self.bundle?,
            public_key: self.public_key,
        })
    }
}

/// Registers by index, each with a digest of SHA-256, SHA-384 or SHA-512, in ascending order and none twice.
fn registers<'a>(decoder: &mut Decoder<'a>) -> Parsed<Registers<'a>> {
    let count = count(decoder.map()?, 1, MOST_REGISTERS)?;
    let mut registers = Vec::new();
    for _ in 0..count {
        let (index, digest) = (decoder.u8()?, decoder.bytes()?);
        check(u64::from(index) < MOST_REGISTERS && matches!(digest.len(), 32 | 48 | 64))?;
        registers.push((index, digest));
    }
    registers.sort_unstable_by_key(|(index, _)| *index);
    check(registers.is_sorted_by(|(one, _), (next, _)| one < next))?;
    Ok(registers)
}

fn certificate<'a>(decoder: &mut Decoder<'a>) -> Parsed<&'a [u8]> {
    let bytes = decoder.bytes()?;
    check((1..=MOST_BYTES).contains(&bytes.len()))?;
    Ok(bytes)
}

/// Bytes, or null for none.
fn optional_bytes<'a>(decoder: &mut Decoder<'a>) -> Parsed<Option<&'a [u8]>> {
    if decoder.datatype()? == Type::Null {
        decoder.null()?;
        return Ok(None);
    }
    let bytes = decoder.bytes()?;
    check(bytes.len() <= MOST_BYTES)?;
    Ok(Some(bytes))
}

/// A definite count within bounds.
fn count(announced: Option<u64>, least: u64, most: u64) -> Parsed<u64> {
    announced.filter(|count| (least..=most).contains(count)).ok_or(AttestationError::Malformed)
}

fn check(holds: bool) -> Parsed<()> {
    if holds { Ok(()) } else { Err(AttestationError::Malformed) }
}
