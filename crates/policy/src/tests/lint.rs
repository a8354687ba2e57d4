//! What is warned of, and that nothing else is; that what is said to never hold never holds.

use serde_json::{Value, json};

use super::world::World;
use crate::lint::{ACTIONS, Carriers, carriers};
use crate::*;

#[test]
fn warnings_are_those_of_the_table() {
    let world = World::load();
    let table: Value = serde_json::from_str(include_str!("../../cases/lint.json")).unwrap();
    for row in table["cases"].as_array().unwrap() {
        let mut statement = table["base"].clone();
        for (name, value) in row["statement"].as_object().unwrap() {
            match value {
                Value::Null => drop(statement.as_object_mut().unwrap().remove(name)),
                value => statement[name] = value.clone(),
            }
        }
        let version = row["version"].as_str().unwrap_or("2012-10-17");
        let text = json!({"Version": version, "Statement": statement}).to_string();
        KeyPolicy::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", row["name"]));
        let warnings: Vec<_> = lint_key_policy(&text, world.key()).iter().map(ToString::to_string).collect();
        let expected: Vec<_> =
            row["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        assert_eq!(warnings, expected, "{}", row["name"]);
        assert!(warnings.iter().all(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
    }
}

#[test]
fn statements_are_counted() {
    let statement = |action: &str| json!({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": action, "Resource": "*"});
    let text = json!({"Statement": [statement("kms:*"), statement("kms:Encript")]}).to_string();
    let [warning] = lint_key_policy(&text, "arn:k").try_into().unwrap();
    assert_eq!((warning.statement, warning.sid), (1, None));
}

#[test]
fn what_is_no_policy_is_not_warned_of() {
    for text in
        ["", "[]", "{}", "{\"Statement\": 1}", "{\"Statement\": [{\"Effect\": 1, \"Condition\": [1]}]}"]
    {
        let _ = lint_key_policy(text, "arn:k");
    }
}

#[test]
fn the_catalog_is_sorted_and_names_actions_that_exist() {
    assert!(ACTIONS.is_sorted());
    for name in ConditionKey::known_names() {
        let key = ConditionKey::parse(name);
        assert_ne!(carriers(&key), Carriers::Unknown, "{name}");
        if let Carriers::These(these) = carriers(&key) {
            assert!(these.is_sorted() && these.iter().all(|action| ACTIONS.contains(action)), "{name}");
        }
    }
}
