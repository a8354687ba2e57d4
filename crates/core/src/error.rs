//! The one error of the service: what went wrong, as data.
//!
//! The edge maps each variant to its name on the wire; `message` gives AWS's words for it. Texts name what the
//! caller sent, never a plaintext, ciphertext, grant token or encryption-context value. Causes of internal
//! errors go to the log only.

use std::fmt;

use reseal_policy::DenialReason;
use reseal_types::{EncryptionAlgorithm, KeySpec, KeyState, KeyUsage, Origin, Region, key_ref::KeyRefError};

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
    /// The alias with this ARN exists.
    AlreadyExists(String),
    /// An alias name with characters that are not allowed.
    InvalidAliasName(String),
    /// The alias name is reserved.
    ReservedAlias,
    /// A quota is used up.
    LimitExceeded(Limit),
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
    /// A grant token that no grant has.
    InvalidGrantToken,
    /// No custom key store with that id.
    NoCustomKeyStore(String),
    /// A pagination marker this service did not give, or gave for another call.
    InvalidMarker,
    /// The worker pool is full.
    Throttled,
    /// The service failed.
    Internal(Cause),
}

/// What is not there.
#[derive(Debug)]
pub enum NotFound {
    /// No KMS key with this ARN.
    Key(String),
    /// Not a key id at all.
    InvalidKeyId(String),
    /// The ARN names another Region or partition than the endpoint's.
    OtherRegion(Region),
    /// No alias with this ARN.
    Alias(String),
    /// A key policy of another name than `default`.
    Policy,
}

/// Which state stands in the way.
#[derive(Debug)]
pub enum InvalidState {
    /// The key with this ARN is in this state.
    Is(String, KeyState),
    /// The key with this ARN is not pending deletion.
    NotPendingDeletion(String),
}

/// How usage or algorithm do not fit.
#[derive(Debug)]
pub enum InvalidKeyUsage {
    /// The key's usage is not what the operation needs.
    Usage {
        /// ARN of the key.
        key: String,
        /// Its usage.
        usage: KeyUsage,
        /// Name of the operation.
        operation: &'static str,
    },
    /// The algorithm is not one of the key spec.
    Algorithm(EncryptionAlgorithm, KeySpec),
}

/// Which quota is used up.
#[derive(Debug)]
pub enum Limit {
    /// Aliases on the KMS key.
    Aliases(usize),
    /// On-demand rotations in the life of the KMS key with this ARN.
    OnDemandRotations(String),
    /// Length of a key policy in bytes.
    KeyPolicyBytes(usize),
}

/// What is wrong with a tag.
#[derive(Debug)]
pub enum TagProblem {
    /// The same key twice in one request.
    Duplicate,
    /// More than a KMS key may have.
    TooMany,
    /// The key starts with `aws:`.
    Reserved,
}

/// Why the call does not fit this kind of key.
#[derive(Debug)]
pub enum Unsupported {
    /// AWS gives no text here.
    NoText,
    /// A symmetric or HMAC key has no public key: the key's ARN.
    NoPublicKey(String),
    /// KMS keys of this spec cannot be created.
    KeySpec(KeySpec),
    /// KMS keys of this origin cannot be created.
    Origin(Origin),
    /// A parameter is not supported.
    Parameter(&'static str),
}

/// A refusal by the policies.
#[derive(Debug)]
pub struct AccessDenied {
    /// ARN of the caller.
    pub principal: String,
    /// The action refused, such as `kms:ReEncryptTo`.
    pub action: &'static str,
    /// What it was refused on.
    pub resource: DeniedResource,
}

/// What access was refused on, and the reason in AWS's wording classes.
#[derive(Debug)]
pub enum DeniedResource {
    /// A named resource, with the end of the sentence.
    Named {
        /// ARN of the resource, or `*`.
        arn: String,
        /// Why.
        reason: DenialReason,
    },
    /// The key that a ciphertext names. Absence and refusal must look the same here.
    OfCiphertext,
}

/// Why the service failed. For the log, never for the caller.
#[derive(Debug)]
pub enum Cause {
    /// The store failed or gave back what was not stored.
    Vault(crate::vault::VaultError),
    /// Audit records cannot be kept.
    Audit(crate::audit::AuditUnavailable),
    /// No random bytes.
    Entropy(crate::env::NoEntropy),
    /// A cryptographic operation that cannot fail did.
    Crypto(&'static str),
    /// A worker went away with its job.
    WorkerLost,
    /// A stored key policy no longer compiles: its key's ARN.
    StoredPolicy(String),
    /// The same records kept changing while the call tried to change them.
    Contended,
    /// A response could not be written as JSON.
    Response(serde_json::Error),
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
            Self::InvalidCiphertext => return None,
            Self::AlreadyExists(alias) => format!("An alias with the name {alias} already exists"),
            Self::InvalidAliasName(name) => format!("{name} contains invalid characters for an alias"),
            Self::ReservedAlias => String::new(),
            Self::LimitExceeded(limit) => limit.to_string(),
            Self::Tag(problem) => problem.to_string(),
            Self::Unsupported(why) => return why.message(),
            Self::MalformedPolicy(text) | Self::Validation(text) | Self::Serialization(text) => text.clone(),
            Self::AccessDenied(denied) => denied.to_string(),
            Self::DryRun => "The request would have succeeded, but the DryRun option is set.".to_owned(),
            Self::InvalidGrantToken => "The grant token is not valid.".to_owned(),
            Self::NoCustomKeyStore(id) => format!("Custom key store {id} is not found."),
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
            Self::AlreadyExists(_) => "AlreadyExistsException",
            Self::InvalidAliasName(_) => "InvalidAliasNameException",
            Self::ReservedAlias => "NotAuthorizedException",
            Self::LimitExceeded(_) => "LimitExceededException",
            Self::MalformedPolicy(_) => "MalformedPolicyDocumentException",
            Self::Tag(_) => "TagException",
            Self::Unsupported(_) => "UnsupportedOperationException",
            Self::Validation(_) => "ValidationException",
            Self::Serialization(_) => "SerializationException",
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::DryRun => "DryRunOperationException",
            Self::InvalidGrantToken => "InvalidGrantTokenException",
            Self::NoCustomKeyStore(_) => "CustomKeyStoreNotFoundException",
            Self::InvalidMarker => "InvalidMarkerException",
            Self::Throttled => "ThrottlingException",
            Self::Internal(_) => "KMSInternalException",
        }
    }

