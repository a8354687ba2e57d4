// Every command that the AWS SDK for JavaScript v3 has for KMS, each answered at least once with success. The list of
// commands is the SDK's own, so that an operation which goes missing on either side is noticed.

import assert from "node:assert/strict";
import { constants, createPublicKey, generateKeyPairSync, publicEncrypt, randomBytes, verify } from "node:crypto";
import { after, before, test } from "node:test";

import * as kms from "@aws-sdk/client-kms";

import { ACCOUNT, startServer } from "./server.js";

// These need an external key manager or a token; the AWS SDK for Python and the AWS CLI call them where the tests have one.
const NOT_CALLED_HERE = new Set([
  "ConnectCustomKeyStore",
  "CreateCustomKeyStore",
  "DeleteCustomKeyStore",
  "DescribeCustomKeyStores",
  "DisconnectCustomKeyStore",
  "UpdateCustomKeyStore",
]);
const OWNER = `arn:aws:iam::${ACCOUNT}:root`;
const answered = new Set();
let server, here, there;

before(async () => {
  server = await startServer();
  const connect = (region) =>
    new kms.KMSClient({ endpoint: server.url, region, credentials: server.credentials, maxAttempts: 1 });
  [here, there] = [connect("us-east-1"), connect("eu-west-1")];
});
after(async () => {
  for (const client of [here, there]) client?.destroy();
  await server.stop();
});

async function call(name, input, client = here) {
  const answer = await client.send(new kms[`${name}Command`](input));
  answered.add(name);
  return answer;
}

async function newKey(more = {}) {
  return (await call("CreateKey", more)).KeyMetadata.Arn;
}

test("keys, aliases, tags, policies", async () => {
  const KeyId = await newKey();
  assert.equal((await call("DescribeKey", { KeyId })).KeyMetadata.Arn, KeyId);
  assert.ok((await call("ListKeys", {})).Keys.some((key) => key.KeyArn === KeyId));
  await call("UpdateKeyDescription", { KeyId, Description: "for every operation" });
  await call("CreateAlias", { AliasName: "alias/every", TargetKeyId: KeyId });
  await call("UpdateAlias", { AliasName: "alias/every", TargetKeyId: await newKey() });
  assert.equal((await call("ListAliases", {})).Aliases.length, 1);
  await call("DeleteAlias", { AliasName: "alias/every" });
  await call("TagResource", { KeyId, Tags: [{ TagKey: "a", TagValue: "b" }] });
  assert.deepEqual((await call("ListResourceTags", { KeyId })).Tags, [{ TagKey: "a", TagValue: "b" }]);
  await call("UntagResource", { KeyId, TagKeys: ["a"] });
  const { Policy } = await call("GetKeyPolicy", { KeyId });
  await call("PutKeyPolicy", { KeyId, Policy });
  assert.deepEqual((await call("ListKeyPolicies", { KeyId })).PolicyNames, ["default"]);
  await call("DisableKey", { KeyId });
  await call("EnableKey", { KeyId });
  await call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 });
  await call("CancelKeyDeletion", { KeyId });
});

test("encryption and data keys", async () => {
  const [KeyId, DestinationKeyId] = [await newKey(), await newKey()];
  const EncryptionContext = { app: "every" };
  const { CiphertextBlob } = await call("Encrypt", { KeyId, Plaintext: Buffer.from("secret"), EncryptionContext });
  const moved = await call("ReEncrypt", {
    CiphertextBlob,
    SourceEncryptionContext: EncryptionContext,
    DestinationKeyId,
    DestinationEncryptionContext: EncryptionContext,
  });
  const opened = await call("Decrypt", { CiphertextBlob: moved.CiphertextBlob, EncryptionContext });
  assert.equal(Buffer.from(opened.Plaintext).toString(), "secret");
  assert.equal((await call("GenerateDataKey", { KeyId, KeySpec: "AES_256" })).Plaintext.length, 32);
  await call("GenerateDataKeyWithoutPlaintext", { KeyId, KeySpec: "AES_256" });
  const pair = await call("GenerateDataKeyPair", { KeyId, KeyPairSpec: "ECC_NIST_P256" });
  assert.equal(createPublicKey({ key: Buffer.from(pair.PublicKey), format: "der", type: "spki" }).type, "public");
  await call("GenerateDataKeyPairWithoutPlaintext", { KeyId, KeyPairSpec: "ECC_NIST_P256" });
  assert.equal((await call("GenerateRandom", { NumberOfBytes: 24 })).Plaintext.length, 24);
  assert.ok((await call("GetKeyLastUsage", { KeyId })).KeyId.includes(KeyId.split("/")[1]));
});

