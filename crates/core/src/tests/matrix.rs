//! Who may do what: a table made by the service and kept in the documentation, where a change of it is seen.
//!
//! Each refusal and permission of the table is also explained, and the explanation must say the same.

use std::fmt::Write;

use reseal_types::AccountId;

use super::*;
use crate::{
    call::Call,
    directory::{Edits, IdentityKind, RoleFacts},
    explain::questions_about,
    identity::SessionRequest,
    tests::principals,
};

const OWNER: &str = "111122223333";
const GUEST: &str = "444455556666";
const THIRD: &str = "arn:aws:iam::777788889999:root";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/authorization-matrix.md");
/// Set, the table is written anew.
const RENEW: &str = "RESEAL_RENEW_MATRIX";

const INTRODUCTION: &str = "\
# Who may do what

Made by the service itself in a test (`crates/core/src/tests/matrix.rs`), which fails when an answer changes.
`RESEAL_RENEW_MATRIX=1 cargo test -p reseal-core matrix` writes this file anew.

The key belongs to account 111122223333. Callers:

| | |
|---|---|
| `root` | root of the account |
| `nobody` | user of the account without policies |
| `admin` | user with `kms:*` on `*` |
| `user` | user with Encrypt, Decrypt, ReEncrypt*, GenerateDataKey*, DescribeKey on all keys of the account |
| `denied` | user with `kms:*` and a Deny of Decrypt |
| `bounded` | user with `kms:*` within a permissions boundary of Encrypt and DescribeKey |
| `session` | session of a role with `kms:*` |
| `limited` | session of the same role with a session policy of Encrypt and DescribeKey |
| `grantee` | user without policies whom a grant on every key gives Encrypt, ReEncryptFrom, ReEncryptTo, DescribeKey, CreateGrant |
| `named` | user without policies, named by one of the key policies |
| `g-root` | root of account 444455556666 |
| `g-admin` | user of that account with `kms:*` on `*` |
| `g-nobody` | user of that account without policies |

| | allowed by | | refused because |
|---|---|---|---|
| `K` | the key policy (or being root, for actions on no key) | `-k` | neither key policy nor grant allows |
| `I` | a policy of the caller, where the key policy lets the account delegate | `-i` | no policy of the caller allows |
| `G` | a grant | `-b`, `-s` | the permissions boundary, the session policy does not allow |
| | | `!k`, `!i` | the key policy, a policy of the caller denies |

What another account is told never says how its caller is refused: `-k`.
";

struct Column {
    name: &'static str,
    call: Call,
    /// Of the session.
    policy: Option<String>,
}

fn allow(actions: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
        .to_string()
}

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{OWNER}:{name}")
}

async fn user(world: &World, account: &str, name: &'static str, policy: Option<String>) -> Column {
    let mut record = principals::identity(IdentityKind::User, name, &format!("AIDA{}", name.to_uppercase()));
    record.account = AccountId::parse(account).unwrap();
    record.inline = policy.map(|policy| ("p".to_owned(), policy)).into_iter().collect();
    if name == "bounded" {
        record.boundary = Some(arn("policy/Boundary"));
    }
    let mut edits = Edits::default();
    let key = world.env.new_access_key(&mut edits, &record).unwrap();
    record.access_keys.push(key.entry.clone());
    edits.create(&record).unwrap();
    world.env.commit(edits.0).await.unwrap();
    Column { name, call: principals::call(world, &key.entry.id, None).await.unwrap(), policy: None }
}

async fn session(world: &World, name: &'static str, policy: Option<String>) -> Column {
    let request = SessionRequest { policy: policy.clone(), ..SessionRequest::default() };
    let made = principals::role_session(world, request).await;
    let call = principals::call(world, &made.access_key_id, Some(&made.session_token)).await.unwrap();
    Column { name, call, policy }
}

