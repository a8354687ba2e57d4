//! Condition keys as a type, and the trait through which a request answers for them.
//!
//! Key names become [`ConditionKey`] values when a policy is compiled; an evaluation asks only for the keys that the
//! statements in question name, so a request computes nothing that no policy looks at.

use crate::lint::{Carriers, carriers};
use crate::nearest::nearest;

/// What a request says about itself. Implemented by whoever knows the request; must not block and must give the same
/// answer every time within one decision.
pub trait RequestContext {
    /// Calls `visit` once for each value that the request has for `key`. A key with no value is an absent key.
    ///
    /// Single-valued keys give at most one value, except [`ConditionKey::EncryptionContext`]: its name is matched
    /// without regard to case (see [`ConditionKey::qualifier_is`]), so `Dept` and `dept` in one encryption context both
    /// answer to it and both values must be visited.
    fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> Availability;

    /// Calls `visit` with each pair of the request's encryption context (the side under decision for ReEncrypt).
    /// Used for grant constraints, which compare names and values case-sensitively.
    fn encryption_context(&self, visit: &mut dyn FnMut(&str, &str)) {
        let _ = visit;
    }
}

/// Whether the values of a key could be told at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// The visited values are all there are.
    Known,
    /// The values cannot be told, such as `kms:ResourceAliases` on a key with more than 50 aliases. An Allow that
    /// depends on the key does not match, a Deny does.
    Unknown,
}

/// A context without any key.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptyContext;

impl RequestContext for EmptyContext {
    fn values(&self, _key: &ConditionKey, _visit: &mut dyn FnMut(&str)) -> Availability {
        Availability::Known
    }
}

macro_rules! condition_keys {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A condition key, typed once when the policy is compiled. Names are case-insensitive in policies; the texts
        /// here are those of the AWS documentation.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum ConditionKey {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
            /// `kms:EncryptionContext:<context-key>`
            EncryptionContext(Box<str>),
            /// `kms:RecipientAttestation:<measurement>`, such as `ImageSha384`, `PCR0` or `NitroTPMPCR4`
            RecipientAttestation(Box<str>),
            /// `aws:PrincipalTag/<tag-key>`
            PrincipalTag(Box<str>),
            /// `aws:RequestTag/<tag-key>`
            RequestTag(Box<str>),
            /// `aws:ResourceTag/<tag-key>`
            ResourceTag(Box<str>),
            /// A key that this service does not know; accepted in policies and never present.
            Other(Box<str>),
        }

        /// The names of all keys without a part of their own.
        const NAMES: &[&str] = &[$($name,)*];

        impl ConditionKey {
            fn plain(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($name) { return Some(Self::$variant); })*
                None
            }

            /// The key as the AWS documentation writes it.
            pub fn name(&self) -> String {
                match self {
                    $(Self::$variant => $name.to_owned(),)*
                    Self::EncryptionContext(key) => format!("kms:EncryptionContext:{key}"),
                    Self::RecipientAttestation(key) => format!("kms:RecipientAttestation:{key}"),
                    Self::PrincipalTag(key) => format!("aws:PrincipalTag/{key}"),
                    Self::RequestTag(key) => format!("aws:RequestTag/{key}"),
                    Self::ResourceTag(key) => format!("aws:ResourceTag/{key}"),
                    Self::Other(name) => name.clone().into_string(),
                }
            }
        }
    };
}

