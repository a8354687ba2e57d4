//! How long decisions take. `cargo test --release -p reseal-policy speed -- --ignored --nocapture` shows the numbers;
//! the limits are the budget of ReEncrypt, which decides twice.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::world::{World, caller};
use crate::*;

const ROUNDS: u32 = 2_000;

/// A request with an encryption context, answered as a server would: without allocating.
struct Dept;

impl RequestContext for Dept {
    fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> Availability {
        if let ConditionKey::EncryptionContext(_) = key
            && key.qualifier_is("dept")
        {
            visit("it");
        }
        Availability::Known
    }
}

/// Time of the two decisions of one ReEncrypt: the best of many short runs, since other work shares the machine.
fn re_encrypt(who: &Caller<'_>, policies: &Policies<'_>, context: &dyn RequestContext) -> Duration {
    let world = World::load();
    let decide = |action| {
        let target = Target::Key { arn: world.key(), account: "111122223333", across_accounts: true };
        let request = Request { caller: who, action, target, context, new_grant: None };
        evaluate(black_box(&request), black_box(policies)).is_allowed()
    };
    let run = |_| {
        let started = Instant::now();
        for _ in 0..ROUNDS {
            assert!(decide("kms:ReEncryptFrom") && decide("kms:ReEncryptTo"));
        }
        started.elapsed() / ROUNDS
    };
    (0..500).map(run).min().unwrap()
}

#[test]
#[ignore = "measures; only meaningful in a release build"]
#[expect(clippy::print_stdout, reason = "the numbers are the point")]
fn both_decisions_of_re_encrypt_fit_the_budget() {
    let world = World::load();
    let key = |name: &str| KeyPolicy::parse(&world.policy(&json!(name), "2012-10-17").to_string()).unwrap();
    let default = key("default");
    let root = caller("arn:aws:iam::111122223333:root", None);
    let alice = caller("arn:aws:iam::111122223333:user/alice", None);
    let conditions = json!({"Statement": [{"Effect": "Allow", "Action": "kms:ReEncrypt*", "Resource": "arn:aws:kms:*:111122223333:key/*",
        "Condition": {"StringEquals": {"kms:EncryptionContext:dept": "it"}}}]});
    let identity = vec![Arc::new(IdentityPolicy::parse(&conditions.to_string()).unwrap())];
    let of_root = re_encrypt(&root, &Policies { key: Some(&default), ..Policies::default() }, &EmptyContext);
    let of_user = re_encrypt(
        &alice,
        &Policies { key: Some(&default), identity: &identity, ..Policies::default() },
        &Dept,
    );
    println!("both decisions: root under the default policy {of_root:?}, user with a condition {of_user:?}");
    assert!(of_root < Duration::from_nanos(500), "{of_root:?}");
}
