//! The three that own policies, as types, so that one action serves all of them. Names and limits are IAM's.

use reseal_core::directory::IdentityKind;

use crate::members::Members;

/// A kind of owner, with the names of its actions.
pub(super) trait Owner: Send + Sync + 'static {
    const KIND: IdentityKind;
    /// The parameter that names it.
    const MEMBER: &'static str;
    const MOST_NAME: usize = 128;
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

/// Owners that have boundary and tags, which groups have not.
pub(super) trait Tagged: Owner {
    const TAG: &'static str;
    const UNTAG: &'static str;
    const LIST_TAGS: &'static str;
    const PUT_BOUNDARY: &'static str;
    const DELETE_BOUNDARY: &'static str;
}

pub(super) struct OfUser;
pub(super) struct OfRole;
pub(super) struct OfGroup;

impl Owner for OfUser {
    const KIND: IdentityKind = IdentityKind::User;
    const MEMBER: &'static str = "UserName";
    const INLINE_CHARACTERS: usize = 2_048;
    const QUOTA: &'static str = "PoliciesPerUser";
    const PUT_POLICY: &'static str = "iam:PutUserPolicy";
    const GET_POLICY: &'static str = "iam:GetUserPolicy";
    const LIST_POLICIES: &'static str = "iam:ListUserPolicies";
    const DELETE_POLICY: &'static str = "iam:DeleteUserPolicy";
    const ATTACH: &'static str = "iam:AttachUserPolicy";
    const DETACH: &'static str = "iam:DetachUserPolicy";
    const LIST_ATTACHED: &'static str = "iam:ListAttachedUserPolicies";
}

impl Owner for OfRole {
    const KIND: IdentityKind = IdentityKind::Role;
    const MEMBER: &'static str = "RoleName";
    const MOST_NAME: usize = 64;
    const INLINE_CHARACTERS: usize = 10_240;
    const QUOTA: &'static str = "PoliciesPerRole";
    const PUT_POLICY: &'static str = "iam:PutRolePolicy";
    const GET_POLICY: &'static str = "iam:GetRolePolicy";
    const LIST_POLICIES: &'static str = "iam:ListRolePolicies";
    const DELETE_POLICY: &'static str = "iam:DeleteRolePolicy";
    const ATTACH: &'static str = "iam:AttachRolePolicy";
    const DETACH: &'static str = "iam:DetachRolePolicy";
    const LIST_ATTACHED: &'static str = "iam:ListAttachedRolePolicies";
}

impl Owner for OfGroup {
    const KIND: IdentityKind = IdentityKind::Group;
    const MEMBER: &'static str = "GroupName";
    const INLINE_CHARACTERS: usize = 5_120;
    const QUOTA: &'static str = "PoliciesPerGroup";
    const PUT_POLICY: &'static str = "iam:PutGroupPolicy";
    const GET_POLICY: &'static str = "iam:GetGroupPolicy";
    const LIST_POLICIES: &'static str = "iam:ListGroupPolicies";
    const DELETE_POLICY: &'static str = "iam:DeleteGroupPolicy";
    const ATTACH: &'static str = "iam:AttachGroupPolicy";
    const DETACH: &'static str = "iam:DetachGroupPolicy";
    const LIST_ATTACHED: &'static str = "iam:ListAttachedGroupPolicies";
}

impl Tagged for OfUser {
    const TAG: &'static str = "iam:TagUser";
    const UNTAG: &'static str = "iam:UntagUser";
    const LIST_TAGS: &'static str = "iam:ListUserTags";
    const PUT_BOUNDARY: &'static str = "iam:PutUserPermissionsBoundary";
    const DELETE_BOUNDARY: &'static str = "iam:DeleteUserPermissionsBoundary";
}

impl Tagged for OfRole {
    const TAG: &'static str = "iam:TagRole";
    const UNTAG: &'static str = "iam:UntagRole";
    const LIST_TAGS: &'static str = "iam:ListRoleTags";
    const PUT_BOUNDARY: &'static str = "iam:PutRolePermissionsBoundary";
    const DELETE_BOUNDARY: &'static str = "iam:DeleteRolePermissionsBoundary";
}
