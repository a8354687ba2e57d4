"""Recipient: answers that only an attested enclave can read, and policies that ask what runs in it."""

import datetime
import json

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from support.attestation import IMAGE, MODULE_ID, Authority, Recipient, cbor, der
from support.clients import kms_client
from support.expect import NO_TEXT, assert_refused, refused, violation, violations
from support.raw import Requester
from support.server import Server

INVALID = "The attestation document is not valid: it {}."
UNTRUSTED = "The attestation document is not valid: its certificate is not trusted."
UNSIGNED = "The attestation document is not valid: its signature is not valid."
AGE = INVALID.format("was issued too long ago or in the future")
MALFORMED = INVALID.format("is malformed")
NO_KEY = INVALID.format("has no RSA public key of at least 2048 bits")
OUT_OF_REACH = "Recipient is not supported in this Region."


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def attesting(tmp_path_factory, authority):
    """A server that believes in our root."""
    folder = tmp_path_factory.mktemp("attestation")
    (folder / "root.pem").write_bytes(authority.root_pem())
    environment = {"RESEAL_ATTESTATION_ROOT": str(folder / "root.pem")}
    server = Server(folder / "data", environment=environment).start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def enclave_kms(attesting):
    return kms_client(attesting, attesting.caller)


@pytest.fixture(scope="module")
def enclave(tmp_path_factory):
    return Recipient(tmp_path_factory.mktemp("enclave"))


@pytest.fixture(scope="module")
def enclave_key(enclave_kms):
    return enclave_kms.create_key()["KeyMetadata"]["Arn"]


def named(document):
    return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}


@pytest.fixture
def recipient(authority, enclave):
    return named(authority.document(enclave.public_key))


def test_decrypt_answers_the_enclave_alone(attesting, enclave_kms, enclave_key, enclave, recipient):
    sealed = enclave_kms.encrypt(KeyId=enclave_key, Plaintext=b"for the enclave")["CiphertextBlob"]
    answer = enclave_kms.decrypt(CiphertextBlob=sealed, Recipient=recipient)
    assert "Plaintext" not in answer and "KeyMaterialId" not in answer
    assert (answer["KeyId"], answer["EncryptionAlgorithm"]) == (enclave_key, "SYMMETRIC_DEFAULT")
    assert enclave.open(answer["CiphertextForRecipient"]) == b"for the enclave"
    described = enclave.describe(answer["CiphertextForRecipient"])
    for part in ("pkcs7-envelopedData", "subjectKeyIdentifier", "rsaesOaep", "aes-256-cbc"):
        assert part in described
    record = attesting.audit_record(answer["ResponseMetadata"]["RequestId"])
    assert record["additionalEventData"]["recipient"] == {
        "attestationDocumentModuleId": MODULE_ID,
        "attestationDocumentEnclaveImageDigest": IMAGE.hex(),
    }
    assert "recipient" not in record["requestParameters"]


@pytest.mark.parametrize("size", [1, 16, 4096])
def test_plaintexts_of_any_size(enclave_kms, enclave_key, enclave, recipient, size):
    plaintext = bytes(range(256)) * 16
    sealed = enclave_kms.encrypt(KeyId=enclave_key, Plaintext=plaintext[:size])["CiphertextBlob"]
    answer = enclave_kms.decrypt(CiphertextBlob=sealed, Recipient=recipient)
    assert enclave.open(answer["CiphertextForRecipient"]) == plaintext[:size]


def test_a_data_key_for_the_enclave(enclave_kms, enclave_key, enclave, recipient):
    made = enclave_kms.generate_data_key(KeyId=enclave_key, KeySpec="AES_256", Recipient=recipient)
    assert "Plaintext" not in made and "KeyMaterialId" not in made
    opened = enclave_kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]
    assert len(opened) == 32
    assert enclave.open(made["CiphertextForRecipient"]) == opened


def test_random_bytes_for_the_enclave(enclave_kms, enclave, recipient):
    made = enclave_kms.generate_random(NumberOfBytes=48, Recipient=recipient)
    assert "Plaintext" not in made
    assert len(enclave.open(made["CiphertextForRecipient"])) == 48


