//! Runs the tables of decisions, conditions and refusals.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::naive;
use super::world::{Case, World, decide, decide_retiring, word};
use crate::*;

const DECISIONS: [&str; 3] = [
    include_str!("../../cases/decisions.json"),
    include_str!("../../cases/statements.json"),
    include_str!("../../cases/grants.json"),
];

fn rows(text: &str) -> Vec<Value> {
    let table: Value = serde_json::from_str(text).unwrap();
    table["cases"].as_array().unwrap().clone()
}

/// The engine must say what the table says, and the naive evaluator too.
fn check(name: &Value, case: &Case, effect: &str, reason: Option<&str>) -> Vec<String> {
    let (decision, because) = decide(case);
    let got = (if decision.is_allowed() { "Allow" } else { "Deny" }, decision.denial.map(word));
    assert_eq!(got, (effect, reason), "{name}");
    assert_eq!(naive::decide(case), reason.map(str::to_owned), "naive: {name}");
    because
}

#[test]
fn decisions_are_those_of_the_tables() {
    let world = World::load();
    let rows: Vec<_> = DECISIONS.iter().flat_map(|text| rows(text)).collect();
    assert!(rows.len() > 250, "a table was not read");
    for row in rows {
        let expect = &row["expect"];
        let because = check(
            &row["name"],
            &world.case(&row),
            expect["effect"].as_str().unwrap(),
            expect["reason"].as_str(),
        );
        if let Some(wanted) = expect["because"].as_array() {
            let wanted: Vec<_> = wanted.iter().map(|label| label.as_str().unwrap()).collect();
            assert_eq!(because, wanted, "{}", row["name"]);
        }
    }
}

#[test]
fn retiring_is_decided_as_the_table_says() {
    let world = World::load();
    for row in rows(include_str!("../../cases/retiring.json")) {
        let mut case = row.clone();
        let grant = case.as_object_mut().unwrap().remove("grant").unwrap();
        let mut case = world.case(&case);
        case.action = "kms:RetireGrant".to_owned();
        let got = decide_retiring(&case, &grant).denial.map_or("Allow", word);
        assert_eq!(got, row["expect"].as_str().unwrap(), "{}", row["name"]);
    }
}

#[test]
fn conditions_hold_as_the_table_says_in_allow_and_in_deny() {
    let world = World::load();
    let every = every();
    let every = ["operators", "keys"].iter().flat_map(|name| every[*name].as_array().unwrap().clone());
    for row in rows(include_str!("../../cases/conditions.json")).into_iter().chain(every) {
        let version = row["version"].as_str().unwrap_or("2012-10-17");
        let mut case = world.request("alice");
        case.context.extend(row["context"].as_object().unwrap());
        let allow = json!({"Sid": "S", "Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": row["condition"]});
        let deny = json!({"Sid": "S", "Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": row["condition"]});
        let (allows, denies) = match &row["holds"] {
            Value::Bool(holds) => (*holds, *holds),
            other => (false, *other == "unknown"),
        };
        case.key_policy = Some(world.policy(&json!("default"), version));
        case.identity = vec![world.policy(&json!([allow]), version)];
        check(&row["name"], &case, if allows { "Allow" } else { "Deny" }, (!allows).then_some("no-identity"));
        case.key_policy = Some(world.policy(&json!("to-alice"), version));
        case.identity = vec![world.policy(&json!([deny]), version)];
        let reason = denies.then_some("explicit-deny:identity");
        check(&row["name"], &case, if denies { "Deny" } else { "Allow" }, reason);
    }
}

fn every() -> Value {
    serde_json::from_str(include_str!("../../cases/every.json")).unwrap()
}

/// What is missing of an allowing, a refusing and an absent case for each of `wanted`; `which` tells what a case is for.
fn missing(cases: &Value, wanted: &[String], which: fn(&str, &str) -> String) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for row in cases.as_array().unwrap() {
        let (operator, keys) = row["condition"].as_object().unwrap().iter().next().unwrap();
        let key = keys.as_object().unwrap().keys().next().unwrap();
        let is_absent = match &row["context"][key] {
            Value::Null => true,
            value => value.as_array().is_some_and(Vec::is_empty),
        };
        let kind = match (is_absent, row["holds"].as_bool().unwrap()) {
            (true, _) => "absent",
            (false, true) => "allows",
            (false, false) => "refuses",
        };
        assert!(seen.insert(format!("{} {kind}", which(operator, key))), "twice: {}", row["name"]);
    }
    let all =
        wanted.iter().flat_map(|one| ["allows", "refuses", "absent"].map(|kind| format!("{one} {kind}")));
    all.filter(|one| !seen.contains(one)).collect()
}

