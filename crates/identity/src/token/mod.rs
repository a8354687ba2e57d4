//! Web identity tokens: read, held against the keys of their issuer, and turned into a caller.
//!
//! ```text
//! text -> Jwt -> (provider of the role's account) -> (keys of the issuer) -> signature -> times, audience -> caller
//! ```
//!
//! Everything here is reached by anyone: it does little before the signature holds, and no bytes make it panic.

mod issuers;
mod jwks;
mod jwt;
mod verify;

pub(crate) use issuers::NoKeys;
pub use issuers::{Fetched, Issuers, KeySource};
pub(crate) use jwt::Jwt;
pub use verify::by_token;
