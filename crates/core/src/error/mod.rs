//! The one error of the service: what went wrong, as data.
//!
//! The edge maps each variant to its name on the wire; `message` gives AWS's words for it. Texts name what the
//! caller sent, never a plaintext, ciphertext, grant token or encryption-context value. Causes of internal
//! errors go to the log only.

mod cause;
mod denied;
mod fault;
mod key_store;
mod kinds;

use std::borrow::Cow;

pub use cause::Cause;
pub use denied::{AccessDenied, DeniedResource};
pub use fault::Fault;
pub use key_store::KeyStoreRefusal;
pub use kinds::{AlreadyExists, InvalidKeyUsage, InvalidState, Limit, NotFound, TagProblem, Unsupported};
use reseal_types::key_ref::KeyRefError;

/// Why a call failed.
#[derive(Debug)]
pub enum Error {
    /// A key, alias or policy is not there.
    NotFound(NotFound),
    /// Starts like an ARN and is not one: the text as sent.
    InvalidArn(String),
    /// The KMS key with this ARN is disabled.
    Disabled(String),
    /// The state of a KMS key does not allow the call.
    InvalidState(InvalidState),
    /// The usage of a KMS key does not allow the call.
    InvalidKeyUsage(InvalidKeyUsage),
    /// The key named did not make the ciphertext, or cannot decrypt at all.
    IncorrectKey,
    /// One answer for every way in which a ciphertext can fail to open.
    InvalidCiphertext,
    /// The MAC is not that of the message.
    InvalidMac,
    /// The signature is not one of the message by this key.
    InvalidSignature,
    /// Key material to be imported is malformed, of another kind than the key's, or not what the key had before.
    IncorrectKeyMaterial,
    /// An import token that this service did not give, or gave for another key.
    InvalidImportToken,
    /// An import token of more than a day ago.
    ExpiredImportToken,
    /// The name, or the place of a replica, is taken.
    AlreadyExists(AlreadyExists),
    /// An alias name with characters that are not allowed.
    InvalidAliasName(String),
    /// The alias name is reserved.
    ReservedAlias,
    /// A quota is used up.
    LimitExceeded(Limit),
    /// An automatic rotation is about to happen.
    RotationConflict,
    /// A key policy is refused, in the words given.
    MalformedPolicy(String),
    /// A tag is refused.
    Tag(TagProblem),
    /// The call does not fit this kind of key.
    Unsupported(Unsupported),
    /// Arguments break a rule of the service model or of the operation, in the words given.
    Validation(String),
    /// The body is not what the service model says it is, in the words given.
    Serialization(String),
    /// Authorization refused.
    AccessDenied(Box<AccessDenied>),
    /// The call would have succeeded; it was a dry run.
    DryRun,
    /// Not the id of a grant: the text as sent.
    InvalidGrantId(String),
    /// A grant token that no grant has.
    InvalidGrantToken,
    /// A custom key store, or what it stands on, does not allow the call: which exception, in the words given.
    KeyStore(KeyStoreRefusal, Cow<'static, str>),
    /// Something that the service depends on took too long.
    DependencyTimeout,
    /// A pagination marker this service did not give, or gave for another call.
    InvalidMarker,
    /// The worker pool is full.
    Throttled,
    /// The service failed.
    Internal(Cause),
}

impl Error {
    /// What the caller is told; `None` where AWS sends no message at all.
    pub fn message(&self) -> Option<String> {
        Some(match self {
            Self::NotFound(what) => what.to_string(),
            Self::InvalidArn(text) => format!("Invalid arn {text}"),
            Self::Disabled(key) => format!("{key} is disabled."),
            Self::InvalidState(state) => state.to_string(),
            Self::InvalidKeyUsage(usage) => usage.to_string(),
            Self::IncorrectKey => {
                "The key ID in the request does not identify a CMK that can perform this operation."
                    .to_owned()
            }
            Self::InvalidCiphertext | Self::InvalidMac | Self::InvalidSignature => return None,
            Self::IncorrectKeyMaterial => "The key material in the request is expired, invalid, or is not the \
                same key material that was previously imported into this KMS key."
                .to_owned(),
            Self::InvalidImportToken => {
                "The provided import token is invalid or is associated with a different KMS key.".to_owned()
            }
            Self::ExpiredImportToken => "The specified import token is expired. Use GetParametersForImport to \
                get a new import token and public key, use the new public key to encrypt the key material, and \
                then try the request again."
                .to_owned(),
            Self::AlreadyExists(what) => what.to_string(),
            Self::InvalidAliasName(name) => format!("{name} contains invalid characters for an alias"),
            Self::ReservedAlias => String::new(),
            Self::LimitExceeded(limit) => limit.to_string(),
            Self::RotationConflict => {
                "The request was rejected because an automatic rotation of this key is \
                currently in progress or scheduled to begin within the next 20 minutes."
                    .to_owned()
            }
            Self::Tag(problem) => problem.to_string(),
            Self::Unsupported(why) => return why.message(),
            Self::MalformedPolicy(text) | Self::Validation(text) | Self::Serialization(text) => text.clone(),
            Self::AccessDenied(denied) => denied.to_string(),
            Self::DryRun => "The request would have succeeded, but the DryRun option is set.".to_owned(),
            Self::InvalidGrantId(id) => format!("Grant ID {id} is not valid."),
            Self::InvalidGrantToken => "The grant token is not valid.".to_owned(),
            Self::KeyStore(_, words) => words.clone().into_owned(),
            Self::DependencyTimeout => {
                "The system timed out while trying to fulfill the request. You can retry the request."
                    .to_owned()
            }
            Self::InvalidMarker => "The marker is not valid for this request.".to_owned(),
            Self::Throttled => "You have exceeded the rate at which you may call KMS. \
                Reduce the frequency of your calls."
                .to_owned(),
            Self::Internal(_) => "The request was rejected because an internal error occurred.".to_owned(),
        })
    }
}

impl Error {
    /// The name of the exception, as SDKs know it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "NotFoundException",
            Self::InvalidArn(_) => "InvalidArnException",
            Self::Disabled(_) => "DisabledException",
            Self::InvalidState(_) => "KMSInvalidStateException",
            Self::InvalidKeyUsage(_) => "InvalidKeyUsageException",
            Self::IncorrectKey => "IncorrectKeyException",
            Self::InvalidCiphertext => "InvalidCiphertextException",
            Self::IncorrectKeyMaterial => "IncorrectKeyMaterialException",
            Self::InvalidImportToken => "InvalidImportTokenException",
            Self::ExpiredImportToken => "ExpiredImportTokenException",
            Self::InvalidMac => "KMSInvalidMacException",
            Self::InvalidSignature => "KMSInvalidSignatureException",
            Self::AlreadyExists(_) => "AlreadyExistsException",
            Self::InvalidAliasName(_) => "InvalidAliasNameException",
            Self::ReservedAlias => "NotAuthorizedException",
            Self::LimitExceeded(_) => "LimitExceededException",
            Self::RotationConflict => "ConflictException",
            Self::MalformedPolicy(_) => "MalformedPolicyDocumentException",
            Self::Tag(_) => "TagException",
            Self::Unsupported(_) => "UnsupportedOperationException",
            Self::Validation(_) => "ValidationException",
            Self::Serialization(_) => "SerializationException",
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::DryRun => "DryRunOperationException",
            Self::InvalidGrantId(_) => "InvalidGrantIdException",
            Self::InvalidGrantToken => "InvalidGrantTokenException",
            Self::KeyStore(refusal, _) => refusal.code(),
            Self::DependencyTimeout => "DependencyTimeoutException",
            Self::InvalidMarker => "InvalidMarkerException",
            Self::Throttled => "ThrottlingException",
            Self::Internal(_) => "KMSInternalException",
        }
    }
}

impl From<KeyRefError> for Error {
    fn from(error: KeyRefError) -> Self {
        match error {
            KeyRefError::InvalidKeyId(text) => Self::NotFound(NotFound::InvalidKeyId(text)),
            KeyRefError::InvalidArn(text) => Self::InvalidArn(text),
        }
    }
}

impl From<crate::vault::VaultError> for Error {
    fn from(error: crate::vault::VaultError) -> Self {
        Self::Internal(Cause::Vault(error))
    }
}

impl From<crate::env::NoEntropy> for Error {
    fn from(error: crate::env::NoEntropy) -> Self {
        Self::Internal(Cause::Entropy(error))
    }
}

impl From<crate::audit::AuditUnavailable> for Error {
    fn from(error: crate::audit::AuditUnavailable) -> Self {
        Self::Internal(Cause::Audit(error))
    }
}
