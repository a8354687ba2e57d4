//! The STS API, version 2011-06-15.

mod assume_role;
mod caller_identity;
mod session;
mod session_token;
mod web_identity;

use crate::action::Entry;

/// All actions, sorted by name.
pub(crate) static ACTIONS: [Entry; 4] = [
    Entry::of::<assume_role::AssumeRole>(),
    Entry::of::<web_identity::AssumeRoleWithWebIdentity>(),
    Entry::of::<caller_identity::GetCallerIdentity>(),
    Entry::of::<session_token::GetSessionToken>(),
];
