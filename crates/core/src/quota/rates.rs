//! Requests per second, by account, Region and group of calls.
//!
//! A token bucket for each: it holds the requests of one second, is full at first, and fills at the rate. Nothing
//! is looked through: a call costs one look-up and a few sums.

use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;
use reseal_policy::ConditionKey;
use reseal_types::{AccountId, Region, Timestamp};

use super::groups::{self, GROUPS, IN_STORE, SYMMETRIC};
use crate::{call::Call, error::Error, keyring::Key, operation::Facts};

/// Rates that an operator set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestRates(Vec<(usize, u32)>);

/// Why a text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestRatesError {
    /// Neither `aws` nor `GROUP=RATE`, with a rate of at least one request per second: the text.
    Form(String),
    /// No group of that name.
    Group(String),
}

/// The word for all of AWS's rates.
const ALL_OF_AWS: &str = "aws";

impl RequestRates {
    /// Reads rates such as `aws` (all of AWS's) and `CreateKey=5`; a later one replaces an earlier one.
    ///
    /// # Errors
    /// The first that is none.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, RequestRatesError> {
        let mut rates = Vec::new();
        for text in texts {
            if text == ALL_OF_AWS {
                rates.extend(GROUPS.iter().map(|group| group.rate).enumerate());
                continue;
            }
            let form = || RequestRatesError::Form(text.to_owned());
            let (name, rate) = text.split_once('=').ok_or_else(form)?;
            let rate = rate.parse().ok().filter(|rate| *rate > 0).ok_or_else(form)?;
            let group = groups::find(name).ok_or_else(|| RequestRatesError::Group(name.to_owned()))?;
            rates.push((group, rate));
        }
        Ok(Self(rates))
    }

    /// The names of all groups.
    pub fn groups() -> impl Iterator<Item = &'static str> {
        GROUPS.iter().map(|group| group.name)
    }
}

/// Where a rate is counted.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Counted {
    account: AccountId,
    region: Region,
    group: usize,
    /// The custom key store, where each has its own rate whoever calls.
    store: Option<String>,
}

/// Measures calls against the rates.
pub(crate) struct Meter {
    /// By group; 0: no limit.
    rates: [u32; GROUPS.len()],
    buckets: Cache<Counted, Arc<Mutex<Bucket>>>,
}

/// How many buckets are kept at most; one that was dropped is full again, like one that was never used.
const BUCKETS: usize = 20_000;

impl Meter {
    /// `None` where there is nothing to measure.
    pub(crate) fn new(rates: &RequestRates) -> Option<Self> {
        let mut by_group = [0; GROUPS.len()];
        for (group, rate) in &rates.0 {
            if let Some(slot) = by_group.get_mut(*group) {
                *slot = *rate;
            }
        }
        let any = by_group.iter().any(|rate| *rate > 0);
        any.then(|| Self { rates: by_group, buckets: Cache::new(BUCKETS) })
    }

