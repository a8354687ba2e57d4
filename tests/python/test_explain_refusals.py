"""Thirty refused calls of different kinds: each is refused, and `reseal explain` then names what denied it or what is missing.

A case is data. In its texts `@KEY` is the key under test, `@ROOT` and `@OTHER` are the roots of the two accounts, `@ACCOUNT` is
the first account, `@CALLER` and `@USER` are the caller's ARN and name.
"""

import json

import pytest

from conftest import SECOND_ACCOUNT
from support.expect import refused
from support.identities import Directory, session_of, unique

DELEGATE = {"Sid": "Delegate", "Effect": "Allow", "Principal": {"AWS": "@ROOT"}, "Action": "kms:*", "Resource": "*"}
PLAIN = {"KeyId": "@KEY", "Plaintext": b"p"}
ENCRYPT = ("encrypt", PLAIN)


def may(action="kms:*", sid="May", effect="Allow", resource="*", **condition):
    more = {"Condition": condition} if condition else {}
    return {"Sid": sid, "Effect": effect, "Action": action, "Resource": resource, **more}


def never(action="kms:Encrypt", sid="Never", **condition):
    return may(action, sid, "Deny", **condition)


def of(principal, statement):
    return {**statement, "Principal": {"AWS": principal}}


IDENTITY = "identity-policy/user/@USER/p0/"
NEEDS_KEY_SIDE = "an Allow in the key policy for @CALLER, its role or its account that applies to {action}, or a grant"
NEEDS_OWN_SIDE = "an Allow in a policy of the caller that applies to {action}"
DENIES = "a Deny in {} applies"

