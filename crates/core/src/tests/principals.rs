//! Callers besides the roots of accounts: what speaks for them, and that it ends when it is taken away.

use reseal_types::{AccountId, Timestamp};
use serde_json::{Value, json};

use super::{fault, symmetric};
use crate::{
    call::Call,
    directory::{
        Edits, IdentityKind, IdentityRecord, ManagedPolicyRecord, Member, PolicyText, PolicyVersion,
        RoleFacts,
    },
    identity::{NewSession, SessionCredentials, SessionRequest},
    testkit::{BEGINNING, World},
};

const ACCOUNT: &str = "111122223333";
const ENCRYPT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}}"#;
const NOTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

pub(super) fn account() -> AccountId {
    AccountId::parse(ACCOUNT).unwrap()
}

pub(super) fn identity(kind: IdentityKind, name: &str, id: &str) -> IdentityRecord {
    let role =
        RoleFacts { trust: PolicyText::default(), description: String::new(), max_session_seconds: 3_600 };
    IdentityRecord {
        kind,
        account: account(),
        name: name.to_owned(),
        path: "/team/".to_owned(),
        id: id.to_owned(),
        created: BEGINNING,
        inline: Vec::new(),
        attached: Vec::new(),
        boundary: None,
        tags: Vec::new(),
        access_keys: Vec::new(),
        groups: Vec::new(),
        role: (kind == IdentityKind::Role).then_some(role),
    }
}

pub(super) fn managed(name: &str, document: &str) -> ManagedPolicyRecord {
    let version = PolicyVersion { number: 1, document: document.to_owned(), created: BEGINNING };
    ManagedPolicyRecord {
        account: account(),
        name: name.to_owned(),
        path: "/".to_owned(),
        id: "ANPAEXAMPLE".to_owned(),
        created: BEGINNING,
        updated: BEGINNING,
        description: String::new(),
        versions: vec![version],
        default_version: 1,
        next_version: 2,
        attachments: 0,
        boundaries: 0,
        tags: Vec::new(),
    }
}

pub(super) async fn commit(world: &World, fill: impl FnOnce(&mut Edits)) {
    let mut edits = Edits::default();
    fill(&mut edits);
    world.env.commit(edits.0).await.unwrap();
}

/// Changes a record as an action would.
pub(super) async fn change(
    world: &World,
    kind: IdentityKind,
    name: &str,
    how: impl FnOnce(&mut IdentityRecord),
) {
    let mut stored = world.env.identity(account(), kind, name).await.unwrap().unwrap();
    how(&mut stored.record);
    commit(world, |edits| edits.update(&stored).unwrap()).await;
}

/// A user with an access key; gives the access key id.
pub(super) async fn user(world: &World, name: &str, id: &str, inline: &[&str]) -> String {
    let mut record = identity(IdentityKind::User, name, id);
    let named = inline.iter().enumerate().map(|(index, text)| (format!("p{index}"), (*text).to_owned()));
    record.inline = named.collect();
    let mut edits = Edits::default();
    let key = world.env.new_access_key(&mut edits, &record).unwrap();
    record.access_keys.push(key.entry.clone());
    edits.create(&record).unwrap();
    world.env.commit(edits.0).await.unwrap();
    key.entry.id
}

pub(super) async fn call(world: &World, access_key_id: &str, token: Option<&str>) -> Option<Call> {
    let kept = world.env.credential_in_memory(access_key_id).is_some();
    let credential = world.env.credential(access_key_id, token).await.unwrap();
    assert!(credential.is_some() || !kept, "kept for longer than it is good");
    let credential = credential?;
    let caller = credential.authenticate(|_, _| Ok::<_, ()>(())).unwrap();
    Some(Call { caller, ..world.call(ACCOUNT, "us-east-1") })
}

async fn encrypt(world: &World, call: &Call, key: &str) -> Result<Value, (&'static str, String)> {
    let request = json!({"KeyId": key, "Plaintext": "c2VjcmV0"});
    world.ask_as(call, "Encrypt", &request).await.map_err(|error| fault(Err(error)))
}

