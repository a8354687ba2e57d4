//! Grants as a source of permission: who, which operations, under which constraints. A grant only allows.
//!
//! Retiring has rules of its own (`retire`).

use crate::context::{Availability, ConditionKey, RequestContext};
use crate::principal::{Caller, Coverage, Principal};

/// A grant on the key under decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What records and explanations call it; empty for a grant that is yet to be made. Decides nothing.
    pub id: Box<str>,
    /// Whom the grant serves.
    pub grantee: Principal,
    /// What the grantee may do.
    pub operations: GrantOperations,
    /// When.
    pub constraints: GrantConstraints,
}

/// Constraints of a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantConstraints {
    /// On the encryption context.
    pub context: ContextConstraint,
    /// The call must be made on behalf of this resource (`aws:SourceArn`).
    pub source_arn: Option<Box<str>>,
}

/// Names and values of an encryption context.
pub type ContextPairs = Box<[(Box<str>, Box<str>)]>;

/// A constraint on the encryption context; names and values are compared case-sensitively, in any order. Names are
/// unique within one constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextConstraint {
    /// Any context.
    #[default]
    None,
    /// These pairs and no others.
    Equals(ContextPairs),
    /// At least these pairs.
    Subset(ContextPairs),
}

macro_rules! grant_operations {
    ($($variant:ident = $name:literal;)*) => {
        /// An operation that a grant can allow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum GrantOperation {
            $(#[doc = concat!("`kms:", $name, "`")] $variant,)*
        }

        impl GrantOperation {
            /// All of them, in the order of the service model.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The API's name of the operation, such as `ReEncryptFrom`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Reads the API's name of the operation, such as `ReEncryptFrom`.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

grant_operations! {
    Decrypt = "Decrypt";
    Encrypt = "Encrypt";
    GenerateDataKey = "GenerateDataKey";
    GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext";
    ReEncryptFrom = "ReEncryptFrom";
    ReEncryptTo = "ReEncryptTo";
    Sign = "Sign";
    Verify = "Verify";
    GetPublicKey = "GetPublicKey";
    CreateGrant = "CreateGrant";
    RetireGrant = "RetireGrant";
    DescribeKey = "DescribeKey";
    GenerateDataKeyPair = "GenerateDataKeyPair";
    GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext";
    GenerateMac = "GenerateMac";
    VerifyMac = "VerifyMac";
    DeriveSharedSecret = "DeriveSharedSecret";
    Encapsulate = "Encapsulate";
    Decapsulate = "Decapsulate";
}

/// A set of grant operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantOperations(u32);

impl GrantOperations {
    /// Whether the set holds `operation`.
    pub fn contains(self, operation: GrantOperation) -> bool {
        self.0 & Self::bit(operation) != 0
    }

    /// Whether every operation of `other` is in this set.
    pub fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The operations in the set, in the order of the service model.
    pub fn iter(self) -> impl Iterator<Item = GrantOperation> {
        GrantOperation::ALL.iter().copied().filter(move |operation| self.contains(*operation))
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(operation: GrantOperation) -> u32 {
        1 << (operation as u32)
    }
}

impl FromIterator<GrantOperation> for GrantOperations {
    fn from_iter<I: IntoIterator<Item = GrantOperation>>(operations: I) -> Self {
        Self(operations.into_iter().fold(0, |set, operation| set | Self::bit(operation)))
    }
}

impl Grant {
    /// What audit records and explanations call it.
    pub fn label(&self) -> String {
        format!("grant/{}", self.id)
    }

    /// Whether a grantee that may create grants through this one may create `child`: no operation more, and
    /// constraints that are equal or stricter.
    pub fn permits_child(&self, child: &Grant) -> bool {
        let source_kept = self.constraints.source_arn.is_none()
            || self.constraints.source_arn == child.constraints.source_arn;
        self.operations.contains_all(child.operations)
            && source_kept
            && child.constraints.context.is_within(&self.constraints.context)
    }

    /// How the grant reaches the caller for this operation, if it does.
    pub(crate) fn allows(
        &self,
        caller: &Caller<'_>,
        operation: GrantOperation,
        child: Option<&Grant>,
        context: &dyn RequestContext,
    ) -> Option<Coverage> {
        if !self.operations.contains(operation) {
            return None;
        }
        let coverage = self.grantee.reaches(caller)?;
        let holds = match operation {
            // Constraints on the context limit the grants that may be made, not the making.
            GrantOperation::CreateGrant => {
                self.source_holds(context) && child.is_some_and(|child| self.permits_child(child))
            }
            GrantOperation::RetireGrant => true,
            GrantOperation::DescribeKey => self.source_holds(context),
            _ => self.source_holds(context) && self.constraints.context.holds(context),
        };
        holds.then_some(coverage)
    }

    fn source_holds(&self, context: &dyn RequestContext) -> bool {
        let Some(wanted) = &self.constraints.source_arn else { return true };
        let mut equal = false;
        let availability = context.values(&ConditionKey::SourceArn, &mut |arn| equal = *arn == **wanted);
        equal && availability == Availability::Known
    }
}

impl ContextConstraint {
    /// The pairs that a request must carry; none for an unconstrained grant.
    pub fn pairs(&self) -> &[(Box<str>, Box<str>)] {
        match self {
            Self::None => &[],
            Self::Equals(pairs) | Self::Subset(pairs) => pairs,
        }
    }

    fn holds(&self, context: &dyn RequestContext) -> bool {
        let (wanted, exactly) = match self {
            Self::None => return true,
            Self::Equals(pairs) => (pairs, true),
            Self::Subset(pairs) => (pairs, false),
        };
        let (mut found, mut others) = (0_usize, 0_usize);
        context.encryption_context(&mut |name, value| {
            let listed = wanted.iter().any(|(own_name, own)| **own_name == *name && **own == *value);
            *if listed { &mut found } else { &mut others } += 1;
        });
        found == wanted.len() && (!exactly || others == 0)
    }

    /// Whether this constraint is equal to or stricter than `parent`.
    fn is_within(&self, parent: &Self) -> bool {
        match (parent, self) {
            (Self::None, _) => true,
            (Self::Equals(wanted), Self::Equals(own)) => own.len() == wanted.len() && has_all(own, wanted),
            (Self::Subset(wanted), Self::Equals(own) | Self::Subset(own)) => has_all(own, wanted),
            (Self::Equals(_) | Self::Subset(_), _) => false,
        }
    }
}

fn has_all(own: &[(Box<str>, Box<str>)], wanted: &[(Box<str>, Box<str>)]) -> bool {
    wanted.iter().all(|pair| own.contains(pair))
}