condition_keys! {
    BypassPolicyLockoutSafetyCheck = "kms:BypassPolicyLockoutSafetyCheck";
    CallerAccount = "kms:CallerAccount";
    CustomerMasterKeySpec = "kms:CustomerMasterKeySpec";
    CustomerMasterKeyUsage = "kms:CustomerMasterKeyUsage";
    DataKeyPairSpec = "kms:DataKeyPairSpec";
    EncryptionAlgorithm = "kms:EncryptionAlgorithm";
    EncryptionContextKeys = "kms:EncryptionContextKeys";
    ExpirationModel = "kms:ExpirationModel";
    GrantConstraintSourceArn = "kms:GrantConstraintSourceArn";
    GrantConstraintType = "kms:GrantConstraintType";
    GrantIsForAwsResource = "kms:GrantIsForAWSResource";
    GrantOperations = "kms:GrantOperations";
    GranteePrincipal = "kms:GranteePrincipal";
    GranteeServicePrincipal = "kms:GranteeServicePrincipal";
    KeyAgreementAlgorithm = "kms:KeyAgreementAlgorithm";
    KeyOrigin = "kms:KeyOrigin";
    KeySpec = "kms:KeySpec";
    KeyUsage = "kms:KeyUsage";
    MacAlgorithm = "kms:MacAlgorithm";
    MessageType = "kms:MessageType";
    MultiRegion = "kms:MultiRegion";
    MultiRegionKeyType = "kms:MultiRegionKeyType";
    PolicyName = "kms:PolicyName";
    PrimaryRegion = "kms:PrimaryRegion";
    ReEncryptOnSameKey = "kms:ReEncryptOnSameKey";
    ReplicaRegion = "kms:ReplicaRegion";
    RequestAlias = "kms:RequestAlias";
    ResourceAliases = "kms:ResourceAliases";
    RetiringPrincipal = "kms:RetiringPrincipal";
    RetiringServicePrincipal = "kms:RetiringServicePrincipal";
    RotationPeriodInDays = "kms:RotationPeriodInDays";
    ScheduleKeyDeletionPendingWindowInDays = "kms:ScheduleKeyDeletionPendingWindowInDays";
    SigningAlgorithm = "kms:SigningAlgorithm";
    TrailingDaysWithoutKeyUsage = "kms:TrailingDaysWithoutKeyUsage";
    ValidTo = "kms:ValidTo";
    ViaService = "kms:ViaService";
    WrappingAlgorithm = "kms:WrappingAlgorithm";
    WrappingKeySpec = "kms:WrappingKeySpec";
    PrincipalArn = "aws:PrincipalArn";
    PrincipalAccount = "aws:PrincipalAccount";
    PrincipalType = "aws:PrincipalType";
    PrincipalOrgId = "aws:PrincipalOrgID";
    PrincipalIsAwsService = "aws:PrincipalIsAWSService";
    PrincipalServiceName = "aws:PrincipalServiceName";
    UserId = "aws:userid";
    Username = "aws:username";
    FederatedProvider = "aws:FederatedProvider";
    TokenIssueTime = "aws:TokenIssueTime";
    MultiFactorAuthPresent = "aws:MultiFactorAuthPresent";
    MultiFactorAuthAge = "aws:MultiFactorAuthAge";
    SourceIp = "aws:SourceIp";
    VpcSourceIp = "aws:VpcSourceIp";
    SourceVpc = "aws:SourceVpc";
    SourceVpce = "aws:SourceVpce";
    SecureTransport = "aws:SecureTransport";
    CurrentTime = "aws:CurrentTime";
    EpochTime = "aws:EpochTime";
    UserAgent = "aws:UserAgent";
    Referer = "aws:Referer";
    RequestedRegion = "aws:RequestedRegion";
    TagKeys = "aws:TagKeys";
    ResourceAccount = "aws:ResourceAccount";
    ResourceOrgId = "aws:ResourceOrgID";
    SourceArn = "aws:SourceArn";
    SourceAccount = "aws:SourceAccount";
    SourceIdentity = "aws:SourceIdentity";
    CalledVia = "aws:CalledVia";
    ViaAwsService = "aws:ViaAWSService";
}

