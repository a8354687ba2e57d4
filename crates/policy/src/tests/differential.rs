//! The engine against the naive evaluator, on random small worlds: few names, so that rules meet often.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use super::naive;
use super::world::{Case, World, decide, word};

const ACCOUNT: &str = "111122223333";

fn principal() -> impl Strategy<Value = &'static str> {
    select(vec![
        "*",
        ACCOUNT,
        "444455556666",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::444455556666:root",
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:user/team/bob",
        "arn:aws:iam::111122223333:role/service/app",
        "arn:aws:sts::111122223333:assumed-role/app/s1",
        "arn:aws:sts::111122223333:federated-user/fed",
        "arn:aws:iam::444455556666:user/carol",
        "arn:aws:iam::444455556666:role/worker",
        "arn:aws:sts::444455556666:assumed-role/worker/w1",
    ])
}

fn action() -> impl Strategy<Value = &'static str> {
    select(vec!["kms:*", "*", "kms:Decrypt", "KMS:De*", "kms:Encrypt", "kms:*crypt", "kms:?ecrypt", "s3:*"])
}

fn resource() -> impl Strategy<Value = &'static str> {
    select(vec![
        "*",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:*:111122223333:key/*",
        "arn:aws:kms:*:444455556666:key/*",
        "arn:aws:kms:*:*:key/${aws:PrincipalTag/t}*",
        "arn:aws:kms:*:${kms:CallerAccount}:key/*",
        "arn:aws:kms:*:*:key/${aws:PrincipalTag/t, '1234'}*",
    ])
}

fn condition() -> impl Strategy<Value = Value> {
    let prefix = select(vec!["", "", "ForAllValues:", "ForAnyValue:"]);
    let suffix = select(vec!["", "", "IfExists"]);
    let text = (
        select(vec![
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
        ]),
        select(vec![
            "aws:PrincipalTag/t",
            "kms:EncryptionContextKeys",
            "kms:ViaService",
            "AWS:username",
            "aws:ResourceTag/t",
        ]),
        vec(
            select(vec![
                "a",
                "b",
                "A",
                "*",
                "a?",
                "alice",
                "${aws:PrincipalTag/t}",
                "${kms:ViaService, 'a'}",
                "${*}",
            ]),
            0..3,
        ),
    );
    let number = (
        select(vec!["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"]),
        select(vec!["aws:PrincipalTag/n", "kms:RotationPeriodInDays"]),
        vec(select(vec!["1", "2", "2.5"]), 1..3),
    );
    let arn = (
        select(vec!["ArnLike", "ArnNotEquals"]),
        select(vec!["aws:PrincipalArn", "aws:PrincipalTag/t"]),
        vec(
            select(vec![
                "*",
                "arn:aws:iam::111122223333:*",
                "arn:*:*::*:user/*",
                "arn:aws:iam::*:role/${aws:PrincipalTag/t}",
            ]),
            1..3,
        ),
    );
    let address = (
        select(vec!["IpAddress", "NotIpAddress"]),
        Just("aws:SourceIp"),
        vec(select(vec!["10.0.0.0/8", "2001:db8::/32", "10.1.2.3"]), 1..3),
    );
    let compare = (prefix, prop_oneof![text, number, arn, address], suffix).prop_map(
        |(prefix, (op, key, values), suffix)| json!({format!("{prefix}{op}{suffix}"): {key: values}}),
    );
    let null = (select(vec!["kms:ViaService", "kms:EncryptionContextKeys"]), any::<bool>())
        .prop_map(|(key, wanted)| json!({"Null": {key: wanted}}));
    prop_oneof![6 => compare, 1 => null]
}

fn statement(for_key: bool) -> impl Strategy<Value = Value> {
    (
        select(vec!["Allow", "Allow", "Allow", "Deny"]),
        vec(principal(), 1..4),
        (vec(action(), 1..3), prop::bool::weighted(0.1)),
        (vec(resource(), 1..3), prop::bool::weighted(0.1)),
        option::weighted(0.4, condition()),
        prop::bool::weighted(0.15),
    )
        .prop_map(move |(effect, principals, (actions, not_a), (resources, not_r), condition, not_p)| {
            let mut statement = json!({"Effect": effect});
            if for_key {
                statement[if not_p { "NotPrincipal" } else { "Principal" }] = json!({"AWS": principals});
            }
            statement[if not_a { "NotAction" } else { "Action" }] = json!(actions);
            statement[if not_r { "NotResource" } else { "Resource" }] = json!(resources);
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        })
}

fn policy(for_key: bool) -> impl Strategy<Value = Value> {
    (select(vec!["2012-10-17", "2012-10-17", "2008-10-17"]), vec(statement(for_key), 1..4))
        .prop_map(|(version, statements)| json!({"Version": version, "Statement": statements}))
}

fn grant() -> impl Strategy<Value = Value> {
    let grantee = principal().prop_filter("accounts by ARN", |text| text.starts_with("arn:"));
    let pairs = prop::collection::btree_map(select(vec!["a", "b"]), select(vec!["x", "y"]), 0..3);
    (grantee, select(vec!["Decrypt", "Encrypt"]), option::of((any::<bool>(), pairs))).prop_map(
        |(grantee, operation, constraint)| {
            let mut grant = json!({"grantee": grantee, "operations": [operation]});
            if let Some((equals, pairs)) = constraint {
                let name = if equals { "EncryptionContextEquals" } else { "EncryptionContextSubset" };
                grant[name] = json!(pairs);
            }
            grant
        },
    )
}

type Keys = Vec<(&'static str, Vec<&'static str>)>;

fn context() -> impl Strategy<Value = Keys> {
    let one = |name, values: Vec<&'static str>| (Just(name), vec(select(values), 1..2));
    let key = prop_oneof![
        one("aws:PrincipalTag/t", vec!["a", "b", "*", "arn:aws:iam::1:role/a", "1234"]),
        one("aws:PrincipalTag/n", vec!["1", "2.5", "many"]),
        one("kms:ViaService", vec!["a", "b"]),
        one("kms:RotationPeriodInDays", vec!["1", "2", "3"]),
        one("aws:SourceIp", vec!["10.1.2.3", "2001:db8::9", "192.0.2.1", "unknown"]),
        one("aws:ResourceTag/t", vec!["a", "b"]),
        one("kms:EncryptionContext:a", vec!["x", "y"]),
        one("kms:EncryptionContext:b", vec!["x", "y"]),
        (Just("kms:EncryptionContextKeys"), vec(select(vec!["a", "b", "c"]), 0..3)),
    ];
    vec(key, 0..5)
}

pub(super) fn any_case() -> impl Strategy<Value = Case> {
    let actors = World::load().actors();
    (
        (
            select(actors),
            select(vec!["kms:Decrypt", "kms:Encrypt"]),
            prop::bool::weighted(0.9),
            prop::bool::weighted(0.1),
        ),
        (option::weighted(0.95, policy(true)), vec(policy(false), 0..3)),
        (option::weighted(0.3, policy(false)), vec(policy(false), 0..2), vec(grant(), 0..3)),
        (context(), option::weighted(0.1, select(vec!["kms:ViaService", "aws:PrincipalTag/t"]))),
    )
        .prop_map(
            |((actor, action, across, keyless), (key, identity), (boundary, session, grants), keys)| {
                let mut case = World::load().request(&actor);
                action.clone_into(&mut case.action);
                case.across_accounts = across;
                if keyless {
                    "*".clone_into(&mut case.resource);
                    case.key_account = None;
                }
                (case.key_policy, case.identity, case.boundary) = (key, identity, boundary);
                (case.session, case.grants) = (session, grants);
                for (name, values) in keys.0 {
                    let values = values.into_iter().map(str::to_owned).collect();
                    case.context.values.insert(name.to_owned(), values);
                }
                case.context.unknown.extend(keys.1.map(str::to_owned));
                case
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn engine_and_naive_evaluator_agree(case in any_case()) {
        let (decision, because) = decide(&case);
        let reason = decision.denial.map(word);
        let naive = naive::decide(&case);
        prop_assert_eq!(decision.is_allowed(), naive.is_none(), "{:?} / {:?}", reason, naive);
        // Which of several missing Allows is named is a matter of order; explicit denials and the account rule are not.
        let firm = |reason: &str| reason.starts_with("explicit") || reason == "not-across" || reason == "no-resource";
        if reason.is_some_and(firm) || naive.as_deref().is_some_and(firm) {
            prop_assert_eq!(reason, naive.as_deref());
        }
        // A decision by a statement or a grant names it, except the root user's own, which needs none.
        let needs_none = case.arn.ends_with(":root") && case.key_account.is_none();
        let explicit = reason.is_some_and(|reason| reason.starts_with("explicit"));
        let decided_by_something = (decision.is_allowed() && !needs_none) || explicit;
        prop_assert!(!because.is_empty() || !decided_by_something);
    }
}

#[test]
fn random_worlds_are_not_all_alike() {
    // The comparison above proves little if nearly every world ends the same way.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut allowed, mut explicit, mut implicit) = (0, 0, 0);
    for _ in 0..1_000 {
        let case = any_case().new_tree(&mut runner).unwrap().current();
        match decide(&case).0.denial.map(word) {
            None => allowed += 1,
            Some(reason) if reason.starts_with("explicit") => explicit += 1,
            Some(_) => implicit += 1,
        }
    }
    assert!(allowed > 100 && explicit > 100 && implicit > 100, "{allowed} {explicit} {implicit}");
}
