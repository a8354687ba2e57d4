use super::*;
use crate::explain::{Answer, ExplainError, Question, questions_about};

const ROOT: &str = "arn:aws:iam::111122223333:root";
const GUEST: &str = "arn:aws:iam::444455556666:root";

fn question(principal: &str, action: &str, key: &str) -> Question {
    let (principal, action) = (principal.to_owned(), action.to_owned());
    Question { principal, action, key: Some(key.to_owned()), ..Question::default() }
}

async fn explain(world: &World, question: &Question) -> Answer {
    world.env.explain(question).await.unwrap()
}

fn why<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let all = answer.statements.iter().chain(&answer.grants);
    &all.into_iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name} in {answer:?}")).why
}

#[tokio::test]
async fn tells_what_allows_and_what_is_missing() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let allowed = explain(&world, &question(ROOT, "kms:Encrypt", &key)).await;
    assert_eq!(allowed.effect, "Allow");
    assert_eq!(allowed.decided_by, ["key-policy/Enable IAM User Permissions"]);
    assert_eq!((allowed.missing, allowed.key.as_deref()), (None, Some(key.as_str())));

    let refused = explain(&world, &question(GUEST, "kms:Encrypt", &key)).await;
    assert_eq!(refused.effect, "Deny");
    assert!(
        refused
            .missing
            .as_ref()
            .unwrap()
            .starts_with("an Allow in the key policy for arn:aws:iam::444455556666")
    );
    assert_eq!(why(&refused, "key-policy/Enable IAM User Permissions"), "is for other principals");

    let constraints = json!({"EncryptionContextEquals": {"a": "1"}});
    let made = json!({"KeyId": key, "GranteePrincipal": GUEST, "Operations": ["Encrypt"], "Constraints": constraints});
    let id = text(&world.ask("CreateGrant", &made).await.unwrap(), "/GrantId");
    let grant = format!("grant/{id}");
    let mut asked = question(GUEST, "kms:Encrypt", &key);
    assert_eq!(why(&explain(&world, &asked).await, &grant), "wants a=1 in the encryption context");
    asked.context = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
    assert_eq!(why(&explain(&world, &asked).await, &grant), "wants an encryption context without \"b\"");
    asked.context.pop();
    let allowed = explain(&world, &asked).await;
    assert_eq!((allowed.effect.as_str(), allowed.decided_by), ("Allow", vec![grant.clone()]));
    // As policies do, in any letter case.
    asked.action = "KMS:encrypt".to_owned();
    assert_eq!(explain(&world, &asked).await.effect, "Allow");
    asked.action = "kms:Decrypt".to_owned();
    assert_eq!(why(&explain(&world, &asked).await, &grant), "does not list the operation");
}

