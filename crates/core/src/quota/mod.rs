//! Quotas: how much of something there may be, how many keys an account may have in a Region, how often it may call.
//!
//! Source of numbers and groups: "Quotas" in the KMS developer guide. Limits on the size of one thing are on unless
//! an operator changes them; those on the number of keys and on the rate of calls are off unless an operator sets
//! them, and cost nothing then.

mod groups;
mod keys;
mod rates;

pub(crate) use keys::{KeyCounts, Reservation};
pub(crate) use rates::Meter;
pub use rates::{RequestRates, RequestRatesError};

use crate::error::{Error, Limit};

/// Refuses one more where there are `present` already and `most` may be.
pub(crate) fn room_for_one(
    present: usize,
    most: usize,
    limit: impl FnOnce(usize) -> Limit,
) -> Result<(), Error> {
    if present < most { Ok(()) } else { Err(Error::LimitExceeded(limit(most))) }
}
