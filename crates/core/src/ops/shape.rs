//! Shapes that several operations share.

mod grant;
mod grant_terms;
mod key_metadata;
pub(crate) mod key_store;
mod paging;

pub(crate) use grant::{
    GrantList, GrantListEntry, check_principal, grant_id, optional_grant_id, parse_grant_id, principal,
    service_principal,
};
pub(crate) use grant_terms::{Constraints, Named, invalid};
pub(crate) use key_metadata::{Algorithms, KeyMetadata};
pub(crate) use paging::{List, Paging};
use reseal_types::{
    AliasName, EncapsulationAlgorithm, EncryptionAlgorithm, ExpirationModel, ImportType,
    KeyAgreementAlgorithm, KeyMaterialId, KeySpec, KeyUsage, MacAlgorithm, MessageType, Origin, Reveal,
    SecretBytes, SigningAlgorithm, Timestamp, WrappingAlgorithm, WrappingKeySpec, key_ref::AliasNameError,
};
use serde::{Serialize, Serializer};

use crate::{
    error::{Error, TagProblem},
    hex_text::HexText,
    json::JsonObject,
    keyring::Key,
    members::{Bounds, Members, ModelEnum},
    operation::Request,
    per_thread::Local,
    respond,
};

/// Bytes, base64 on the wire.
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// Secret bytes that the caller asked for, base64 on the wire.
pub(crate) struct SecretBlob(pub(crate) SecretBytes);

impl Serialize for SecretBlob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.reveal(Reveal::ToCaller))
    }
}

/// The ARN of a key that was used.
pub(crate) struct KeyArn(pub(crate) Local<Key>);

impl Serialize for KeyArn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        respond::plain(self.0.arn(), serializer)
    }
}

/// The id of key material, hex digits on the wire.
pub(crate) struct MaterialId(pub(crate) KeyMaterialId);

impl Serialize for MaterialId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        respond::plain(HexText::from(self.0).as_str(), serializer)
    }
}

/// A moment, epoch seconds with fraction on the wire.
pub(crate) struct EpochSeconds(pub(crate) Timestamp);

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_epoch_seconds())
    }
}

macro_rules! model_enums {
    ($($name:ident = $all:expr),+ $(,)?) => {
        $(impl ModelEnum for $name {
            const ALL: &'static [Self] = $all;

            fn name(self) -> &'static str {
                self.as_str()
            }
        })+
    };
}

model_enums! {
    EncapsulationAlgorithm = Self::ALL,
    EncryptionAlgorithm = &Self::ALL,
    ExpirationModel = Self::ALL,
    ImportType = Self::ALL,
    KeyAgreementAlgorithm = Self::ALL,
    KeySpec = Self::ALL,
    KeyUsage = Self::ALL,
    MacAlgorithm = Self::ALL,
    MessageType = Self::ALL,
    Origin = Self::ALL,
    SigningAlgorithm = Self::ALL,
    WrappingAlgorithm = Self::ALL,
    WrappingKeySpec = Self::ALL,
}

/// `DryRunModifierType`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DryRunModifier {
    IgnoreCiphertext,
}

impl ModelEnum for DryRunModifier {
    const ALL: &'static [Self] = &[Self::IgnoreCiphertext];

    fn name(self) -> &'static str {
        "IGNORE_CIPHERTEXT"
    }
}

/// Whether a call is a dry run, and whether it leaves the ciphertext out of account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DryRun {
    pub(crate) wanted: bool,
    pub(crate) ignores_ciphertext: bool,
}

impl DryRun {
    pub(crate) fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let wanted = members.flag("DryRun")?;
        let modifiers = members.choices::<DryRunModifier>("DryRunModifiers", Bounds(0, i64::MAX))?;
        // The modifiers mean something only together with DryRun.
        Ok(Self { wanted, ignores_ciphertext: wanted && !modifiers.is_empty() })
    }
}

const KEY_ID: Bounds = Bounds(1, 2048);

/// A required member that names a key.
pub(crate) fn key_id(members: &mut Members<'_>, name: &str) -> Result<String, Error> {
    members.required_text(name, KEY_ID)
}

/// An optional member that names a key.
pub(crate) fn optional_key_id(members: &mut Members<'_>, name: &str) -> Result<Option<String>, Error> {
    members.text(name, KEY_ID)
}

/// Grant tokens: read here, checked by the pipeline.
pub(crate) fn grant_tokens(members: &mut Members<'_>) -> Result<(), Error> {
    let tokens = members.sensitive_texts("GrantTokens", Bounds(0, 10), Bounds(1, 8192))?;
    members.keep_grant_tokens(tokens.unwrap_or_default());
    Ok(())
}