async fn columns(world: &World) -> Vec<Column> {
    let everything = allow(&json!("kms:*"));
    let little = allow(&json!(["kms:Encrypt", "kms:DescribeKey"]));
    let use_only = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "arn:aws:kms:*:111122223333:key/*",
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]}]});
    let not_decrypt = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}]});
    let mut worker = principals::identity(IdentityKind::Role, "Worker", "AROAWORKER");
    worker.inline = vec![("p".to_owned(), everything.clone())];
    worker.role = worker.role.map(|role| RoleFacts { max_session_seconds: 43_200, ..role });
    principals::commit(world, |edits| {
        edits.create(&worker).unwrap();
        edits.create(&principals::managed("Boundary", &little)).unwrap();
    })
    .await;
    let root = |name, account| Column { name, call: world.call(account, "us-east-1"), policy: None };
    vec![
        root("root", OWNER),
        user(world, OWNER, "nobody", None).await,
        user(world, OWNER, "admin", Some(everything.clone())).await,
        user(world, OWNER, "user", Some(use_only.to_string())).await,
        user(world, OWNER, "denied", Some(not_decrypt.to_string())).await,
        user(world, OWNER, "bounded", Some(everything.clone())).await,
        session(world, "session", None).await,
        session(world, "limited", Some(little)).await,
        user(world, OWNER, "grantee", None).await,
        user(world, OWNER, "named", None).await,
        root("g-root", GUEST),
        user(world, GUEST, "g-admin", Some(everything)).await,
        user(world, GUEST, "g-nobody", None).await,
    ]
}

