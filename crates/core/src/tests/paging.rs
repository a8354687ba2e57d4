//! Lists in pages: complete and in order while things come and go, limits at their ends, markers good for one list.

use std::collections::BTreeSet;

use super::*;
use crate::ops;

/// Every list of the API: name, whether it needs a key, its largest `Limit`, and the answer to a strange marker.
const LISTS: [(&str, bool, u32, &str); 8] = [
    ("DescribeCustomKeyStores", false, 1_000, "InvalidMarkerException"),
    ("ListAliases", false, 100, "InvalidMarkerException"),
    ("ListGrants", true, 100, "InvalidMarkerException"),
    ("ListKeyPolicies", true, 1_000, "ValidationException"),
    ("ListKeyRotations", true, 1_000, "InvalidMarkerException"),
    ("ListKeys", false, 1_000, "InvalidMarkerException"),
    ("ListResourceTags", true, 50, "InvalidMarkerException"),
    ("ListRetirableGrants", false, 100, "InvalidMarkerException"),
];

/// The smallest request of a list.
fn request(list: (&str, bool, u32, &str), key: &str) -> Value {
    match list {
        ("ListRetirableGrants", ..) => json!({"RetiringPrincipal": "arn:aws:iam::111122223333:root"}),
        (_, true, ..) => json!({"KeyId": key}),
        (_, false, ..) => json!({}),
    }
}

/// Puts a member into a request.
fn with(mut request: Value, name: &str, value: impl Into<Value>) -> Value {
    request[name] = value.into();
    request
}

#[tokio::test]
async fn every_list_holds_its_limit_and_refuses_strange_markers() {
    for entry in ops::all() {
        let name = entry.spec.name;
        assert!(
            !name.starts_with("List") || LISTS.iter().any(|list| list.0 == name),
            "{name} is not in the table"
        );
    }
    let world = World::new().await;
    let key = symmetric(&world).await;
    for n in 0..3 {
        symmetric(&world).await;
        let alias = json!({"AliasName": format!("alias/{n}"), "TargetKeyId": key});
        world.ask("CreateAlias", &alias).await.unwrap();
        let tag = json!({"KeyId": key, "Tags": [{"TagKey": n.to_string(), "TagValue": ""}]});
        world.ask("TagResource", &tag).await.unwrap();
    }
    let mut markers =
        ["AAAA", "not base64!", &"x".repeat(1_024)].map(|text| (json!(text), "nowhere")).to_vec();
    for (name, request) in
        [("ListKeys", json!({})), ("ListAliases", json!({})), ("ListResourceTags", json!({"KeyId": key}))]
    {
        let page = world.ask(name, &with(request, "Limit", 1)).await.unwrap();
        markers.push((page["NextMarker"].clone(), name));
    }
    for list in LISTS.into_iter().filter(|list| ops::find(list.0).is_some()) {
        let (name, _, most, strange) = list;
        let plain = request(list, &key);
        let answer = world.ask(name, &with(plain.clone(), "Limit", most)).await.unwrap();
        assert_eq!((&answer["Truncated"], answer.get("NextMarker")), (&json!(false), None), "{name}");
        for (limit, rule) in
            [(0, "greater than or equal to 1"), (most + 1, &format!("less than or equal to {most}"))]
        {
            let (code, message) = fault(world.ask(name, &with(plain.clone(), "Limit", limit)).await);
            assert_eq!(code, "ValidationException", "{name}");
            let words = format!(
                "Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value {rule}"
            );
            assert!(message.contains(&words), "{name}: {message}");
        }
        for (marker, of) in &markers {
            let answer = world.ask(name, &with(plain.clone(), "Marker", marker.clone())).await;
            if *of == name {
                answer.expect("its own marker");
            } else {
                assert_eq!(fault(answer).0, strange, "{name}: {marker}");
            }
        }
    }
}

