"""What stands in the way of a change of key stores, and what their keys still do while they cannot be reached."""

import pytest

from support.clients import kms_client
from support.expect import refused
from support.external import SERVICE, authority, encrypted, folder, key, kms, new_key, proxy, server, store  # noqa: F401
from support.key_stores import PREFIX, connect, disconnect, external_key_store
from support.server import FIRST

VPC = {"XksProxyConnectivity": "VPC_ENDPOINT_SERVICE", "XksProxyVpcEndpointServiceName": SERVICE}


@pytest.fixture(scope="module")
def endpoint_service(kms, proxy):
    """A key store on the VPC endpoint service."""
    return kms.create_custom_key_store(**external_key_store("vpc", "vpc.example.com", **VPC))["CustomKeyStoreId"]


@pytest.fixture(scope="module")
def another(kms, store):
    """A disconnected key store beside the connected one."""
    return kms.create_custom_key_store(**external_key_store("another"))["CustomKeyStoreId"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"NewCustomKeyStoreName": "shared"}, "CustomKeyStoreNameInUseException"),
        ({"XksProxyUriPath": f"{PREFIX}/shared/kms/xks/v1"}, "XksProxyUriInUseException"),
        ({"XksProxyUriEndpoint": "https://vpc.example.com"}, "XksProxyUriEndpointInUseException"),
        ({"XksProxyUriEndpoint": "https://closed.example.com", **VPC}, "XksProxyVpcEndpointServiceInUseException"),
    ],
)
def test_what_another_key_store_has(kms, store, another, endpoint_service, changes, code):
    with refused(code):
        kms.update_custom_key_store(CustomKeyStoreId=another, **changes)


def test_an_endpoint_service_that_another_key_store_has(kms, endpoint_service):
    with refused("XksProxyVpcEndpointServiceInUseException"):
        kms.create_custom_key_store(**external_key_store("second", "closed.example.com", **VPC))


def test_endpoint_services_that_do_not_fit(kms, another, endpoint_service):
    kms.delete_custom_key_store(CustomKeyStoreId=endpoint_service)
    unknown = {**VPC, "XksProxyVpcEndpointServiceName": SERVICE.replace("0123", "3210")}
    for host, changes, code in [
        ("vpc.example.com", unknown, "XksProxyVpcEndpointServiceNotFoundException"),
        ("closed.example.com", VPC, "XksProxyVpcEndpointServiceInvalidConfigurationException"),
    ]:
        with refused(code):
            kms.update_custom_key_store(
                CustomKeyStoreId=another, XksProxyUriEndpoint=f"https://{host}", **changes
            )


def test_what_is_disconnected_cannot_be_disconnected(kms, another):
    text = f"Custom key store {another} is DISCONNECTED, which is not valid for DisconnectCustomKeyStore."
    with refused("CustomKeyStoreInvalidStateException", text):
        kms.disconnect_custom_key_store(CustomKeyStoreId=another)


def test_grants_on_a_key_that_is_out_of_reach(server, kms, proxy):
    """Made meanwhile, a grant counts once the key is back; so does its end."""
    proxy.key("granted")
    store = kms.create_custom_key_store(**external_key_store("granting"))["CustomKeyStoreId"]
    connect(kms, store)
    key = new_key(kms, store, "granted")
    blob = encrypted(kms, key)
    other = server.create_account("444455556666")
    guest = kms_client(server, other)
    disconnect(kms, store)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"
    parameters = {"GranteePrincipal": f"arn:aws:iam::{other.account}:root", "Operations": ["Decrypt"]}
    grant = kms.create_grant(KeyId=key, **parameters)["GrantId"]
    assert [entry["GrantId"] for entry in kms.list_grants(KeyId=key)["Grants"]] == [grant]
    with refused("KMSInvalidStateException"):
        guest.decrypt(CiphertextBlob=blob, KeyId=key)
    connect(kms, store)
    assert guest.decrypt(CiphertextBlob=blob, KeyId=key)["Plaintext"] == b"secret"
    disconnect(kms, store)
    kms.revoke_grant(KeyId=key, GrantId=grant)
    connect(kms, store)
    with refused("AccessDeniedException"):
        guest.decrypt(CiphertextBlob=blob, KeyId=key)
    assert FIRST.account in key
