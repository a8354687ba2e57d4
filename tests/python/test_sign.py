"""Sign and Verify: what comes out holds for OpenSSL, by way of the `cryptography` package or the command, and for nobody
else's key or message."""

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from conftest import new_key, uuid_of
from support import openssl
from support.clients import kms_client
from support.expect import DRY_RUN_TEXT, NO_TEXT, assert_refused, not_allowed, refused, violations
from support.signatures import ALGORITHMS, SPECS, ed25519ph_holds, mu_of, sm2_digest

USAGE = "SIGN_VERIFY"
PAIRS = [(spec, algorithm) for spec, (algorithms, _) in SPECS.items() for algorithm in algorithms]
MESSAGES = [b"m", bytes(range(256)), b"\0" * 4096]


@pytest.fixture
def signing_key(shared_key):
    return lambda spec: shared_key(spec, USAGE)


@pytest.fixture
def sign(kms, signing_key):
    """Signs, has the service check it, and gives the signature."""

    def sign(spec, algorithm, message, message_type="RAW"):
        asked = {"KeyId": signing_key(spec), "SigningAlgorithm": algorithm, "MessageType": message_type, "Message": message}
        made = kms.sign(**asked)
        assert (made["KeyId"], made["SigningAlgorithm"]) == (asked["KeyId"], algorithm)
        checked = kms.verify(**asked, Signature=made["Signature"])
        assert checked["SignatureValid"] is True
        assert (checked["KeyId"], checked["SigningAlgorithm"]) == (asked["KeyId"], algorithm)
        return made["Signature"]

    return sign


@pytest.fixture
def public_key(kms, signing_key):
    return lambda spec: kms.get_public_key(KeyId=signing_key(spec))["PublicKey"]


@pytest.mark.parametrize("spec", SPECS)
def test_metadata_and_public_key(kms, signing_key, spec):
    algorithms, length = SPECS[spec]
    described = kms.describe_key(KeyId=signing_key(spec))["KeyMetadata"]
    answer = kms.get_public_key(KeyId=signing_key(spec))
    for told in (described, answer):
        assert told["SigningAlgorithms"] == algorithms
        assert (told["KeySpec"], told["KeyUsage"], told["CustomerMasterKeySpec"]) == (spec, USAGE, spec)
        assert "EncryptionAlgorithms" not in told
    assert "CurrentKeyMaterialId" not in described
    assert len(answer["PublicKey"]) == length
    if spec != "SM2":
        load_der_public_key(answer["PublicKey"])


def outsider_accepts(public, algorithm, message, signature, digest=None, folder=None):
    """Whether OpenSSL takes the signature; `digest`: given in place of the message."""
    if algorithm == "SM2DSA":
        return openssl.verifies_sm2(public, message, signature, folder)
    if algorithm == "ED25519_PH_SHA_512":
        return ed25519ph_holds(public, message, signature)
    key = load_der_public_key(public)
    hash_of = getattr(hashes, "SHA" + algorithm[-3:], lambda: None)()
    given, digest_or_hash = (message, hash_of) if digest is None else (digest, Prehashed(hash_of))
    try:
        if algorithm.startswith("RSASSA_PSS"):
            scheme = padding.PSS(mgf=padding.MGF1(hash_of), salt_length=padding.PSS.DIGEST_LENGTH)
            key.verify(signature, given, scheme, digest_or_hash)
        elif algorithm.startswith("RSASSA_PKCS1"):
            key.verify(signature, given, padding.PKCS1v15(), digest_or_hash)
        elif algorithm.startswith("ECDSA"):
            key.verify(signature, given, ec.ECDSA(digest_or_hash))
        else:
            key.verify(signature, given)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(("spec", "algorithm"), [pair for pair in PAIRS if pair[1] != "ED25519_PH_SHA_512"])