pub(super) async fn role_session(world: &World, request: SessionRequest) -> SessionCredentials {
    let role = world.env.identity(account(), IdentityKind::Role, "Worker").await.unwrap().unwrap();
    let request = SessionRequest { name: Some("s1".to_owned()), seconds: 900, ..request };
    world.env.open_new_session(&NewSession::Role(&role.record), request).unwrap().ok().unwrap()
}

#[tokio::test]
async fn a_user_may_do_what_its_policies_allow_and_no_more() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let id = user(&world, "Alice", "AIDAALICE", &[ENCRYPT]).await;
    let alice = call(&world, &id, None).await.unwrap();
    encrypt(&world, &alice, &key).await.unwrap();
    let record = world.audit.records().pop().unwrap();
    let who = json!({
        "type": "IAMUser", "principalId": "AIDAALICE", "arn": "arn:aws:iam::111122223333:user/team/Alice",
        "accountId": ACCOUNT, "accessKeyId": id, "userName": "Alice"
    });
    assert_eq!(record["userIdentity"], who);
    let refused = world.ask_as(&alice, "DescribeKey", &json!({"KeyId": key})).await;
    let text = format!(
        "User: arn:aws:iam::111122223333:user/team/Alice is not authorized to perform: kms:DescribeKey on \
         resource: {key} because no identity-based policy allows the kms:DescribeKey action"
    );
    assert_eq!(fault(refused), ("AccessDeniedException", text));
}

#[tokio::test]
async fn what_is_taken_away_is_gone_at_the_next_call() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let id = user(&world, "Alice", "AIDAALICE", &[ENCRYPT]).await;
    encrypt(&world, &call(&world, &id, None).await.unwrap(), &key).await.unwrap();
    change(&world, IdentityKind::User, "Alice", |alice| alice.inline.clear()).await;
    assert!(encrypt(&world, &call(&world, &id, None).await.unwrap(), &key).await.is_err());

    commit(&world, |edits| {
        edits.create(&managed("Encrypters", ENCRYPT)).unwrap();
        edits.create(&identity(IdentityKind::Group, "Team", "AGPATEAM")).unwrap();
        edits.add_member(Member { account: account(), group: "Team", user: "Alice" }).unwrap();
    })
    .await;
    change(&world, IdentityKind::User, "Alice", |alice| alice.groups.push("Team".to_owned())).await;
    assert!(encrypt(&world, &call(&world, &id, None).await.unwrap(), &key).await.is_err());
    let arn = "arn:aws:iam::111122223333:policy/Encrypters";
    change(&world, IdentityKind::Group, "Team", |team| team.attached.push(arn.to_owned())).await;
    encrypt(&world, &call(&world, &id, None).await.unwrap(), &key).await.unwrap();

    let mut policy = world.env.managed_policy(account(), arn).await.unwrap().unwrap();
    let version = PolicyVersion { number: 2, document: NOTHING.to_owned(), created: BEGINNING };
    policy.record.versions.push(version);
    policy.record.default_version = 2;
    commit(&world, |edits| edits.update(&policy).unwrap()).await;
    let (code, text) = encrypt(&world, &call(&world, &id, None).await.unwrap(), &key).await.unwrap_err();
    assert_eq!(code, "AccessDeniedException");
    assert!(text.ends_with("with an explicit deny in an identity-based policy"), "{text}");

    commit(&world, |edits| edits.delete_access_key(&id).unwrap()).await;
    assert!(call(&world, &id, None).await.is_none());
}

#[tokio::test]
async fn a_boundary_limits_and_one_that_is_gone_sets_nobody_free() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let id = user(&world, "Alice", "AIDAALICE", &[ENCRYPT]).await;
    let arn = "arn:aws:iam::111122223333:policy/Boundary";
    let other = ENCRYPT.replace("kms:Encrypt", "kms:List*");
    commit(&world, |edits| edits.create(&managed("Boundary", &other)).unwrap()).await;
    change(&world, IdentityKind::User, "Alice", |alice| alice.boundary = Some(arn.to_owned())).await;
    let (_, text) = encrypt(&world, &call(&world, &id, None).await.unwrap(), &key).await.unwrap_err();
    assert!(text.ends_with("because no permissions boundary allows the kms:Encrypt action"), "{text}");
    let policy = world.env.managed_policy(account(), arn).await.unwrap().unwrap();
    commit(&world, |edits| edits.delete(&policy).unwrap()).await;
    assert!(world.env.credential(&id, None).await.is_err());
}

