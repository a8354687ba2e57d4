//! ARNs of the things in a directory.

use reseal_types::AccountId;

use super::{IdentityKind, IdentityRecord, ManagedPolicyRecord};

/// The ARN of a user, role or group.
pub fn identity_arn(partition: &str, record: &IdentityRecord) -> String {
    let kind = match record.kind {
        IdentityKind::User => "user",
        IdentityKind::Role => "role",
        IdentityKind::Group => "group",
    };
    let IdentityRecord { account, path, name, .. } = record;
    format!("arn:{partition}:iam::{account}:{kind}{path}{name}")
}

/// The ARN of a customer managed policy.
pub fn policy_arn(partition: &str, record: &ManagedPolicyRecord) -> String {
    let ManagedPolicyRecord { account, path, name, .. } = record;
    format!("arn:{partition}:iam::{account}:policy{path}{name}")
}

/// The ARN of a role session.
pub fn session_arn(partition: &str, account: AccountId, role: &str, session: &str) -> String {
    format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}")
}
