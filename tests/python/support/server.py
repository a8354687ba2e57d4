"""One `reseal serve` process under test, with a data directory of its own on a free loopback port.

The binary is the one named by RESEAL_BIN, or the dev build; a missing binary fails the run, it never skips it.
"""

import json
import os
import re
import secrets
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

from .caller import AS_ROOT, as_root, new_caller

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("RESEAL_BIN", ROOT / "target" / "debug" / "reseal"))
LISTENING = re.compile(r"^reseal: listening on (https?://127\.0\.0\.1:(\d+))$", re.MULTILINE)
START_SECONDS = 60
STOP_SECONDS = 30


class Credentials(NamedTuple):
    account: str
    access_key: str
    secret_key: str


FIRST = Credentials("111122223333", "AKIAFIRSTACCOUNT2345", "first-account-secret-" + secrets.token_urlsafe(24))


class Server:
    """Started at construction time by `start`, stopped by `stop` (drains) or `kill` (as a power cut would)."""

    def __init__(self, data_dir, *, arguments=(), environment=None):
        self.data_dir = Path(data_dir)
        self.arguments = tuple(arguments)
        self.environment = {} if environment is None else dict(environment)
        self.process = None
        self.url = None
        self.port = None
        self._runs = 0
        self._callers = {}
        self._making_a_caller = threading.Lock()

    def start(self):
        assert self.process is None, "already running"
        self._runs += 1
        self.stdout_path.write_bytes(b"")
        with open(self.stdout_path, "wb") as stdout, open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                self.command("serve", "--listen", "127.0.0.1:0", *self.arguments),
                env=self.process_environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        self._wait_until_it_listens()
        return self

    def stop(self):
        """SIGTERM: what was accepted is answered, then the process leaves with status 0. Returns the status."""
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def restart(self):
        status = self.stop()
        assert status == 0, f"status {status} on SIGTERM: {self.stderr[-2000:]}"
        return self.start()

    @property
    def caller(self):
        """The IAM user of the first account that tests call as; made when it is first asked for."""
        return self.caller_of(FIRST)

    def caller_of(self, root):
        """The same for any account, given its root user."""
        if AS_ROOT:
            return as_root(root)
        with self._making_a_caller:
            if root.account not in self._callers:
                further = {FIRST.account} - {root.account}
                self._callers[root.account] = new_caller(self, root, *further)
            return self._callers[root.account]

    def secrets(self):
        """The secret access keys that nothing may ever print."""
        return [FIRST.secret_key, *(caller.secret_key for caller in self._callers.values())]

    @property
    def stdout_path(self):
        return self.data_dir.with_name(f"{self.data_dir.name}.{self._runs}.stdout")

    @property
    def stderr_path(self):
        return self.data_dir.with_name(f"{self.data_dir.name}.{self._runs}.stderr")

    @property
    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    @property
    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def everything_printed(self):
        """All that the process wrote over all its runs, as bytes."""
        prefix = self.data_dir.name + "."
        return b"".join(path.read_bytes() for path in sorted(self.data_dir.parent.glob(prefix + "*.std*")))

    def command(self, name, *arguments):
        assert BINARY.is_file(), f"no server binary at {BINARY}: cargo build -p reseal, or set RESEAL_BIN"
        return [str(BINARY), *name.split(), "--data-dir", str(self.data_dir), *arguments]

    def run(self, name, *arguments, expect=0):
        """Another command of the binary on this data directory; returns the finished process."""
        finished = subprocess.run(
            self.command(name, *arguments),
            env=self.process_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert expect is None or finished.returncode == expect, f"{name}: {finished}"
        return finished

    def create_account(self, account):
        made = json.loads(self.run("account create", "--account-id", account, "--output", "json").stdout)
        assert made["AccountId"] == account
        return Credentials(account, made["AccessKeyId"], made["SecretAccessKey"])

    def audit_records(self):
        return [json.loads(line) for line in self.audit_lines()]

    def audit_lines(self):
        segments = sorted((self.data_dir / "audit").glob("**/*.jsonl"))
        return [line for segment in segments for line in segment.read_text().splitlines()]

    def audit_record(self, request_id):
        """The one record of a call, by the request id that the caller saw."""
        found = [record for record in self.audit_records() if record.get("requestID") == request_id]
        assert len(found) == 1, f"{len(found)} audit records for request {request_id}"
        return found[0]

    def process_environment(self):
        return {
            "PATH": os.environ["PATH"],
            "RESEAL_ACCOUNT_ID": FIRST.account,
            "RESEAL_ROOT_ACCESS_KEY_ID": FIRST.access_key,
            "RESEAL_ROOT_SECRET_ACCESS_KEY": FIRST.secret_key,
            **self.environment,
        }

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            line = LISTENING.search(self.stdout)
            if line:
                self.url, self.port = line.group(1), int(line.group(2))
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        status = self._end(signal.SIGKILL)
        raise AssertionError(f"the server did not start (status {status}): {self.stdout}{self.stderr[-4000:]}")

    def _end(self, how):
        process, self.process = self.process, None
        process.send_signal(how)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"still running {STOP_SECONDS} s after {how.name}") from None
