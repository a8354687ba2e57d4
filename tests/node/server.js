// One `reseal serve` process for a test file: started on a free loopback port, stopped with SIGTERM, which it must leave with 0.
// The binary is RESEAL_BIN or the dev build; a missing binary fails the tests, it never skips them.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { newCaller } from "./caller.js";

const BINARY = process.env.RESEAL_BIN ?? fileURLToPath(new URL("../../target/debug/reseal", import.meta.url));
const START_MILLISECONDS = 60_000;

const ROOT = {
  accessKeyId: "AKIANODEACCOUNT23456",
  secretAccessKey: "node-account-secret-for-tests-only-000000",
};
export const ACCOUNT = "111122223333";

/** A running server: its `url`, and the `credentials` of the IAM user that tests call as (RESEAL_SUITE_CALLER=root: the root user). */
export async function startServer() {
  if (!existsSync(BINARY)) throw new Error(`no server binary at ${BINARY}: cargo build -p reseal, or set RESEAL_BIN`);
  const folder = await mkdtemp(join(tmpdir(), "reseal-node-"));
  const child = spawn(BINARY, ["serve", "--data-dir", join(folder, "data"), "--listen", "127.0.0.1:0"], {
    env: {
      PATH: process.env.PATH,
      RESEAL_ACCOUNT_ID: ACCOUNT,
      RESEAL_ROOT_ACCESS_KEY_ID: ROOT.accessKeyId,
      RESEAL_ROOT_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  const exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const url = await new Promise((resolve, reject) => {
    const look = (chunk) => {
      printed += chunk;
      const line = /^reseal: listening on (\S+)$/m.exec(printed);
      if (line) resolve(line[1]);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    exited.then((status) => reject(new Error(`the server left with ${status}: ${printed}`)));
    setTimeout(() => reject(new Error(`the server does not listen: ${printed}`)), START_MILLISECONDS).unref();
  });
  const credentials = process.env.RESEAL_SUITE_CALLER === "root" ? ROOT : await newCaller(url, ACCOUNT, ROOT);
  return {
    url,
    credentials,
    async stop() {
      child.kill("SIGTERM");
      const status = await exited;
      await rm(folder, { recursive: true, force: true });
      if (status !== 0) throw new Error(`status ${status} on SIGTERM: ${printed}`);
    },
  };
}
