"""Managed policies, groups, boundaries, roles, providers: what the IAM API keeps, and that it counts at once."""

import json

from support.expect import refused
from support.identities import allow, iam_refuses, trust, unique

DENY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}})


def can_encrypt(kms, key):
    try:
        kms.encrypt(KeyId=key, Plaintext=b"p")
    except kms.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException"
        return False
    return True


def test_a_managed_policys_life(directory, iam, key, root):
    name = unique("managed")
    made = iam.create_policy(
        PolicyName=name, PolicyDocument=allow("kms:Encrypt"), Description="d", Path="/a/", Tags=[{"Key": "k", "Value": "v"}]
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{root.account}:policy/a/{name}" and made["DefaultVersionId"] == "v1"
    with iam_refuses("EntityAlreadyExists", f"A policy called {name} already exists. Duplicate names are not allowed.", 409):
        iam.create_policy(PolicyName=name, PolicyDocument=allow("kms:Encrypt"))
    user = directory.user()
    kms = directory.client("kms", user)
    assert not can_encrypt(kms, key)
    iam.attach_user_policy(UserName=user.name, PolicyArn=arn)
    iam.attach_user_policy(UserName=user.name, PolicyArn=arn)
    assert can_encrypt(kms, key)
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["AttachmentCount"], shown["Description"], shown["Tags"]) == (1, "d", [{"Key": "k", "Value": "v"}])
    attached = iam.list_attached_user_policies(UserName=user.name)["AttachedPolicies"]
    assert attached == [{"PolicyName": name, "PolicyArn": arn}]
    with iam_refuses("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)

    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=DENY, SetAsDefault=True)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", True)
    assert not can_encrypt(kms, key)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert can_encrypt(kms, key)
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in listed] == [("v2", False), ("v1", True)]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == json.loads(DENY)
    with iam_refuses("DeleteConflict", "Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    with iam_refuses("NoSuchEntity"):
        iam.get_policy_version(PolicyArn=arn, VersionId="v9")
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=DENY)
    with iam_refuses("LimitExceeded"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=DENY)

    iam.detach_user_policy(UserName=user.name, PolicyArn=arn)
    assert not can_encrypt(kms, key)
    with iam_refuses("NoSuchEntity", f"Policy {arn} was not found."):
        iam.detach_user_policy(UserName=user.name, PolicyArn=arn)
    with iam_refuses("DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    for number in (2, 3, 4, 5):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    iam.delete_policy(PolicyArn=arn)
    with iam_refuses("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.get_policy(PolicyArn=arn)


def test_policies_are_listed_and_those_of_aws_are_there(directory, iam, key):
    arns = {directory.policy(allow("kms:Encrypt")) for _ in range(3)}
    pages = iam.get_paginator("list_policies").paginate(Scope="Local", PaginationConfig={"PageSize": 2})
    assert arns <= {policy["Arn"] for page in pages for policy in page["Policies"]}
    everything = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 2})
    listed = [policy["Arn"] for page in everything for policy in page["Policies"]]
    assert len(listed) == len(set(listed)) and arns <= set(listed)
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert admin in listed
    user = directory.user()
    iam.attach_user_policy(UserName=user.name, PolicyArn=admin)
    assert can_encrypt(directory.client("kms", user), key)
    assert iam.get_policy_version(PolicyArn=admin, VersionId="v1")["PolicyVersion"]["Document"]["Statement"]
    with iam_refuses("InvalidInput"):
        iam.delete_policy(PolicyArn=admin)


def test_a_groups_life(directory, iam, key):
    name = unique("group")
    group = iam.create_group(GroupName=name, Path="/g/")["Group"]
    with iam_refuses("EntityAlreadyExists", f"Group with name {name} already exists."):
        iam.create_group(GroupName=name)
    users = [directory.user() for _ in range(3)]
    for user in users:
        iam.add_user_to_group(GroupName=name, UserName=user.name)
    kms = directory.client("kms", users[0])
    assert not can_encrypt(kms, key)
    iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=allow("kms:Encrypt"))
    assert can_encrypt(kms, key)
    pages = list(iam.get_paginator("get_group").paginate(GroupName=name, PaginationConfig={"PageSize": 2}))
    assert [len(page["Users"]) for page in pages] == [2, 1] and pages[0]["Group"] == group
    assert iam.list_groups_for_user(UserName=users[0].name)["Groups"] == [group]
    new_name = unique("renamed")
    iam.update_group(GroupName=name, NewGroupName=new_name)
    assert can_encrypt(kms, key)
    assert len(iam.get_group(GroupName=new_name)["Users"]) == 3
    with iam_refuses("DeleteConflict", "Cannot delete entity, must remove users from group first."):
        iam.delete_group(GroupName=new_name)
    for user in users:
        iam.remove_user_from_group(GroupName=new_name, UserName=user.name)
    assert not can_encrypt(kms, key)
    with iam_refuses("NoSuchEntity"):
        iam.remove_user_from_group(GroupName=new_name, UserName=users[0].name)
    iam.delete_group_policy(GroupName=new_name, PolicyName="p")
    iam.delete_group(GroupName=new_name)
    assert new_name not in [group["GroupName"] for group in iam.list_groups()["Groups"]]


