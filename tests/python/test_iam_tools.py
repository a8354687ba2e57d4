"""The calls of IAM that Terraform, Ansible and others make beside those that do the work: what a policy is attached to, tags of
policies and providers, and lists of what users never have here, which must be empty before a user is deleted."""

import pytest

from support.clients import Cli
from support.identities import allow, iam_refuses, trust, unique

OF_USERS = {
    "list_mfa_devices": "MFADevices",
    "list_signing_certificates": "Certificates",
    "list_ssh_public_keys": "SSHPublicKeys",
    "list_service_specific_credentials": "ServiceSpecificCredentials",
}
OF_THE_ACCOUNT = {
    "list_account_aliases": "AccountAliases",
    "list_instance_profiles": "InstanceProfiles",
    "list_virtual_mfa_devices": "VirtualMFADevices",
}
TAGS = [{"Key": "Team", "Value": "a"}, {"Key": "use", "Value": ""}]


def action_of(call):
    """`list_mfa_devices` is ListMFADevices."""
    words = {"mfa": "MFA", "ssh": "SSH"}
    return "".join(words.get(word, word.capitalize()) for word in call.split("_"))


@pytest.mark.parametrize(("call", "member"), OF_USERS.items())
def test_what_no_user_has(directory, iam, call, member):
    user = directory.user(allow(f"iam:{action_of(call)}", "arn:aws:iam::*:user/${aws:username}"))
    own = directory.client("iam", user)
    assert getattr(iam, call)(UserName=user.name)[member] == []
    answer = getattr(own, call)()
    assert answer[member] == [] and answer["IsTruncated"] is False
    with iam_refuses("NoSuchEntity", "The user with name nobody-at-all cannot be found.", 404):
        getattr(iam, call)(UserName="nobody-at-all")
    other = directory.user()
    text = (
        f"User: {user.arn} is not authorized to perform: iam:{action_of(call)} on resource: {other.arn} because no "
        f"identity-based policy allows the iam:{action_of(call)} action"
    )
    with iam_refuses("AccessDenied", text, 403):
        getattr(own, call)(UserName=other.name)


@pytest.mark.parametrize(("call", "member"), OF_THE_ACCOUNT.items())
def test_what_no_account_has(directory, iam, call, member):
    answer = getattr(iam, call)()
    assert answer[member] == [] and answer["IsTruncated"] is False
    user = directory.user()
    with iam_refuses("AccessDenied", status=403):
        getattr(directory.client("iam", user), call)()
    iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=allow(f"iam:{action_of(call)}"))
    assert getattr(directory.client("iam", user), call)()[member] == []


def test_no_user_has_a_password(directory, iam):
    user = directory.user()
    for call in (iam.get_login_profile, iam.delete_login_profile):
        with iam_refuses("NoSuchEntity", f"Login Profile for User {user.name} cannot be found.", 404):
            call(UserName=user.name)
        with iam_refuses("NoSuchEntity", "The user with name nobody-at-all cannot be found.", 404):
            call(UserName="nobody-at-all")
    own = directory.client("iam", user)
    for call in (own.get_login_profile, own.delete_login_profile):
        with iam_refuses("AccessDenied", status=403):
            call(UserName=user.name)


def test_a_user_goes_as_terraform_deletes_it(server, directory, root, tmp_path):
    """`force_destroy`: everything is asked for, removed where it is there, and then the user."""
    user = directory.user()
    group = unique("group")
    directory.iam.create_group(GroupName=group)
    directory.iam.add_user_to_group(GroupName=group, UserName=user.name)
    cli = Cli(server, root, tmp_path, service="iam")
    named = ("--user-name", user.name)
    for entry in cli.json("list-groups-for-user", *named)["Groups"]:
        cli.text("remove-user-from-group", *named, "--group-name", entry["GroupName"])
    for entry in cli.json("list-access-keys", *named)["AccessKeyMetadata"]:
        cli.text("delete-access-key", *named, "--access-key-id", entry["AccessKeyId"])
    assert cli.json("list-ssh-public-keys", *named)["SSHPublicKeys"] == []
    assert cli.json("list-virtual-mfa-devices", "--assignment-status", "Assigned")["VirtualMFADevices"] == []
    assert cli.json("list-mfa-devices", *named)["MFADevices"] == []
    assert "(NoSuchEntity)" in cli.fails("delete-login-profile", *named)
    assert cli.json("list-signing-certificates", *named)["Certificates"] == []
    assert cli.json("list-service-specific-credentials", *named)["ServiceSpecificCredentials"] == []
    cli.text("delete-user", *named)
    with iam_refuses("NoSuchEntity"):
        directory.iam.get_user(UserName=user.name)