def test_a_shared_secret_for_the_enclave(enclave_kms, enclave, recipient):
    arn = enclave_kms.create_key(KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["Arn"]
    arguments = {
        "KeyId": arn,
        "KeyAgreementAlgorithm": "ECDH",
        "PublicKey": enclave_kms.get_public_key(KeyId=arn)["PublicKey"],
    }
    in_clear = enclave_kms.derive_shared_secret(**arguments)
    answer = enclave_kms.derive_shared_secret(**arguments, Recipient=recipient)
    assert "SharedSecret" not in answer and "CiphertextForRecipient" not in in_clear
    assert (answer["KeyId"], answer["KeyOrigin"]) == (arn, "AWS_KMS")
    assert enclave.open(answer["CiphertextForRecipient"]) == in_clear["SharedSecret"]


@pytest.mark.parametrize("spec", ["RSA_4096", "ECC_NIST_P521", "ML_KEM_768"])
def test_a_key_pair_for_the_enclave(enclave_kms, enclave_key, enclave, recipient, spec):
    made = enclave_kms.generate_data_key_pair(KeyId=enclave_key, KeyPairSpec=spec, Recipient=recipient)
    assert "PrivateKeyPlaintext" not in made and "KeyMaterialId" not in made
    private_key = enclave.open(made["CiphertextForRecipient"])
    assert private_key == enclave_kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"]
    public_key = load_der_private_key(private_key, None).public_key()
    assert public_key == load_der_public_key(made["PublicKey"])


def test_an_operation_without_a_plaintext_knows_no_recipient(attesting, enclave_key):
    raw = Requester(attesting, attesting.caller)
    body = {"KeyId": enclave_key, "KeySpec": "AES_256", "Recipient": {"AttestationDocument": "AAAA"}}
    assert raw.call("GenerateDataKeyWithoutPlaintext", body).status == 200
    raw.close()


def with_another_end(document):
    return document[:-1] + bytes([document[-1] ^ 1])


def minutes(count):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=count)


TAMPERED = {
    "a byte of the signature": (lambda a, key: with_another_end(a.document(key)), UNSIGNED),
    "a member, after the signature": (
        lambda a, key: a.document(key).replace(IMAGE, bytes(48)),
        UNSIGNED,
    ),
    "another root": (lambda a, key: Authority().document(key), UNTRUSTED),
    "another module's certificate": (lambda a, key: a.document(key, certificate=der(a.bundle[3])), UNTRUSTED),
    "a chain with a gap": (lambda a, key: a.document(key, cabundle=[der(each) for each in a.bundle[:2]]), UNTRUSTED),
    "too old": (lambda a, key: a.document(key, at=minutes(-6)), AGE),
    "from the future": (lambda a, key: a.document(key, at=minutes(6)), AGE),
    "another digest": (lambda a, key: a.document(key, digest="SHA256"), MALFORMED),
    "no registers": (lambda a, key: a.document(key, pcrs={}), MALFORMED),
    "no public key": (lambda a, key: a.document(None), NO_KEY),
    "a public key that is none": (lambda a, key: a.document(b"key"), NO_KEY),
    "an unsigned map": (lambda a, key: cbor({"module_id": MODULE_ID}), MALFORMED),
    "anything": (lambda a, key: b"anything", MALFORMED),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_document_that_does_not_hold(enclave_kms, enclave_key, authority, enclave, how):
    make, text = TAMPERED[how]
    recipient = named(make(authority, enclave.public_key))
    sealed = enclave_kms.encrypt(KeyId=enclave_key, Plaintext=b"secret")["CiphertextBlob"]
    for call in (
        lambda: enclave_kms.decrypt(CiphertextBlob=sealed, Recipient=recipient),
        lambda: enclave_kms.generate_data_key(KeyId=enclave_key, KeySpec="AES_256", Recipient=recipient),
        lambda: enclave_kms.generate_random(NumberOfBytes=1, Recipient=recipient),
    ):
        with refused("ValidationException", text):
            call()


def test_certificates_have_their_time(tmp_path, enclave):
    """The chain of this authority ended a moment ago: its documents are of today, its certificates are not."""
    now = datetime.datetime.now(datetime.timezone.utc)
    past = Authority(at=now - datetime.timedelta(hours=3))
    (tmp_path / "root.pem").write_bytes(past.root_pem())
    server = Server(tmp_path / "data", environment={"RESEAL_ATTESTATION_ROOT": str(tmp_path / "root.pem")}).start()
    with refused("ValidationException", UNTRUSTED):
        recipient = named(past.document(enclave.public_key))
        kms_client(server, server.caller).generate_random(NumberOfBytes=1, Recipient=recipient)
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ImageSha384", IMAGE.hex(), True),
        ("imagesha384", IMAGE.hex(), True),
        ("PCR0", IMAGE.hex(), True),
        ("PCR8", "08" * 48, True),
        ("PCR8", "09" * 48, False),
        ("ImageSha384", "00" * 48, False),
        ("NitroTPMPCR0", IMAGE.hex(), False),
    ],
)
def test_a_policy_asks_what_runs(enclave_kms, root_arn, enclave, recipient, name, value, allowed):
    condition = {"StringEqualsIgnoreCase": {f"kms:RecipientAttestation:{name}": value}}
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": root_arn}, "NotAction": "kms:Decrypt", "Resource": "*"},
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": root_arn},
                    "Action": "kms:Decrypt",
                    "Resource": "*",
                    "Condition": condition,
                },
            ],
        }
    )
    arn = enclave_kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    sealed = enclave_kms.encrypt(KeyId=arn, Plaintext=b"secret")["CiphertextBlob"]
    with refused("AccessDeniedException"):
        enclave_kms.decrypt(CiphertextBlob=sealed, KeyId=arn)
    if allowed:
        answer = enclave_kms.decrypt(CiphertextBlob=sealed, KeyId=arn, Recipient=recipient)
        assert enclave.open(answer["CiphertextForRecipient"]) == b"secret"
    else:
        with refused("AccessDeniedException"):
            enclave_kms.decrypt(CiphertextBlob=sealed, KeyId=arn, Recipient=recipient)