#[tokio::test]
async fn a_user_made_again_is_another_one() {
    let world = World::new().await;
    let id = user(&world, "Alice", "AIDAALICE", &[]).await;
    assert!(call(&world, &id, None).await.is_some());
    let alice = world.env.identity(account(), IdentityKind::User, "Alice").await.unwrap().unwrap();
    commit(&world, |edits| edits.delete(&alice).unwrap()).await;
    assert!(call(&world, &id, None).await.is_none());
    commit(&world, |edits| edits.create(&identity(IdentityKind::User, "Alice", "AIDANEW")).unwrap()).await;
    assert!(call(&world, &id, None).await.is_none(), "the key of the user before");
    assert!(world.env.credential_in_memory(&id).is_none(), "also with the new one in memory");
}

#[tokio::test]
async fn an_inactive_access_key_is_none() {
    let world = World::new().await;
    let id = user(&world, "Alice", "AIDAALICE", &[]).await;
    let alice = world.env.identity(account(), IdentityKind::User, "Alice").await.unwrap().unwrap();
    for active in [false, true] {
        let mut entry = alice.record.access_keys[0].clone();
        entry.active = active;
        let mut edits = Edits::default();
        world.env.update_access_key(&mut edits, &alice.record, &entry).await.unwrap();
        world.env.commit(edits.0).await.unwrap();
        assert_eq!(call(&world, &id, None).await.is_some(), active);
    }
}

#[tokio::test]
async fn a_role_session_says_everything_in_its_token() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let mut worker = identity(IdentityKind::Role, "Worker", "AROAWORKER");
    worker.inline = vec![("p".to_owned(), ENCRYPT.to_owned())];
    commit(&world, |edits| edits.create(&worker).unwrap()).await;
    let made = role_session(&world, SessionRequest::default()).await;
    let (id, token) = (made.access_key_id.as_str(), made.session_token.as_str());
    let session = call(&world, id, Some(token)).await.unwrap();
    assert_eq!(session.caller.arn(), "arn:aws:sts::111122223333:assumed-role/Worker/s1");
    encrypt(&world, &session, &key).await.unwrap();
    let record = world.audit.records().pop().unwrap();
    let who = json!({
        "type": "AssumedRole", "principalId": "AROAWORKER:s1", "accountId": ACCOUNT, "accessKeyId": id,
        "arn": "arn:aws:sts::111122223333:assumed-role/Worker/s1",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "principalId": "AROAWORKER", "accountId": ACCOUNT, "userName": "Worker",
                "arn": "arn:aws:iam::111122223333:role/team/Worker"
            },
            "attributes": {"creationDate": "2026-01-02T03:04:05Z", "mfaAuthenticated": "false"}
        }
    });
    assert_eq!(record["userIdentity"], who);
    assert!(!record.to_string().contains(token));

    // A token fits no other key, and not a letter of it can change.
    assert!(call(&world, "ASIAAAAAAAAAAAAAAAAA", Some(token)).await.is_none());
    assert!(call(&world, id, None).await.is_none());
    let mut letters = token.as_bytes().to_vec();
    letters[30] ^= 1;
    assert!(call(&world, id, std::str::from_utf8(&letters).ok()).await.is_none());

    world.clock.set(Timestamp::from_millis(made.expires.millis() - 1));
    assert!(!call(&world, id, Some(token)).await.unwrap().caller.is_expired(world.env.clock()));
    world.clock.set(made.expires);
    assert!(call(&world, id, Some(token)).await.unwrap().caller.is_expired(world.env.clock()));
}

