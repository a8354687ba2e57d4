//! Refusals by the policies, in AWS's wording.

use std::fmt;

use reseal_policy::DenialReason;

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