def test_an_instance_with_nitro_tpm(attesting, enclave_kms, enclave_key, authority, enclave):
    document = authority.document(enclave.public_key, pcrs=..., nitrotpm_pcrs={4: b"\4" * 48, 7: b"\7" * 48})
    made = enclave_kms.generate_data_key(KeyId=enclave_key, KeySpec="AES_128", Recipient=named(document))
    assert len(enclave.open(made["CiphertextForRecipient"])) == 16
    record = attesting.audit_record(made["ResponseMetadata"]["RequestId"])
    assert record["additionalEventData"]["recipient"]["attestationDocumentNitroTPMPCRs"] == {
        "NitroTPMPCR4": "04" * 48,
        "NitroTPMPCR7": "07" * 48,
    }


def test_a_dry_run_checks_the_document_too(enclave_kms, enclave_key, authority, enclave, recipient):
    with refused("DryRunOperationException"):
        enclave_kms.generate_data_key(KeyId=enclave_key, KeySpec="AES_256", Recipient=recipient, DryRun=True)
    old = named(authority.document(enclave.public_key, at=minutes(-6)))
    with refused("ValidationException", AGE):
        enclave_kms.generate_data_key(KeyId=enclave_key, KeySpec="AES_256", Recipient=old, DryRun=True)


def test_constraints_of_the_member(attesting):
    raw = Requester(attesting, attesting.caller)
    enumeration = violation(
        "Member must satisfy enum value set: [RSAES_OAEP_SHA_256]", "recipient.keyEncryptionAlgorithm", "RSA"
    )
    length = violation(
        "Member must have length greater than or equal to 1", "recipient.attestationDocument", "", quoted=False
    ).replace("Value null at", "Value at")
    answer = raw.call(
        "GenerateRandom",
        {"NumberOfBytes": 1, "Recipient": {"KeyEncryptionAlgorithm": "RSA", "AttestationDocument": ""}},
    )
    assert_refused(answer, "ValidationException", violations(enumeration, length))
    answer = raw.call("GenerateRandom", {"NumberOfBytes": 1, "Recipient": {}})
    assert_refused(answer, "ValidationException", "Recipient needs an AttestationDocument.")
    raw.close()


def test_without_a_root_nobody_is_believed(kms, key, authority, enclave):
    recipient = named(authority.document(enclave.public_key))
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    with refused("UnsupportedOperationException", OUT_OF_REACH):
        kms.generate_random(NumberOfBytes=1, Recipient=recipient)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"


@pytest.mark.parametrize("content", [b"", b"not a certificate"])
def test_a_root_that_is_none_stops_the_start(tmp_path, content):
    (tmp_path / "root.pem").write_bytes(content)
    server = Server(tmp_path / "data", environment={"RESEAL_ATTESTATION_ROOT": str(tmp_path / "root.pem")})
    with pytest.raises(AssertionError, match="attestation.root"):
        server.start()
