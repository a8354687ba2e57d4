//! The STS API, version 2011-06-15.

mod caller_identity;

use crate::action::Entry;

/// All actions, sorted by name.
pub(crate) static ACTIONS: [Entry; 1] = [Entry::of::<caller_identity::GetCallerIdentity>()];