#[tokio::test]
async fn what_the_question_does_not_tell_is_not_known() {
    let world = World::new().await;
    let statement = |sid: &str, effect: &str, condition: Value| {
        json!({"Sid": sid, "Effect": effect, "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*",
            "Condition": condition})
    };
    let policy = json!({"Version": "2012-10-17", "Statement": [
        statement("Inside", "Allow", json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        statement("Context", "Allow", json!({"StringEquals": {"kms:EncryptionContext:a": "1"}})),
        statement("Late", "Deny", json!({"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}))]});
    let request = json!({"Policy": policy.to_string(), "BypassPolicyLockoutSafetyCheck": true});
    let key = key(&world, request).await;
    let mut asked = question(ROOT, "kms:Decrypt", &key);
    let answer = explain(&world, &asked).await;
    assert_eq!(answer.effect, "Deny");
    assert_eq!(
        why(&answer, "key-policy/Inside"),
        "IpAddress on aws:SourceIp wants \"10.0.0.0/8\", and what the request has is not known"
    );
    assert_eq!(
        why(&answer, "key-policy/Context"),
        "StringEquals on kms:EncryptionContext:a wants \"1\", and the request does not have it"
    );
    assert!(why(&answer, "key-policy/Late").contains("and the request has \"2026-01-02T03:04:05Z\""));
    asked.values = vec![("AWS:SourceIP".to_owned(), "10.1.2.3".to_owned())];
    assert_eq!(explain(&world, &asked).await.decided_by, ["key-policy/Inside"]);
    asked.values.push(("aws:CurrentTime".to_owned(), "2031-01-01T00:00:00Z".to_owned()));
    assert_eq!(explain(&world, &asked).await.decided_by, ["key-policy/Late"]);
}

#[tokio::test]
async fn keys_are_named_in_all_ways_and_must_be_there() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    world.ask("CreateAlias", &json!({"AliasName": "alias/a", "TargetKeyId": key})).await.unwrap();
    let id = key.rsplit('/').next().unwrap();
    for name in [&key, id, "alias/a", "arn:aws:kms:us-east-1:111122223333:alias/a"] {
        let asked = Question { region: Some("us-east-1".to_owned()), ..question(ROOT, "kms:Encrypt", name) };
        assert_eq!(explain(&world, &asked).await.key.as_deref(), Some(key.as_str()), "{name}");
    }
    for (principal, name, region) in [
        (ROOT, "alias/b", Some("us-east-1")),
        (ROOT, "alias/a", Some("us-west-2")),
        (ROOT, "alias/a", None),
        (ROOT, id, Some("mars-north-1")),
        ("arn:aws:iam::111122223333:user/nobody", key.as_str(), None),
        ("root", key.as_str(), None),
    ] {
        let asked =
            Question { region: region.map(str::to_owned), ..question(principal, "kms:Encrypt", name) };
        assert!(matches!(world.env.explain(&asked).await, Err(ExplainError::Question(_))), "{asked:?}");
    }
}

#[tokio::test]
async fn retiring_is_explained_by_the_grant() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let made = json!({"KeyId": key, "GranteePrincipal": ROOT, "RetiringPrincipal": GUEST, "Operations": ["Encrypt"]});
    let id = text(&world.ask("CreateGrant", &made).await.unwrap(), "/GrantId");
    for (principal, effect) in [(ROOT, "Allow"), (GUEST, "Allow"), ("arn:aws:iam::777788889999:root", "Deny")]
    {
        let asked = Question { grant: Some(id.clone()), ..question(principal, "kms:RetireGrant", &key) };
        let answer = explain(&world, &asked).await;
        assert_eq!(answer.effect, effect, "{principal}");
        assert!(answer.notes.iter().any(|note| note.contains(&format!("its retiring principal {GUEST}"))));
    }
    let asked = question(ROOT, "kms:RetireGrant", &key);
    assert!(world.env.explain(&asked).await.is_err());
}

/// Explains every decision of the newest record in the caller's account.
async fn explain_last(world: &World, account: &str) -> Vec<Answer> {
    let records = world.audit.records();
    let record = records.iter().rfind(|record| record["userIdentity"]["accountId"] == account).unwrap();
    let mut answers = Vec::new();
    for (asked, recorded) in questions_about(record, None).unwrap() {
        answers.push(explain(world, &asked).await.with(recorded));
    }
    answers
}

#[tokio::test]
async fn records_lead_back_to_their_decisions() {
    let world = World::new().await;
    let (from, to) = (symmetric(&world).await, symmetric(&world).await);
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "All", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "NotSo", "Effect": "Deny", "Principal": {"AWS": ROOT}, "Action": "kms:ReEncryptTo", "Resource": "*",
         "Condition": {"StringEquals": {"kms:EncryptionContext:b": "2", "kms:ReEncryptOnSameKey": "false"},
            "IpAddress": {"aws:SourceIp": "127.0.0.1"}}}]});
    let blob = encrypt(&world, &from, json!({"a": "1"})).await;
    let request = json!({"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": to,
        "DestinationEncryptionContext": {"b": "2"}});
    world.ask("ReEncrypt", &request).await.unwrap();
    let answers = explain_last(&world, "111122223333").await;
    let actions: Vec<_> = answers.iter().map(|one| (one.action.as_str(), one.effect.as_str())).collect();
    assert_eq!(actions, [("kms:ReEncryptFrom", "Allow"), ("kms:ReEncryptTo", "Allow")]);
    assert!(answers.iter().all(|one| one.recorded.as_ref().unwrap().decided_by == one.decided_by));

    world.ask("PutKeyPolicy", &json!({"KeyId": to, "Policy": policy.to_string()})).await.unwrap();
    world.ask("ReEncrypt", &request).await.unwrap_err();
    let answers = explain_last(&world, "111122223333").await;
    assert_eq!(answers[1].decided_by, ["key-policy/NotSo"]);
    assert_eq!(answers[1].recorded.as_ref().unwrap().effect, "Deny");
    assert!(
        answers[1].recorded.as_ref().unwrap().error.as_ref().unwrap().starts_with("AccessDenied: User: ")
    );

    // What has changed since is said.
    let records = world.audit.records();
    let (asked, recorded) = questions_about(records.last().unwrap(), None).unwrap().remove(1);
    let open = json!({"KeyId": to, "Policy": policy.to_string().replace("\"Deny\"", "\"Allow\"")});
    world.ask("PutKeyPolicy", &open).await.unwrap();
    let answer = explain(&world, &asked).await.with(recorded);
    assert!(answer.effect == "Allow" && answer.notes.iter().any(|note| note.contains("since")), "{answer:?}");

    world.ask("CreateKey", &json!({"Tags": [{"TagKey": "t", "TagValue": "v"}]})).await.unwrap();
    let answers = explain_last(&world, "111122223333").await;
    let actions: Vec<_> = answers.iter().map(|one| (one.action.as_str(), one.key.is_some())).collect();
    assert_eq!(actions, [("kms:CreateKey", false), ("kms:TagResource", false)]);
}

#[tokio::test]
async fn records_without_decisions_are_told_apart() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    world.ask("Encrypt", &json!({"KeyId": key})).await.unwrap_err();
    let records = world.audit.records();
    assert_eq!(
        questions_about(records.last().unwrap(), None).unwrap_err().0,
        "the call failed before anything was decided"
    );
    assert!(
        questions_about(&json!({"eventName": "CreateUser", "eventSource": "iam.amazonaws.com"}), None)
            .is_err()
    );
    let blob = encrypt(&world, &key, json!({})).await;
    let guest = world.call("444455556666", "us-east-1");
    world.ask_as(&guest, "Decrypt", &json!({"CiphertextBlob": blob})).await.unwrap_err();
    let records = world.audit.records();
    assert!(questions_about(records.last().unwrap(), None).unwrap_err().0.contains("by a ciphertext only"));
}
