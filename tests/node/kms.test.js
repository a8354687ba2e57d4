// The AWS SDK for JavaScript v3, unmodified, over HTTP/1.1 and HTTP/2.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecapsulateCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  DisabledException,
  DisableKeyCommand,
  DryRunOperationException,
  EncapsulateCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  IncorrectKeyException,
  InvalidCiphertextException,
  InvalidKeyUsageException,
  KMSClient,
  KMSInvalidMacException,
  KMSInvalidSignatureException,
  KMSInvalidStateException,
  KMSServiceException,
  NotFoundException,
  paginateListKeys,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  VerifyCommand,
  VerifyMacCommand,
} from "@aws-sdk/client-kms";
import { NodeHttp2Handler } from "@smithy/node-http-handler";
import {
  constants,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  sign,
  verify,
} from "node:crypto";

import { ACCOUNT, startServer } from "./server.js";

const SECRET = Buffer.from("the plaintext never leaves \u{1F511}");
let server;

before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

function connect(more = {}) {
  return new KMSClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: server.credentials,
    maxAttempts: 1,
    ...more,
  });
}

for (const [protocol, settings] of [
  ["HTTP/1.1", () => ({})],
  ["HTTP/2", () => ({ requestHandler: new NodeHttp2Handler() })],
]) {
  describe(`over ${protocol}`, () => {
    let kms, old, fresh;

    before(async () => {
      kms = connect(settings());
      [old, fresh] = await Promise.all([newKey(kms), newKey(kms)]);
    });
    after(() => kms.destroy());

    test("a ciphertext moves to another key and another context", async () => {
      const sealed = await kms.send(
        new EncryptCommand({ KeyId: old, Plaintext: SECRET, EncryptionContext: { stage: "old" } }),
      );
      const moved = await kms.send(
        new ReEncryptCommand({
          CiphertextBlob: sealed.CiphertextBlob,
          SourceEncryptionContext: { stage: "old" },
          DestinationKeyId: fresh,
          DestinationEncryptionContext: { stage: "new" },
        }),
      );
      assert.equal(moved.SourceKeyId, old);
      assert.equal(moved.KeyId, fresh);
      assert.equal(moved.SourceEncryptionAlgorithm, "SYMMETRIC_DEFAULT");
      assert.equal(moved.DestinationEncryptionAlgorithm, "SYMMETRIC_DEFAULT");
      assert.match(moved.SourceKeyMaterialId, /^[0-9a-f]{64}$/);
      assert.match(moved.DestinationKeyMaterialId, /^[0-9a-f]{64}$/);
      assert.match(moved.$metadata.requestId, /^[0-9a-f-]{36}$/);
      const opened = await kms.send(
        new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { stage: "new" } }),
      );
      assert.deepEqual(Buffer.from(opened.Plaintext), SECRET);
    });

    test("a data key opens again", async () => {
      const made = await kms.send(new GenerateDataKeyCommand({ KeyId: old, KeySpec: "AES_256" }));
      const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
      assert.deepEqual(opened.Plaintext, made.Plaintext);
    });

    test("forty calls at once", async () => {
      const opened = await Promise.all(
        Array.from({ length: 40 }, async (_, number) => {
          const sealed = await kms.send(new EncryptCommand({ KeyId: old, Plaintext: Buffer.from(`call ${number}`) }));
          return kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
        }),
      );
      assert.deepEqual(
        opened.map((answer) => Buffer.from(answer.Plaintext).toString()),
        Array.from({ length: 40 }, (_, number) => `call ${number}`),
      );
    });
  });
}

