//! What explanations say is what decisions do.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::differential::any_case;
use super::world::{Case, World, with_engine};
use crate::condition::Operator;
use crate::*;

/// What an explanation must be true to, for the caller that the key policy meant and for one of the same name.
fn check(case: &Case) {
    with_engine(case, |request, policies| {
        for key_names_another in [false, true] {
            check_one(case, request, &Policies { key_names_another, ..*policies });
        }
    });
}

fn check_one(case: &Case, request: &Request<'_>, policies: &Policies<'_>) {
    let Explanation { decision, statements, grants } = explain(request, policies);
    assert_eq!(decision, evaluate(request, policies));
    let applies = |effect, kind: PolicyKind| {
        statements
            .iter()
            .any(|one| one.verdict == Verdict::Applies && one.effect == effect && one.at.kind == kind)
    };
    let kinds = [PolicyKind::Key, PolicyKind::Identity, PolicyKind::Boundary, PolicyKind::Session];
    let denied = kinds.into_iter().any(|kind| applies(Effect::Deny, kind));
    assert_eq!(denied, matches!(decision.denial, Some(DenialReason::ExplicitDeny(_))), "{case:?}");
    for at in [decision.because.key, decision.because.own].into_iter().flatten() {
        let one = statements.iter().find(|one| one.at == at).unwrap();
        assert_eq!((&one.verdict, one.effect), (&Verdict::Applies, decision.effect), "{case:?}");
        assert_eq!(one.label, policies.label(at));
    }
    if let Some(index) = decision.because.grant {
        assert_eq!(grants[index].verdict, GrantVerdict::Applies);
    }
    // What the verdicts alone say about the two sides of the request.
    let granted = grants.iter().any(|grant| grant.verdict == GrantVerdict::Applies);
    let key_side = case.key_account.is_none() || granted || applies(Effect::Allow, PolicyKind::Key);
    let allowed_by = |kind| applies(Effect::Allow, kind);
    match decision.denial {
        None => assert!(key_side, "{case:?}"),
        Some(DenialReason::NoResourcePolicyAllows) => assert!(!key_side, "{case:?}"),
        Some(DenialReason::NoIdentityPolicyAllows) => {
            assert!(key_side && !allowed_by(PolicyKind::Identity), "{case:?}");
        }
        Some(DenialReason::NoBoundaryAllows) => {
            assert!(key_side && case.boundary.is_some() && !allowed_by(PolicyKind::Boundary), "{case:?}");
        }
        Some(DenialReason::NoSessionPolicyAllows) => {
            assert!(key_side && !allowed_by(PolicyKind::Session), "{case:?}");
        }
        Some(DenialReason::ExplicitDeny(_) | DenialReason::NotAcrossAccounts) => {}
    }
    let failed = statements.iter().filter_map(|one| match &one.verdict {
        Verdict::Conditions(failed) => Some(failed),
        _ => None,
    });
    assert!(failed.into_iter().all(|conditions| !conditions.is_empty()), "{case:?}");
}

proptest! {
    #[test]
    fn true_to_decisions(case in any_case()) {
        check(&case);
    }
}

#[test]
fn true_to_the_tables() {
    let world = World::load();
    for table in [
        include_str!("../../cases/decisions.json"),
        include_str!("../../cases/statements.json"),
        include_str!("../../cases/grants.json"),
    ] {
        let table: Value = serde_json::from_str(table).unwrap();
        table["cases"].as_array().unwrap().iter().for_each(|row| check(&world.case(row)));
    }
}

#[test]
fn says_which_thing_keeps_a_statement_from_applying() {
    let world = World::load();
    let root = "arn:aws:iam::111122223333:root";
    let case = world.case(&json!({"caller": "alice", "context": {"kms:EncryptionContext:a": "2"},
        "key_policy": [
            {"Effect": "Allow", "Principal": {"AWS": root}, "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:Encrypt", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "arn:aws:kms:*:*:key/x"},
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*", "Condition": {
                "StringLike": {"kms:EncryptionContext:a": ["1", "3*"]}, "Null": {"kms:RequestAlias": "false"}}},
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}],
        "grants": [
            {"grantee": "arn:aws:iam::111122223333:user/bob", "operations": ["Decrypt"]},
            {"grantee": "arn:aws:iam::111122223333:user/alice", "operations": ["Encrypt"]},
            {"grantee": "arn:aws:iam::111122223333:user/alice", "operations": ["Decrypt"],
             "EncryptionContextEquals": {"a": "1"}},
            {"grantee": "arn:aws:iam::111122223333:user/alice", "operations": ["Decrypt"],
             "SourceArn": "arn:aws:s3:::b"},
            {"grantee": "arn:aws:iam::111122223333:user/alice", "operations": ["Decrypt"],
             "EncryptionContextSubset": {"a": "2"}}]}));
    let (statements, grants) = with_engine(&case, |request, policies| {
        let explanation = explain(request, policies);
        assert_eq!(explanation.decision.because.grant, Some(4));
        let verdicts: Vec<_> = explanation.statements.into_iter().map(|one| one.verdict).collect();
        (verdicts, explanation.grants.into_iter().map(|one| one.verdict).collect::<Vec<_>>())
    });
    let failed = |operator: &str, key: &str, wanted: &[&str], found: &[&str]| FailedCondition {
        operator: operator.to_owned(),
        key: key.to_owned(),
        wanted: wanted.iter().map(|value| (*value).to_owned()).collect(),
        found: found.iter().map(|value| (*value).to_owned()).collect(),
        unknown: false,
    };
    let conditions = Verdict::Conditions(vec![
        failed("Null", "kms:RequestAlias", &["false"], &[]),
        failed("StringLike", "kms:EncryptionContext:a", &["1", "3*"], &["2"]),
    ]);
    assert_eq!(
        statements,
        [
            Verdict::NoEffect,
            Verdict::OtherPrincipal,
            Verdict::OtherAction,
            Verdict::OtherResource,
            conditions,
            Verdict::Applies
        ]
    );
    assert_eq!(
        grants,
        [
            GrantVerdict::OtherGrantee,
            GrantVerdict::OperationNotListed,
            GrantVerdict::ContextLacks(vec![("a".to_owned(), "1".to_owned())]),
            GrantVerdict::SourceArn("arn:aws:s3:::b".to_owned()),
            GrantVerdict::Applies
        ]
    );
}

#[test]
fn operators_are_named_as_policies_name_them() {
    let bases = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnLike",
        "ArnNotLike",
    ];
    for base in bases {
        for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
            for suffix in ["", "IfExists"] {
                let name = format!("{prefix}{base}{suffix}");
                assert_eq!(Operator::parse(&name).unwrap().name(), name);
            }
        }
    }
    assert_eq!(Operator::parse("Null").unwrap().name(), "Null");
    assert_eq!(Operator::parse("ArnNotEquals").unwrap().name(), "ArnNotLike");
}
