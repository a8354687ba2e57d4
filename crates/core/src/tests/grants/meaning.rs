//! Whom a grant means: the user or role that had the name when it was made, and nobody who gets the name later.

use super::*;
use crate::{
    directory::IdentityKind,
    explain::Question,
    identity::{AccountChoice, SessionRequest},
    tests::principals,
};

const ALICE: &str = "arn:aws:iam::111122223333:user/team/Alice";
const WORKER: &str = "arn:aws:iam::111122223333:role/team/Worker";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/Worker/s1";

/// A world that knows who is in the owner's account.
async fn world() -> World {
    let world = World::new().await;
    let choice = AccountChoice { account: Some(principals::account()), ..AccountChoice::default() };
    world.env.create_account(choice).await.unwrap();
    world
}

async fn alice(world: &World, id: &str) -> Call {
    let key = principals::user(world, "Alice", id, &[]).await;
    principals::call(world, &key, None).await.unwrap()
}

async fn worker(world: &World, id: &str) -> Call {
    let role = principals::identity(IdentityKind::Role, "Worker", id);
    principals::commit(world, |edits| edits.create(&role).unwrap()).await;
    let made = principals::role_session(world, SessionRequest::default()).await;
    principals::call(world, &made.access_key_id, Some(&made.session_token)).await.unwrap()
}

async fn delete(world: &World, kind: IdentityKind, name: &str) {
    let stored = world.env.identity(principals::account(), kind, name).await.unwrap().unwrap();
    principals::commit(world, |edits| edits.delete(&stored).unwrap()).await;
}

fn to(grantee: &str) -> Value {
    json!({"GranteePrincipal": grantee, "RetiringPrincipal": grantee, "Name": "n"})
}

fn is_refused(answer: Result<Value, Error>) {
    assert_eq!(fault(answer).0, "AccessDeniedException");
}

#[tokio::test]
async fn a_user_made_again_inherits_no_grant() {
    let world = world().await;
    let key = symmetric(&world).await;
    let first = alice(&world, "AIDAFIRST").await;
    let (id, _) = grant(&world, &key, json!(["Encrypt", "RetireGrant"]), to(ALICE)).await;
    encrypt_as(&world, &first, &key, json!({})).await.unwrap();

    delete(&world, IdentityKind::User, "Alice").await;
    let listed = world.ask("ListGrants", &json!({"KeyId": key})).await.unwrap();
    assert_eq!(text(&listed, "/Grants/0/GranteePrincipal"), "AIDAFIRST", "as AWS shows who is gone");
    assert_eq!(text(&listed, "/Grants/0/RetiringPrincipal"), "AIDAFIRST");
    let gone = fault(world.ask("ListRetirableGrants", &json!({"RetiringPrincipal": ALICE})).await);
    assert_eq!(gone, ("NotFoundException", format!("Principal {ALICE} is not found.")));

    let second = alice(&world, "AIDASECOND").await;
    is_refused(encrypt_as(&world, &second, &key, json!({})).await);
    let retire = json!({"KeyId": key, "GrantId": id});
    is_refused(world.ask_as(&second, "RetireGrant", &retire).await);
    let retirable = json!({"RetiringPrincipal": ALICE});
    let listed = world.ask("ListRetirableGrants", &retirable).await.unwrap();
    assert_eq!(listed["Grants"], json!([]));
    let question = |action: &str, grant| Question {
        principal: ALICE.to_owned(),
        action: action.to_owned(),
        key: Some(key.clone()),
        grant,
        ..Question::default()
    };
    let answer = world.env.explain(&question("kms:Encrypt", None)).await.unwrap();
    assert_eq!((answer.effect.as_str(), answer.grants.len()), ("Deny", 0));
    let answer = world.env.explain(&question("kms:RetireGrant", Some(id.clone()))).await.unwrap();
    assert_eq!(answer.effect, "Deny");

    // The same request now means the second, so it is no retry of the first.
    let (again, _) = grant(&world, &key, json!(["Encrypt", "RetireGrant"]), to(ALICE)).await;
    assert_ne!(again, id);
    encrypt_as(&world, &second, &key, json!({})).await.unwrap();
    let listed = world.ask("ListRetirableGrants", &retirable).await.unwrap();
    assert_eq!(
        (text(&listed, "/Grants/0/GrantId"), listed["Grants"].as_array().unwrap().len()),
        (again.clone(), 1)
    );
    let (retry, _) = grant(&world, &key, json!(["Encrypt", "RetireGrant"]), to(ALICE)).await;
    assert_eq!(retry, again);
    world.ask_as(&second, "RetireGrant", &json!({"KeyId": key, "GrantId": again})).await.unwrap();
    is_refused(encrypt_as(&world, &second, &key, json!({})).await);
    world.ask("RevokeGrant", &retire).await.unwrap();
}

#[tokio::test]
async fn a_role_made_again_inherits_no_grant() {
    for grantee in [WORKER, SESSION] {
        let world = world().await;
        let key = symmetric(&world).await;
        let first = worker(&world, "AROAFIRST").await;
        grant(&world, &key, json!(["Encrypt"]), to(grantee)).await;
        encrypt_as(&world, &first, &key, json!({})).await.unwrap();
        delete(&world, IdentityKind::Role, "Worker").await;
        let second = worker(&world, "AROASECOND").await;
        is_refused(encrypt_as(&world, &second, &key, json!({})).await);
        grant(&world, &key, json!(["Encrypt"]), to(grantee)).await;
        encrypt_as(&world, &second, &key, json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn who_should_be_here_must_be_here() {
    let world = world().await;
    let key = symmetric(&world).await;
    alice(&world, "AIDAFIRST").await;
    let make = |grantee: &str, retiring: &str| json!({"KeyId": key, "GranteePrincipal": grantee, "RetiringPrincipal": retiring, "Operations": ["Encrypt"]});
    let absent = [
        "arn:aws:iam::111122223333:user/nobody",
        "arn:aws:iam::111122223333:user/Alice",
        "arn:aws:iam::111122223333:role/team/Alice",
        "arn:aws:sts::111122223333:assumed-role/nobody/s1",
    ];
    for arn in absent {
        for request in [make(arn, ALICE), make(ALICE, arn)] {
            let (code, text) = fault(world.ask("CreateGrant", &request).await);
            assert_eq!((code, text), ("InvalidArnException", format!("Invalid arn {arn}")));
        }
    }
    // Nothing is known of accounts elsewhere.
    let elsewhere = "arn:aws:iam::999988887777:user/unknown";
    world.ask("CreateGrant", &make(elsewhere, elsewhere)).await.unwrap();
}

/// A user of the account needs an identity policy where the account is the grantee, whoever called before.
#[tokio::test]
async fn what_is_held_for_one_user_is_not_held_for_another() {
    let world = world().await;
    let key = symmetric(&world).await;
    let (first, account) = (alice(&world, "AIDAFIRST").await, root(OWNER));
    grant(&world, &key, json!(["Encrypt"]), json!({"GranteePrincipal": ALICE})).await;
    grant(&world, &key, json!(["Encrypt"]), json!({"GranteePrincipal": account})).await;
    let bob = principals::user(&world, "Bob", "AIDABOB", &[]).await;
    let bob = principals::call(&world, &bob, None).await.unwrap();
    for _ in 0..2 {
        encrypt_as(&world, &first, &key, json!({})).await.unwrap();
        is_refused(encrypt_as(&world, &bob, &key, json!({})).await);
    }
}