    /// What audit records call it: CloudTrail writes a refusal as `AccessDenied`.
    pub(crate) fn audit_code(&self) -> &'static str {
        match self {
            Self::AccessDenied(_) => "AccessDenied",
            other => other.code(),
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

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(arn) => write!(f, "Key '{arn}' does not exist"),
            Self::InvalidKeyId(text) => write!(f, "Invalid keyId '{text}'"),
            Self::OtherRegion(region) => write!(f, "Invalid arn {region}"),
            Self::Alias(arn) => write!(f, "Alias {arn} is not found."),
            Self::Policy => f.write_str("No such policy exists"),
        }
    }
}

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, state) = match self {
            Self::NotPendingDeletion(key) => return write!(f, "{key} is not pending deletion."),
            Self::Is(key, state) => (key, state),
        };
        let words = match state {
            KeyState::Creating => "creating",
            KeyState::Enabled => "enabled",
            KeyState::Disabled => "disabled",
            KeyState::PendingDeletion => "pending deletion",
            KeyState::PendingImport => "pending import",
            KeyState::PendingReplicaDeletion => "pending replica deletion",
            KeyState::Unavailable => "unavailable",
            KeyState::Updating => "updating",
        };
        write!(f, "{key} is {words}.")
    }
}

impl fmt::Display for InvalidKeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { key, usage, operation } => {
                write!(f, "{key} key usage is {usage} which is not valid for {operation}.")
            }
            Self::Algorithm(algorithm, spec) => {
                write!(f, "Algorithm {algorithm} is incompatible with key spec {spec}.")
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aliases(limit) => write!(f, "A KMS key can have at most {limit} aliases."),
            Self::OnDemandRotations(key) => write!(
                f,
                "The on-demand rotations limit has been reached for the given keyId. \
                 No more on-demand rotations can be performed for this key: {key}"
            ),
            Self::KeyPolicyBytes(limit) => write!(f, "A key policy can have at most {limit} bytes."),
        }
    }
}

impl fmt::Display for TagProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "Duplicate tag keys",
            Self::TooMany => "Too many tags",
            Self::Reserved => "Tags beginning with aws: are reserved",
        })
    }
}

impl Unsupported {
    fn message(&self) -> Option<String> {
        match self {
            Self::NoText => None,
            Self::NoPublicKey(key) => Some(format!("{key} is not an asymmetric key and has no public key.")),
            Self::KeySpec(spec) => Some(format!("KeySpec {spec} is not supported in this Region.")),
            Self::Origin(origin) => Some(format!("Origin {origin} is not supported in this Region.")),
            Self::Parameter(name) => Some(format!("{name} is not supported in this Region.")),
        }
    }
}

impl fmt::Display for AccessDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, action, resource } = self;
        write!(f, "User: {principal} is not authorized to perform: {action} on ")?;
        match resource {
            DeniedResource::OfCiphertext => f.write_str(
                "the resource associated with this ciphertext because the resource does not exist in this \
                 Region, no resource-based policies allow access, or a resource-based policy explicitly \
                 denies access",
            ),
            DeniedResource::Named { arn, reason } => {
                write!(f, "resource: {arn} {}", reason.phrase(action))
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault(error) => error.fmt(f),
            Self::Audit(error) => error.fmt(f),
            Self::Entropy(error) => error.fmt(f),
            Self::Crypto(what) => write!(f, "{what} failed"),
            Self::WorkerLost => f.write_str("a worker went away with its job"),
            Self::StoredPolicy(key) => write!(f, "the stored policy of {key} does not compile"),
            Self::Contended => f.write_str("the same records kept changing"),
            Self::Response(error) => write!(f, "a response could not be written: {error}"),
        }
    }
}
