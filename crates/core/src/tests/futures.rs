use super::*;
use crate::ops;

/// Hundreds of calls wait for their records at once, and their futures should stay in the processor's cache. What is
/// rare (a record that is not in memory, key material elsewhere, a commit) is in a box of its own.
#[tokio::test]
async fn the_future_of_a_call_is_small() {
    let world = World::new().await;
    let call = world.call("111122223333", "us-east-1");
    for entry in ops::all() {
        let bytes = size_of_val(&*entry.handle(&world.env, &call, b"{}"));
        assert!(bytes <= 4_096, "{}: {bytes}", entry.spec.name);
    }
}