/// Titles, and the statements of the key policy.
fn key_policies() -> Vec<(&'static str, Value)> {
    let statement = |effect: &str, principal: &str, action: Value| {
        let principal = if principal == "*" { json!("*") } else { json!({"AWS": principal}) };
        json!({"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"})
    };
    let default = statement("Allow", &arn("root"), json!("kms:*"));
    let use_it = json!(["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]);
    let keeper = statement("Allow", &arn("user/keeper"), json!("kms:*"));
    let mut of_account = statement("Allow", "*", json!("kms:*"));
    of_account["Condition"] = json!({"StringEquals": {"kms:CallerAccount": OWNER}});
    let deny = json!(["kms:Decrypt", "kms:ReEncryptFrom", "kms:ScheduleKeyDeletion"]);
    vec![
        ("the default", json!([default])),
        ("one user alone, none of these: the account cannot delegate", json!([keeper])),
        (
            "default, and `named` may use the key",
            json!([default, statement("Allow", &arn("user/team/named"), use_it.clone())]),
        ),
        (
            "the role alone may use the key",
            json!([keeper, statement("Allow", &arn("role/team/Worker"), use_it.clone())]),
        ),
        (
            "default, and account 444455556666 may use the key",
            json!([default, statement("Allow", &format!("arn:aws:iam::{GUEST}:root"), use_it)]),
        ),
        ("everyone, if `kms:CallerAccount` is 111122223333", json!([of_account])),
        (
            "default, and a Deny of Decrypt, ReEncryptFrom, ScheduleKeyDeletion for everyone",
            json!([default, statement("Deny", "*", deny)]),
        ),
        (
            "grants alone: Decrypt for the role, Encrypt and Decrypt for account 444455556666",
            json!([statement("Allow", &arn("user/keeper"), json!("kms:PutKeyPolicy"))]),
        ),
    ]
}

/// What each cell is about.
struct Scene {
    key: String,
    blob: String,
    /// Where the caller may re-encrypt from and to.
    open: String,
    open_blob: String,
    policy: String,
    grant: String,
}

async fn grant(world: &World, key: &str, grantee: &str, operations: Value) -> String {
    let request = json!({"KeyId": key, "GranteePrincipal": grantee, "Operations": operations});
    text(&world.ask("CreateGrant", &request).await.unwrap(), "/GrantId")
}

async fn scene(world: &World, column: &Column, statements: &Value, by_grants: bool) -> Scene {
    let (key, open) = (symmetric(world).await, symmetric(world).await);
    let (blob, open_blob) = (encrypt(world, &key, json!({})).await, encrypt(world, &open, json!({})).await);
    grant(world, &open, column.call.caller.arn(), json!(["ReEncryptFrom", "ReEncryptTo"])).await;
    let operations = json!(["Encrypt", "ReEncryptFrom", "ReEncryptTo", "DescribeKey", "CreateGrant"]);
    grant(world, &key, &arn("user/team/grantee"), operations).await;
    if by_grants {
        grant(world, &key, &arn("role/team/Worker"), json!(["Decrypt"])).await;
        grant(world, &key, &format!("arn:aws:iam::{GUEST}:root"), json!(["Encrypt", "Decrypt"])).await;
    }
    let grant = grant(world, &key, THIRD, json!(["Encrypt"])).await;
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let request = json!({"KeyId": key, "Policy": policy, "BypassPolicyLockoutSafetyCheck": true});
    world.ask("PutKeyPolicy", &request).await.unwrap();
    Scene { key, blob, open, open_blob, policy, grant }
}

/// Operation, action that is looked at, request. What changes the key most comes last.
fn rows(scene: &Scene, alias: &str) -> Vec<(&'static str, &'static str, Value)> {
    let Scene { key, blob, open, open_blob, policy, grant } = scene;
    let child = json!({"KeyId": key, "GranteePrincipal": THIRD, "Operations": ["Encrypt"]});
    let put = json!({"KeyId": key, "Policy": policy, "BypassPolicyLockoutSafetyCheck": true});
    vec![
        ("DescribeKey", "kms:DescribeKey", json!({"KeyId": key})),
        ("GetKeyPolicy", "kms:GetKeyPolicy", json!({"KeyId": key})),
        ("ListGrants", "kms:ListGrants", json!({"KeyId": key})),
        ("Encrypt", "kms:Encrypt", json!({"KeyId": key, "Plaintext": "c2VjcmV0"})),
        ("Decrypt", "kms:Decrypt", json!({"KeyId": key, "CiphertextBlob": blob})),
        ("GenerateDataKey", "kms:GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"})),
        (
            "ReEncrypt",
            "kms:ReEncryptFrom",
            json!({"SourceKeyId": key, "CiphertextBlob": blob, "DestinationKeyId": open}),
        ),
        (
            "ReEncrypt",
            "kms:ReEncryptTo",
            json!({"SourceKeyId": open, "CiphertextBlob": open_blob, "DestinationKeyId": key}),
        ),
        ("CreateGrant", "kms:CreateGrant", child),
        ("TagResource", "kms:TagResource", json!({"KeyId": key, "Tags": [{"TagKey": "k", "TagValue": "v"}]})),
        ("EnableKeyRotation", "kms:EnableKeyRotation", json!({"KeyId": key})),
        ("CreateAlias", "kms:CreateAlias", json!({"AliasName": alias, "TargetKeyId": key})),
        ("RetireGrant", "kms:RetireGrant", json!({"KeyId": key, "GrantId": grant})),
        ("PutKeyPolicy", "kms:PutKeyPolicy", put),
        ("ScheduleKeyDeletion", "kms:ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7})),
    ]
}

fn rows_without_key() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("CreateKey", "kms:CreateKey", json!({})),
        ("ListKeys", "kms:ListKeys", json!({})),
        ("ListAliases", "kms:ListAliases", json!({})),
        ("GenerateRandom", "kms:GenerateRandom", json!({"NumberOfBytes": 1})),
        ("ListRetirableGrants", "kms:ListRetirableGrants", json!({"RetiringPrincipal": arn("root")})),
    ]
}

