//! A year, day by day: what rotates, what is destroyed, what expires, each on its day and nothing else on any other. The
//! clock is moved and the jobs of the service do their step, as they do every few seconds in production.

use std::collections::BTreeMap;

use super::{
    imports::{decrypts, events, expiring, external, import, state},
    *,
};
use crate::{jobs::Done, testkit::BEGINNING};

const LAST_DAY: u32 = 366;
/// Which day the owner asks for deletions, cancels one, and imports again what has expired.
const SCHEDULED: u32 = 10;
const CANCELLED: u32 = 16;
const IMPORTED_AGAIN: u32 = 200;
/// The day on which imported key material expires, both times.
const ENDS: [u32; 2] = [100, 300];
/// A new blob of each key that can encrypt is made so often, and kept.
const BLOB_EVERY: u32 = 45;

/// The keys of the year, by what becomes of them.
struct Keys(BTreeMap<&'static str, String>);

impl Keys {
    async fn new(world: &World) -> Self {
        let mut keys = BTreeMap::new();
        for name in ["quarterly", "yearly", "never rotated", "a week", "a month", "kept"] {
            keys.insert(name, symmetric(world).await);
        }
        for name in ["expiring", "lasting"] {
            keys.insert(name, external(world).await);
        }
        Self(keys)
    }

    fn arn(&self, name: &str) -> &str {
        &self.0[name]
    }
}

/// What the jobs have to do on a day.
fn expected(day: u32) -> Done {
    let is = |days: &[u32]| usize::from(days.contains(&day));
    Done {
        destroyed: is(&[SCHEDULED + 7]) + is(&[SCHEDULED + 30]),
        expired: is(&ENDS),
        rotated: is(&[90, 180, 270, 360]) + is(&[365]),
    }
}

/// The state that a key is in at the end of a day; none once it is destroyed.
fn expected_state(name: &str, day: u32) -> Option<&'static str> {
    let within = |from: u32, to: u32| (from..to).contains(&day);
    match name {
        "a week" if day >= SCHEDULED + 7 => None,
        "a month" if day >= SCHEDULED + 30 => None,
        "a week" | "a month" if day >= SCHEDULED => Some("PendingDeletion"),
        "kept" if within(SCHEDULED, CANCELLED) => Some("PendingDeletion"),
        "kept" if within(CANCELLED, CANCELLED + 1) => Some("Disabled"),
        "expiring" if within(ENDS[0], IMPORTED_AGAIN) || day >= ENDS[1] => Some("PendingImport"),
        _ => Some("Enabled"),
    }
}

/// What the owner does on a day, once the jobs have done theirs.
async fn act(world: &World, keys: &Keys, day: u32) {
    let ask = async |operation: &str, name: &str, more: Value| {
        let request = key_stores::with(&json!({"KeyId": keys.arn(name)}), more);
        world.ask(operation, &request).await.unwrap()
    };
    match day {
        0 => {
            ask("EnableKeyRotation", "quarterly", json!({"RotationPeriodInDays": 90})).await;
            ask("EnableKeyRotation", "yearly", json!({})).await;
            import(world, keys.arn("expiring"), &[1; 32], expiring(BEGINNING.plus_days(ENDS[0])))
                .await
                .unwrap();
            import(world, keys.arn("lasting"), &[2; 32], json!({})).await.unwrap();
        }
        SCHEDULED => {
            for (name, days) in [("a week", 7), ("a month", 30), ("kept", 7)] {
                let due = BEGINNING.plus_days(SCHEDULED + days).as_epoch_seconds();
                let answer = ask("ScheduleKeyDeletion", name, json!({"PendingWindowInDays": days})).await;
                assert_eq!(answer["DeletionDate"], json!(due));
            }
        }
        CANCELLED => {
            ask("CancelKeyDeletion", "kept", json!({})).await;
        }
        IMPORTED_AGAIN => {
            let end = expiring(BEGINNING.plus_days(ENDS[1]));
            import(world, keys.arn("expiring"), &[1; 32], end).await.unwrap();
        }
        _ if day == CANCELLED + 1 => {
            ask("EnableKey", "kept", json!({})).await;
        }
        _ => {}
    }
}