def test_a_signature_of_a_message_holds_outside(sign, public_key, spec, algorithm, tmp_path):
    for message in MESSAGES:
        signature = sign(spec, algorithm, message)
        assert outsider_accepts(public_key(spec), algorithm, message, signature, folder=tmp_path)
        assert not outsider_accepts(public_key(spec), algorithm, message + b"!", signature, folder=tmp_path)


@pytest.mark.parametrize(("spec", "algorithm"), [pair for pair in PAIRS if pair[1].startswith(("RSASSA", "ECDSA"))])
def test_a_signature_of_a_digest_holds_outside(kms, sign, signing_key, public_key, spec, algorithm):
    for message in MESSAGES:
        digest = hashlib.new("sha" + algorithm[-3:], message).digest()
        signature = sign(spec, algorithm, digest, "DIGEST")
        assert outsider_accepts(public_key(spec), algorithm, message, signature)
        assert outsider_accepts(public_key(spec), algorithm, None, signature, digest)
        # The same signature, described the other way.
        kms.verify(KeyId=signing_key(spec), SigningAlgorithm=algorithm, Message=message, Signature=signature)
    of_message = sign(spec, algorithm, message)
    described = {"KeyId": signing_key(spec), "SigningAlgorithm": algorithm, "MessageType": "DIGEST", "Message": digest}
    assert kms.verify(**described, Signature=of_message)["SignatureValid"]


def test_sm2_digests_cover_identity_and_key(kms, sign, signing_key, public_key, tmp_path):
    public = public_key("SM2")
    for identity in ("1234567812345678", "someone@example.org"):
        digest = sm2_digest(public, identity, b"message", tmp_path)
        signature = sign("SM2", "SM2DSA", digest, "DIGEST")
        assert openssl.verifies_sm2(public, b"message", signature, tmp_path, identity)
    with refused("KMSInvalidSignatureException", NO_TEXT):
        kms.verify(KeyId=signing_key("SM2"), SigningAlgorithm="SM2DSA", Message=b"message", Signature=signature)


def test_ed25519ph_hashes_once_more(kms, sign, signing_key, public_key):
    """The digest that is sent is the message of the scheme, which then hashes it itself."""
    public = public_key("ECC_NIST_EDWARDS25519")
    digest = hashlib.sha512(b"message").digest()
    signature = sign("ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", digest, "DIGEST")
    assert len(signature) == 64
    assert ed25519ph_holds(public, digest, signature)
    assert not ed25519ph_holds(public, b"message", signature)
    assert not outsider_accepts(public, "ED25519_SHA_512", digest, signature)
    with refused("KMSInvalidSignatureException", NO_TEXT):
        kms.verify(
            KeyId=signing_key("ECC_NIST_EDWARDS25519"),
            SigningAlgorithm="ED25519_SHA_512",
            Message=digest,
            Signature=signature,
        )


@pytest.mark.parametrize("spec", ["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"])
def test_ml_dsa_message_representatives(kms, sign, signing_key, public_key, spec):
    public = load_der_public_key(public_key(spec))
    for message in MESSAGES:
        mu = mu_of(public, message)
        signature = sign(spec, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU")
        public.verify(signature, message)
        public.verify_mu(signature, mu)
        named = {"KeyId": signing_key(spec), "SigningAlgorithm": "ML_DSA_SHAKE_256"}
        assert kms.verify(**named, Message=message, Signature=signature)["SignatureValid"]
        of_message = sign(spec, "ML_DSA_SHAKE_256", message)
        assert kms.verify(**named, Message=mu, MessageType="EXTERNAL_MU", Signature=of_message)["SignatureValid"]
        assert of_message != sign(spec, "ML_DSA_SHAKE_256", message), "signing is randomized"


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "SM2"])
def test_der_of_elliptic_curve_signatures(sign, spec):
    for number in range(10):
        r, s = decode_dss_signature(sign(spec, SPECS[spec][0][0], b"%d" % number))
        assert r > 0 and s > 0