@pytest.fixture
def used(directory, iam, root_arn):
    """A policy, and whom it is attached to or bounds: names by the list that they stand in."""
    policy = directory.policy(allow("kms:Encrypt"))
    users = [directory.user(name=unique("User"), Path="/a/") for _ in range(2)]
    iam.attach_user_policy(UserName=users[0].name, PolicyArn=policy)
    iam.put_user_permissions_boundary(UserName=users[1].name, PermissionsBoundary=policy)
    role = unique("role")
    directory.role(trust({"AWS": root_arn}), name=role)
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    group = unique("group")
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    directory.user(allow("kms:Encrypt"))  # has nothing of it
    return policy, {"PolicyGroups": [group], "PolicyUsers": sorted(user.name for user in users), "PolicyRoles": [role]}, users


NOUNS = {"PolicyGroups": "GroupName", "PolicyUsers": "UserName", "PolicyRoles": "RoleName"}


def names(answer):
    return {part: [entry[noun] for entry in answer[part]] for part, noun in NOUNS.items()}


def test_what_a_policy_is_attached_to(iam, used):
    policy, expected, (attached, bound) = used
    answer = iam.list_entities_for_policy(PolicyArn=policy)
    assert names(answer) == expected and answer["IsTruncated"] is False
    assert answer["PolicyUsers"][0]["UserId"] == iam.get_user(UserName=expected["PolicyUsers"][0])["User"]["UserId"]
    nothing = {part: [] for part in expected}
    for filter, part in (("Group", "PolicyGroups"), ("User", "PolicyUsers"), ("Role", "PolicyRoles")):
        only = iam.list_entities_for_policy(PolicyArn=policy, EntityFilter=filter)
        assert names(only) == {**nothing, part: expected[part]}
    as_boundary = iam.list_entities_for_policy(PolicyArn=policy, PolicyUsageFilter="PermissionsBoundary")
    assert names(as_boundary) == {**nothing, "PolicyUsers": [bound.name]}
    as_policy = iam.list_entities_for_policy(PolicyArn=policy, PolicyUsageFilter="PermissionsPolicy")
    assert names(as_policy) == {**expected, "PolicyUsers": [attached.name]}
    below = iam.list_entities_for_policy(PolicyArn=policy, PathPrefix="/a/")
    assert names(below) == {**nothing, "PolicyUsers": expected["PolicyUsers"]}
    iam.detach_user_policy(UserName=attached.name, PolicyArn=policy)
    assert names(iam.list_entities_for_policy(PolicyArn=policy))["PolicyUsers"] == [bound.name]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_what_a_policy_is_attached_to(iam, used, size):
    policy, expected, _ = used
    paginator = iam.get_paginator("list_entities_for_policy")
    pages = list(paginator.paginate(PolicyArn=policy, PaginationConfig={"PageSize": size}))
    assert [sum(map(len, names(page).values())) for page in pages] == {1: [1] * 4, 2: [2, 2], 3: [3, 1]}[size]
    assert {part: [name for page in pages for name in names(page)[part]] for part in expected} == expected