#[tokio::test]
async fn a_marker_is_good_for_one_account_region_and_filter() {
    let world = World::new().await;
    let (one, two) = (symmetric(&world).await, symmetric(&world).await);
    let tag = |key: &str| json!({"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": ""}, {"TagKey": "b", "TagValue": ""}]});
    for (n, key) in [(0, &one), (1, &one), (2, &two), (3, &two)] {
        let alias = json!({"AliasName": format!("alias/{n}"), "TargetKeyId": key});
        world.ask("CreateAlias", &alias).await.unwrap();
        world.ask("TagResource", &tag(key)).await.unwrap();
    }
    world.ask("RotateKeyOnDemand", &json!({"KeyId": one})).await.unwrap();
    let (us, them) = ("arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root");
    for _ in 0..2 {
        let grant = json!({"KeyId": one, "GranteePrincipal": them, "RetiringPrincipal": us, "Operations": ["Decrypt"]});
        world.ask("CreateGrant", &grant).await.unwrap();
    }
    for (name, path) in [("a", "/a/kms/xks/v1"), ("b", "/b/kms/xks/v1")] {
        super::key_stores::create(&world, &super::key_stores::proxy_request(name, path)).await;
    }
    let cases = [
        ("ListGrants", json!({"KeyId": one}), json!({"KeyId": one, "GranteePrincipal": them})),
        (
            "ListRetirableGrants",
            json!({"RetiringPrincipal": us}),
            json!({"RetiringPrincipal": us.replace("root", "user/x")}),
        ),
        ("DescribeCustomKeyStores", json!({}), json!({"CustomKeyStoreName": "a"})),
        (
            "ListKeyRotations",
            json!({"KeyId": one, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}),
            json!({"KeyId": one}),
        ),
        ("ListKeys", json!({}), json!({"ResourceOwners": ["SELF", "OTHER_ACCOUNTS_VIA_RAM"]})),
        ("ListAliases", json!({}), json!({"KeyId": one})),
        ("ListAliases", json!({"KeyId": one}), json!({"KeyId": two})),
        ("ListResourceTags", json!({"KeyId": one}), json!({"KeyId": two})),
    ];
    for (name, own, other) in cases {
        let page = world.ask(name, &with(own.clone(), "Limit", 1)).await.unwrap();
        let marker = &page["NextMarker"];
        world.ask(name, &with(own.clone(), "Marker", marker.clone())).await.expect("the list it came from");
        let elsewhere = fault(world.ask(name, &with(other, "Marker", marker.clone())).await);
        assert_eq!(elsewhere.0, "InvalidMarkerException", "{name}");
        if own == json!({}) {
            for (account, region) in [("111122223333", "us-west-2"), ("444455556666", "us-east-1")] {
                let call = world.call(account, region);
                let refused =
                    fault(world.ask_as(&call, name, &with(own.clone(), "Marker", marker.clone())).await);
                assert_eq!(refused.0, "InvalidMarkerException", "{name} for {account} in {region}");
            }
        }
        if name == "ListGrants" {
            // The same key and filter, but another account's list.
            let policy = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": [us, them]}, "Action": "kms:*", "Resource": "*"}]});
            world.ask("PutKeyPolicy", &json!({"KeyId": one, "Policy": policy.to_string()})).await.unwrap();
            let guest = world.call("444455556666", "us-east-1");
            world.ask_as(&guest, name, &own).await.expect("may list");
            let refused =
                fault(world.ask_as(&guest, name, &with(own.clone(), "Marker", marker.clone())).await);
            assert_eq!(refused.0, "InvalidMarkerException");
        }
        // After a restart it is still good: nothing about it is kept in memory.
        let again = World::over(world.store.clone(), 7).await;
        let rest = again.ask(name, &with(own, "Marker", marker.clone())).await.unwrap();
        assert_eq!(rest["Truncated"], false);
    }
}

/// Walks a list page by page, letting `meanwhile` change things between the pages.
async fn walk(
    world: &World,
    name: &str,
    items: &str,
    identifier: &str,
    request: &Value,
    mut meanwhile: impl AsyncFnMut(usize),
) -> Vec<String> {
    let (mut seen, mut marker) = (Vec::new(), None);
    for page in 0.. {
        let request = match marker.take() {
            Some(marker) => with(request.clone(), "Marker", marker),
            None => request.clone(),
        };
        let answer = world.ask(name, &request).await.unwrap();
        let found = answer[items].as_array().unwrap();
        assert!(found.len() <= 3);
        seen.extend(found.iter().map(|item| text(item, identifier)));
        assert_eq!(answer["Truncated"], answer.get("NextMarker").is_some());
        marker = answer.get("NextMarker").cloned();
        if marker.is_none() {
            break;
        }
        meanwhile(page).await;
    }
    seen
}

/// What stayed all the time is there once, in order; what is there was there at some time.
fn assert_whole(seen: &[String], stayed: &BTreeSet<String>, ever: &BTreeSet<String>) {
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    let seen: BTreeSet<String> = seen.iter().cloned().collect();
    assert!(stayed.is_subset(&seen) && seen.is_subset(ever), "{seen:?}");
}

