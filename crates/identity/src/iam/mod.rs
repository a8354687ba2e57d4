//! The IAM API, version 2010-05-08: the actions that accounts of a key management service need.

mod access_key;
mod attached;
mod boundary;
pub(crate) mod document;
mod entity;
mod group;
mod inline;
mod membership;
mod owner;
mod policy;
mod policy_version;
pub(crate) mod provider;
mod role;
mod tag;
mod unused;
mod used_by;
mod user;

use owner::{OfGroup, OfRole, OfUser};
use tag::{OfPolicy, OfProvider};

use crate::action::Entry;

/// All actions, sorted by name.
pub(crate) static ACTIONS: [Entry; 88] = [
    Entry::of::<provider::ClientId<true>>(),
    Entry::of::<membership::AddUserToGroup>(),
    Entry::of::<attached::Attach<OfGroup>>(),
    Entry::of::<attached::Attach<OfRole>>(),
    Entry::of::<attached::Attach<OfUser>>(),
    Entry::of::<access_key::CreateAccessKey>(),
    Entry::of::<group::CreateGroup>(),
    Entry::of::<provider::CreateProvider>(),
    Entry::of::<policy::CreatePolicy>(),
    Entry::of::<policy_version::CreatePolicyVersion>(),
    Entry::of::<role::CreateRole>(),
    Entry::of::<user::CreateUser>(),
    Entry::of::<access_key::DeleteAccessKey>(),
    Entry::of::<group::DeleteGroup>(),
    Entry::of::<inline::DeletePolicy<OfGroup>>(),
    Entry::of::<unused::LoginProfile<true>>(),
    Entry::of::<provider::DeleteProvider>(),
    Entry::of::<policy::DeletePolicy>(),
    Entry::of::<policy_version::DeletePolicyVersion>(),
    Entry::of::<role::DeleteRole>(),
    Entry::of::<boundary::DeleteBoundary<OfRole>>(),
    Entry::of::<inline::DeletePolicy<OfRole>>(),
    Entry::of::<user::DeleteUser>(),
    Entry::of::<boundary::DeleteBoundary<OfUser>>(),
    Entry::of::<inline::DeletePolicy<OfUser>>(),
    Entry::of::<attached::Detach<OfGroup>>(),
    Entry::of::<attached::Detach<OfRole>>(),
    Entry::of::<attached::Detach<OfUser>>(),
    Entry::of::<group::GetGroup>(),
    Entry::of::<inline::GetPolicy<OfGroup>>(),
    Entry::of::<unused::LoginProfile<false>>(),
    Entry::of::<provider::GetProvider>(),
    Entry::of::<policy::GetPolicy>(),
    Entry::of::<policy_version::GetPolicyVersion>(),
    Entry::of::<role::GetRole>(),
    Entry::of::<inline::GetPolicy<OfRole>>(),
    Entry::of::<user::GetUser>(),
    Entry::of::<inline::GetPolicy<OfUser>>(),
    Entry::of::<access_key::ListAccessKeys>(),
    Entry::of::<unused::ListOfAccount<unused::Aliases>>(),
    Entry::of::<attached::ListAttached<OfGroup>>(),
    Entry::of::<attached::ListAttached<OfRole>>(),
    Entry::of::<attached::ListAttached<OfUser>>(),
    Entry::of::<used_by::ListEntitiesForPolicy>(),
    Entry::of::<inline::ListPolicies<OfGroup>>(),
    Entry::of::<group::ListGroups>(),
    Entry::of::<membership::ListGroupsForUser>(),
    Entry::of::<unused::ListOfAccount<unused::InstanceProfiles>>(),
    Entry::of::<role::ListInstanceProfilesForRole>(),
    Entry::of::<unused::ListOfUser<unused::Devices>>(),
    Entry::of::<tag::ListTags<OfProvider>>(),
    Entry::of::<provider::ListProviders>(),
    Entry::of::<policy::ListPolicies>(),
    Entry::of::<tag::ListTags<OfPolicy>>(),
    Entry::of::<policy_version::ListPolicyVersions>(),
    Entry::of::<inline::ListPolicies<OfRole>>(),
    Entry::of::<tag::ListTags<OfRole>>(),
    Entry::of::<role::ListRoles>(),
    Entry::of::<unused::ListOfUser<unused::PublicKeys>>(),
    Entry::of::<unused::ListOfUser<unused::ServiceCredentials>>(),
    Entry::of::<unused::ListOfUser<unused::Certificates>>(),
    Entry::of::<inline::ListPolicies<OfUser>>(),
    Entry::of::<tag::ListTags<OfUser>>(),
    Entry::of::<user::ListUsers>(),
    Entry::of::<unused::ListOfAccount<unused::VirtualDevices>>(),
    Entry::of::<inline::PutPolicy<OfGroup>>(),
    Entry::of::<boundary::PutBoundary<OfRole>>(),
    Entry::of::<inline::PutPolicy<OfRole>>(),
    Entry::of::<boundary::PutBoundary<OfUser>>(),
    Entry::of::<inline::PutPolicy<OfUser>>(),
    Entry::of::<provider::ClientId<false>>(),
    Entry::of::<membership::RemoveUserFromGroup>(),
    Entry::of::<policy_version::SetDefaultPolicyVersion>(),
    Entry::of::<tag::Tag<OfProvider>>(),
    Entry::of::<tag::Tag<OfPolicy>>(),
    Entry::of::<tag::Tag<OfRole>>(),
    Entry::of::<tag::Tag<OfUser>>(),
    Entry::of::<tag::Untag<OfProvider>>(),
    Entry::of::<tag::Untag<OfPolicy>>(),
    Entry::of::<tag::Untag<OfRole>>(),
    Entry::of::<tag::Untag<OfUser>>(),
    Entry::of::<access_key::UpdateAccessKey>(),
    Entry::of::<role::UpdateAssumeRolePolicy>(),
    Entry::of::<group::UpdateGroup>(),
    Entry::of::<provider::UpdateThumbprint>(),
    Entry::of::<role::UpdateRole>(),
    Entry::of::<role::UpdateRoleDescription>(),
    Entry::of::<user::UpdateUser>(),
];