def test_a_policy_of_aws_and_one_that_is_not_there(directory, iam, used):
    policy, _, (user, _) = used
    of_aws = iam.list_policies(Scope="AWS")["Policies"][0]["Arn"]
    iam.attach_user_policy(UserName=user.name, PolicyArn=of_aws)
    assert user.name in names(iam.list_entities_for_policy(PolicyArn=of_aws))["PolicyUsers"]
    iam.detach_user_policy(UserName=user.name, PolicyArn=of_aws)
    with iam_refuses("NoSuchEntity", f"Policy {policy}x was not found.", 404):
        iam.list_entities_for_policy(PolicyArn=policy + "x")
    with iam_refuses("AccessDenied", status=403):
        directory.client("iam", user).list_entities_for_policy(PolicyArn=policy)


@pytest.fixture(params=["policy", "open_id_connect_provider"])
def tagged(request, directory, iam, root):
    """What has tags: the name of its kind in calls, and what names it."""
    if request.param == "policy":
        yield request.param, {"PolicyArn": directory.policy(allow("kms:Encrypt"))}
        return
    made = iam.create_open_id_connect_provider(Url=f"https://{unique('issuer')}.example.com", ClientIDList=["a"])
    arn = made["OpenIDConnectProviderArn"]
    yield request.param, {"OpenIDConnectProviderArn": arn}
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_tags_of_policies_and_providers(directory, iam, tagged):
    kind, named = tagged
    tag, untag, listed, get = (
        lambda client, call=call, **more: getattr(client, call)(**named, **more)
        for call in (f"tag_{kind}", f"untag_{kind}", f"list_{kind}_tags", f"get_{kind}")
    )
    assert listed(iam)["Tags"] == []
    tag(iam, Tags=TAGS)
    assert listed(iam)["Tags"] == TAGS
    shown = get(iam)
    assert shown.get("Policy", shown)["Tags"] == TAGS
    tag(iam, Tags=[{"Key": "team", "Value": "b"}])
    assert listed(iam)["Tags"] == [{"Key": "team", "Value": "b"}, TAGS[1]]
    assert listed(iam, MaxItems=1)["IsTruncated"] is True
    untag(iam, TagKeys=["TEAM", "unknown"])
    assert listed(iam)["Tags"] == [TAGS[1]]
    with iam_refuses("LimitExceeded", "The number of tags has reached the maximum limit of 50.", 409):
        tag(iam, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    (arn,) = named.values()
    with iam_refuses("NoSuchEntity", status=404):
        getattr(iam, f"tag_{kind}")(**{next(iter(named)): arn + "x"}, Tags=TAGS)
    nobody = directory.client("iam", directory.user())
    for call in (lambda: tag(nobody, Tags=TAGS), lambda: untag(nobody, TagKeys=["use"]), lambda: listed(nobody)):
        with iam_refuses("AccessDenied", status=403):
            call()


def test_tags_of_policies_are_facts_about_them(directory, iam):
    arn = directory.policy(allow("kms:Encrypt"))
    condition = {"StringEquals": {"aws:RequestTag/Team": "a", "aws:ResourceTag/Team": "a"}}
    own = directory.client("iam", directory.user(allow("iam:TagPolicy", arn, Condition=condition)))
    with iam_refuses("AccessDenied"):
        own.tag_policy(PolicyArn=arn, Tags=TAGS[:1])
    iam.tag_policy(PolicyArn=arn, Tags=TAGS[:1])
    own.tag_policy(PolicyArn=arn, Tags=TAGS[:1])
    with iam_refuses("AccessDenied"):
        own.tag_policy(PolicyArn=arn, Tags=[{"Key": "Team", "Value": "b"}])


def test_the_description_of_a_role(directory, iam, root_arn):
    role = unique("role")
    directory.role(trust({"AWS": root_arn}), name=role, Description="before", MaxSessionDuration=7200)
    changed = iam.update_role_description(RoleName=role, Description="after")["Role"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("after", 7200)
    assert iam.get_role(RoleName=role)["Role"] == changed
    with iam_refuses("NoSuchEntity", "The role with name nobody-at-all cannot be found.", 404):
        iam.update_role_description(RoleName="nobody-at-all", Description="d")
    with iam_refuses("AccessDenied", status=403):
        directory.client("iam", directory.user()).update_role_description(RoleName=role, Description="d")