/// Makes the call and says in two letters what came of it.
async fn cell(world: &World, column: &Column, (name, action, request): &(&str, &str, Value)) -> &'static str {
    world.audit.take();
    let answer = world.ask_as(&column.call, name, request).await;
    let records = world.audit.take();
    explain(world, column, &records[0], answer.is_ok()).await;
    match answer {
        Ok(_) => {
            let decisions = records.iter().filter_map(|record| record["authorization"].as_array()).flatten();
            let of_action = decisions.filter(|decision| decision["action"] == *action);
            let by = of_action.filter_map(|decision| decision["decidedBy"].as_array()).flatten();
            let by: Vec<_> = by.filter_map(Value::as_str).collect();
            let begins = |with: &str| by.iter().any(|name| name.starts_with(with));
            match (begins("grant/"), begins("identity-policy")) {
                // A grant ends by the grant itself; who it is for says nothing here.
                (true, false) => "G",
                (_, true) => "I",
                (false, false) => "K",
            }
        }
        Err(error) => {
            let (code, text) = fault(Err(error));
            assert_eq!(code, "AccessDeniedException", "{} {name}: {text}", column.name);
            assert!(text.contains(&format!("perform: {action} on")), "{} {name}: {text}", column.name);
            [
                ("because no resource-based policy", "-k"),
                ("because no identity-based policy", "-i"),
                ("because no permissions boundary", "-b"),
                ("because no session policy", "-s"),
                ("an explicit deny in a resource-based policy", "!k"),
                ("an explicit deny in an identity-based policy", "!i"),
            ]
            .into_iter()
            .find(|(words, _)| text.contains(words))
            .unwrap_or_else(|| panic!("{text}"))
            .1
        }
    }
}

/// Each decision of the call, put again, must come out the same.
async fn explain(world: &World, column: &Column, record: &Value, allowed: bool) {
    let about = format!("{} {}", column.name, record["eventName"]);
    if record.get("authorization").is_none() {
        assert!(!allowed, "{about}");
        return;
    }
    let opening =
        json!({"requestParameters": column.policy.as_ref().map(|policy| json!({"policy": policy}))});
    let opening = crate::explain::session_of(record).map(|_| &opening);
    let mut all = true;
    for (question, recorded) in questions_about(record, opening).unwrap() {
        let ended = record["eventName"] == "RetireGrant" && allowed;
        if ended {
            continue;
        }
        let answer = world.env.explain(&question).await.unwrap();
        assert_eq!(answer.effect, recorded.effect, "{about} {question:?} {answer:?}");
        let foreign = question.key.is_some_and(|key| !key.contains(column.call.caller.account().as_str()));
        if !foreign {
            assert_eq!(answer.decided_by, recorded.decided_by, "{about}");
        }
        all &= answer.effect == "Allow";
    }
    assert_eq!(all, allowed, "{about}");
}

fn table(columns: &[Column], title: &str, cells: &[Vec<(&'static str, &'static str)>]) -> String {
    let mut text = format!("\n## {title}\n\n```\n{:20}", "");
    for column in columns {
        write!(text, " {:8}", column.name).unwrap();
    }
    for row in 0..cells[0].len() {
        write!(text, "\n{:20}", cells[0][row].0.trim_start_matches("kms:")).unwrap();
        for column in cells {
            write!(text, " {:8}", column[row].1).unwrap();
        }
    }
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    format!("{}\n```\n", lines.join("\n"))
}

#[tokio::test]
async fn matrix_is_the_one_in_the_documentation() {
    let world = World::new().await;
    let columns = columns(&world).await;
    let mut text = INTRODUCTION.to_owned();
    for (number, (title, statements)) in key_policies().iter().enumerate() {
        let mut cells = Vec::new();
        for column in &columns {
            let scene = scene(&world, column, statements, title.starts_with("grants")).await;
            let mut done = Vec::new();
            for row in rows(&scene, &format!("alias/{number}-{}", column.name)) {
                done.push((row.1, cell(&world, column, &row).await));
            }
            cells.push(done);
        }
        text += &table(&columns, &format!("Key policy: {title}"), &cells);
    }
    let mut cells = Vec::new();
    for column in &columns {
        let mut done = Vec::new();
        for row in rows_without_key() {
            done.push((row.1, cell(&world, column, &row).await));
        }
        cells.push(done);
    }
    text += &table(&columns, "On no key", &cells);
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    for (now, kept) in text.lines().zip(kept.lines()) {
        assert_eq!(now, kept, "run the test with {RENEW}=1 if the change is meant");
    }
    assert_eq!(text, kept, "run the test with {RENEW}=1 if the change is meant");
}
