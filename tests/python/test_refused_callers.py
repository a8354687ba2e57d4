"""Who may not call: for every operation a call without a signature, one by a user without any permission, and one by another
account, which learns nothing of the key, not even whether there is one."""

import pytest

from support import model
from support.examples import EXAMPLES, request
from support.expect import NOT_BY_CIPHERTEXT, assert_refused, not_allowed
from support.world import HERE

ACTIONS = {"ReEncrypt": "ReEncryptFrom"}  # where the first action is not the name of the operation
# A caller without permission is refused before it is looked whether there is such a key store.
NO_STORE = {"CustomKeyStoreId": "cks-1234567890abcdef0"}
OF_STORES = {
    "ConnectCustomKeyStore": NO_STORE,
    "CreateCustomKeyStore": {
        "CustomKeyStoreName": "n",
        "CloudHsmClusterId": "cluster-aaaaaaaaaaa",
        "KeyStorePassword": "password",
        "TrustAnchorCertificate": "certificate",
    },
    "DeleteCustomKeyStore": NO_STORE,
    "DescribeCustomKeyStores": NO_STORE,
    "DisconnectCustomKeyStore": NO_STORE,
    "UpdateCustomKeyStore": {**NO_STORE, "NewCustomKeyStoreName": "n"},
}


# An alias is of the caller's own account, so DeleteAlias and UpdateAlias cannot even name one of another.
OF_KEYS = [name for name in model.present() if EXAMPLES[name].kinds and name not in ("DeleteAlias", "UpdateAlias")]


@pytest.mark.parametrize("operation", model.present())
def test_without_a_signature(raw, operation):
    headers, content = raw.signed(operation, {})
    del headers["authorization"]
    assert_refused(
        raw.send(headers, content), "MissingAuthenticationTokenException", "Missing Authentication Token"
    )


@pytest.mark.parametrize("operation", model.present())
def test_a_user_without_permission(world, operation):
    parameters, key = (OF_STORES[operation], None) if operation in OF_STORES else request(world, operation)
    answer = world.call(operation, parameters, credentials=world.nobody)
    on = resource(world, operation, parameters, key)
    text = denied(operation, caller=world.nobody.arn, resource=on, kind="identity")
    assert_refused(answer, "AccessDeniedException", text)


@pytest.mark.parametrize("operation", OF_KEYS)
def test_another_account(world, operation):
    parameters, key = request(world, operation)
    nothing = key.arn[:-12] + "0" * 12
    absent = {name: nothing if value == key.arn else value for name, value in parameters.items()}
    assert absent != parameters
    for asked, arn in ((parameters, key.arn), (absent, nothing)):
        answer = world.call(operation, asked, credentials=world.other)
        if operation == "ListAliases":  # decided on no key; the filter names one of one's own
            assert_refused(answer, "NotFoundException", f"Key '{arn}' does not exist")
        else:
            text = denied(operation, caller=world.other.arn, resource=arn, kind="resource")
            assert_refused(answer, "AccessDeniedException", text)


@pytest.mark.parametrize("operation", ["DeleteAlias", "UpdateAlias"])
def test_another_account_has_other_aliases(world, operation):
    parameters, _ = request(world, operation)
    alias = f"arn:aws:kms:{HERE}:{world.other.account}:{parameters['AliasName']}"
    answer = world.call(operation, parameters, credentials=world.other)
    assert_refused(answer, "NotFoundException", f"Alias {alias} is not found.")


def test_a_key_known_from_a_ciphertext_only(world):
    """Nothing is said about the key, and nothing about whether there is one."""
    parameters, _ = request(world, "Decrypt")
    del parameters["KeyId"]
    for caller in (world.nobody, world.other):
        for operation, action, more in (
            ("Decrypt", "Decrypt", {}),
            ("ReEncrypt", "ReEncryptFrom", {"DestinationKeyId": world.key("symmetric").arn}),
        ):
            answer = world.call(operation, {**parameters, **more}, credentials=caller)
            text = NOT_BY_CIPHERTEXT.format(caller=caller.arn, action=action)
            assert_refused(answer, "AccessDeniedException", text)


def denied(operation, caller, resource, kind):
    return not_allowed(caller, ACTIONS.get(operation, operation), resource, by=kind)


def resource(world, operation, parameters, key):
    """What the first action of the operation is decided on."""
    if "AliasName" in parameters:
        return f"arn:aws:kms:{HERE}:{world.root.account}:{parameters['AliasName']}"
    if "RetiringPrincipal" in parameters:
        return parameters["RetiringPrincipal"]
    return "*" if key is None or operation == "ListAliases" else key.arn
