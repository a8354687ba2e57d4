//! docs/compatibility.md, made from the operation table and docs/deviations.toml: what differs from AWS, why, and which test
//! shows it. A page that is not what they say is written anew, and the test fails, so that somebody looks at it.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    operation::{Forms, KeyRule, OpSpec, StateRule, UsageRule},
    ops,
};

const BEGINNING: &str = "\
# Compatibility with AWS KMS

Made from the operation table of `crates/core` and from [deviations.toml](deviations.toml) by a test of `crates/core`; do not edit it here.
What nothing is said about is meant to be as AWS documents it. The tests named below show where it is not.
";
const OPERATIONS: &str = "
## Operations

*Key*: how the KMS key may be named: `any` of key id, key ARN, alias name and alias ARN, or only the first two (`id`). *State*: what state of the key lets the call
through (source: the key state table of the KMS developer guide). *Elsewhere*: whether keys of other accounts can be named. *Differs*: numbers of the section after.

| Operation | Permission | Key | Usage | State | Elsewhere | Differs |
|---|---|---|---|---|---|---|
";
const DEVIATIONS: &str = "
## Where it differs

Numbers are for this page only.
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviations {
    deviation: Vec<Deviation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    /// Names of operations; empty: it is about no single one.
    operations: Vec<String>,
    /// What is different.
    what: String,
    /// The reason.
    why: String,
    /// The test that shows it: `FILE::NAME`, the file from the root of the repository.
    test: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn deviations() -> Vec<Deviation> {
    let text = fs::read_to_string(root().join("docs/deviations.toml")).unwrap();
    toml::from_str::<Deviations>(&text).unwrap().deviation
}

fn page(specs: &[&OpSpec], deviations: &[Deviation]) -> String {
    let mut page = format!("{BEGINNING}\n{} operations.\n{OPERATIONS}", specs.len());
    for spec in specs {
        let numbers =
            (1..).zip(deviations).filter(|(_, told)| told.operations.iter().any(|name| name == spec.name));
        let numbers: Vec<_> = numbers.map(|(number, _)| format!("[{number}](#{number})")).collect();
        let of_keys = |cell: fn(&KeyRule) -> String| {
            let mut cells: Vec<_> = spec.keys.iter().map(cell).collect();
            cells.dedup();
            cells.join(", ")
        };
        let permission = spec.account_action.map(|action| format!("`{action}`"));
        let permission = permission.unwrap_or_else(|| of_keys(|rule| format!("`{}`", rule.action)));
        let (key, usage) = (of_keys(|rule| form(rule.forms).to_owned()), of_keys(usage));
        let (state, elsewhere) =
            (of_keys(|rule| state(rule.states)), if spec.cross_account { "yes" } else { "" });
        writeln!(
            page,
            "| {} | {permission} | {key} | {usage} | {state} | {elsewhere} | {} |",
            spec.name,
            numbers.join(" ")
        )
        .unwrap();
    }
    page.push_str(DEVIATIONS);
    for (number, Deviation { operations, what, why, test }) in (1..).zip(deviations) {
        let about = if operations.is_empty() { "Everywhere".to_owned() } else { operations.join(", ") };
        let (file, name) = test.rsplit_once("::").unwrap();
        write!(page, "\n### {number}\n\n**{about}:** {what}\n\nWhy: {why}\n\nShown by `{name}` in [{file}](../{file}).\n").unwrap();
    }
    page
}

fn form(forms: Forms) -> &'static str {
    match forms {
        Forms::Any => "any",
        Forms::KeyOnly => "id",
    }
}

fn usage(rule: &KeyRule) -> String {
    match rule.usage {
        None => String::new(),
        Some(UsageRule::Needs(usage)) => usage.to_string(),
        Some(UsageRule::Decrypts) => "ENCRYPT_DECRYPT".to_owned(),
    }
}