#[tokio::test]
async fn a_session_ends_with_its_role_and_is_limited_by_its_policies() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let mut worker = identity(IdentityKind::Role, "Worker", "AROAWORKER");
    worker.inline = vec![("p".to_owned(), ENCRYPT.to_owned())];
    commit(&world, |edits| {
        edits.create(&worker).unwrap();
        edits.create(&managed("Limit", &ENCRYPT.replace("kms:Encrypt", "kms:Decrypt"))).unwrap();
    })
    .await;
    let limit = "arn:aws:iam::111122223333:policy/Limit".to_owned();
    let by_arn =
        role_session(&world, SessionRequest { policy_arns: vec![limit.clone()], ..Default::default() }).await;
    let by_text = role_session(
        &world,
        SessionRequest { policy: Some(ENCRYPT.replace("kms:Encrypt", "kms:Decrypt")), ..Default::default() },
    )
    .await;
    for made in [&by_arn, &by_text] {
        let session = call(&world, &made.access_key_id, Some(&made.session_token)).await.unwrap();
        let (_, text) = encrypt(&world, &session, &key).await.unwrap_err();
        assert!(text.ends_with("because no session policy allows the kms:Encrypt action"), "{text}");
    }
    let policy = world.env.managed_policy(account(), &limit).await.unwrap().unwrap();
    commit(&world, |edits| edits.delete(&policy).unwrap()).await;
    assert!(call(&world, &by_arn.access_key_id, Some(&by_arn.session_token)).await.is_none());

    let free = role_session(&world, SessionRequest::default()).await;
    let use_it = || call(&world, &free.access_key_id, Some(&free.session_token));
    encrypt(&world, &use_it().await.unwrap(), &key).await.unwrap();
    change(&world, IdentityKind::Role, "Worker", |worker| worker.inline.clear()).await;
    assert!(encrypt(&world, &use_it().await.unwrap(), &key).await.is_err());
    let role = world.env.identity(account(), IdentityKind::Role, "Worker").await.unwrap().unwrap();
    commit(&world, |edits| edits.delete(&role).unwrap()).await;
    assert!(use_it().await.is_none());
    commit(&world, |edits| edits.create(&identity(IdentityKind::Role, "Worker", "AROANEW")).unwrap()).await;
    assert!(use_it().await.is_none());
}

#[tokio::test]
async fn facts_about_the_caller_are_there_for_conditions() {
    let world = World::new().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:PrincipalType": "Account"}}},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/team/Worker"},
         "Action": "kms:Encrypt", "Resource": "*", "Condition": {
            "StringEquals": {
                "aws:PrincipalTag/Project": "of the session", "aws:PrincipalTag/cost": "of the role",
                "aws:userid": "AROAWORKER:s1", "aws:SourceIdentity": "alice",
                "aws:PrincipalArn": "arn:aws:iam::111122223333:role/team/Worker"},
            "DateGreaterThan": {"aws:TokenIssueTime": "2026-01-02T03:04:04Z"},
            "Bool": {"aws:MultiFactorAuthPresent": "false"},
            "Null": {"aws:MultiFactorAuthAge": "true", "aws:username": "true"}}},
    ]});
    let request = json!({"Policy": policy.to_string()});
    let key = super::key(&world, request).await;
    let mut worker = identity(IdentityKind::Role, "Worker", "AROAWORKER");
    worker.tags =
        [("project", "of the role"), ("Cost", "of the role")].map(|(k, v)| (k.into(), v.into())).to_vec();
    commit(&world, |edits| edits.create(&worker).unwrap()).await;
    let tags = vec![("Project".to_owned(), "of the session".to_owned())];
    let right = SessionRequest { tags, source_identity: Some("alice".to_owned()), ..Default::default() };
    let wrong = SessionRequest { source_identity: Some("alice".to_owned()), ..Default::default() };
    for (request, allowed) in [(right, true), (wrong, false)] {
        let made = role_session(&world, request).await;
        let session = call(&world, &made.access_key_id, Some(&made.session_token)).await.unwrap();
        assert_eq!(encrypt(&world, &session, &key).await.is_ok(), allowed);
    }
}