#[tokio::test]
async fn aliases_that_come_and_go_disturb_no_page() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let name = |n: usize| format!("alias/{n:03}");
    let create = async |n: usize| {
        let request = json!({"AliasName": name(n), "TargetKeyId": key});
        world.ask("CreateAlias", &request).await.unwrap();
    };
    for n in (0..40).step_by(2) {
        create(n).await;
    }
    // With every page one goes and one comes, before and behind the place where the page ended.
    for request in [json!({"Limit": 3}), json!({"Limit": 3, "KeyId": key})] {
        let before: BTreeSet<String> = (0..40).step_by(2).map(name).collect();
        let (mut stayed, mut ever) = (before.clone(), before);
        let seen = walk(&world, "ListAliases", "Aliases", "/AliasName", &request, async |page| {
            for gone in [page * 2, 38 - page * 2].map(name) {
                if world.ask("DeleteAlias", &json!({"AliasName": gone})).await.is_ok() {
                    stayed.remove(&gone);
                }
            }
            let come = (page * 17 % 20) * 2 + 1;
            create(come).await;
            ever.insert(name(come));
        })
        .await;
        assert!(stayed.len() < 20 && stayed.len() > 5, "something went, something stayed");
        assert_whole(&seen, &stayed, &ever);
        for n in 0..40 {
            drop(world.ask("DeleteAlias", &json!({"AliasName": name(n)})).await);
        }
        for n in (0..40).step_by(2) {
            create(n).await;
        }
    }
}

#[tokio::test]
async fn keys_that_come_and_go_disturb_no_page() {
    let world = World::new().await;
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        ids.insert(symmetric(&world).await.rsplit('/').next().unwrap().to_owned());
    }
    let order: Vec<String> = ids.iter().cloned().collect();
    for id in order.iter().step_by(3) {
        world.ask("ScheduleKeyDeletion", &json!({"KeyId": id, "PendingWindowInDays": 7})).await.unwrap();
    }
    let (mut stayed, mut ever) = (ids.clone(), ids);
    let seen = walk(&world, "ListKeys", "Keys", "/KeyId", &json!({"Limit": 3}), async |page| {
        if page == 2 {
            world.clock.set(crate::testkit::BEGINNING.plus_days(7));
            assert_eq!(world.env.destroy_due_keys().await.unwrap(), 7);
            order.iter().step_by(3).for_each(|id| assert!(stayed.remove(id)));
        }
        ever.insert(symmetric(&world).await.rsplit('/').next().unwrap().to_owned());
    })
    .await;
    assert_whole(&seen, &stayed, &ever);
}

#[tokio::test]
async fn tags_that_come_and_go_disturb_no_page() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let name = |n: usize| format!("{n:02}");
    let tag = async |n: usize| {
        let tags = json!([{"TagKey": name(n), "TagValue": ""}]);
        world.ask("TagResource", &json!({"KeyId": key, "Tags": tags})).await.unwrap();
    };
    for n in (0..40).rev().step_by(2) {
        tag(n).await;
    }
    let before: BTreeSet<String> = (1..40).step_by(2).map(name).collect();
    let (mut stayed, mut ever) = (before.clone(), before);
    let request = json!({"KeyId": key, "Limit": 3});
    let seen = walk(&world, "ListResourceTags", "Tags", "/TagKey", &request, async |page| {
        let gone = name(39 - page * 4);
        let untag = json!({"KeyId": key, "TagKeys": [gone]});
        world.ask("UntagResource", &untag).await.unwrap();
        stayed.remove(&gone);
        tag(page * 6).await;
        ever.insert(name(page * 6));
    })
    .await;
    assert_whole(&seen, &stayed, &ever);
}

#[tokio::test]
async fn names_of_the_services_own_aliases_are_reserved() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    world.ask("CreateAlias", &json!({"AliasName": "alias/a", "TargetKeyId": key})).await.unwrap();
    let reserved = ("NotAuthorizedException", String::new());
    for name in ["alias/aws/s3", "alias/aws/mine/too"] {
        let request = json!({"AliasName": name, "TargetKeyId": key});
        assert_eq!(fault(world.ask("CreateAlias", &request).await), reserved);
        assert_eq!(fault(world.ask("UpdateAlias", &request).await), reserved);
        assert_eq!(fault(world.ask("DeleteAlias", &json!({"AliasName": name})).await), reserved);
        let words = format!("Alias arn:aws:kms:us-east-1:111122223333:{name} is not found.");
        assert_eq!(
            fault(world.ask("DescribeKey", &json!({"KeyId": name})).await),
            ("NotFoundException", words)
        );
    }
    // Only that prefix, in that spelling.
    for name in ["alias/aws", "alias/AWS/s3", "alias/aws-s3", "alias/my/alias/aws/s3"] {
        world.ask("CreateAlias", &json!({"AliasName": name, "TargetKeyId": key})).await.expect(name);
    }
    // There are no keys of AWS services, so none of their aliases are listed.
    let listed = world.ask("ListAliases", &json!({})).await.unwrap();
    let names: Vec<String> =
        listed["Aliases"].as_array().unwrap().iter().map(|alias| text(alias, "/AliasName")).collect();
    assert_eq!(names, ["alias/AWS/s3", "alias/a", "alias/aws", "alias/aws-s3", "alias/my/alias/aws/s3"]);
}
