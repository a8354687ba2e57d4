"""Roles assumed with tokens of OIDC issuers: a workload becomes a principal without any stored secret."""

import json
import time
import urllib.parse
import urllib.request

import pytest

from conftest import statement
from support.clients import aws_client, kms_client
from support.expect import refused
from support.identities import iam_refuses, session_of, trust, unique
from support.issuer import Issuer, self_signed
from support.server import FIRST, Server

RSA_ISSUER = "https://rsa.issuer.test/tenant"
EC_ISSUER = "https://ec.issuer.test"
FILE_ISSUER = "https://file.issuer.test"
BROKEN_ISSUER = "https://broken.issuer.test"
UNCONFIGURED = "https://unconfigured.issuer.test"


@pytest.fixture(scope="module")
def issuers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuers")
    made = {
        RSA_ISSUER: Issuer(RSA_ISSUER),
        EC_ISSUER: Issuer(EC_ISSUER, "ES256"),
        FILE_ISSUER: Issuer(FILE_ISSUER, "ES256"),
        BROKEN_ISSUER: Issuer(BROKEN_ISSUER),
        UNCONFIGURED: Issuer(UNCONFIGURED),
    }
    certificate = self_signed(folder / "issuer.pem")
    key_file = folder / "keys.json"
    key_file.write_bytes(made[FILE_ISSUER].key_set())
    sources = [
        f"{RSA_ISSUER}={made[RSA_ISSUER].serve()}",
        f"{EC_ISSUER}={made[EC_ISSUER].serve(certificate)}",
        f"{FILE_ISSUER}={key_file}",
        f"{BROKEN_ISSUER}={folder / 'not-there.json'}",
    ]
    made["environment"] = {
        "RESEAL_IDENTITY_ISSUER_KEYS": ",".join(sources),
        "RESEAL_IDENTITY_ISSUER_CA": str(certificate),
    }
    yield made
    for issuer in made.values():
        if isinstance(issuer, Issuer):
            issuer.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory, issuers):
    server = Server(tmp_path_factory.mktemp("web") / "data", environment=issuers["environment"]).start()
    yield server
    assert server.stop() == 0
    assert b"panicked" not in server.everything_printed()


@pytest.fixture(scope="module")
def kms(server):
    return kms_client(server, server.caller)


@pytest.fixture(scope="module")
def providers(directory, issuers):
    """Providers of all issuers, by URL, for the audience `sts.test`."""
    urls = [RSA_ISSUER, EC_ISSUER, FILE_ISSUER, BROKEN_ISSUER, UNCONFIGURED]
    made = {
        url: directory.iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.test", "second.test"])
        for url in urls
    }
    return {url: answer["OpenIDConnectProviderArn"] for url, answer in made.items()}


def trusting(providers, url, subject="workload"):
    name = url.removeprefix("https://")
    condition = {"StringEquals": {f"{name}:sub": subject, f"{name}:aud": "sts.test"}}
    return trust({"Federated": providers[url]}, "sts:AssumeRoleWithWebIdentity", Condition=condition)


@pytest.fixture(scope="module")
def role(directory, providers):
    return directory.role(trusting(providers, RSA_ISSUER))


def assume(server, role, token, **parameters):
    sts = aws_client("sts", server, None)
    return sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="w1", WebIdentityToken=token, **parameters
    )


NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)


@pytest.mark.parametrize("url", [RSA_ISSUER, EC_ISSUER, FILE_ISSUER])
def test_a_workload_encrypts_under_a_key_that_names_its_role(server, directory, kms, issuers, providers, url):
    role = directory.role(trusting(providers, url))
    kept = statement("Allow", f"arn:aws:iam::{FIRST.account}:root", "kms:PutKeyPolicy")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [kept, statement("Allow", role, "kms:Encrypt")]})
    arn = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    made = assume(server, role, issuers[url].token())
    assert (made["SubjectFromWebIdentityToken"], made["Provider"], made["Audience"]) == ("workload", url, "sts.test")
    session = session_of(made, FIRST.account)
    assert directory.client("kms", session).encrypt(KeyId=arn, Plaintext=b"p")["KeyId"] == arn
    with refused("AccessDeniedException"):
        directory.client("kms", session).describe_key(KeyId=arn)
    record = server.audit_record(made["ResponseMetadata"]["RequestId"])
    assert record["eventName"] == "AssumeRoleWithWebIdentity"
    identity = record["userIdentity"]
    assert (identity["type"], identity["userName"], identity["identityProvider"]) == (
        "WebIdentityUser",
        "workload",
        providers[url],
    )
    assert "webIdentityToken" not in record["requestParameters"]
    used = server.audit_records()[-1]["userIdentity"]["sessionContext"]
    assert used["webIdFederationData"]["federatedProvider"] == providers[url]


