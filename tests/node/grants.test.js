// Grants through the AWS SDK for JavaScript v3: the key policy leaves Encrypt to grants alone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  CreateGrantCommand,
  CreateKeyCommand,
  EncryptCommand,
  InvalidGrantTokenException,
  KMSClient,
  KMSServiceException,
  NotFoundException,
  paginateListGrants,
  RetireGrantCommand,
  RevokeGrantCommand,
} from "@aws-sdk/client-kms";

import { ACCOUNT, startServer } from "./server.js";

const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
let server, kms, KeyId;

before(async () => {
  server = await startServer();
  kms = new KMSClient({ endpoint: server.url, region: "us-east-1", credentials: server.credentials, maxAttempts: 1 });
  const Statement = [{ Effect: "Allow", Principal: { AWS: ROOT }, NotAction: "kms:Encrypt", Resource: "*" }];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  KeyId = (await kms.send(new CreateKeyCommand({ Policy }))).KeyMetadata.Arn;
});
after(async () => {
  kms.destroy();
  await server.stop();
});

const grant = (more = {}) =>
  kms.send(new CreateGrantCommand({ KeyId, GranteePrincipal: ROOT, Operations: ["Encrypt"], ...more }));
const encrypt = (more = {}) => kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from("p"), ...more }));
const denied = (error) => error instanceof KMSServiceException && error.name === "AccessDeniedException";

test("a grant gives what the key policy does not, until it is revoked", async () => {
  await assert.rejects(encrypt(), denied);
  const { GrantId, GrantToken } = await grant({ Constraints: { EncryptionContextSubset: { a: "1" } } });
  await assert.rejects(encrypt(), denied);
  assert.equal((await encrypt({ EncryptionContext: { a: "1", b: "2" }, GrantTokens: [GrantToken] })).KeyId, KeyId);
  await kms.send(new RevokeGrantCommand({ KeyId, GrantId }));
  await assert.rejects(encrypt({ EncryptionContext: { a: "1" } }), denied);
  await assert.rejects(encrypt({ GrantTokens: [GrantToken] }), InvalidGrantTokenException);
  await assert.rejects(kms.send(new RevokeGrantCommand({ KeyId, GrantId })), NotFoundException);
});

test("the pages of a list, and retiring by token", async () => {
  const made = [];
  for (let n = 0; n < 3; n += 1) made.push(await grant({ Name: `n${n}`, RetiringPrincipal: ROOT }));
  const listed = [];
  for await (const page of paginateListGrants({ client: kms, pageSize: 2 }, { KeyId })) listed.push(...page.Grants);
  assert.deepEqual(
    listed.map((entry) => entry.GrantId),
    made.map((one) => one.GrantId),
  );
  assert.ok(listed[0].CreationDate instanceof Date);
  for (const { GrantToken } of made) await kms.send(new RetireGrantCommand({ GrantToken }));
  for await (const page of paginateListGrants({ client: kms }, { KeyId })) assert.deepEqual(page.Grants, []);
});
