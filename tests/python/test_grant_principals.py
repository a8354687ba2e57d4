"""Whom a grant means: of accounts here they must exist, and a name taken over later is somebody else."""

from support.expect import refused


def test_a_user_made_again_inherits_no_grant(kms, directory, make_key):
    user, key = directory.user(), make_key()
    request = {"KeyId": key, "GranteePrincipal": user.arn, "Operations": ["Encrypt"], "Name": "same"}
    first = kms.create_grant(**request)["GrantId"]
    directory.client("kms", user).encrypt(KeyId=key, Plaintext=b"p")
    user_id = directory.iam.get_user(UserName=user.name)["User"]["UserId"]
    directory.iam.delete_access_key(UserName=user.name, AccessKeyId=user.access_key)
    directory.iam.delete_user(UserName=user.name)
    with refused("InvalidArnException", f"Invalid arn {user.arn}"):
        kms.create_grant(**request)
    again = directory.user(name=user.name)
    assert again.arn == user.arn
    own = directory.client("kms", again)
    with refused("AccessDeniedException"):
        own.encrypt(KeyId=key, Plaintext=b"p")
    (listed,) = kms.list_grants(KeyId=key)["Grants"]
    assert listed["GranteePrincipal"] == user_id, "as AWS shows who is gone"
    second = kms.create_grant(**request)["GrantId"]
    assert second != first
    own.encrypt(KeyId=key, Plaintext=b"p")
    assert kms.create_grant(**request)["GrantId"] == second