@pytest.mark.parametrize(("spec", "algorithm"), PAIRS)
def test_what_is_not_the_signature(kms, sign, signing_key, make_key, spec, algorithm):
    message_type = "DIGEST" if algorithm == "ED25519_PH_SHA_512" else "RAW"
    message = b"m" * 64
    signature = sign(spec, algorithm, message, message_type)
    half = len(signature) // 2
    flipped = [signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :] for at in (0, half, len(signature) - 1)]
    named = {"KeyId": signing_key(spec), "SigningAlgorithm": algorithm, "MessageType": message_type}
    for wrong in [*flipped, signature[:-1], signature + b"\0", b"\0", b"\0" * 6144, signature[half:] + signature[:half]]:
        with refused("KMSInvalidSignatureException", NO_TEXT):
            kms.verify(**named, Message=message, Signature=wrong)
    with refused("KMSInvalidSignatureException", NO_TEXT):
        kms.verify(**named, Message=b"n" * 64, Signature=signature)
    if not spec.startswith("RSA"):
        named["KeyId"] = make_key(KeySpec=spec, KeyUsage=USAGE)
        with refused("KMSInvalidSignatureException", NO_TEXT):
            kms.verify(**named, Message=message, Signature=signature)


def test_the_body_of_a_wrong_signature_has_no_message(raw, signing_key):
    body = {
        "KeyId": signing_key("ECC_NIST_P256"),
        "Message": "bQ==",
        "SigningAlgorithm": "ECDSA_SHA_256",
        "Signature": "AAAA",
    }
    assert_refused(raw.call("Verify", body), "KMSInvalidSignatureException", NO_TEXT)


def test_schemes_of_one_rsa_key_are_told_apart(kms, sign, signing_key):
    """Another padding, another hash: not the same signature, and not taken for one."""
    for algorithm in SPECS["RSA_2048"][0]:
        signature = sign("RSA_2048", algorithm, b"message")
        for other in SPECS["RSA_2048"][0]:
            if other == algorithm:
                continue
            with refused("KMSInvalidSignatureException", NO_TEXT):
                kms.verify(KeyId=signing_key("RSA_2048"), SigningAlgorithm=other, Message=b"message", Signature=signature)


@pytest.mark.parametrize("spec", SPECS)
def test_only_algorithms_of_the_spec(kms, signing_key, spec):
    for other in set(ALGORITHMS) - set(SPECS[spec][0]):
        text = f"Algorithm {other} is incompatible with key spec {spec}."
        with refused("InvalidKeyUsageException", text):
            kms.sign(KeyId=signing_key(spec), Message=b"m", SigningAlgorithm=other)
        with refused("InvalidKeyUsageException", text):
            kms.verify(KeyId=signing_key(spec), Message=b"m", SigningAlgorithm=other, Signature=b"m")


@pytest.mark.parametrize(("spec", "algorithm"), PAIRS)
def test_message_types_and_lengths(kms, signing_key, spec, algorithm):
    named = {"KeyId": signing_key(spec), "SigningAlgorithm": algorithm}
    lengths = ALGORITHMS[algorithm]
    for message_type in ("RAW", "DIGEST", "EXTERNAL_MU"):
        if message_type not in lengths:
            text = f"Algorithm {algorithm} does not support message type {message_type}."
            wrong = [32, 64]
        elif message_type == "RAW":
            continue
        else:
            text = f"Digest is invalid length for algorithm {algorithm}."
            wrong = [1, lengths[message_type] - 1, lengths[message_type] + 1, 4096]
        for length in wrong:
            asked = {**named, "MessageType": message_type, "Message": b"m" * length}
            with refused("ValidationException", text):
                kms.sign(**asked)
            with refused("ValidationException", text):
                kms.verify(**asked, Signature=b"s")
            with refused("ValidationException", text):
                kms.sign(**asked, DryRun=True)