impl ConditionKey {
    /// The names of all known keys without a part of their own, as the AWS documentation writes them.
    pub fn known_names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().copied()
    }

    /// The known key whose name is nearest to `name`, if one is near enough to be what was meant.
    pub(crate) fn nearest(name: &str) -> Option<String> {
        let lower = name.to_lowercase();
        let names: Vec<String> = NAMES.iter().map(|known| known.to_lowercase()).collect();
        let found = nearest(&lower, names.iter().map(String::as_str))?;
        let index = names.iter().position(|known| known == found)?;
        NAMES.get(index).map(|known| (*known).to_owned())
    }

    /// Reads a key name in any letter case.
    pub fn parse(name: &str) -> Self {
        type Make = fn(Box<str>) -> ConditionKey;
        const FAMILIES: [(&str, Make); 5] = [
            ("kms:EncryptionContext:", ConditionKey::EncryptionContext),
            ("kms:RecipientAttestation:", ConditionKey::RecipientAttestation),
            ("aws:PrincipalTag/", ConditionKey::PrincipalTag),
            ("aws:RequestTag/", ConditionKey::RequestTag),
            ("aws:ResourceTag/", ConditionKey::ResourceTag),
        ];
        for (prefix, make) in FAMILIES {
            if let Some((start, rest)) = name.split_at_checked(prefix.len())
                && start.eq_ignore_ascii_case(prefix)
            {
                return make(rest.into());
            }
        }
        Self::plain(name).unwrap_or_else(|| Self::Other(name.into()))
    }

    /// Whether the part after the family name (context key, tag key, measurement) is `name` in any letter case.
    /// False for keys without such a part.
    pub fn qualifier_is(&self, name: &str) -> bool {
        match self {
            Self::EncryptionContext(own)
            | Self::RecipientAttestation(own)
            | Self::PrincipalTag(own)
            | Self::RequestTag(own)
            | Self::ResourceTag(own) => equal_ignoring_case(own, name),
            _ => false,
        }
    }

    /// Whether a request for `action`, such as `kms:Decrypt`, may have the key here at all.
    pub fn may_come_with(&self, action: &str) -> bool {
        let name = action.strip_prefix("kms:").unwrap_or(action);
        match carriers(self) {
            Carriers::All => true,
            Carriers::These(these) => these.contains(&name),
            Carriers::None | Carriers::Unknown => false,
        }
    }

    /// Whether requests may carry several values for the key. Unknown keys are taken as multi-valued.
    pub fn is_multi_valued(&self) -> bool {
        matches!(
            self,
            Self::EncryptionContextKeys
                | Self::TagKeys
                | Self::ResourceAliases
                | Self::GrantOperations
                | Self::CalledVia
                | Self::Other(_)
        )
    }

    /// Whether AWS documents the key for IAM policies only: what others may tag or alias must not open a key through
    /// its own policy.
    pub(crate) fn is_for_identity_policies_only(&self) -> bool {
        matches!(self, Self::ResourceAliases | Self::ResourceTag(_))
    }
}

/// Equality without regard to letter case, also outside ASCII.
pub(crate) fn equal_ignoring_case(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(ConditionKey::parse("KMS:viaservice"), ConditionKey::ViaService);
        assert_eq!(ConditionKey::parse("AWS:SourceIP"), ConditionKey::SourceIp);
        assert_eq!(ConditionKey::parse("kms:EncryptionContextKeys"), ConditionKey::EncryptionContextKeys);
        assert_eq!(
            ConditionKey::parse("kms:encryptioncontext:Dept:Team"),
            ConditionKey::EncryptionContext("Dept:Team".into())
        );
        assert_eq!(ConditionKey::parse("AWS:resourcetag/a/b"), ConditionKey::ResourceTag("a/b".into()));
        assert_eq!(ConditionKey::parse("s3:prefix"), ConditionKey::Other("s3:prefix".into()));
    }

    #[test]
    fn qualifiers_ignore_case_also_outside_ascii() {
        assert!(ConditionKey::parse("kms:EncryptionContext:Dépt").qualifier_is("dÉPT"));
        assert!(!ConditionKey::parse("kms:EncryptionContext:Dept").qualifier_is("Depth"));
        assert!(!ConditionKey::ViaService.qualifier_is("ViaService"));
    }

    #[test]
    fn every_name_reads_back_as_itself() {
        for name in
            ["kms:CallerAccount", "aws:CalledVia", "kms:RecipientAttestation:PCR0", "aws:RequestTag/x"]
        {
            assert_eq!(ConditionKey::parse(name).name(), name);
        }
    }
}