CASES = {
    "the key policy is silent": {
        "key": [of("@ROOT", may(["kms:PutKeyPolicy", "kms:GetKeyPolicy"], "Admin"))],
        "own": [may()],
        "missing": NEEDS_KEY_SIDE,
        "statements": {"key-policy/Admin": "is for other actions", IDENTITY + "May": "applies"},
    },
    "the caller's policies are silent": {
        "own": [may("kms:Decrypt", "Reader")],
        "missing": NEEDS_OWN_SIDE,
        "statements": {"key-policy/Delegate": "applies", IDENTITY + "Reader": "is for other actions"},
    },
    "the caller has no policies": {"missing": NEEDS_OWN_SIDE, "statements": {"key-policy/Delegate": "applies"}},
    "the key policy denies": {
        "key": [DELEGATE, of("*", never(sid="NotThisKey"))],
        "own": [may()],
        "missing": DENIES.format("the key policy"),
        "decided": ["key-policy/NotThisKey"],
    },
    "a policy of the caller denies": {
        "own": [may(), never()],
        "missing": DENIES.format("the caller's policies"),
        "decided": [IDENTITY + "Never"],
    },
    "the boundary denies": {
        "own": [may()],
        "boundary": [may(), never(sid="Bounds")],
        "missing": DENIES.format("the permissions boundary"),
        "decided": ["permissions-boundary/Bounds"],
    },
    "the session policy denies": {
        "own": [may()],
        "session": [may(), never(sid="NotInSession")],
        "missing": DENIES.format("the session policies"),
        "decided": ["session-policy[0]/NotInSession"],
    },
    "the boundary is silent": {
        "own": [may()],
        "boundary": [may("kms:Decrypt", "Bounds")],
        "missing": "an Allow for {action} in the permissions boundary",
        "statements": {"permissions-boundary/Bounds": "is for other actions"},
    },
    "the session policy is silent": {
        "own": [may()],
        "session": [may("kms:Decrypt", "Session")],
        "missing": "an Allow for {action} in the session policies",
        "statements": {"session-policy[0]/Session": "is for other actions"},
    },
    "another account, and the key's side is silent": {
        "account": "other",
        "own": [may()],
        "missing": NEEDS_KEY_SIDE,
        "statements": {"key-policy/Delegate": "is for other principals", IDENTITY + "May": "applies"},
    },
    "another account, and the caller's side is silent": {
        "account": "other",
        "key": [DELEGATE, of("@OTHER", may(sid="Guests"))],
        "missing": NEEDS_OWN_SIDE,
        "statements": {"key-policy/Guests": "applies"},
    },
    "an operation that does not work across accounts": {
        "account": "other",
        "key": [DELEGATE, of("@OTHER", may(sid="Guests"))],
        "own": [may()],
        "call": ("disable_key", {"KeyId": "@KEY"}),
        "missing": "a caller of the key's own account: {action} does not work on keys of other accounts",
        "statements": {"key-policy/Guests": "applies", IDENTITY + "May": "applies"},
    },
    "ReEncrypt, source side, known by the ciphertext alone": {
        "key": [DELEGATE, of("*", never("kms:ReEncryptFrom", "StaysHere"))],
        "own": [may()],
        "call": ("re_encrypt", {"CiphertextBlob": "@BLOB", "DestinationKeyId": "@SECOND"}),
        "action": "kms:ReEncryptFrom",
        "missing": DENIES.format("the key policy"),
        "decided": ["key-policy/StaysHere"],
    },
    "ReEncrypt, destination side": {
        "key": [DELEGATE, of("*", never("kms:ReEncryptTo", "NothingIn", StringEquals={"kms:EncryptionContext:b": "2"}))],
        "own": [may()],
        "call": (
            "re_encrypt",
            {"CiphertextBlob": "@SECOND_BLOB", "DestinationKeyId": "@KEY", "DestinationEncryptionContext": {"b": "2"}},
        ),
        "action": "kms:ReEncryptTo",
        "missing": DENIES.format("the key policy"),
        "decided": ["key-policy/NothingIn"],
    },
    "a grant for another encryption context": {
        "grant": {"Operations": ["Encrypt"], "Constraints": {"EncryptionContextSubset": {"a": "1"}}},
        "call": ("encrypt", {**PLAIN, "EncryptionContext": {"a": "2"}}),
        "missing": NEEDS_OWN_SIDE,
        "grants": ["wants a=1 in the encryption context"],
    },
    "a grant for an exact encryption context": {
        "grant": {"Operations": ["Encrypt"], "Constraints": {"EncryptionContextEquals": {"a": "1"}}},
        "call": ("encrypt", {**PLAIN, "EncryptionContext": {"a": "1", "b": "2"}}),
        "missing": NEEDS_OWN_SIDE,
        "grants": ['wants an encryption context without "b"'],
    },
    "a grant that was retired": {
        "grant": {"Operations": ["Encrypt"]},
        "retired": True,
        "missing": NEEDS_OWN_SIDE,
        "grants": [],
    },
    "a grant of another operation": {
        "grant": {"Operations": ["Decrypt"]},
        "missing": NEEDS_OWN_SIDE,
        "grants": ["does not list the operation"],
    },
    "a grant that is to give more than itself": {
        "grant": {"Operations": ["Encrypt", "CreateGrant"]},
        "call": ("create_grant", {"KeyId": "@KEY", "GranteePrincipal": "@OTHER", "Operations": ["Decrypt"]}),
        "missing": NEEDS_OWN_SIDE,
        "grants": ["allows only grants that give no more than itself"],
    },
    "a condition on the encryption context": {
        "own": [may(StringEquals={"kms:EncryptionContext:dept": "it"})],
        "call": ("encrypt", {**PLAIN, "EncryptionContext": {"dept": "hr"}}),
        "missing": NEEDS_OWN_SIDE,
        "statements": {IDENTITY + "May": 'StringEquals on kms:EncryptionContext:dept wants "it", and the request has "hr"'},
    },
    "a condition on the address": {
        "own": [may(IpAddress={"aws:SourceIp": "10.0.0.0/8"})],
        "missing": NEEDS_OWN_SIDE,
        "statements": {IDENTITY + "May": 'IpAddress on aws:SourceIp wants "10.0.0.0/8", and the request has "127.0.0.1"'},
        "by": ["event"],
    },
    "a resource of another Region": {
        "own": [may(resource="arn:aws:kms:us-west-2:@ACCOUNT:key/*")],
        "missing": NEEDS_OWN_SIDE,
        "statements": {IDENTITY + "May": "is for other resources"},
    },
    "a condition on a tag": {
        "tags": {"team": "blue"},
        "own": [may(StringEquals={"aws:ResourceTag/team": "red"})],
        "missing": NEEDS_OWN_SIDE,
        "statements": {IDENTITY + "May": 'StringEquals on aws:ResourceTag/team wants "red", and the request has "blue"'},
    },
    "a condition on the alias in the request": {
        "own": [may(StringEquals={"kms:RequestAlias": "alias/app"})],
        "missing": NEEDS_OWN_SIDE,
        "statements": {
            IDENTITY + "May": 'StringEquals on kms:RequestAlias wants "alias/app", and the request does not have it'
        },
    },
    "a condition on the aliases of the key": {
        "own": [may(**{"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}})],
        "missing": NEEDS_OWN_SIDE,
        "statements": {
            IDENTITY
            + "May": 'ForAnyValue:StringEquals on kms:ResourceAliases wants "alias/app", and the request does not have it'
        },
    },
    "CreateKey, which is on no key": {
        "own": [may("kms:CreateKey", resource="arn:aws:kms:*:@ACCOUNT:key/*")],
        "call": ("create_key", {}),
        "missing": NEEDS_OWN_SIDE + " on *",
        "statements": {IDENTITY + "May": "is for other resources"},
    },
    "a grant that is not for a service": {
        "key": [DELEGATE, of("@CALLER", may("kms:CreateGrant", "ForServices", Bool={"kms:GrantIsForAWSResource": "true"}))],
        "call": ("create_grant", {"KeyId": "@KEY", "GranteePrincipal": "@OTHER", "Operations": ["Decrypt"]}),
        "missing": NEEDS_OWN_SIDE,
        "statements": {
            "key-policy/ForServices": 'Bool on kms:GrantIsForAWSResource wants "true", and the request has "false"'
        },
    },
    "the alias side of CreateAlias": {
        "own": [may("kms:CreateAlias", resource="@KEY")],
        "call": ("create_alias", {"AliasName": "alias/explained", "TargetKeyId": "@KEY"}),
        "missing": NEEDS_OWN_SIDE + " on arn:aws:kms:us-east-1:@ACCOUNT:alias/explained",
        "statements": {IDENTITY + "May": "is for other resources"},
        "by": ["event"],
    },
    "a user made again under a name in the key policy": {
        "key": [DELEGATE, of("@CALLER", may(sid="Named"))],
        "made_again": True,
        "missing": NEEDS_OWN_SIDE,
        "statements": {"key-policy/Named": "is for other principals"},
    },
    "a grant that another may retire": {
        "grant": {"Operations": ["Encrypt"]},
        "call": ("retire_grant", {"KeyId": "@KEY", "GrantId": "@GRANT"}),
        "missing": NEEDS_OWN_SIDE,
        "note": "may be retired by account @ACCOUNT",
    },
}


def filled(value, texts):
    """The value with its placeholders replaced."""
    if isinstance(value, dict):
        return {filled(name, texts): filled(one, texts) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, texts) for one in value]
    if not isinstance(value, str):
        return value
    if isinstance(texts.get(value), bytes):
        return texts[value]
    for name, text in texts.items():
        value = value.replace(name, text) if isinstance(text, str) else value
    return value


def document(statements, texts):
    return json.dumps({"Version": "2012-10-17", "Statement": filled(statements, texts)})


class Stage:
    """What a case is about: a key, a caller, a grant."""

    def __init__(self, case, server, root, other, kms, second_key):
        self.case, self.server = case, server
        account = other if case.get("account") == "other" else root
        self.directory = Directory(server, account)
        name = unique("case")
        arn = f"arn:aws:iam::{account.account}:user/{name}"
        roots = {"@ROOT": f"arn:aws:iam::{root.account}:root", "@OTHER": f"arn:aws:iam::{SECOND_ACCOUNT}:root"}
        # Longer names first.
        blob = kms.encrypt(KeyId=second_key, Plaintext=b"p")["CiphertextBlob"]
        texts = {"@ACCOUNT": root.account, **roots, "@CALLER": arn, "@USER": name}
        self.texts = {"@SECOND_BLOB": blob, "@SECOND": second_key, **texts}
        self.caller = self.make_user(name)
        self.make_key(kms)
        if case.get("made_again"):
            self.directory.iam.delete_access_key(UserName=name, AccessKeyId=self.caller.access_key)
            self.directory.iam.delete_user(UserName=name)
            self.caller = self.make_user(name)

    def make_user(self, name):
        # A policy for the key needs to know it, and the key may name the user: the policies come later.
        return self.directory.user(name=name)

    def make_key(self, kms):
        case = self.case
        key = kms.create_key()["KeyMetadata"]["Arn"]
        self.texts["@KEY"] = key
        self.texts["@BLOB"] = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
        for name, value in case.get("tags", {}).items():
            kms.tag_resource(KeyId=key, Tags=[{"TagKey": name, "TagValue": value}])
        if "grant" in case:
            made = kms.create_grant(KeyId=key, GranteePrincipal=self.caller.arn, **case["grant"])
            self.texts["@GRANT"] = made["GrantId"]
            if case.get("retired"):
                kms.retire_grant(KeyId=key, GrantId=made["GrantId"])
        policy = document(case.get("key", [DELEGATE]), self.texts)
        kms.put_key_policy(KeyId=key, Policy=policy, BypassPolicyLockoutSafetyCheck=True)

    def client(self):
        case, iam = self.case, self.directory.iam
        if "own" in case:
            iam.put_user_policy(UserName=self.caller.name, PolicyName="p0", PolicyDocument=document(case["own"], self.texts))
        if "boundary" in case:
            boundary = self.directory.policy(document(case["boundary"], self.texts))
            iam.put_user_permissions_boundary(UserName=self.caller.name, PermissionsBoundary=boundary)
        if "session" not in case:
            return self.directory.client("kms", self.caller)
        own = document([*case["own"], may("sts:AssumeRole", "Assume")], self.texts)
        iam.put_user_policy(UserName=self.caller.name, PolicyName="p0", PolicyDocument=own)
        trusting = {"Effect": "Allow", "Principal": {"AWS": self.caller.arn}, "Action": "sts:AssumeRole"}
        role = self.directory.role(
            json.dumps({"Version": "2012-10-17", "Statement": [trusting]}), document(case["own"], self.texts)
        )
        sts = self.directory.client("sts", self.caller)
        policy = document(case["session"], self.texts)
        made = sts.assume_role(RoleArn=role, RoleSessionName="session", Policy=policy)
        self.texts["@CALLER"] = made["AssumedRoleUser"]["Arn"]
        self.session_policy = policy
        return self.directory.client("kms", session_of(made, self.caller.account))


def action_of(case):
    operation = "".join(part.capitalize() for part in case.get("call", ENCRYPT)[0].split("_"))
    return case.get("action", f"kms:{operation}")


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_is_explained(name, server, root, other_root, kms, second_key, tmp_path):
    case = CASES[name]
    stage = Stage(case, server, root, other_root, kms, second_key)
    client = stage.client()
    operation, parameters = case.get("call", ENCRYPT)
    action = action_of(case)
    with refused("AccessDeniedException"):
        try:
            getattr(client, operation)(**filled(parameters, stage.texts))
        except client.exceptions.ClientError as error:
            assert action in error.response["Error"]["Message"]
            request_id = error.response["ResponseMetadata"]["RequestId"]
            raise
    ways = {"event": by_event, "question": by_question}
    for way in case.get("by", ways):
        arguments = ways[way](stage, request_id, action, parameters, tmp_path)
        answers = json.loads(server.run("explain", *arguments, "--output", "json").stdout)["Answers"]
        told = server.run("explain", *arguments).stdout
        assert all(one["Effect"] == one["Recorded"]["Effect"] for one in answers if "Recorded" in one), answers
        check(case, answers[-1], told, action, stage.texts)


def by_event(stage, request_id, *_):
    return ["--event", stage.server.audit_record(request_id)["eventID"]]


def by_question(stage, _, action, parameters, tmp_path):
    arguments = ["--principal", stage.texts["@CALLER"], "--action", action]
    if parameters:
        arguments += ["--key", stage.texts["@KEY"]]
    else:
        arguments += ["--region", "us-east-1"]
    context = parameters.get("EncryptionContext") or parameters.get("DestinationEncryptionContext") or {}
    for pair in context.items():
        arguments += ["--context", "=".join(pair)]
    if "GrantId" in parameters:
        arguments += ["--grant", stage.texts["@GRANT"]]
    if "session" in stage.case:
        (tmp_path / "session.json").write_text(stage.session_policy)
        arguments += ["--session-policy", str(tmp_path / "session.json")]
    if "GranteePrincipal" in parameters:
        arguments += ["--value", f"kms:GranteePrincipal={SECOND_ACCOUNT}"]
        arguments += [part for one in parameters["Operations"] for part in ("--value", f"kms:GrantOperations={one}")]
    return arguments


def check(case, answer, told, action, texts):
    assert (answer["Effect"], answer["Action"], answer["Principal"]) == ("Deny", action, texts["@CALLER"])
    missing = filled(case["missing"].format(action=action), texts)
    assert missing in answer["Missing"], answer
    assert answer["DecidedBy"] == filled(case.get("decided", []), texts)
    verdicts = {one["Name"]: one["Why"] for one in answer["Statements"]}
    for name, why in filled(case.get("statements", {}), texts).items():
        assert verdicts.get(name) == why, verdicts
    if "grants" in case:
        assert [one["Why"] for one in answer["Grants"]] == case["grants"]
    if "note" in case:
        assert any(filled(case["note"], texts) in note for note in answer["Notes"]), answer
    # The same for people.
    assert f"{texts['@CALLER']} may not {action}" in told and missing in told
    for name in [*answer["DecidedBy"], *verdicts]:
        assert name in told