def test_tokens_that_are_refused(server, role, issuers):
    issuer = issuers[RSA_ISSUER]
    now = int(time.time())
    with iam_refuses("ExpiredTokenException", status=400):
        assume(server, role, issuer.token(exp=now - 3_600))
    for wrong in (
        issuer.token(signed_by=issuer.new_key()),
        issuer.token()[:-6] + "AAAAAA",
        issuer.token(sub="x").rpartition(".")[0] + "." + issuer.token().rpartition(".")[2],
    ):
        with iam_refuses("InvalidIdentityToken", "The web identity token that was passed could not be validated by AWS", 400):
            assume(server, role, wrong)
    with iam_refuses("InvalidIdentityToken", "Incorrect token audience", 400):
        assume(server, role, issuer.token(aud="somebody else"))
    with iam_refuses("InvalidIdentityToken", "Token is not yet valid"):
        assume(server, role, issuer.token(nbf=now + 3_600))
    for algorithm in ("none", "HS256", "ES256", "RS512"):
        with iam_refuses("InvalidIdentityToken", NO_KEY):
            assume(server, role, issuer.token(header={"alg": algorithm}))
    with iam_refuses("InvalidIdentityToken", NO_KEY):
        assume(server, role, issuer.token_by_public_key())
    with iam_refuses("InvalidIdentityToken", NO_KEY):
        assume(server, role, issuer.token(header={"kid": "another"}))
    for claim in ("exp", "sub", "iss", "aud"):
        with iam_refuses("InvalidIdentityToken", f"Missing a required claim: {claim}"):
            assume(server, role, issuer.token(**{claim: None}))
    for nonsense in ("no token", "a.b.c", "....", "e30.e30.e30"):
        with iam_refuses("InvalidIdentityToken", status=400):
            assume(server, role, nonsense)
    assume(server, role, issuer.token())


def test_issuers_without_keys(server, directory, issuers, providers):
    with iam_refuses("IDPCommunicationError", NO_KEY, 400):
        assume(server, directory.role(trusting(providers, BROKEN_ISSUER)), issuers[BROKEN_ISSUER].token())
    with iam_refuses("InvalidIdentityToken", NO_KEY, 400):
        assume(server, directory.role(trusting(providers, UNCONFIGURED)), issuers[UNCONFIGURED].token())


def test_the_trust_policy_decides_on_subject_and_provider(server, directory, role, issuers, providers):
    with iam_refuses("AccessDenied", NOT_AUTHORIZED, 403):
        assume(server, role, issuers[RSA_ISSUER].token(sub="another"))
    with iam_refuses("AccessDenied", NOT_AUTHORIZED):
        assume(server, role, issuers[RSA_ISSUER].token(aud="second.test"))
    with iam_refuses("AccessDenied", NOT_AUTHORIZED):
        assume(server, role, issuers[EC_ISSUER].token())
    with iam_refuses("AccessDenied", NOT_AUTHORIZED):
        assume(server, role + "x", issuers[RSA_ISSUER].token())
    open_to_all = directory.role(trust({"AWS": "*"}, "sts:*"))
    with iam_refuses("AccessDenied", NOT_AUTHORIZED):
        assume(server, open_to_all, issuers[RSA_ISSUER].token())


def test_an_account_takes_tokens_only_of_its_own_providers(server, issuers):
    stranger = f"arn:aws:iam::999988887777:role/{unique('r')}"
    text = f"No OpenIDConnect provider found in your account for {RSA_ISSUER}"
    with iam_refuses("InvalidIdentityToken", text, 400):
        assume(server, stranger, issuers[RSA_ISSUER].token())


def test_without_its_provider_a_role_is_closed(server, directory, issuers):
    iam, url = directory.iam, FILE_ISSUER
    other_server_provider = iam.get_open_id_connect_provider(
        OpenIDConnectProviderArn=f"arn:aws:iam::{FIRST.account}:oidc-provider/{url.removeprefix('https://')}"
    )
    arn = f"arn:aws:iam::{FIRST.account}:oidc-provider/{url.removeprefix('https://')}"
    role = directory.role(trusting({url: arn}, url))
    assume(server, role, issuers[url].token())
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.test")
    with iam_refuses("InvalidIdentityToken", "Incorrect token audience"):
        assume(server, role, issuers[url].token())
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with iam_refuses("InvalidIdentityToken"):
        assume(server, role, issuers[url].token())
    iam.create_open_id_connect_provider(Url=url, ClientIDList=other_server_provider["ClientIDList"])
    assume(server, role, issuers[url].token())


def test_a_token_signs_no_other_call(server, issuers, role):
    """The token is the credential of one action alone."""
    form = {"Action": "GetCallerIdentity", "Version": "2011-06-15", "WebIdentityToken": issuers[RSA_ISSUER].token()}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(server.url, data=urllib.parse.urlencode(form).encode())
    assert b"<Code>MissingAuthenticationToken</Code>" in caught.value.read()
