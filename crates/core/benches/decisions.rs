//! What the two decisions of a ReEncrypt cost, on keys, policies and grants in memory: the whole of what a request pays
//! for authorization once its keys are found, with what the audit record notes of it.
//!
//! `cargo bench -p reseal-core --features test-util --bench decisions`

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use std::time::{Duration, Instant};

use reseal_core::{call::Call, testkit::World};
use serde_json::{Value, json};

const USE: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:ReEncrypt*",
    "Resource":"arn:aws:kms:*:111122223333:key/*"}}"#;
const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
const ROUNDS: u32 = 2_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(all());
}

async fn all() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice", &[]).await, world.user("bob", &[USE]).await);
    let root = world.call("111122223333", "us-east-1");
    let plain = [key(&world, &json!({})).await, key(&world, &json!({})).await];
    let granted = [key(&world, &json!({})).await, key(&world, &json!({})).await];
    for key in &granted {
        for number in 0..10 {
            let constraints = json!({"EncryptionContextSubset": {"tenant": number.to_string()}});
            let request = json!({"KeyId": key, "GranteePrincipal": ALICE, "Constraints": constraints,
                "Operations": ["ReEncryptFrom", "ReEncryptTo"]});
            world.ask("CreateGrant", &request).await.unwrap();
        }
    }
    let policy = json!({"Policy": many_statements(), "BypassPolicyLockoutSafetyCheck": true});
    let long = [key(&world, &policy).await, key(&world, &policy).await];
    println!("both decisions of a ReEncrypt, best of many runs");
    for (title, call, keys, budget) in [
        ("root, default key policies", &root, &plain, 1.5),
        ("user, default key policies, one identity policy", &bob, &plain, 1.5),
        ("user, ten grants on each key", &alice, &granted, 3.0),
        ("user, key policies of 50 statements", &bob, &long, 10.0),
    ] {
        let micros = measure(&world, call, keys).await.as_secs_f64() * 1e6;
        let verdict = if micros <= budget { "within" } else { "OVER" };
        println!("{title:<50} {micros:>6.2} us   {verdict} {budget} us");
    }
}

async fn key(world: &World, request: &Value) -> String {
    let made = world.ask("CreateKey", request).await.unwrap();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// 49 that do not apply, each for another reason, and the one that does.
fn many_statements() -> String {
    let statement = |number: u32| {
        let mut one = json!({"Sid": format!("S{number}"), "Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"}});
        match number % 4 {
            0 => one["Principal"] = json!({"AWS": format!("arn:aws:iam::444455556666:user/u{number}")}),
            1 => one["Action"] = json!(["kms:Encrypt", "kms:Describe*", "kms:Get*"]),
            2 => {
                let wanted = format!("d{number}");
                one["Condition"] = json!({"StringEquals": {"kms:EncryptionContext:dept": wanted}});
            }
            _ => {
                one["Effect"] = json!("Deny");
                one["Condition"] = json!({"IpAddress": {"aws:SourceIp": format!("10.{number}.0.0/16")}});
            }
        }
        one
    };
    let mut statements: Vec<_> = (0..49).map(statement).collect();
    statements.push(json!({"Sid": "Account", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}));
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

async fn measure(world: &World, call: &Call, keys: &[String; 2]) -> Duration {
    let root = world.call("111122223333", "us-east-1");
    let context = json!({"tenant": "9", "dept": "it"});
    let encrypt = json!({"KeyId": keys[0], "Plaintext": "c2VjcmV0", "EncryptionContext": context});
    let blob = world.ask_as(&root, "Encrypt", &encrypt).await.unwrap();
    let request = json!({"CiphertextBlob": blob["CiphertextBlob"], "SourceKeyId": keys[0],
        "SourceEncryptionContext": context, "DestinationKeyId": keys[1], "DestinationEncryptionContext": context});
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let started = Instant::now();
        world.decide_re_encrypt(call, &request, ROUNDS).await.unwrap();
        best = best.min(started.elapsed() / ROUNDS);
    }
    best
}
