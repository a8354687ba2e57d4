//! The three that own policies, as types, so that one action serves all of them. Names and limits are IAM's.

use reseal_core::directory::IdentityKind;

use crate::members::Members;

/// A kind of owner, with the names of its actions.
pub(super) trait Owner: Send + Sync + 'static {
    const KIND: IdentityKind;
    /// The parameter that names it.
    const MEMBER: &'static str;
    const MOST_NAME: usize;
    /// Most characters of all its inline policies, without white space.
    const INLINE_CHARACTERS: usize;
    /// As in `PoliciesPerUser`.
    const QUOTA: &'static str;

    const PUT_POLICY: &'static str;
    const GET_POLICY: &'static str;
    const LIST_POLICIES: &'static str;
    const DELETE_POLICY: &'static str;
    const ATTACH: &'static str;
    const DETACH: &'static str;
    const LIST_ATTACHED: &'static str;

    fn read(members: &mut Members<'_>) -> String {
        members.name(Self::MEMBER, Self::MOST_NAME)
    }
}

/// Owners that have a boundary and tags, which groups have not.
pub(super) trait Principal: Owner {
    const TAG: &'static str;
    const UNTAG: &'static str;
    const LIST_TAGS: &'static str;
    const PUT_BOUNDARY: &'static str;
    const DELETE_BOUNDARY: &'static str;
}

pub(super) struct OfUser;
pub(super) struct OfRole;
pub(super) struct OfGroup;

/// The names of actions and parameters follow from the kind's own.
macro_rules! owner {
    ($owner:ident, $kind:ident, $noun:literal, name: $name:literal, inline: $inline:literal) => {
        impl Owner for $owner {
            const KIND: IdentityKind = IdentityKind::$kind;
            const MEMBER: &'static str = concat!($noun, "Name");
            const MOST_NAME: usize = $name;
            const INLINE_CHARACTERS: usize = $inline;
            const QUOTA: &'static str = concat!("PoliciesPer", $noun);
            const PUT_POLICY: &'static str = concat!("iam:Put", $noun, "Policy");
            const GET_POLICY: &'static str = concat!("iam:Get", $noun, "Policy");
            const LIST_POLICIES: &'static str = concat!("iam:List", $noun, "Policies");
            const DELETE_POLICY: &'static str = concat!("iam:Delete", $noun, "Policy");
            const ATTACH: &'static str = concat!("iam:Attach", $noun, "Policy");
            const DETACH: &'static str = concat!("iam:Detach", $noun, "Policy");
            const LIST_ATTACHED: &'static str = concat!("iam:ListAttached", $noun, "Policies");
        }
    };
}

macro_rules! principal {
    ($owner:ident, $noun:literal) => {
        impl Principal for $owner {
            const TAG: &'static str = concat!("iam:Tag", $noun);
            const UNTAG: &'static str = concat!("iam:Untag", $noun);
            const LIST_TAGS: &'static str = concat!("iam:List", $noun, "Tags");
            const PUT_BOUNDARY: &'static str = concat!("iam:Put", $noun, "PermissionsBoundary");
            const DELETE_BOUNDARY: &'static str = concat!("iam:Delete", $noun, "PermissionsBoundary");
        }
    };
}

owner!(OfUser, User, "User", name: 128, inline: 2_048);
owner!(OfRole, Role, "Role", name: 64, inline: 10_240);
owner!(OfGroup, Group, "Group", name: 128, inline: 5_120);
principal!(OfUser, "User");
principal!(OfRole, "Role");