def test_only_keys_for_signatures(kms, key, shared_key):
    rsa, agreeing = shared_key("RSA_2048"), shared_key("ECC_NIST_P256", "KEY_AGREEMENT")
    mac = shared_key("HMAC_256", "GENERATE_VERIFY_MAC")
    for arn, usage in (
        (key, "ENCRYPT_DECRYPT"),
        (rsa, "ENCRYPT_DECRYPT"),
        (agreeing, "KEY_AGREEMENT"),
        (mac, "GENERATE_VERIFY_MAC"),
    ):
        text = f"{arn} key usage is {usage} which is not valid for Sign."
        with refused("InvalidKeyUsageException", text):
            kms.sign(KeyId=arn, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")
        with refused("InvalidKeyUsageException", text.replace("Sign.", "Verify.")):
            kms.verify(KeyId=arn, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256", Signature=b"s")


def test_a_signing_key_does_nothing_else(kms, signing_key, key):
    arn = signing_key("RSA_2048")
    with refused("InvalidKeyUsageException", f"{arn} key usage is SIGN_VERIFY which is not valid for Encrypt."):
        kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with refused("InvalidKeyUsageException"):
        kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    with refused("InvalidKeyUsageException"):
        kms.derive_shared_secret(
            KeyId=signing_key("ECC_NIST_P256"), KeyAgreementAlgorithm="ECDH", PublicKey=b"x" * 91
        )
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("IncorrectKeyException"):
        kms.decrypt(KeyId=arn, CiphertextBlob=sealed)


def test_by_every_name(kms, signing_key, make_alias, root):
    arn = signing_key("ECC_NIST_P256")
    alias = make_alias("alias/signer", arn)
    for name in (arn, uuid_of(arn), alias, f"arn:aws:kms:us-east-1:{root.account}:{alias}"):
        made = kms.sign(KeyId=name, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
        assert made["KeyId"] == arn
        checked = kms.verify(KeyId=name, Message=b"m", SigningAlgorithm="ECDSA_SHA_256", Signature=made["Signature"])
        assert checked["KeyId"] == arn


def test_dry_runs(kms, signing_key):
    asked = {"KeyId": signing_key("ECC_NIST_P384"), "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_384"}
    signature = kms.sign(**asked)["Signature"]
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.sign(**asked, DryRun=True)
    with refused("DryRunOperationException", DRY_RUN_TEXT):
        kms.verify(**asked, Signature=signature, DryRun=True)
    with refused("KMSInvalidSignatureException", NO_TEXT):
        kms.verify(**asked, Signature=signature[1:], DryRun=True)


def test_constraints(raw, signing_key):
    named = {"KeyId": signing_key("ECC_NIST_P256"), "SigningAlgorithm": "ECDSA_SHA_256"}
    hidden = "Value at '{}' failed to satisfy constraint: Member must have length {}"
    null = "Value null at '{}' failed to satisfy constraint: Member must not be null"
    too_long, empty = "less than or equal to {}", "greater than or equal to 1"
    many = "A" * 4 * 1366
    cases = [
        ("Sign", {"Message": ""}, [hidden.format("message", empty)]),
        ("Sign", {"Message": many}, [hidden.format("message", too_long.format(4096))]),
        ("Verify", {"Message": "bQ==", "Signature": ""}, [hidden.format("signature", empty)]),
        ("Verify", {"Message": "bQ=="}, [null.format("signature")]),
        ("Verify", {"Message": "bQ==", "Signature": "A" * 8196}, [hidden.format("signature", too_long.format(6144))]),
    ]
    for operation, more, expected in cases:
        assert_refused(raw.call(operation, {**named, **more}), "ValidationException", violations(*expected))
    wrong = {**named, "Message": "bQ==", "SigningAlgorithm": "ECDSA_SHA_1", "MessageType": "raw"}
    answer = raw.call("Sign", wrong)
    assert_refused(answer, "ValidationException")
    text = answer.message
    assert text.startswith("2 validation errors detected: ")
    assert "Value 'raw' at 'messageType' failed to satisfy constraint: Member must satisfy enum value set: " in text
    assert "Value 'ECDSA_SHA_1' at 'signingAlgorithm' failed to satisfy constraint: " in text


def test_unknown_keys_and_states(kms, make_key):
    asked = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    missing = "11112222-3333-4444-5555-666677778888"
    with refused("NotFoundException"):
        kms.sign(KeyId=missing, **asked)
    with refused("NotFoundException"):
        kms.verify(KeyId=missing, **asked, Signature=b"s")
    arn = make_key(KeySpec="ECC_NIST_P256", KeyUsage=USAGE)
    kms.disable_key(KeyId=arn)
    with refused("DisabledException", f"{arn} is disabled."):
        kms.sign(KeyId=arn, **asked)
    with refused("DisabledException", f"{arn} is disabled."):
        kms.verify(KeyId=arn, **asked, Signature=b"s")
    kms.schedule_key_deletion(KeyId=arn)
    with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
        kms.sign(KeyId=arn, **asked)


def test_who_may_not(server, other_kms, kms, signing_key, other_caller_arn):
    arn = signing_key("ECC_NIST_P256")
    with refused("AccessDeniedException", not_allowed(other_caller_arn, "Sign", arn)):
        other_kms.sign(KeyId=arn, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    with refused("AccessDeniedException", not_allowed(other_caller_arn, "Verify", arn)):
        other_kms.verify(KeyId=arn, Message=b"m", SigningAlgorithm="ECDSA_SHA_256", Signature=b"s")


def test_a_grant_to_sign(kms, other_kms, other_arn, signing_key):
    arn = signing_key("ECC_NIST_P384")
    asked = {"KeyId": arn, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_384"}
    made = kms.create_grant(KeyId=arn, GranteePrincipal=other_arn, Operations=["Sign"])
    try:
        signature = other_kms.sign(**asked)["Signature"]
        assert kms.verify(**asked, Signature=signature)["SignatureValid"]
        with refused("AccessDeniedException"):
            other_kms.verify(**asked, Signature=signature)
    finally:
        kms.revoke_grant(KeyId=arn, GrantId=made["GrantId"])
    with refused("AccessDeniedException"):
        other_kms.sign(**asked)


def test_signatures_and_keys_outlive_the_process(own_server):
    own_server.start()
    kms = kms_client(own_server, own_server.caller)
    made = {}
    for spec in ("RSA_2048", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_DSA_65", "SM2"):
        arn = new_key(kms, KeySpec=spec, KeyUsage=USAGE)
        asked = {"KeyId": arn, "SigningAlgorithm": SPECS[spec][0][0], "Message": b"before"}
        made[arn] = (asked, kms.sign(**asked)["Signature"], kms.get_public_key(KeyId=arn)["PublicKey"])
    assert own_server.stop() == 0
    own_server.start()
    kms = kms_client(own_server, own_server.caller)
    for arn, (asked, signature, public) in made.items():
        assert kms.get_public_key(KeyId=arn)["PublicKey"] == public
        assert kms.verify(**asked, Signature=signature)["SignatureValid"]
        assert kms.sign(**asked)["Signature"]


def test_with_the_cli(cli, signing_key, tmp_path):
    (tmp_path / "message").write_bytes(b"from a file")
    named = ["--key-id", signing_key("ECC_NIST_P256"), "--signing-algorithm", "ECDSA_SHA_256"]
    named += ["--message", f"fileb://{tmp_path}/message", "--message-type", "RAW"]
    signature = cli.json("sign", *named)["Signature"]
    (tmp_path / "signature").write_bytes(__import__("base64").b64decode(signature))
    assert cli.json("verify", *named, "--signature", f"fileb://{tmp_path}/signature")["SignatureValid"] is True
    (tmp_path / "signature").write_bytes(b"no signature")
    refusal = cli.fails("verify", *named, "--signature", f"fileb://{tmp_path}/signature")
    assert "(KMSInvalidSignatureException)" in refusal
