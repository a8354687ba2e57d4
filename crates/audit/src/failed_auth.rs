//! Calls that failed authentication, counted per source, reason and minute rather than recorded one by one, so
//! that a stranger can fill neither memory nor disk.
//!
//! Field names of the records are CloudTrail's where it has one (CloudTrail user guide, "CloudTrail record
//! contents"). Such calls belong to no account: nothing that the caller claimed about itself is recorded.

use std::{collections::BTreeMap, net::IpAddr, sync::Mutex};

use reseal_types::Timestamp;
use serde::Serialize;

use crate::sync::lock;

/// Failed authentications of one minute from one source for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAuthentication {
    /// Where the calls came from; `None` sums up the sources that came after the limit was reached.
    pub source: Option<IpAddr>,
    /// The error they were answered with, such as `InvalidSignatureException`.
    pub reason: &'static str,
    /// Start of the minute.
    pub minute: Timestamp,
    /// How many.
    pub count: u64,
}

/// The counts of the last minutes.
pub struct FailedAuthentications {
    distinct_per_minute: usize,
    minutes: Mutex<BTreeMap<i64, Minute>>,
}

/// `None` first in order, so the sum of the others leads its minute.
type Minute = BTreeMap<(Option<IpAddr>, &'static str), u64>;

const MILLIS_PER_MINUTE: i64 = 60_000;
const DEFAULT_DISTINCT_PER_MINUTE: usize = 200;
/// Minutes kept when nobody drains them. Beyond, counts go to the newest minute: late rather than lost.
const MAX_MINUTES: usize = 60;

impl FailedAuthentications {
    /// Counts at most `distinct_per_minute` pairs of source and reason apart in one minute; the rest is counted
    /// by reason alone. Reasons are constants of the program, so their number is bounded.
    pub fn new(distinct_per_minute: usize) -> Self {
        Self { distinct_per_minute, minutes: Mutex::default() }
    }

    /// Counts one failure.
    pub fn note(&self, source: IpAddr, reason: &'static str, now: Timestamp) {
        let mut minutes = lock(&self.minutes);
        let mut at = now.millis().div_euclid(MILLIS_PER_MINUTE);
        if minutes.len() >= MAX_MINUTES
            && !minutes.contains_key(&at)
            && let Some((newest, _)) = minutes.last_key_value()
        {
            at = *newest;
        }
        let minute = minutes.entry(at).or_default();
        // An address of IPv4 must not count twice because a socket of IPv6 took the connection.
        let mut key = (Some(source.to_canonical()), reason);
        if minute.len() >= self.distinct_per_minute && !minute.contains_key(&key) {
            key.0 = None;
        }
        let count = minute.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// Takes the counts of all minutes that are over at `now`, in order. At shutdown, pass a `now` a minute ahead.
    pub fn drain(&self, now: Timestamp) -> Vec<FailedAuthentication> {
        let mut minutes = lock(&self.minutes);
        let current = minutes.split_off(&now.millis().div_euclid(MILLIS_PER_MINUTE));
        let over = std::mem::replace(&mut *minutes, current);
        drop(minutes);
        let entries = over.into_iter().flat_map(|(at, minute)| {
            let minute_start = Timestamp::from_millis(at.saturating_mul(MILLIS_PER_MINUTE));
            minute.into_iter().map(move |((source, reason), count)| FailedAuthentication {
                source,
                reason,
                minute: minute_start,
                count,
            })
        });
        entries.collect()
    }
}

impl Default for FailedAuthentications {
    /// 200 pairs a minute: at most about 5 MB of records an hour.
    fn default() -> Self {
        Self::new(DEFAULT_DISTINCT_PER_MINUTE)
    }
}

impl FailedAuthentication {
    /// The audit record, one line of JSON. `event_id` must be a fresh UUID.
    ///
    /// # Errors
    /// What the JSON writer said; it has no reason to fail on these fields.
    pub fn to_record(&self, event_id: &str) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Record {
            event_version: "1.11",
            event_time: self.minute.to_string(),
            event_source: "kms.amazonaws.com",
            event_name: "FailedAuthentication",
            source_ip_address: self.source.map_or_else(|| "other".to_owned(), |source| source.to_string()),
            error_code: self.reason,
            additional_event_data: AdditionalEventData { count: self.count, period_seconds: 60 },
            event_id,
            read_only: true,
            event_type: "ResealFailedAuthentication",
            management_event: true,
            event_category: "Management",
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'a str,
    event_time: String,
    event_source: &'a str,
    event_name: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    error_code: &'a str,
    additional_event_data: AdditionalEventData,
    #[serde(rename = "eventID")]
    event_id: &'a str,
    read_only: bool,
    event_type: &'a str,
    management_event: bool,
    event_category: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdditionalEventData {
    count: u64,
    period_seconds: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD_SIGNATURE: &str = "InvalidSignatureException";
    const UNKNOWN_KEY: &str = "UnrecognizedClientException";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn entry(source: Option<IpAddr>, reason: &'static str, minute: i64, count: u64) -> FailedAuthentication {
        FailedAuthentication { source, reason, minute: at(minute * 60), count }
    }

    #[test]
    fn counts_per_source_reason_and_minute() {
        let failures = FailedAuthentications::default();
        failures.note(address(1), BAD_SIGNATURE, at(59));
        failures.note(address(1), BAD_SIGNATURE, at(60));
        failures.note(address(1), BAD_SIGNATURE, at(119));
        failures.note(address(2), BAD_SIGNATURE, at(61));
        failures.note(address(1), UNKNOWN_KEY, at(62));
        failures.note("::ffff:192.0.2.2".parse().unwrap(), BAD_SIGNATURE, at(63));
        failures.note(address(1), BAD_SIGNATURE, at(120));
        let expected = [
            entry(Some(address(1)), BAD_SIGNATURE, 0, 1),
            entry(Some(address(1)), BAD_SIGNATURE, 1, 2),
            entry(Some(address(1)), UNKNOWN_KEY, 1, 1),
            entry(Some(address(2)), BAD_SIGNATURE, 1, 2),
        ];
        assert_eq!(failures.drain(at(120)), expected);
        assert_eq!(failures.drain(at(179)), []);
        assert_eq!(failures.drain(at(180)), [entry(Some(address(1)), BAD_SIGNATURE, 2, 1)]);
    }

    #[test]
    fn a_crowd_of_sources_is_counted_together() {
        let failures = FailedAuthentications::new(3);
        for last in 0..=255 {
            failures.note(address(last), BAD_SIGNATURE, at(0));
            failures.note(address(0), UNKNOWN_KEY, at(0));
        }
        let expected = [
            entry(None, BAD_SIGNATURE, 0, 254),
            entry(Some(address(0)), BAD_SIGNATURE, 0, 1),
            entry(Some(address(0)), UNKNOWN_KEY, 0, 256),
            entry(Some(address(1)), BAD_SIGNATURE, 0, 1),
        ];
        assert_eq!(failures.drain(at(60)), expected);
    }

    #[test]
    fn undrained_minutes_are_bounded_and_lose_no_count() {
        let failures = FailedAuthentications::new(3);
        for minute in 0..1_000 {
            failures.note(address(1), BAD_SIGNATURE, at(minute * 60));
        }
        let drained = failures.drain(at(1_000 * 60));
        assert_eq!(drained.len(), MAX_MINUTES);
        assert_eq!(drained.iter().map(|entry| entry.count).sum::<u64>(), 1_000);
    }

    #[test]
    fn the_record_has_the_shape_of_cloudtrail() {
        let record = entry(Some(address(7)), BAD_SIGNATURE, 29_455_384, 12).to_record("0f1e").unwrap();
        let expected = concat!(
            r#"{"eventVersion":"1.11","eventTime":"2026-01-02T03:04:00Z","eventSource":"kms.amazonaws.com","#,
            r#""eventName":"FailedAuthentication","sourceIPAddress":"192.0.2.7","#,
            r#""errorCode":"InvalidSignatureException","additionalEventData":{"count":12,"periodSeconds":60},"#,
            r#""eventID":"0f1e","readOnly":true,"eventType":"ResealFailedAuthentication","#,
            r#""managementEvent":true,"eventCategory":"Management"}"#,
        );
        assert_eq!(String::from_utf8(record).unwrap(), expected);
        let other = entry(None, UNKNOWN_KEY, 0, 1).to_record("0f1e").unwrap();
        assert!(String::from_utf8(other).unwrap().contains(r#""sourceIPAddress":"other""#));
    }
}