/// An alias name as the model has it: a superset of the legal ones.
pub(crate) fn alias_name(members: &mut Members<'_>) -> Result<String, Error> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'/' | b'_' | b'-');
    let matches = |text: &str| text.bytes().all(legal);
    let name = members.patterned_text("AliasName", Bounds(1, 256), "^[a-zA-Z0-9:/_-]+$", matches)?;
    members.require("AliasName", name.is_some());
    Ok(name.unwrap_or_default())
}

/// The rules of alias names that the model does not have.
pub(crate) fn parse_alias_name(text: &str) -> Result<AliasName, Error> {
    AliasName::parse(text).map_err(|error| match error {
        AliasNameError::NoPrefix => Error::Validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
                .to_owned(),
        ),
        AliasNameError::Characters => Error::InvalidAliasName(text.to_owned()),
    })
}

/// A required Region name.
pub(crate) fn region(members: &mut Members<'_>, name: &str) -> Result<String, Error> {
    const PATTERN: &str = r"^([a-z]+-){2,3}\d+$";
    let region = members.patterned_text(name, Bounds(1, 32), PATTERN, is_region)?;
    members.require(name, region.is_some());
    Ok(region.unwrap_or_default())
}

fn is_region(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let all = |text: &str, legal: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| legal(&b));
    (2..=3).contains(&parts.len())
        && parts.iter().all(|part| all(part, u8::is_ascii_lowercase))
        && all(number, u8::is_ascii_digit)
}

/// `KeyMaterialId`
pub(crate) fn key_material_id(members: &mut Members<'_>) -> Result<Option<KeyMaterialId>, Error> {
    let legal = |text: &str| text.bytes().all(|b| matches!(b, b'a'..=b'f' | b'0'..=b'9'));
    let text = members.patterned_text("KeyMaterialId", Bounds(64, 64), "^[a-f0-9]+$", legal)?;
    // What does not parse has broken a constraint: nobody gets to see what stands in for it.
    Ok(text.map(|text| KeyMaterialId::parse(&text).unwrap_or(KeyMaterialId([0; 32]))))
}

/// A description.
pub(crate) const DESCRIPTION: Bounds = Bounds(0, 8192);

/// `Tags`
pub(crate) fn tags(members: &mut Members<'_>) -> Result<Option<Vec<(String, String)>>, Error> {
    members.structures("Tags", Bounds(0, i64::MAX), |tag| {
        let key = tag.required_text("TagKey", Bounds(1, 128))?;
        Ok((key, tag.required_text("TagValue", Bounds(0, 256))?))
    })
}

/// A tag of a KMS key.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    tag_key: String,
    tag_value: String,
}

impl From<(String, String)> for Tag {
    fn from((tag_key, tag_value): (String, String)) -> Self {
        Self { tag_key, tag_value }
    }
}

/// The rules of tags that the model does not have.
pub(crate) fn check_tags(tags: &[(String, String)], most: usize) -> Result<(), Error> {
    check_tag_keys(tags.iter().map(|(key, _)| key.as_str()))?;
    let mut keys: Vec<&str> = tags.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Error::Tag(TagProblem::Duplicate));
    }
    if tags.len() > most {
        return Err(Error::Tag(TagProblem::TooMany));
    }
    Ok(())
}

/// Tag keys that start with `aws:` in any letter case belong to the service.
pub(crate) fn check_tag_keys<'k>(mut keys: impl Iterator<Item = &'k str>) -> Result<(), Error> {
    let reserved = |key: &str| key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if keys.any(reserved) { Err(Error::Tag(TagProblem::Reserved)) } else { Ok(()) }
}

/// A key policy document.
pub(crate) fn policy(members: &mut Members<'_>) -> Result<Option<String>, Error> {
    const PATTERN: &str = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
    members.patterned_text("Policy", Bounds(1, 131_072), PATTERN, |text| text.chars().all(legal))
}

/// A policy name.
pub(crate) fn policy_name(members: &mut Members<'_>) -> Result<Option<String>, Error> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    members.patterned_text("PolicyName", Bounds(1, 128), r"[\w]+", |text| text.bytes().all(word))
}

/// The name of the one key policy there is.
pub(crate) const DEFAULT_POLICY: &str = "default";

/// A request that only names a key.
pub(crate) struct KeyIdRequest {
    pub(crate) key_id: String,
}

impl Request for KeyIdRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self { key_id: key_id(members, "KeyId")? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
    }
}
