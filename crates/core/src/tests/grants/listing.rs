use super::*;

#[tokio::test]
async fn lists_come_in_order_of_creation_and_in_pages() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let mut made = Vec::new();
    for n in 0..5 {
        let grantee = if n == 2 { THIRD } else { GUEST };
        let more = json!({"GranteePrincipal": root(grantee), "RetiringPrincipal": root(OWNER),
            "Name": format!("n{n}"), "Constraints": {"EncryptionContextSubset": {"n": n.to_string()}}});
        made.push(grant(&world, &key, json!(["Encrypt"]), more).await.0);
    }
    let pages = async |name: &str, base: Value| {
        let (mut ids, mut request) = (Vec::new(), base);
        request["Limit"] = json!(2);
        loop {
            let page = world.ask(name, &request).await.unwrap();
            let grants = page["Grants"].as_array().unwrap();
            assert!(grants.len() <= 2);
            ids.extend(grants.iter().map(|grant| text(grant, "/GrantId")));
            if page["Truncated"] == json!(false) {
                assert!(page.get("NextMarker").is_none());
                return ids;
            }
            request["Marker"] = page["NextMarker"].clone();
        }
    };
    assert_eq!(pages("ListGrants", json!({"KeyId": key})).await, made);
    let of_guest: Vec<_> =
        made.iter().enumerate().filter(|(n, _)| *n != 2).map(|(_, id)| id.clone()).collect();
    assert_eq!(pages("ListGrants", json!({"KeyId": key, "GranteePrincipal": root(GUEST)})).await, of_guest);
    assert_eq!(pages("ListGrants", json!({"KeyId": key, "GrantId": made[3]})).await, [made[3].clone()]);
    assert_eq!(pages("ListRetirableGrants", json!({"RetiringPrincipal": root(OWNER)})).await, made);
    let one = world.ask("ListGrants", &json!({"KeyId": key, "GrantId": made[2]})).await.unwrap();
    let entry = json!({"KeyId": key, "GrantId": made[2], "Name": "n2", "CreationDate": 1_767_323_045.0,
        "GranteePrincipal": root(THIRD), "RetiringPrincipal": root(OWNER), "IssuingAccount": root(OWNER),
        "Operations": ["Encrypt"], "Constraints": {"EncryptionContextSubset": {"n": "2"}}});
    assert_eq!(one["Grants"], json!([entry]));
    let marker =
        world.ask("ListGrants", &json!({"KeyId": key, "Limit": 1})).await.unwrap()["NextMarker"].clone();
    let (code, _) = fault(
        world.ask("ListRetirableGrants", &json!({"RetiringPrincipal": root(OWNER), "Marker": marker})).await,
    );
    assert_eq!(code, "InvalidMarkerException", "a marker of another list");
}

#[tokio::test]
async fn retirable_grants_are_listed_for_principals_of_the_own_account() {
    let world = World::new().await;
    let key = symmetric(&world).await;
    let (id, _) = grant(&world, &key, json!(["Encrypt"]), json!({"RetiringPrincipal": root(THIRD)})).await;
    let third = world.call(THIRD, "us-east-1");
    let list = world
        .ask_as(&third, "ListRetirableGrants", &json!({"RetiringPrincipal": root(THIRD)}))
        .await
        .unwrap();
    assert_eq!(list["Grants"][0]["GrantId"], json!(id), "on a key of another account");
    let (code, message) =
        fault(world.ask("ListRetirableGrants", &json!({"RetiringPrincipal": root(THIRD)})).await);
    assert_eq!(code, "AccessDeniedException");
    assert!(message.contains(&format!("kms:ListRetirableGrants on resource: {}", root(THIRD))), "{message}");
}
