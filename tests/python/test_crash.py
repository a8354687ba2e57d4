"""kill -9 at random moments under load: whatever was acknowledged is there afterwards, in the store and in the audit trail.

Five rounds; RESEAL_CRASH_ROUNDS asks for more. The figure of each run is printed.
"""

import http.client
import os
import random
import threading
import time
from collections import Counter

import pytest

from support.clients import kms_client
from support.raw import Requester

ROUNDS = int(os.environ.get("RESEAL_CRASH_ROUNDS", "5"))
WORKERS = 8
# The client of a change that was cut off cannot know whether it happened: either is right until it asks.
UNKNOWN = object()


class Worker:
    """One client with keys of its own. Keeps what the server acknowledged, and the one change that it may not have."""

    def __init__(self, number):
        self.number = number
        self.keys = {}
        self.aliases = {}
        self.names = 0
        self.acknowledged = []
        self.blobs = []
        self.faults = []

    def run(self, server, caller, stop):
        requester = Requester(server, caller)
        choose = random.Random(self.number * 1_000_003 + len(self.acknowledged))
        try:
            while not stop.is_set():
                self.step(requester, choose)
        except (OSError, http.client.HTTPException):
            pass  # the server is gone in the middle of an answer
        finally:
            requester.close()

    def call(self, requester, operation, body):
        answer = requester.call(operation, body)
        if answer.status == 200:
            self.acknowledged.append(answer.request_id)
        else:
            self.faults.append((operation, answer))
        return answer

    def step(self, requester, choose):
        usable = [arn for arn, state in self.keys.items() if state == "Enabled"]
        action = choose.choice(["create", "alias", "disable", "enable", "schedule", "encrypt", "encrypt", "reencrypt"])
        if action == "create" or len(usable) < 2:
            arn = self.call(requester, "CreateKey", {}).json["KeyMetadata"]["Arn"]
            self.keys[arn] = "Enabled"
        elif action == "alias":
            # The newest keys only: an old one has its fifty aliases some day.
            arn = choose.choice(usable[-5:])
            if Counter(self.aliases.values())[arn] < 40:
                self.names += 1
                name = f"alias/crash/{self.number}/{self.names}"
                self.change(requester, self.aliases, name, arn, "CreateAlias", {"AliasName": name, "TargetKeyId": arn})
        elif action == "disable":
            arn = choose.choice(usable)
            self.change(requester, self.keys, arn, "Disabled", "DisableKey", {"KeyId": arn})
        elif action == "enable":
            disabled = [arn for arn, state in self.keys.items() if state == "Disabled"]
            for arn in disabled[:1]:
                self.change(requester, self.keys, arn, "Enabled", "EnableKey", {"KeyId": arn})
        elif action == "schedule" and len(usable) > 4:
            arn = choose.choice(usable)
            self.change(requester, self.keys, arn, "PendingDeletion", "ScheduleKeyDeletion", {"KeyId": arn})
        elif action == "reencrypt" and self.blobs:
            arn, blob = choose.choice(self.blobs)
            if self.keys[arn] == "Enabled":
                self.call(requester, "ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": usable[0]})
        else:
            arn = choose.choice(usable)
            answer = self.call(requester, "Encrypt", {"KeyId": arn, "Plaintext": arn.encode()})
            self.blobs = [*self.blobs[-20:], (arn, answer.blob("CiphertextBlob"))]

    def change(self, requester, facts, name, value, operation, body):
        facts[name] = UNKNOWN
        self.call(requester, operation, body)
        facts[name] = value


@pytest.mark.proof
def test_whatever_was_acknowledged_survives_a_kill(own_server, capsys):
    server, workers = own_server, [Worker(number) for number in range(WORKERS)]
    moments = random.Random(os.environ.get("RESEAL_CRASH_SEED", "reseal"))
    slowest_start = 0.0
    for _ in range(ROUNDS):
        began = time.monotonic()
        server.start()
        slowest_start = max(slowest_start, time.monotonic() - began)
        settle(server, workers)
        under_load(server, workers, moments.uniform(0.3, 1.5))
    server.start()
    settle(server, workers)
    check_store(server, workers)
    check_audit(server, workers)
    keys = sum(len(worker.keys) for worker in workers)
    aliases = sum(len(worker.aliases) for worker in workers)
    calls = sum(len(worker.acknowledged) for worker in workers)
    with capsys.disabled():
        print(
            f"\nfigure: {ROUNDS} kills under load of {WORKERS} clients; {calls} acknowledged calls, {keys} keys, "
            f"{aliases} aliases: all there, each call recorded once; slowest start {slowest_start:.2f} s"
        )


def under_load(server, workers, seconds):
    stop = threading.Event()
    caller = server.caller  # made before the load
    threads = [threading.Thread(target=worker.run, args=(server, caller, stop)) for worker in workers]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    faults = [fault for worker in workers for fault in worker.faults]
    assert not faults, faults[:3]


def settle(server, workers):
    """Asks about the changes that a kill cut off, so that the next round knows where it stands."""
    kms = kms_client(server, server.caller)
    aliases = aliases_of(kms)
    for worker in workers:
        for arn, state in worker.keys.items():
            if state is UNKNOWN:
                worker.keys[arn] = kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
        for name, target in list(worker.aliases.items()):
            if target is UNKNOWN:
                del worker.aliases[name]
                if name in aliases:
                    worker.aliases[name] = next(arn for arn in worker.keys if arn.endswith(aliases[name]))


def check_store(server, workers):
    kms = kms_client(server, server.caller)
    aliases = aliases_of(kms)
    for worker in workers:
        for arn, state in worker.keys.items():
            assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == state, arn
        for name, target in worker.aliases.items():
            assert target.endswith(aliases[name]), name
        for arn, blob in worker.blobs:
            if worker.keys[arn] == "Enabled":
                assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == arn.encode()


def aliases_of(kms):
    pages = kms.get_paginator("list_aliases").paginate()
    return {entry["AliasName"]: entry["TargetKeyId"] for page in pages for entry in page["Aliases"]}


def check_audit(server, workers):
    recorded = Counter(record.get("requestID") for record in server.audit_records())
    acknowledged = [request for worker in workers for request in worker.acknowledged]
    assert len(acknowledged) == len(set(acknowledged)) > 0
    wrong = {request: recorded[request] for request in acknowledged if recorded[request] != 1}
    assert not wrong, f"{len(wrong)} of {len(acknowledged)} acknowledged calls are not recorded exactly once: {wrong}"
