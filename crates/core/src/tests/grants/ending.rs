use super::*;
use crate::testkit::BEGINNING;

#[tokio::test]
async fn those_whom_a_grant_names_may_retire_it() {
    for (more, account, expected) in [
        (json!({"RetiringPrincipal": root(THIRD)}), THIRD, ""),
        (json!({"RetiringPrincipal": root(THIRD)}), OWNER, ""),
        (json!({"RetiringPrincipal": root(THIRD)}), GUEST, "AccessDeniedException"),
        (json!({"Operations": ["RetireGrant", "Encrypt"]}), GUEST, ""),
        (json!({}), GUEST, "AccessDeniedException"),
        (json!({}), THIRD, "AccessDeniedException"),
    ] {
        for by_token in [true, false] {
            let world = World::new().await;
            let key = symmetric(&world).await;
            let (id, token) = grant(&world, &key, json!(["Encrypt"]), more.clone()).await;
            let body =
                if by_token { json!({"GrantToken": token}) } else { json!({"KeyId": key, "GrantId": id}) };
            let call = world.call(account, "us-east-1");
            let mut dry = body.clone();
            dry["DryRun"] = json!(true);
            let (dry, answer) = (
                world.ask_as(&call, "RetireGrant", &dry).await,
                world.ask_as(&call, "RetireGrant", &body).await,
            );
            if expected.is_empty() {
                assert_eq!(fault(dry).0, "DryRunOperationException");
                answer.unwrap();
                let records = world.audit.records();
                assert!(records.iter().any(|record| record["additionalEventData"]["grantId"] == json!(id)));
            } else {
                assert_eq!(fault(dry).0, expected);
                assert_eq!(fault(answer).0, expected, "{more} {account}");
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_does_not_learn_which_grants_there_are() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let (id, _) = grant(&world, &key, json!(["Encrypt"]), json!({})).await;
    let third = world.call(THIRD, "us-east-1");
    let nothing = id.replace(|c: char| c.is_ascii_digit(), "a");
    let retire = async |id: &str| {
        fault(world.ask_as(&third, "RetireGrant", &json!({"KeyId": key, "GrantId": id})).await)
    };
    assert_eq!(retire(&id).await, retire(&nothing).await);
}

#[tokio::test]
async fn grants_go_with_their_key() {
    let world = World::new().await;
    let (doomed, kept) = (symmetric(&world).await, symmetric(&world).await);
    let more = json!({"RetiringPrincipal": root(THIRD), "Name": "n"});
    let (_, token) = grant(&world, &doomed, json!(["Encrypt"]), more.clone()).await;
    let (id, _) = grant(&world, &kept, json!(["Encrypt"]), more).await;
    world.ask("ScheduleKeyDeletion", &json!({"KeyId": doomed, "PendingWindowInDays": 7})).await.unwrap();
    world.clock.set(BEGINNING.plus_days(7));
    assert_eq!(world.env.destroy_due_keys().await.unwrap(), 1);
    for (prefix, count) in [("grant/", 4), ("retirable/", 1)] {
        let left = world.store.scan(prefix.as_bytes(), None, 100).await.unwrap();
        assert_eq!(left.records.len(), count, "{prefix}: those of the other key");
    }
    let third = world.call(THIRD, "us-east-1");
    assert_eq!(
        fault(world.ask_as(&third, "RetireGrant", &json!({"GrantToken": token})).await).0,
        "InvalidGrantTokenException"
    );
    world.ask_as(&third, "RetireGrant", &json!({"KeyId": kept, "GrantId": id})).await.unwrap();
    for prefix in ["grant/", "retirable/"] {
        assert!(world.store.scan(prefix.as_bytes(), None, 100).await.unwrap().records.is_empty(), "{prefix}");
    }
}
