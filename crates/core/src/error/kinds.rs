//! The kinds within an error: which thing, which rule, and the words for it.

use std::fmt;

use reseal_types::{
    GrantId, KeyMaterialId, KeySpec, KeyState, KeyUsage, Origin, WrappingAlgorithm, WrappingKeySpec,
};

/// What is not there.
#[derive(Debug)]
pub enum NotFound {
    /// No KMS key with this ARN.
    Key(String),
    /// Not a key id at all.
    InvalidKeyId(String),
    /// The ARN names another Region or partition than the endpoint's.
    OtherRegion(String),
    /// No alias with this ARN.
    Alias(String),
    /// The key with this ARN has no such key material.
    KeyMaterial(String, KeyMaterialId),
    /// A key policy of another name than `default`.
    Policy,
    /// No grant with that id on the key.
    Grant(GrantId),
    /// No principal with this ARN.
    Principal(String),
}

/// What is there already: its ARN.
#[derive(Debug)]
pub enum AlreadyExists {
    /// An alias.
    Alias(String),
    /// A key of the same multi-Region key in that Region.
    Key(String),
}

/// Which state stands in the way.
#[derive(Debug)]
pub enum InvalidState {
    /// The key with this ARN is in this state.
    Is(String, KeyState),
    /// The key with this ARN is not pending deletion.
    NotPendingDeletion(String),
    /// The custom key store of the key, in these words.
    KeyStore(&'static str),
    /// The key with this ARN has no imported key material that waits for a rotation everywhere.
    NothingPendingRotation(String),
    /// Other imported key material waits for a rotation already.
    PendingRotation {
        /// The key's ARN.
        key: String,
        /// What was to be imported.
        new: KeyMaterialId,
        /// What waits.
        pending: KeyMaterialId,
    },
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
    Algorithm(&'static str, KeySpec),
}

/// Which quota is used up.
#[derive(Debug)]
pub enum Limit {
    /// Aliases on the KMS key.
    Aliases(usize),
    /// KMS keys of an account in a Region.
    Keys(usize),
    /// Custom key stores of the account in the Region.
    CustomKeyStores(usize),
    /// On-demand rotations in the life of the KMS key with this ARN.
    OnDemandRotations(String),
    /// Grants on the KMS key.
    Grants(usize),
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
    /// Only a multi-Region primary will do: the key's ARN.
    NotPrimary(String),
    /// The service does not serve this Region.
    Region(String),
    /// The operation is not for keys of this origin: the key's ARN.
    OriginOf(String, Origin),
    /// A symmetric or HMAC key has no public key: the key's ARN.
    NoPublicKey(String),
    /// KMS keys of this origin cannot be created.
    Origin(Origin),
    /// No key of a custom key store can be a multi-Region key.
    MultiRegionInKeyStore,
    /// An external key store has no generator of random bytes.
    RandomOfExternalKeyStore,
    /// A parameter is not for KMS keys of this spec.
    ParameterOf(&'static str, KeySpec),
    /// Key material of this spec cannot be wrapped so.
    Wrapping(KeySpec, WrappingAlgorithm, WrappingKeySpec),
    /// A parameter is not supported.
    Parameter(&'static str),
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(arn) => write!(f, "Key '{arn}' does not exist"),
            Self::InvalidKeyId(text) => write!(f, "Invalid keyId '{text}'"),
            Self::OtherRegion(region) => write!(f, "Invalid arn {region}"),
            Self::Alias(arn) => write!(f, "Alias {arn} is not found."),
            Self::KeyMaterial(key, id) => {
                write!(f, "Key material '{id}' is not associated with key '{key}'")
            }
            Self::Policy => f.write_str("No such policy exists"),
            Self::Grant(id) => write!(f, "Grant {id} is not found."),
            Self::Principal(arn) => write!(f, "Principal {arn} is not found."),
        }
    }
}

impl fmt::Display for AlreadyExists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(arn) => write!(f, "An alias with the name {arn} already exists"),
            Self::Key(arn) => write!(f, "Key '{arn}' already exists"),
        }
    }
}

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, state) = match self {
            Self::NotPendingDeletion(key) => return write!(f, "{key} is not pending deletion."),
            Self::KeyStore(words) => return f.write_str(words),
            Self::NothingPendingRotation(key) => {
                return write!(f, "No available key material pending rotation for the key: {key}.");
            }
            Self::PendingRotation { key, new, pending } => {
                return write!(
                    f,
                    "New key material (id: {new}) cannot be imported into KMS key {key}, because another \
                     key material (id: {pending}) is pending rotation."
                );
            }
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
            Self::Keys(limit) => write!(f, "An account can have at most {limit} KMS keys in a Region."),
            Self::CustomKeyStores(limit) => {
                write!(
                    f,
                    "You have reached the limit of {limit} custom key stores for this account and Region."
                )
            }
            Self::OnDemandRotations(key) => write!(
                f,
                "The on-demand rotations limit has been reached for the given keyId. \
                 No more on-demand rotations can be performed for this key: {key}"
            ),
            Self::Grants(limit) => write!(f, "A KMS key can have at most {limit} grants."),
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
    pub(super) fn message(&self) -> Option<String> {
        match self {
            Self::NoText => None,
            Self::NotPrimary(key) => Some(format!("{key} is not a multi-region primary key.")),
            Self::Region(region) => Some(format!("Region {region} is not supported.")),
            Self::OriginOf(key, origin) => {
                Some(format!("{key} origin is {origin} which is not valid for this operation."))
            }
            Self::NoPublicKey(key) => Some(format!("{key} is not an asymmetric key and has no public key.")),
            Self::Origin(origin) => Some(format!("Origin {origin} is not supported in this Region.")),
            Self::MultiRegionInKeyStore => {
                Some("You cannot create a multi-Region key in a custom key store.".to_owned())
            }
            Self::RandomOfExternalKeyStore => {
                Some("GenerateRandom is not supported for external key stores.".to_owned())
            }
            Self::ParameterOf(name, spec) => {
                Some(format!("{name} is not supported for KMS keys with key spec {spec}."))
            }
            Self::Wrapping(spec, algorithm, wrapping) => Some(format!(
                "Wrapping algorithm {algorithm} with wrapping key spec {wrapping} is not supported for key \
                 material of key spec {spec}."
            )),
            Self::Parameter(name) => Some(format!("{name} is not supported in this Region.")),
        }
    }
}