describe("errors are of their class", () => {
  let kms, old, fresh, sealed;

  before(async () => {
    kms = connect();
    [old, fresh] = [await newKey(kms), await newKey(kms)];
    sealed = (await kms.send(new EncryptCommand({ KeyId: old, Plaintext: SECRET }))).CiphertextBlob;
  });
  after(() => kms.destroy());

  async function fails(command, type, message) {
    await assert.rejects(kms.send(command), (error) => {
      assert.ok(error instanceof type, `${error.name}: ${error.message}`);
      assert.equal(error.$metadata.httpStatusCode, 400);
      if (message !== undefined) assert.equal(error.message, message);
      return true;
    });
  }

  test("the wrong source key", () =>
    fails(
      new ReEncryptCommand({ CiphertextBlob: sealed, SourceKeyId: fresh, DestinationKeyId: fresh }),
      IncorrectKeyException,
      "The key ID in the request does not identify a CMK that can perform this operation.",
    ));

  test("a damaged ciphertext", () => {
    const damaged = Uint8Array.from(sealed);
    damaged[damaged.length - 1] ^= 1;
    return fails(
      new ReEncryptCommand({ CiphertextBlob: damaged, DestinationKeyId: fresh }),
      InvalidCiphertextException,
    );
  });

  test("a key that is not there", () =>
    fails(
      new DescribeKeyCommand({ KeyId: "alias/nowhere" }),
      NotFoundException,
      `Alias arn:aws:kms:us-east-1:${ACCOUNT}:alias/nowhere is not found.`,
    ));

  test("a disabled destination", async () => {
    const disabled = await newKey(kms);
    await kms.send(new DisableKeyCommand({ KeyId: disabled }));
    await fails(
      new ReEncryptCommand({ CiphertextBlob: sealed, DestinationKeyId: disabled }),
      DisabledException,
      `${disabled} is disabled.`,
    );
  });

  test("a destination that waits for its deletion", async () => {
    const dying = await newKey(kms);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: dying, PendingWindowInDays: 7 }));
    await fails(
      new ReEncryptCommand({ CiphertextBlob: sealed, DestinationKeyId: dying }),
      KMSInvalidStateException,
      `${dying} is pending deletion.`,
    );
  });

  test("an algorithm that the destination does not have", () =>
    fails(
      new ReEncryptCommand({
        CiphertextBlob: sealed,
        DestinationKeyId: fresh,
        DestinationEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
      }),
      InvalidKeyUsageException,
      "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.",
    ));

  test("a dry run", () =>
    fails(
      new ReEncryptCommand({ CiphertextBlob: sealed, DestinationKeyId: fresh, DryRun: true }),
      DryRunOperationException,
    ));

  test("a wrong secret", async () => {
    const stranger = connect({ credentials: { ...server.credentials, secretAccessKey: "wrong" } });
    await assert.rejects(stranger.send(new DescribeKeyCommand({ KeyId: old })), (error) => {
      assert.ok(error instanceof KMSServiceException);
      assert.equal(error.name, "InvalidSignatureException");
      return true;
    });
    stranger.destroy();
  });
});

