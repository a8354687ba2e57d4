//! Rules that hold for every action: who may not call it, and what its record shows.

use std::net::{IpAddr, Ipv4Addr};

use reseal_core::{call::Call, testkit::World};
use reseal_types::{AccountId, Region};

use crate::{Api, Entry, Fault, Form, all, find};

const ACCOUNT: &str = "111122223333";
const POLICY: &str = "arn:aws:iam::111122223333:policy/P";
const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/issuer.example";
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;

/// Values that any action accepts, whatever it takes of them.
const ARGUMENTS: &[(&str, &str)] = &[
    ("UserName", "U"),
    ("RoleName", "R"),
    ("GroupName", "G"),
    ("PolicyName", "P"),
    ("PolicyArn", POLICY),
    ("PermissionsBoundary", POLICY),
    ("PolicyDocument", DOCUMENT),
    ("AssumeRolePolicyDocument", TRUST),
    ("VersionId", "v1"),
    ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"),
    ("Status", "Inactive"),
    ("Url", "https://issuer.example"),
    ("OpenIDConnectProviderArn", PROVIDER),
    ("ClientID", "client"),
    ("ThumbprintList.member.1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("Tags.member.1.Key", "k"),
    ("Tags.member.1.Value", "v"),
    ("TagKeys.member.1", "k"),
    ("Description", "d"),
    ("RoleArn", "arn:aws:iam::111122223333:role/R"),
    ("RoleSessionName", "session"),
];

fn form(entry: &Entry) -> Form {
    // The trust policy goes by the same name as other policies in one action.
    let of_trust = entry.spec.name() == "UpdateAssumeRolePolicy";
    let escaped = |text: &str| text.replace('%', "%25").replace('+', "%2B").replace('&', "%26");
    let value = |name: &str, text| if of_trust && name == "PolicyDocument" { TRUST } else { text };
    let pairs = ARGUMENTS.iter().map(|(name, text)| format!("{name}={}", escaped(value(name, text))));
    let version = match entry.spec.api() {
        Api::Iam => "2010-05-08",
        Api::Sts => "2011-06-15",
    };
    let named = [format!("Action={}", entry.spec.name()), format!("Version={version}")];
    Form::parse(named.into_iter().chain(pairs).collect::<Vec<_>>().join("&").as_bytes()).unwrap()
}

fn root(world: &World) -> Call {
    world.call(ACCOUNT, "us-east-1")
}

async fn act(world: &World, call: &Call, text: &str) -> Result<String, Fault> {
    let form = Form::parse(text.as_bytes()).unwrap();
    let body = find(&form).unwrap().handle(&world.env, call, &form).await?;
    Ok(String::from_utf8(body).unwrap())
}

/// A user with these policies, and a call of it.
async fn user(world: &World, name: &str, policies: &[&str]) -> Call {
    let root = root(world);
    let iam = "Version=2010-05-08";
    act(world, &root, &format!("Action=CreateUser&{iam}&UserName={name}")).await.unwrap();
    for policy in policies {
        let text = format!("Action=PutUserPolicy&{iam}&UserName={name}&PolicyName=p&PolicyDocument={policy}");
        act(world, &root, &text).await.unwrap();
    }
    let made = act(world, &root, &format!("Action=CreateAccessKey&{iam}&UserName={name}")).await.unwrap();
    let id = made.split("<AccessKeyId>").nth(1).unwrap().split('<').next().unwrap();
    let credential = world.env.credential(id, None).await.unwrap().unwrap();
    let caller = credential.authenticate(|_, _| Ok::<_, ()>(())).unwrap();
    Call {
        caller,
        region: Region::parse("us-east-1").unwrap(),
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ..root
    }
}

#[tokio::test]
async fn whoever_was_given_nothing_may_call_nothing() {
    let world = World::new().await;
    let nobody = user(&world, "nobody", &[]).await;
    for entry in all().filter(|entry| !entry.spec.open) {
        let form = form(entry);
        let refused = entry.handle(&world.env, &nobody, &form).await;
        let name = entry.spec.name();
        let fault = refused.expect_err(name);
        assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403), "{name}: {}", fault.text());
        let record = world.audit.records().pop().unwrap();
        assert_eq!(
            (record["eventName"].as_str(), record["errorCode"].as_str()),
            (Some(name), Some("AccessDenied"))
        );
        assert_eq!(record["userIdentity"]["userName"], "nobody", "{name}");
    }
}

#[tokio::test]
async fn each_action_is_asked_for_by_its_own_name() {
    let world = World::new().await;
    let everything_but = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","NotAction":"{action}","Resource":"*"}}}}"#
        )
    };
    for (index, entry) in all().filter(|entry| entry.spec.api() == Api::Iam).enumerate() {
        let name = format!("user{index}");
        let caller = user(&world, &name, &[&everything_but(entry.spec.action)]).await;
        let form = form(entry);
        let fault = entry.handle(&world.env, &caller, &form).await.expect_err(entry.spec.name());
        assert_eq!(fault.code(), "AccessDenied", "{}", entry.spec.name());
        assert!(fault.text().contains(entry.spec.action), "{}", fault.text());
        let allowed =
            user(&world, &format!("{name}a"), &[DOCUMENT.replace("kms:*", entry.spec.action).as_str()]).await;
        let outcome = entry.handle(&world.env, &allowed, &form).await;
        let refused = outcome.is_err_and(|fault| fault.code() == "AccessDenied");
        assert!(!refused, "{}", entry.spec.name());
    }
}

#[tokio::test]
async fn nothing_is_done_that_cannot_be_recorded() {
    let world = World::new().await;
    let root = root(&world);
    world.audit.set_broken(true);
    let fault =
        act(&world, &root, "Action=CreateUser&Version=2010-05-08&UserName=U").await.expect_err("no log");
    assert_eq!((fault.code(), fault.status()), ("ServiceFailure", 500));
    world.audit.set_broken(false);
    let fault =
        act(&world, &root, "Action=GetUser&Version=2010-05-08&UserName=U").await.expect_err("not made");
    assert_eq!(fault.code(), "NoSuchEntity");
    assert_eq!(world.audit.records().pop().unwrap()["errorCode"], "NoSuchEntityException");
}

#[tokio::test]
async fn accounts_have_directories_of_their_own() {
    let world = World::new().await;
    act(&world, &root(&world), "Action=CreateUser&Version=2010-05-08&UserName=U").await.unwrap();
    let other = world.call("444455556666", "us-east-1");
    let fault =
        act(&world, &other, "Action=GetUser&Version=2010-05-08&UserName=U").await.expect_err("elsewhere");
    assert_eq!(fault.code(), "NoSuchEntity");
    let listed = act(&world, &other, "Action=ListUsers&Version=2010-05-08").await.unwrap();
    assert!(!listed.contains("<UserName>"), "{listed}");
    assert_eq!(AccountId::parse("444455556666").unwrap(), other.caller.account());
}
