//! A set of grants decides as the list of its grants does, and looks at few of them.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{MapContext, World, caller, grant};
use crate::*;

const OPERATIONS: [&str; 4] = ["Decrypt", "ReEncryptFrom", "DescribeKey", "CreateGrant"];
const CALLERS: [(&str, Option<&str>); 3] = [
    ("arn:aws:iam::111122223333:root", None),
    ("arn:aws:iam::111122223333:user/alice", None),
    ("arn:aws:sts::111122223333:assumed-role/app/s1", Some("arn:aws:iam::111122223333:role/service/app")),
];

fn pairs() -> impl Strategy<Value = Value> {
    vec(("[ab]", "[xy]"), 0..3)
        .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k, Value::from(v))).collect())
}

fn any_grant() -> impl Strategy<Value = Value> {
    let grantee = prop::sample::select(vec![
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:role/service/app",
        "arn:aws:sts::111122223333:assumed-role/app/s1",
    ]);
    let operations = prop::sample::subsequence(OPERATIONS.to_vec(), 1..4);
    (grantee, operations, 0..3, pairs(), any::<bool>()).prop_map(
        |(grantee, operations, kind, pairs, source)| {
            let mut grant = json!({"grantee": grantee, "operations": operations});
            match kind {
                0 => {}
                1 => grant["EncryptionContextEquals"] = pairs,
                _ => grant["EncryptionContextSubset"] = pairs,
            }
            if source {
                grant["SourceArn"] = json!("arn:aws:s3:::bucket");
            }
            grant
        },
    )
}

fn allowed(
    who: &Caller<'_>,
    action: &str,
    context: &MapContext,
    child: &Grant,
    grants: &[Arc<Grant>],
) -> bool {
    let world = World::load();
    let target = Target::Key { arn: world.key(), account: "111122223333", across_accounts: true };
    let request = Request { caller: who, action, target, context, new_grant: Some(child) };
    evaluate(&request, &Policies { grants, ..Policies::default() }).is_allowed()
}

proptest! {
    #[test]
    fn decides_as_the_list_does(
        grants in vec(any_grant(), 0..8),
        child in any_grant(),
        context in pairs(),
        operation in prop::sample::select(OPERATIONS.to_vec()),
        (arn, role) in prop::sample::select(CALLERS.to_vec()),
    ) {
        let mut request = MapContext::default();
        for (name, value) in context.as_object().unwrap() {
            let value = value.as_str().unwrap().to_owned();
            request.values.insert(format!("kms:EncryptionContext:{name}"), vec![value]);
        }
        let (list, child) = (grants.iter().map(grant), grant(&child));
        let all: Vec<_> = list.clone().map(Arc::new).collect();
        let mut few = Vec::new();
        GrantSet::new(list).candidates(GrantOperation::parse(operation).unwrap(), &request, &mut few);
        let who = caller(arn, role);
        let action = format!("kms:{operation}");
        let decide = |grants: &[_]| allowed(&who, &action, &request, &child, grants);
        prop_assert_eq!(decide(&all), decide(&few));
    }
}

#[test]
fn few_of_many_are_looked_at() {
    let of = |n: usize| {
        json!({"grantee": "arn:aws:iam::111122223333:user/alice", "operations": ["Decrypt", "DescribeKey"],
            "EncryptionContextSubset": {"app": "payments", "tenant": n.to_string()}})
    };
    let set = GrantSet::new((0..50_000).map(|n| grant(&of(n))));
    let mut context = MapContext::default();
    context.values.insert("kms:EncryptionContext:app".to_owned(), vec!["payments".to_owned()]);
    context.values.insert("kms:EncryptionContext:tenant".to_owned(), vec!["49999".to_owned()]);
    let mut found = Vec::new();
    set.candidates(GrantOperation::Decrypt, &context, &mut found);
    assert_eq!(found.len(), 1);
    found.clear();
    set.candidates(GrantOperation::DescribeKey, &context, &mut found);
    assert_eq!(found.len(), 1);
}

#[test]
fn equal_grants_count_once() {
    let one = json!({"grantee": "arn:aws:iam::111122223333:user/alice", "operations": ["Decrypt"]});
    let set = GrantSet::new((0..1_000).map(|_| grant(&one)));
    assert_eq!(set.iter().count(), 1);
}