def test_a_boundary_limits_what_policies_give(directory, iam, key):
    limit = directory.policy(allow("kms:Describe*"))
    user = directory.user(allow("kms:*"), PermissionsBoundary=limit)
    kms = directory.client("kms", user)
    kms.describe_key(KeyId=key)
    with refused("AccessDeniedException") as _:
        kms.encrypt(KeyId=key, Plaintext=b"p")
    shown = iam.get_user(UserName=user.name)["User"]["PermissionsBoundary"]
    assert shown == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": limit}
    with iam_refuses("DeleteConflict"):
        iam.delete_policy(PolicyArn=limit)
    iam.delete_user_permissions_boundary(UserName=user.name)
    assert can_encrypt(kms, key)
    with iam_refuses("NoSuchEntity"):
        iam.delete_user_permissions_boundary(UserName=user.name)
    with iam_refuses("NoSuchEntity"):
        iam.put_user_permissions_boundary(UserName=user.name, PermissionsBoundary=limit + "x")
    iam.put_user_permissions_boundary(UserName=user.name, PermissionsBoundary=limit)
    assert not can_encrypt(kms, key)
    iam.delete_user_permissions_boundary(UserName=user.name)
    iam.delete_policy(PolicyArn=limit)


def test_who_may_make_users_only_within_a_boundary(directory, iam):
    limit = directory.policy(allow("kms:*"))
    condition = {"StringEquals": {"iam:PermissionsBoundary": limit}}
    maker = directory.user(allow(["iam:CreateUser", "iam:PutUserPolicy"], Condition=condition))
    own = directory.client("iam", maker)
    with iam_refuses("AccessDenied"):
        own.create_user(UserName=unique("free"))
    bound = own.create_user(UserName=unique("bound"), PermissionsBoundary=limit)["User"]["UserName"]
    own.put_user_policy(UserName=bound, PolicyName="p", PolicyDocument=allow("*"))
    with iam_refuses("AccessDenied"):
        own.put_user_policy(UserName=maker.name, PolicyName="more", PolicyDocument=allow("*"))


def test_tags_are_facts_about_the_principal(directory, iam, kms, make_key, root_arn):
    user = directory.user(allow("kms:Encrypt", Condition={"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/Team}"}}))
    own = directory.client("kms", user)
    arn = make_key(Tags=[{"TagKey": "team", "TagValue": "red"}])
    assert not can_encrypt(own, arn)
    iam.tag_user(UserName=user.name, Tags=[{"Key": "Team", "Value": "red"}, {"Key": "other", "Value": ""}])
    assert can_encrypt(own, arn)
    assert iam.list_user_tags(UserName=user.name)["Tags"] == [{"Key": "Team", "Value": "red"}, {"Key": "other", "Value": ""}]
    iam.untag_user(UserName=user.name, TagKeys=["team"])
    assert not can_encrypt(own, arn)


def test_a_roles_life(directory, iam, root_arn, root):
    name = unique("role")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trust({"AWS": root_arn}), Description="d", MaxSessionDuration=7200, Path="/r/"
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{root.account}:role/r/{name}" and made["RoleId"].startswith("AROA")
    shown = iam.get_role(RoleName=name)["Role"]
    assert shown["AssumeRolePolicyDocument"] == json.loads(trust({"AWS": root_arn}))
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("d", 7200)
    assert name in [role["RoleName"] for role in iam.list_roles(PathPrefix="/r/")["Roles"]]
    iam.update_role(RoleName=name, Description="e", MaxSessionDuration=3600)
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "e"
    user = directory.user()
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": user.arn}))
    with iam_refuses("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{user.arn}x"', 400):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": user.arn + "x"}))
    with iam_refuses("MalformedPolicyDocument", "Has prohibited field Resource"):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": user.arn}, Resource="*"))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow("kms:*"))
    iam.tag_role(RoleName=name, Tags=[{"Key": "k", "Value": "v"}])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"] == []
    with iam_refuses("DeleteConflict"):
        iam.delete_role(RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    with iam_refuses("NoSuchEntity", f"The role with name {name} cannot be found."):
        iam.get_role(RoleName=name)


def test_a_providers_life(iam, root):
    issuer = f"issuer.example/{unique('i')}"
    made = iam.create_open_id_connect_provider(
        Url=f"https://{issuer}", ClientIDList=["one"], ThumbprintList=["a" * 40], Tags=[{"Key": "k", "Value": "v"}]
    )
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{root.account}:oidc-provider/{issuer}"
    with iam_refuses("EntityAlreadyExists"):
        iam.create_open_id_connect_provider(Url=f"https://{issuer}")
    with iam_refuses("ValidationError", "Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url=f"http://{issuer}")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == (issuer, ["two"], ["b" * 40])
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert {"Arn": arn} in listed
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with iam_refuses("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