fn state(rule: StateRule) -> String {
    match rule {
        StateRule::Any => "any".to_owned(),
        StateRule::Usable => "Enabled".to_owned(),
        StateRule::Live => "Enabled, Unavailable".to_owned(),
        StateRule::NotPendingDeletion => "not pending deletion".to_owned(),
        StateRule::HasMaterial => "not pending deletion or import".to_owned(),
        StateRule::HasPublicKey => "not pending deletion, with a public key".to_owned(),
        StateRule::AnyWithMaterial => "any but PendingImport".to_owned(),
        StateRule::PendingDeletion => "pending deletion".to_owned(),
        StateRule::Origin(origins, states) => {
            let origins: Vec<_> = origins.iter().map(|origin| origin.as_str()).collect();
            format!("{}; origin {}", state(*states), origins.join(" or "))
        }
    }
}

/// What is wrong with the list of deviations: operations that do not exist, tests that are not there.
fn mistakes(specs: &[&OpSpec], deviations: &[Deviation]) -> Vec<String> {
    let known: BTreeSet<_> = specs.iter().map(|spec| spec.name).collect();
    let mut found = Vec::new();
    for Deviation { operations, what, why, test } in deviations {
        let unknown = operations.iter().filter(|name| !known.contains(name.as_str()));
        found.extend(unknown.map(|name| format!("there is no operation {name}: {what}")));
        if what.trim().is_empty() || why.trim().is_empty() {
            found.push(format!("nothing is said of {operations:?}"));
        }
        if !is_there(test) {
            found.push(format!("there is no test {test}: {what}"));
        }
    }
    found
}

fn is_there(test: &str) -> bool {
    let Some((file, name)) = test.rsplit_once("::") else { return false };
    let Ok(text) = fs::read_to_string(root().join(file)) else { return false };
    let starts = if file.starts_with("tests/python/") { ["def ", "def "] } else { ["fn ", "async fn "] };
    text.lines().any(|line| {
        let line = line.trim_start();
        starts
            .iter()
            .filter_map(|start| line.strip_prefix(start))
            .any(|line| line.starts_with(&format!("{name}(")))
    })
}

fn specs() -> Vec<&'static OpSpec> {
    ops::all().map(|entry| entry.spec).collect()
}

#[test]
fn the_page_says_what_the_table_and_the_list_say() {
    let deviations = deviations();
    assert_eq!(mistakes(&specs(), &deviations), Vec::<String>::new());
    let page = page(&specs(), &deviations);
    let rows = page
        .lines()
        .filter(|line| specs().iter().any(|spec| line.starts_with(&format!("| {} |", spec.name))));
    assert_eq!(rows.count(), 56);
    let path = root().join("docs/compatibility.md");
    let written = fs::read_to_string(&path).unwrap_or_default();
    if written != page {
        // A tree that cannot be written to is told about as well.
        let _ = fs::write(&path, page);
        panic!("docs/compatibility.md was stale and is written anew: look at what changed and commit it");
    }
}

#[test]
fn what_is_wrong_with_the_list_is_found() {
    let here = "crates/core/src/tests/compatibility.rs::what_is_wrong_with_the_list_is_found";
    let told = |name: &str, what: &str, test: &str| Deviation {
        operations: vec![name.to_owned()],
        what: what.to_owned(),
        why: "because".to_owned(),
        test: test.to_owned(),
    };
    assert!(mistakes(&specs(), &[told("Sign", "something", here)]).is_empty());
    for wrong in [
        told("sign", "something", here),
        told("Sign", " ", here),
        told("Sign", "something", "crates/core/src/tests/compatibility.rs::nowhere"),
        told("Sign", "something", "tests/python/nowhere.py::test"),
        told("Sign", "something", ""),
    ] {
        assert_eq!(mistakes(&specs(), &[wrong]).len(), 1);
    }
    // The name as a whole, where it is defined.
    assert!(!is_there("crates/core/src/tests/compatibility.rs::what_is_wrong"));
}