test("signatures, MACs, shared secrets, encapsulation", async () => {
  const signing = await newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  const message = { Message: Buffer.from("message"), SigningAlgorithm: "ECDSA_SHA_256" };
  const { Signature } = await call("Sign", { KeyId: signing, ...message });
  assert.equal((await call("Verify", { KeyId: signing, Signature, ...message })).SignatureValid, true);
  const { PublicKey } = await call("GetPublicKey", { KeyId: signing });
  const key = createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
  assert.ok(verify("sha256", message.Message, key, Buffer.from(Signature)));

  const mac = { KeyId: await newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }), MacAlgorithm: "HMAC_SHA_256" };
  const { Mac } = await call("GenerateMac", { ...mac, Message: message.Message });
  assert.equal((await call("VerifyMac", { ...mac, Message: message.Message, Mac })).MacValid, true);

  const peer = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" });
  const agreement = await newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "KEY_AGREEMENT" });
  const secret = { KeyId: agreement, KeyAgreementAlgorithm: "ECDH", PublicKey: peer };
  assert.equal((await call("DeriveSharedSecret", secret)).SharedSecret.length, 32);

  const kem = await newKey({ KeySpec: "ML_KEM_768", KeyUsage: "ENCAPSULATE_DECAPSULATE" });
  const sealed = await call("Encapsulate", { KeyId: kem, EncapsulationAlgorithm: "ML_KEM" });
  const opened = await call("Decapsulate", {
    KeyId: kem,
    SharedSecretCiphertextBlob: sealed.SharedSecretCiphertextBlob,
    EncapsulationAlgorithm: "ML_KEM",
  });
  assert.deepEqual(opened.SharedSecret, sealed.SharedSecret);
});

test("grants", async () => {
  const KeyId = await newKey();
  const grant = { KeyId, GranteePrincipal: OWNER, RetiringPrincipal: OWNER, Operations: ["Encrypt"] };
  const { GrantId } = await call("CreateGrant", grant);
  assert.equal((await call("ListGrants", { KeyId })).Grants.length, 1);
  assert.equal((await call("ListRetirableGrants", { RetiringPrincipal: OWNER })).Grants.length, 1);
  await call("RevokeGrant", { KeyId, GrantId });
  const { GrantToken } = await call("CreateGrant", grant);
  await call("RetireGrant", { GrantToken });
});

test("rotation, and key material from outside", async () => {
  const KeyId = await newKey();
  await call("EnableKeyRotation", { KeyId, RotationPeriodInDays: 90 });
  assert.equal((await call("GetKeyRotationStatus", { KeyId })).RotationPeriodInDays, 90);
  await call("RotateKeyOnDemand", { KeyId });
  assert.equal((await call("ListKeyRotations", { KeyId })).Rotations.length, 1);
  await call("DisableKeyRotation", { KeyId });

  const imported = await newKey({ Origin: "EXTERNAL" });
  const parameters = await call("GetParametersForImport", {
    KeyId: imported,
    WrappingAlgorithm: "RSAES_OAEP_SHA_256",
    WrappingKeySpec: "RSA_2048",
  });
  const key = createPublicKey({ key: Buffer.from(parameters.PublicKey), format: "der", type: "spki" });
  const padding = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  await call("ImportKeyMaterial", {
    KeyId: imported,
    ImportToken: parameters.ImportToken,
    EncryptedKeyMaterial: publicEncrypt(padding, randomBytes(32)),
    ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE",
  });
  await call("DeleteImportedKeyMaterial", { KeyId: imported });
});

test("multi-Region keys", async () => {
  const KeyId = await newKey({ MultiRegion: true });
  await call("ReplicateKey", { KeyId, ReplicaRegion: "eu-west-1" });
  await call("UpdatePrimaryRegion", { KeyId, PrimaryRegion: "eu-west-1" });
  const { KeyMetadata } = await call("DescribeKey", { KeyId: KeyId.split("/")[1] }, there);
  assert.equal(KeyMetadata.MultiRegionConfiguration.MultiRegionKeyType, "PRIMARY");
});

test("no command was left out", () => {
  const commands = Object.keys(kms).filter((name) => /^[A-Z].*Command$/.test(name) && name !== "$Command");
  const missing = commands.map((name) => name.slice(0, -"Command".length)).filter((name) => !answered.has(name));
  assert.deepEqual(new Set(missing), NOT_CALLED_HERE);
  assert.ok(commands.length >= 56, `${commands.length} commands`);
});