    /// Counts the call, in every group and Region that it is counted in. The caller's account is charged, whoever
    /// owns the keys; a custom key store has one rate for all who use it.
    ///
    /// # Errors
    /// [`Error::Throttled`] when a bucket is empty.
    pub(crate) fn admit<'k>(
        &self,
        call: &Call,
        operation: &str,
        facts: &Facts<'_>,
        keys: impl Iterator<Item = &'k Key>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let account = call.caller.account();
        let mut taken: Vec<Counted> = Vec::new();
        let mut take = |account: AccountId, region: &Region, name: &str, store: Option<&str>| {
            let Some(group) = groups::find(name) else { return Ok(()) };
            let counted = Counted { account, region: region.clone(), group, store: store.map(str::to_owned) };
            if taken.contains(&counted) {
                return Ok(());
            }
            self.take(&counted, now)?;
            taken.push(counted);
            Ok(())
        };
        let value = |wanted: &ConditionKey| {
            facts.values.iter().find(|(known, _)| known == wanted).map(|(_, value)| value.as_str())
        };
        if groups::is_cryptographic(operation) {
            let mut keyless = true;
            for key in keys {
                keyless = false;
                match &key.record.stored_in {
                    Some(held) => take(key.record.account, &call.region, IN_STORE, Some(&held.store))?,
                    None => take(account, &call.region, groups::of_key(key.spec(), key.usage()), None)?,
                }
            }
            return match (keyless, facts.key_store) {
                (false, _) => Ok(()),
                (true, Some(store)) => take(account, &call.region, IN_STORE, Some(store)),
                (true, None) => take(account, &call.region, SYMMETRIC, None),
            };
        }
        if let Some(spec) = value(&ConditionKey::DataKeyPairSpec) {
            return take(account, &call.region, &format!("GenerateDataKeyPair/{spec}"), None);
        }
        take(account, &call.region, operation, None)?;
        // Calls that act in a second Region count there too.
        if let Some(region) = value(&ConditionKey::ReplicaRegion).and_then(Region::parse) {
            take(account, &region, "CreateKey", None)?;
        }
        match value(&ConditionKey::PrimaryRegion).and_then(Region::parse) {
            Some(region) => take(account, &region, operation, None),
            None => Ok(()),
        }
    }

    fn take(&self, counted: &Counted, now: Timestamp) -> Result<(), Error> {
        let rate = self.rates.get(counted.group).copied().unwrap_or(0);
        if rate == 0 {
            return Ok(());
        }
        let fresh = || Ok::<_, Error>(Arc::new(Mutex::new(Bucket::full(rate, now))));
        let bucket = self.buckets.get_or_insert_with(counted, fresh)?;
        let taken = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(rate, now);
        if taken { Ok(()) } else { Err(Error::Throttled) }
    }
}

/// What may be asked for at once.
#[derive(Debug)]
struct Bucket {
    /// Thousandths of a request.
    filled: u64,
    at: Timestamp,
}

const REQUEST: u64 = 1_000;

impl Bucket {
    fn full(rate: u32, at: Timestamp) -> Self {
        Self { filled: u64::from(rate) * REQUEST, at }
    }

    /// Takes one request out, if there is one. A clock that went back adds nothing.
    fn take(&mut self, rate: u32, now: Timestamp) -> bool {
        let elapsed = u64::try_from(now.millis().saturating_sub(self.at.millis())).unwrap_or(0);
        let added = elapsed.saturating_mul(rate.into());
        self.filled = self.filled.saturating_add(added).min(u64::from(rate) * REQUEST);
        self.at = now;
        let enough = self.filled >= REQUEST;
        if enough {
            self.filled -= REQUEST;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_bucket_holds_a_second_and_fills_at_the_rate() {
        let mut bucket = Bucket::full(5, at(0));
        assert!((0..5).all(|_| bucket.take(5, at(0))));
        assert!(!bucket.take(5, at(0)));
        assert!(!bucket.take(5, at(199)), "a fifth of a second for one of five");
        assert!(bucket.take(5, at(200)));
        assert!(!bucket.take(5, at(200)));
        assert!((0..5).all(|_| bucket.take(5, at(1_000_000))), "no more than a second is saved up");
        assert!(!bucket.take(5, at(1_000_000)));
    }

    #[test]
    fn a_clock_that_goes_back_neither_fills_nor_locks() {
        let mut bucket = Bucket::full(1, at(1_000_000));
        assert!(bucket.take(1, at(1_000_000)));
        assert!(!bucket.take(1, at(0)));
        assert!(bucket.take(1, at(1_000)), "counted from the new time on");
    }

    #[test]
    fn rates_are_read() {
        let rates = RequestRates::parse(["aws", "CreateKey=50"]).unwrap();
        assert_eq!(rates.0.iter().rfind(|(group, _)| GROUPS[*group].name == "CreateKey").unwrap().1, 50);
        for (bad, why) in [
            ("CreateKey", RequestRatesError::Form("CreateKey".to_owned())),
            ("CreateKey=0", RequestRatesError::Form("CreateKey=0".to_owned())),
            ("CreateKey=-1", RequestRatesError::Form("CreateKey=-1".to_owned())),
            ("createkey=1", RequestRatesError::Group("createkey".to_owned())),
        ] {
            assert_eq!(RequestRates::parse([bad]), Err(why));
        }
        assert!(Meter::new(&RequestRates::default()).is_none(), "nothing to measure");
    }
}