#[test]
fn every_operator_allows_refuses_and_is_absent_once() {
    const BASES: &str = "StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike \
        StringNotLike NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan \
        NumericGreaterThanEquals DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan \
        DateGreaterThanEquals Bool BinaryEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike";
    let mut operators = vec!["Null".to_owned()];
    for base in BASES.split_whitespace() {
        for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
            operators.extend(["", "IfExists"].map(|suffix| format!("{prefix}{base}{suffix}")));
        }
    }
    let lacking = missing(&every()["operators"], &operators, |operator, _| operator.to_owned());
    assert!(lacking.is_empty(), "no case: {lacking:?}");
}

#[test]
fn every_condition_key_allows_refuses_and_is_absent_once() {
    let listed: Value = serde_json::from_str(include_str!("../../cases/condition-keys.json")).unwrap();
    let listed = listed["keys"].as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap());
    // The part of the name that a policy chooses.
    let chosen = |name: &str| match name.find(['<', '$']) {
        Some(at) => format!("{}x", &name[..at]),
        None => name.to_owned(),
    };
    let listed: Vec<String> = listed.map(chosen).collect();
    let mut wanted = listed.clone();
    // Keys of the engine beyond the list are held to the same.
    wanted.extend(
        ConditionKey::known_names().filter(|name| !listed.iter().any(|key| key == name)).map(str::to_owned),
    );
    let lacking = missing(&every()["keys"], &wanted, |_, key| key.to_owned());
    assert!(lacking.is_empty(), "no case: {lacking:?}");
    for key in listed {
        // Those that no request here has are said with the reason in `lint/catalog.rs`.
        assert!(!matches!(ConditionKey::parse(&key), ConditionKey::Other(_)), "{key} is not known");
    }
}

#[test]
fn refused_documents_are_refused_for_the_stated_reason() {
    for row in rows(include_str!("../../cases/refused.json")) {
        let text = row["text"].as_str().map_or_else(|| row["policy"].to_string(), str::to_owned);
        let error = match row["kind"].as_str().unwrap() {
            "key" => KeyPolicy::parse(&text).err(),
            _ => IdentityPolicy::parse(&text).err(),
        };
        let error = error.unwrap_or_else(|| panic!("accepted: {}", row["name"]));
        let debug = format!("{error:?}");
        let variant = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        assert_eq!(variant, row["error"].as_str().unwrap(), "{}", row["name"]);
        if let Some(message) = row["message"].as_str() {
            assert_eq!(error.to_string(), message, "{}", row["name"]);
        }
    }
}

#[test]
fn reasons_read_like_the_service() {
    let action = "kms:Decrypt";
    for (reason, text) in [
        (
            DenialReason::NoIdentityPolicyAllows,
            "because no identity-based policy allows the kms:Decrypt action",
        ),
        (
            DenialReason::NoResourcePolicyAllows,
            "because no resource-based policy allows the kms:Decrypt action",
        ),
        (DenialReason::NotAcrossAccounts, "because no resource-based policy allows the kms:Decrypt action"),
        (DenialReason::NoBoundaryAllows, "because no permissions boundary allows the kms:Decrypt action"),
        (DenialReason::NoSessionPolicyAllows, "because no session policy allows the kms:Decrypt action"),
        (DenialReason::ExplicitDeny(PolicyKind::Key), "with an explicit deny in a resource-based policy"),
        (
            DenialReason::ExplicitDeny(PolicyKind::Identity),
            "with an explicit deny in an identity-based policy",
        ),
        (DenialReason::ExplicitDeny(PolicyKind::Boundary), "with an explicit deny in a permissions boundary"),
        (DenialReason::ExplicitDeny(PolicyKind::Session), "with an explicit deny in a session policy"),
    ] {
        assert_eq!(reason.phrase(action), text);
    }
}