/// That nothing in the store is named after the key.
async fn assert_gone(world: &World, arn: &str) {
    let id = arn.rsplit('/').next().unwrap();
    let records = world.store.scan(b"", None, 1_000).await.unwrap().records;
    let named: Vec<_> = records.iter().filter(|(place, _)| place.to_string().contains(id)).collect();
    assert!(named.is_empty(), "{named:?}");
}

async fn look_at_all(world: &World, keys: &Keys, blobs: &[(&'static str, String)], day: u32) {
    for (name, arn) in &keys.0 {
        if let Some(expected) = expected_state(name, day) {
            assert_eq!(state(world, arn).await, expected, "{name} on day {day}");
        } else {
            let asked = world.ask("DescribeKey", &json!({"KeyId": arn})).await;
            assert_eq!(fault(asked).0, "NotFoundException", "{name} on day {day}");
            assert_gone(world, arn).await;
        }
    }
    for (name, blob) in blobs {
        let usable = expected_state(name, day) == Some("Enabled");
        assert_eq!(decrypts(world, blob).await, usable, "{name} on day {day}");
    }
}

/// The days of the rotations that are listed of a key, oldest first.
async fn rotations(world: &World, arn: &str) -> Vec<u32> {
    let listed = world.ask("ListKeyRotations", &json!({"KeyId": arn})).await.unwrap();
    let mut days = Vec::new();
    for entry in listed["Rotations"].as_array().unwrap().iter().rev() {
        assert_eq!(entry["RotationType"], "AUTOMATIC");
        days.push(day_of(|day| entry["RotationDate"] == json!(BEGINNING.plus_days(day).as_epoch_seconds())));
    }
    days
}

fn day_of(is_it: impl Fn(u32) -> bool) -> u32 {
    (0..=LAST_DAY).find(|day| is_it(*day)).expect("a day of the year")
}

/// On which days there were records of that name, and about which keys.
fn told(world: &World, keys: &Keys, name: &str) -> Vec<(u32, &'static str)> {
    let told = events(world, name).into_iter().map(|event| {
        assert_eq!((&event["eventType"], &event["readOnly"]), (&json!("AwsServiceEvent"), &json!(false)));
        let arn = &event["serviceEventDetails"]["keyId"];
        let (name, _) = keys.0.iter().find(|(_, known)| *arn == json!(known)).expect("one of the keys");
        (day_of(|day| event["eventTime"] == json!(BEGINNING.plus_days(day).to_string())), *name)
    });
    told.collect()
}

#[tokio::test]
async fn a_year_passes() {
    let world = World::new().await;
    let keys = Keys::new(&world).await;
    let mut blobs = Vec::new();
    for day in 0..=LAST_DAY {
        world.clock.set(BEGINNING.plus_days(day));
        assert_eq!(world.env.do_what_is_due().await, expected(day), "day {day}");
        act(&world, &keys, day).await;
        if day % BLOB_EVERY == 0 {
            for (name, arn) in &keys.0 {
                if expected_state(name, day) == Some("Enabled") {
                    blobs.push((*name, encrypt(&world, arn, json!({})).await));
                }
            }
        }
        world.env.write_last_uses().await.unwrap();
        world.env.sweep_outbox().await.unwrap();
        look_at_all(&world, &keys, &blobs, day).await;
    }
    assert!(blobs.iter().filter(|(name, _)| *name == "quarterly").count() == 9);
    for (name, days) in [
        ("quarterly", &[90, 180, 270, 360][..]),
        ("yearly", &[365]),
        ("never rotated", &[]),
        ("kept", &[]),
        ("expiring", &[]),
    ] {
        assert_eq!(rotations(&world, keys.arn(name)).await, days, "{name}");
    }
    let rotated = [90, 180, 270, 360].map(|day| (day, "quarterly"));
    assert_eq!(told(&world, &keys, "RotateKey"), [&rotated[..], &[(365, "yearly")]].concat());
    let destroyed = [(SCHEDULED + 7, "a week"), (SCHEDULED + 30, "a month")];
    assert_eq!(told(&world, &keys, "DeleteKey"), destroyed);
    assert_eq!(told(&world, &keys, "DeleteExpiredKeyMaterial"), ENDS.map(|day| (day, "expiring")));
    // One version of key material for each key that is left, one more for each rotation, none for what has expired.
    let left = world.store.scan(b"material/", None, 100).await.unwrap().records;
    assert_eq!(left.len(), (1 + 4) + (1 + 1) + 3);
}
