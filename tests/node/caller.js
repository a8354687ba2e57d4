// The IAM user that the tests call as: least privilege by ../caller-policy.json, made by the root user through IAM. The AWS
// SDK for IAM would be a dependency for four requests, so that these are signed here.

import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";

const NAME = "caller";

/** Makes the user, its policy and its access key; gives the credentials. */
export async function newCaller(url, account, root) {
  const policy = await readFile(new URL("../caller-policy.json", import.meta.url), "utf8");
  const ask = (Action, parameters) => request(url, root, { Action, Version: "2010-05-08", ...parameters });
  await ask("CreateUser", { UserName: NAME });
  const document = policy.replaceAll("ACCOUNT", account);
  const made = await ask("CreatePolicy", { PolicyName: NAME, PolicyDocument: document });
  await ask("AttachUserPolicy", { UserName: NAME, PolicyArn: element(made, "Arn") });
  const key = await ask("CreateAccessKey", { UserName: NAME });
  return { accessKeyId: element(key, "AccessKeyId"), secretAccessKey: element(key, "SecretAccessKey") };
}

async function request(url, root, parameters) {
  const body = new URLSearchParams(parameters).toString();
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const headers = { "content-type": "application/x-www-form-urlencoded", host: new URL(url).host, "x-amz-date": date };
  const authorization = sign(root, headers, body, date);
  const answer = await fetch(url, { method: "POST", body, headers: { ...headers, authorization } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${parameters.Action}: ${answer.status} ${text}`);
  return text;
}

/** The Authorization header of Signature Version 4. */
function sign(root, headers, body, date) {
  const names = Object.keys(headers).sort();
  const canonical = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const signed = names.join(";");
  const scope = `${date.slice(0, 8)}/us-east-1/iam/aws4_request`;
  const hashed = sha256(["POST", "/", "", canonical, signed, sha256(body)].join("\n"));
  const key = scope.split("/").reduce((key, part) => hmac(key, part), `AWS4${root.secretAccessKey}`);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", date, scope, hashed].join("\n")).toString("hex");
  return `AWS4-HMAC-SHA256 Credential=${root.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key, text) {
  return createHmac("sha256", key).update(text).digest();
}

function element(xml, name) {
  const found = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml);
  if (!found) throw new Error(`no ${name} in ${xml}`);
  return found[1];
}
