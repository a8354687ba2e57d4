"""The caller of all these tests has the least privilege: its policy names what the service has, each action on no more than
it is about, and for every operation just its own actions are needed and enough."""

import json

import pytest

from support import caller as callers
from support import model
from support.caller import AS_ROOT, listed
from support.examples import EXAMPLES, request
from support.expect import assert_refused, not_allowed
from support.identities import Directory
from support.world import HERE

# Operations that ask for other actions than the one of their name.
ACTIONS = {"ReEncrypt": ("ReEncryptFrom", "ReEncryptTo"), "ReplicateKey": ("ReplicateKey", "CreateKey")}
OF_ALIASES = ("CreateAlias", "DeleteAlias", "UpdateAlias")


def actions_of(operation):
    return ACTIONS.get(operation, (operation,))


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(resource, *actions):
    return {"Effect": "Allow", "Action": [f"kms:{action}" for action in actions], "Resource": resource}


def resources():
    """The resources of each action in the callers' policy."""
    found = {}
    for statement in callers.policy("ACCOUNT")["Statement"]:
        for action in listed(statement["Action"]):
            assert action not in found, f"{action} is named twice"
            found[action] = listed(statement["Resource"])
    return found


def test_the_policy_names_every_action_of_the_model_and_no_other():
    every = {f"kms:{action}" for operation in model.operations() for action in actions_of(operation)}
    assert set(resources()) == every
    assert not [action for action in resources() if "*" in action]


def test_actions_have_a_resource_as_far_as_they_are_about_one():
    keys, aliases = "arn:aws:kms:*:ACCOUNT:key/*", "arn:aws:kms:*:ACCOUNT:alias/*"
    for operation in model.operations():
        example = EXAMPLES[operation]
        for action in actions_of(operation):
            found = resources()[f"kms:{action}"]
            if operation in OF_ALIASES:
                assert found == [aliases, keys]
            elif action == "ListRetirableGrants":
                assert all(pattern.split(":")[4:] == ["ACCOUNT", "*"] for pattern in found)
            elif action in ("CreateKey", "ListAliases", "TagResource") or not example.kinds:
                # TagResource: of a key that is only about to be made.
                assert found == ["*"]
            else:
                assert found == [keys]


@pytest.mark.skipif(AS_ROOT, reason="RESEAL_SUITE_CALLER=root")
def test_the_caller_is_no_root_user(server, kms, caller, root):
    answer = kms.list_keys(Limit=1)
    record = server.audit_record(answer["ResponseMetadata"]["RequestId"])
    assert record["userIdentity"]["type"] == "IAMUser"
    assert record["userIdentity"]["arn"] == caller.arn == f"arn:aws:iam::{root.account}:user/{callers.NAME}"
    attached = Directory(server, root).iam.list_attached_user_policies(UserName=callers.NAME)["AttachedPolicies"]
    assert [entry["PolicyName"] for entry in attached] == [callers.NAME]
    assert Directory(server, root).iam.list_user_policies(UserName=callers.NAME)["PolicyNames"] == []


@pytest.fixture(scope="module")
def limited(world):
    """`limited(document)`: a user with this policy and no other, from now on."""
    directory = Directory(world.server, world.root)
    user = directory.user()

    def give(policy):
        text = json.dumps(policy)
        directory.iam.put_user_policy(UserName=user.name, PolicyName="only", PolicyDocument=text)
        return user

    return give


@pytest.mark.parametrize("operation", model.operations())
def test_each_operation_needs_its_actions_and_no_more(world, limited, operation):
    parameters, key = request(world, operation)
    for action in actions_of(operation):
        all_but_one = {"Effect": "Allow", "NotAction": f"kms:{action}", "Resource": "*"}
        user = limited(document(all_but_one))
        on = resource(world, operation, action, parameters, key)
        text = not_allowed(user.arn, action, on, by="identity")
        assert_refused(world.call(operation, parameters, credentials=user), "AccessDeniedException", text)
    own = [f"kms:{action}" for action in actions_of(operation)]
    statements = callers.policy(world.root.account)["Statement"]
    for statement in statements:
        statement["Action"] = [action for action in listed(statement["Action"]) if action in own]
    user = limited(document(*[statement for statement in statements if statement["Action"]]))
    answer = world.call(operation, parameters, credentials=user)
    assert answer.status == 200, answer


# ListAliases is decided on no key, though it may name one.
ON_KEYS = [name for name in model.operations() if EXAMPLES[name].kinds and name != "ListAliases"]


@pytest.mark.parametrize("operation", ON_KEYS)
def test_no_key_is_meant_by_the_name_of_another(world, limited, operation):
    parameters, _ = request(world, operation)
    another = [f"arn:aws:kms:{HERE}:{world.root.account}:key/00000000-1111-4222-8333-444444444444"]
    user = limited(document(allow(another, *actions_of(operation)), allow("*", "CreateKey")))
    assert_refused(world.call(operation, parameters, credentials=user), "AccessDeniedException")


def test_a_key_that_is_made_with_tags_needs_both_actions(world, limited):
    parameters = {"Tags": [{"TagKey": "a", "TagValue": "b"}]}
    user = limited(document(allow("*", "CreateKey")))
    text = not_allowed(user.arn, "TagResource", "*", by="identity")
    assert_refused(world.call("CreateKey", parameters, credentials=user), "AccessDeniedException", text)
    user = limited(document(allow("*", "CreateKey", "TagResource")))
    assert world.call("CreateKey", parameters, credentials=user).status == 200


def resource(world, operation, action, parameters, key):
    """What the action is decided on."""
    if operation in OF_ALIASES:
        return f"arn:aws:kms:{HERE}:{world.root.account}:{parameters['AliasName']}"
    if "RetiringPrincipal" in parameters:
        return parameters["RetiringPrincipal"]
    return "*" if key is None or action in ("CreateKey", "ListAliases") else key.arn