describe("what else a client does", () => {
  let kms;

  before(() => {
    kms = connect();
  });
  after(() => kms.destroy());

  test("ciphertext that Node.js made with the public key moves under a symmetric key", async () => {
    const rsa = await newKey(kms, { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" });
    const symmetric = await newKey(kms);
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: rsa }));
    const key = createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
    const sealed = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" }, SECRET);
    const moved = await kms.send(
      new ReEncryptCommand({
        CiphertextBlob: sealed,
        SourceKeyId: rsa,
        SourceEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
        DestinationKeyId: symmetric,
      }),
    );
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob }));
    assert.deepEqual(Buffer.from(opened.Plaintext), SECRET);
  });

  test("a MAC verifies, and a wrong one does not", async () => {
    const KeyId = await newKey(kms, { KeySpec: "HMAC_384", KeyUsage: "GENERATE_VERIFY_MAC" });
    const asked = { KeyId, Message: SECRET, MacAlgorithm: "HMAC_SHA_384" };
    const { Mac } = await kms.send(new GenerateMacCommand(asked));
    assert.equal(Mac.length, 48);
    assert.equal((await kms.send(new VerifyMacCommand({ ...asked, Mac }))).MacValid, true);
    const wrong = kms.send(new VerifyMacCommand({ ...asked, Mac: Mac.subarray(1) }));
    await assert.rejects(wrong, (error) => error instanceof KMSInvalidMacException);
  });

  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  for (const [spec, algorithm, hash, options] of [
    ["RSA_2048", "RSASSA_PSS_SHA_256", "sha256", pss],
    ["RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", "sha512", {}],
    ["ECC_NIST_P256", "ECDSA_SHA_256", "sha256", {}],
    ["ECC_NIST_P384", "ECDSA_SHA_384", "sha384", {}],
    ["ECC_NIST_P521", "ECDSA_SHA_512", "sha512", {}],
    ["ECC_SECG_P256K1", "ECDSA_SHA_256", "sha256", {}],
    ["ECC_NIST_EDWARDS25519", "ED25519_SHA_512", null, {}],
  ]) {
    test(`Node.js takes a signature by ${algorithm} with ${spec}`, async () => {
      const KeyId = await newKey(kms, { KeySpec: spec, KeyUsage: "SIGN_VERIFY" });
      const asked = { KeyId, SigningAlgorithm: algorithm, Message: SECRET };
      const { Signature } = await kms.send(new SignCommand(asked));
      const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
      const key = createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
      assert.equal(verify(hash, SECRET, { key, ...options }, Signature), true);
      assert.equal(verify(hash, Buffer.from("another"), { key, ...options }, Signature), false);
      assert.equal((await kms.send(new VerifyCommand({ ...asked, Signature }))).SignatureValid, true);
      const wrong = kms.send(new VerifyCommand({ ...asked, Signature: Signature.subarray(1) }));
      await assert.rejects(wrong, (error) => error instanceof KMSInvalidSignatureException);
    });
  }

  for (const [spec, hash] of [
    ["RSA_2048", "sha256"],
    ["ECC_NIST_P384", "sha384"],
    ["ECC_NIST_EDWARDS25519", null],
  ]) {
    test(`Node.js signs with a data key pair of ${spec}`, async () => {
      const asked = { KeyId: await newKey(kms), KeyPairSpec: spec, EncryptionContext: { stage: "pair" } };
      const made = await kms.send(new GenerateDataKeyPairCommand(asked));
      const privateKey = createPrivateKey({
        key: Buffer.from(made.PrivateKeyPlaintext),
        format: "der",
        type: "pkcs8",
      });
      const publicKey = createPublicKey({ key: Buffer.from(made.PublicKey), format: "der", type: "spki" });
      assert.equal(verify(hash, SECRET, publicKey, sign(hash, SECRET, privateKey)), true);
      const sealed = await kms.send(new GenerateDataKeyPairWithoutPlaintextCommand(asked));
      const opened = await kms.send(
        new DecryptCommand({
          CiphertextBlob: sealed.PrivateKeyCiphertextBlob,
          EncryptionContext: { stage: "pair" },
        }),
      );
      const key = createPrivateKey({ key: Buffer.from(opened.Plaintext), format: "der", type: "pkcs8" });
      const half = createPublicKey(key).export({ format: "der", type: "spki" });
      assert.deepEqual(half, Buffer.from(sealed.PublicKey));
    });
  }

  for (const [spec, namedCurve] of [
    ["ECC_NIST_P256", "prime256v1"],
    ["ECC_NIST_P384", "secp384r1"],
    ["ECC_NIST_P521", "secp521r1"],
  ]) {
    test(`Node.js derives the same secret on ${namedCurve}`, async () => {
      const KeyId = await newKey(kms, { KeySpec: spec, KeyUsage: "KEY_AGREEMENT" });
      const peer = generateKeyPairSync("ec", { namedCurve });
      const derived = await kms.send(
        new DeriveSharedSecretCommand({
          KeyId,
          KeyAgreementAlgorithm: "ECDH",
          PublicKey: peer.publicKey.export({ format: "der", type: "spki" }),
        }),
      );
      const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
      const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
      const secret = diffieHellman({ privateKey: peer.privateKey, publicKey });
      assert.deepEqual(Buffer.from(derived.SharedSecret), secret);
    });
  }

  test("an encapsulated secret comes out again", async () => {
    const KeyId = await newKey(kms, { KeySpec: "ML_KEM_768", KeyUsage: "ENCAPSULATE_DECAPSULATE" });
    const asked = { KeyId, EncapsulationAlgorithm: "ML_KEM" };
    const { SharedSecret, SharedSecretCiphertextBlob } = await kms.send(new EncapsulateCommand(asked));
    const opened = await kms.send(new DecapsulateCommand({ ...asked, SharedSecretCiphertextBlob }));
    assert.deepEqual(opened.SharedSecret, SharedSecret);
  });

  test("an alias names the destination", async () => {
    const key = await newKey(kms);
    await kms.send(new CreateAliasCommand({ AliasName: "alias/node", TargetKeyId: key }));
    const sealed = await kms.send(new EncryptCommand({ KeyId: "alias/node", Plaintext: SECRET }));
    assert.equal(sealed.KeyId, key);
  });

  test("the pages of a list", async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => newKey(kms)));
    const listed = [];
    for await (const page of paginateListKeys({ client: kms, pageSize: 2 }, {})) {
      listed.push(...page.Keys.map((key) => key.KeyArn));
    }
    assert.deepEqual(
      made.filter((arn) => !listed.includes(arn)),
      [],
    );
    assert.equal(new Set(listed).size, listed.length);
  });
});

async function newKey(kms, more = {}) {
  return (await kms.send(new CreateKeyCommand(more))).KeyMetadata.Arn;
}
