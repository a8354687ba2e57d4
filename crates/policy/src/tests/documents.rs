//! What is accepted, what is remembered, and that no input does harm.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::world::{MapContext, caller};
use crate::*;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The policy of a key that was created without one, in the layout in which GetKeyPolicy returns it.
const DEFAULT: &str = r#"{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}"#;

#[test]
fn the_default_key_policy_is_understood() {
    let policy = KeyPolicy::parse(DEFAULT).unwrap();
    let document = policy.document();
    assert_eq!(document.id(), Some("key-default-1"));
    assert!(document.has_variables());
    let [statement] = document.statements() else { panic!("one statement") };
    assert_eq!(statement.sid(), Some("Enable IAM User Permissions"));
    assert_eq!(statement.effect(), Effect::Allow);
    assert!(statement.is_effective());
}

#[test]
fn a_statement_may_stand_without_a_list_and_a_version() {
    let text = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}}"#;
    let policy = KeyPolicy::parse(text).unwrap();
    assert!(!policy.document().has_variables());
    assert_eq!(policy.document().statements().len(), 1);
}

#[test]
fn a_statement_without_action_or_resource_is_kept_and_ineffective() {
    for missing in ["Action", "Resource"] {
        let mut statement = json!({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"});
        statement.as_object_mut().unwrap().remove(missing);
        let policy = KeyPolicy::parse(&json!({"Statement": statement}).to_string()).unwrap();
        assert!(!policy.document().statements()[0].is_effective(), "{missing}");
    }
}

#[test]
fn an_allow_that_rests_on_tags_or_aliases_is_ineffective_in_a_key_policy() {
    for (effect, effective) in [("Allow", false), ("Deny", true)] {
        let statement = json!({"Effect": effect, "Principal": "*", "Action": "kms:*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "x"}}});
        let policy = KeyPolicy::parse(&json!({"Statement": statement}).to_string()).unwrap();
        assert_eq!(policy.document().statements()[0].is_effective(), effective, "{effect}");
    }
}

#[test]
fn named_principals_are_listed_in_order() {
    let text = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ["111122223333", "arn:aws:iam::444455556666:user/p/u"]}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:role/r"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"Service": "logs.eu-west-1.amazonaws.com"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    ]})
    .to_string();
    let policy = KeyPolicy::parse(&text).unwrap();
    let names: Vec<_> = policy.principals().cloned().collect();
    let account = Principal::Account { partition: None, account: "111122223333".into() };
    assert_eq!(
        names,
        [
            account,
            Principal::User("arn:aws:iam::444455556666:user/p/u".into()),
            Principal::Role("arn:aws:iam::111122223333:role/r".into()),
            Principal::Service("logs.eu-west-1.amazonaws.com".into()),
            Principal::Anyone,
        ]
    );
    let accounts: Vec<_> = names.iter().map(Principal::account).collect();
    assert_eq!(accounts, [Some("111122223333"), Some("444455556666"), Some("111122223333"), None, None]);
}

#[test]
fn documents_have_a_longest_length() {
    let padded = |length: usize| DEFAULT.to_owned() + &" ".repeat(length - DEFAULT.len());
    assert!(KeyPolicy::parse(&padded(MAX_DOCUMENT_BYTES)).is_ok());
    assert_eq!(KeyPolicy::parse(&padded(MAX_DOCUMENT_BYTES + 1)), Err(PolicyError::TooLong));
}

#[test]
fn callers_are_what_their_arn_says() {
    let user = "arn:aws:iam::111122223333:user/alice";
    let session = "arn:aws:sts::111122223333:assumed-role/app/s1";
    let role = "arn:aws:iam::111122223333:role/service/app";
    assert_eq!(Caller::user(user).unwrap().account(), "111122223333");
    for caller in [Caller::user(user), Caller::root("arn:aws-cn:iam::111122223333:root")] {
        let caller = caller.unwrap();
        assert_eq!(Caller::of_form(caller.arn(), caller.form()), Some(caller));
    }
    assert_eq!(Caller::role_session(session, role).unwrap().arn(), session);
    assert_eq!(Caller::role_session(session, role).unwrap().kind(), CallerKind::RoleSession);
    assert_eq!(Caller::root(user), None);
    assert_eq!(Caller::user(session), None);
    assert_eq!(Caller::user("arn:aws:iam::111122223333:root"), None);
    assert_eq!(Caller::federated_user(user), None);
    for other in [
        "arn:aws:iam::111122223333:role/app2",
        "arn:aws:iam::444455556666:role/app",
        "arn:aws-cn:iam::111122223333:role/app",
        "arn:aws:iam::111122223333:user/app",
    ] {
        assert_eq!(Caller::role_session(session, other), None, "{other}");
    }
}

#[test]
fn the_lockout_check_asks_for_the_next_change() {
    let statement = |effect: &str, principal: &str, action: &str| json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"});
    let account = "arn:aws:iam::111122223333:root";
    let user = "arn:aws:iam::111122223333:user/alice";
    let named = json!({"Effect": "Allow", "Principal": {"AWS": user}, "Action": "kms:*", "Resource": "*",
        "Condition": {"StringEquals": {"kms:PolicyName": "default"}}});
    let alice = caller(user, None);
    let root = caller(account, None);
    for (statements, for_alice, for_root) in [
        (json!([statement("Allow", account, "kms:*")]), true, true),
        (json!([statement("Allow", user, "kms:PutKeyPolicy")]), true, false),
        (json!([statement("Allow", user, "kms:Encrypt")]), false, false),
        (json!([statement("Allow", "*", "kms:Put*")]), true, true),
        (json!([statement("Allow", "444455556666", "kms:*")]), false, false),
        (
            json!([statement("Allow", account, "kms:*"), statement("Deny", user, "kms:PutKeyPolicy")]),
            false,
            true,
        ),
        (json!([statement("Allow", account, "kms:*"), statement("Deny", "*", "kms:*")]), false, false),
        (json!([statement("Allow", account, "kms:*"), statement("Deny", user, "kms:Encrypt")]), true, true),
        (json!([named]), true, false),
    ] {
        let policy = KeyPolicy::parse(&json!({"Statement": statements}).to_string()).unwrap();
        let mut context = MapContext::default();
        context.values.insert("kms:PolicyName".to_owned(), vec!["default".to_owned()]);
        assert_eq!(key_policy_allows_update(&policy, &alice, KEY, &context), for_alice, "{statements}");
        assert_eq!(key_policy_allows_update(&policy, &root, KEY, &context), for_root, "{statements}");
    }
}

/// JSON made of the words of the grammar, so that the reader gets past the first brace.
fn grammar_like() -> impl Strategy<Value = Value> {
    let word = select(vec![
        "Version",
        "2012-10-17",
        "Statement",
        "Effect",
        "Allow",
        "Deny",
        "Principal",
        "AWS",
        "*",
        "Action",
        "kms:*",
        "Resource",
        "Condition",
        "StringLike",
        "ForAllValues:ArnLike",
        "DateEquals",
        "IpAddress",
        "aws:username",
        "${aws:username}",
        "${",
        "arn:aws:iam::111122223333:root",
        "kms:EncryptionContext:é",
        "10.0.0.0/8",
        "Null",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

/// Parses as both kinds and evaluates what was accepted.
fn swallow(text: &str) {
    let caller = caller("arn:aws:iam::111122223333:user/alice", None);
    let key = KeyPolicy::parse(text);
    let identity = IdentityPolicy::parse(text);
    if let Err(error) = &key {
        assert!(!error.to_string().is_empty());
    }
    let identity: Vec<_> = identity.into_iter().map(std::sync::Arc::new).collect();
    let policies = Policies { key: key.as_ref().ok(), identity: &identity, ..Policies::default() };
    let target = Target::Key { arn: KEY, account: "111122223333", across_accounts: true };
    let request =
        Request { caller: &caller, action: "kms:Decrypt", target, context: &EmptyContext, new_grant: None };
    let _ = evaluate(&request, &policies);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        swallow(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_text_in_every_place_does_no_harm(text in "\\PC{0,20}", other in "[*?${}:,'a/é]{0,12}") {
        for (principal, action, resource, operator) in [
            (&text, "kms:*", "*", "StringLike"),
            (&other, "kms:*", "*", "ArnLike"),
            (&"*".to_owned(), text.as_str(), other.as_str(), "StringEquals"),
            (&"*".to_owned(), "*", text.as_str(), "DateEquals"),
            (&"*".to_owned(), other.as_str(), "*", "IpAddress"),
            (&"*".to_owned(), "*", "*", text.as_str()),
        ] {
            let condition = json!({operator: {text.as_str(): other, "aws:username": [text, other]}});
            let statement = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": resource});
            swallow(&json!({"Version": "2012-10-17", "Statement": statement}).to_string());
            let statement = json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": condition});
            swallow(&json!({"Version": "2012-10-17", "Statement": [statement]}).to_string());
        }
    }

    #[test]
    fn grammar_like_documents_do_no_harm(value in grammar_like()) {
        swallow(&value.to_string());
        swallow(&json!({"Statement": value}).to_string());
        swallow(&json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": value}]}).to_string());
    }

    #[test]
    fn a_changed_byte_does_no_harm(at in 0..DEFAULT.len(), byte in 0x20_u8..0x7f) {
        let mut bytes = DEFAULT.as_bytes().to_vec();
        bytes[at] = byte;
        swallow(std::str::from_utf8(&bytes).unwrap());
        bytes.remove(at);
        swallow(std::str::from_utf8(&bytes).unwrap());
        bytes.truncate(at);
        swallow(std::str::from_utf8(&bytes).unwrap());
    }
}

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example/x"},
     "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"issuer.example/x:sub": "one"}}},
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}
]}"#;

struct Subject(&'static str);

impl RequestContext for Subject {
    fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> Availability {
        if *key == ConditionKey::Other("issuer.example/x:sub".into()) {
            visit(self.0);
        }
        Availability::Known
    }
}

fn may_assume(trust: &str, caller: &Caller<'_>, subject: &'static str) -> bool {
    let trust = TrustPolicy::parse(trust).unwrap();
    let target = Target::Key {
        arn: "arn:aws:iam::111122223333:role/r",
        account: "111122223333",
        across_accounts: true,
    };
    let action = "sts:AssumeRoleWithWebIdentity";
    let request = Request { caller, action, target, context: &Subject(subject), new_grant: None };
    let policies = Policies { key: Some(trust.as_resource_policy()), ..Policies::default() };
    evaluate(&request, &policies).is_allowed()
}

#[test]
fn a_web_identity_is_covered_by_its_provider_alone() {
    let provider = |name: &str| format!("arn:aws:iam::111122223333:oidc-provider/{name}");
    let (own, other) = (provider("issuer.example/x"), provider("issuer.example/y"));
    let own = Caller::web_identity(&own).unwrap();
    assert!(may_assume(TRUST, &own, "one"));
    assert!(!may_assume(TRUST, &own, "two"));
    assert!(!may_assume(TRUST, &Caller::web_identity(&other).unwrap(), "one"), "`*` means principals");
    let root = Caller::root("arn:aws:iam::111122223333:root").unwrap();
    assert!(may_assume(TRUST, &root, "two"));
    let denied = TRUST
        .replace(r#""Effect": "Allow", "Principal": {"AWS": "*"}"#, r#""Effect": "Deny", "Principal": "*""#);
    assert!(!may_assume(&denied, &own, "one"), "a Deny for everyone is for everyone");
    let except = TRUST.replace(
        r#""Effect": "Allow", "Principal": {"AWS": "*"}"#,
        r#""Effect": "Allow", "NotPrincipal": {"AWS": "444455556666"}"#,
    );
    assert!(!may_assume(&except, &own, "two"));
}

#[test]
fn trust_policies_name_principals_and_no_resource() {
    let with =
        |extra: &str| format!(r#"{{"Statement": {{"Effect": "Allow", "Action": "sts:AssumeRole"{extra}}}}}"#);
    let refused = |extra: &str| TrustPolicy::parse(&with(extra)).unwrap_err();
    assert_eq!(refused(""), PolicyError::MissingPrincipal);
    let principal = r#", "Principal": {"AWS": "111122223333"}"#;
    assert_eq!(refused(&format!(r#"{principal}, "Resource": "*""#)), PolicyError::ResourceNotAllowed);
    assert!(TrustPolicy::parse(&with(principal)).is_ok());
    let federated = r#", "Principal": {"Federated": "accounts.example"}"#;
    assert_eq!(refused(federated), PolicyError::InvalidPrincipal("accounts.example".into()));
    let provider =
        r#", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example"}"#;
    assert!(TrustPolicy::parse(&with(provider)).is_ok());
    assert!(KeyPolicy::parse(&with(provider)).is_err(), "key policies know no federated principals");
}

#[test]
fn a_policy_does_not_mean_who_took_over_a_name() {
    let user = Caller::user("arn:aws:iam::111122223333:user/u").unwrap();
    let allowed = |principal: &str, effect: &str, key_names_another| {
        let text = format!(
            r#"{{"Statement": [
                {{"Effect": "{effect}", "Principal": {principal}, "Action": "kms:*", "Resource": "*"}},
                {{"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}}]}}"#
        );
        let policy = KeyPolicy::parse(&text).unwrap();
        let action = if effect == "Deny" { "kms:Decrypt" } else { "kms:Encrypt" };
        let target = Target::Key { arn: KEY, account: "111122223333", across_accounts: true };
        let request = Request { caller: &user, action, target, context: &EmptyContext, new_grant: None };
        let policies = Policies { key: Some(&policy), key_names_another, ..Policies::default() };
        evaluate(&request, &policies).is_allowed()
    };
    let named = r#"{"AWS": "arn:aws:iam::111122223333:user/u"}"#;
    assert!(allowed(named, "Allow", false));
    assert!(!allowed(named, "Allow", true));
    assert!(!allowed(named, "Deny", false));
    assert!(allowed(named, "Deny", true));
    assert!(allowed("\"*\"", "Allow", true));
}
