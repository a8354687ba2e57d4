"""Who edits the database by hand is found out: the record that was touched is refused and named, the others keep working."""

import shutil
import sqlite3

import pytest
from botocore.exceptions import ClientError

from conftest import uuid_of
from support.clients import kms_client
from support.expect import refused


class Stopped:
    """A stopped server's database with two keys and an alias, to be edited and started again from the same point."""

    def __init__(self, server):
        self.server = server
        server.start()
        kms = kms_client(server, server.caller)
        self.mine, self.neighbour = (
            kms.create_key(Description=text)["KeyMetadata"]["Arn"] for text in ("mine", "neighbour")
        )
        kms.create_alias(AliasName="alias/tampering", TargetKeyId=self.neighbour)
        # Used, so that there are rows of the last use, too.
        self.blobs = {
            arn: kms.encrypt(KeyId=arn, Plaintext=b"p")["CiphertextBlob"] for arn in (self.mine, self.neighbour)
        }
        assert server.stop() == 0
        self.path = server.data_dir / "reseal.db"
        self.pristine = server.data_dir.with_name("pristine.db")
        shutil.copy(self.path, self.pristine)

    def restore(self):
        for leftover in (self.path, *self.server.data_dir.glob("reseal.db-*")):
            leftover.unlink(missing_ok=True)
        shutil.copy(self.pristine, self.path)

    def rows_of(self, arn):
        """The record keys of the rows that belong to a KMS key; ids stand in them as text or as bytes."""
        text = uuid_of(arn)
        forms = text.encode(), bytes.fromhex(text.replace("-", ""))
        with sqlite3.connect(self.path) as database:
            keys = [key for (key,) in database.execute("select key from records")]
        database.close()
        return [key for key in keys if any(form in bytes(key) for form in forms)]

    def edit(self, statement, *values):
        with sqlite3.connect(self.path) as database:
            changed = database.execute(statement, values).rowcount
        database.close()
        assert changed == 1, statement

    def value_of(self, key):
        with sqlite3.connect(self.path) as database:
            ((version, value),) = database.execute("select version, value from records where key = ?", (key,))
        database.close()
        return version, bytes(value)


@pytest.fixture
def stopped(own_server):
    return Stopped(own_server)


def uses(kms, arn, blob):
    return [
        lambda: kms.get_key_last_usage(KeyId=arn),  # first: a use in this run is known without the store
        lambda: kms.describe_key(KeyId=arn),
        lambda: kms.encrypt(KeyId=arn, Plaintext=b"p"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.get_key_policy(KeyId=arn),
    ]


def refused_uses(kms, arn, blob):
    """How many uses of a key end in KMSInternalException; any other failure is an error of the test."""
    count = 0
    for use in uses(kms, arn, blob):
        try:
            use()
        except kms.exceptions.KMSInternalException:
            count += 1
    return count


def works(use):
    try:
        use()
    except ClientError:
        return False
    return True


def is_listed(kms, arn):
    try:
        pages = list(kms.get_paginator("list_keys").paginate())
    except kms.exceptions.KMSInternalException:
        return False
    return arn in [entry["KeyArn"] for page in pages for entry in page["Keys"]]


def assert_found_out(stopped, row):
    """What the row holds cannot be used, the other key can in every way, and an operator learns which record it was."""
    server, mine, neighbour = stopped.server.start(), stopped.mine, stopped.neighbour
    kms = kms_client(server, server.caller)
    noticed = refused_uses(kms, mine, stopped.blobs[mine]) > 0 or not is_listed(kms, mine)
    for use in uses(kms, neighbour, stopped.blobs[neighbour]):
        use()
    fresh = kms.create_key()["KeyMetadata"]["Arn"]
    kms.encrypt(KeyId=fresh, Plaintext=b"p")
    assert server.stop() == 0
    doctor = server.run("doctor", expect=None)
    assert doctor.returncode != 0 and bytes(row).decode() in doctor.stdout, (row, doctor.stdout)
    # The list of an account's keys may be kept by the rows' names alone; then what such a row holds is of no use to anyone.
    assert noticed or bytes(row).startswith(b"account-key/"), f"the edit of {row} went unnoticed"


@pytest.mark.parametrize("place", ["first", "early", "middle", "late", "last"])
def test_any_byte_of_any_value(stopped, place):
    for row in stopped.rows_of(stopped.mine):
        _, value = stopped.value_of(row)
        length = len(value)
        at = {"first": 0, "early": 8, "middle": length // 2, "late": length * 9 // 10, "last": length - 1}[place]
        changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        stopped.edit("update records set value = ? where key = ?", changed, row)
        assert_found_out(stopped, row)
        stopped.restore()


@pytest.mark.parametrize("change", ["cut", "halved", "emptied", "extended"])
def test_the_length_of_any_value(stopped, change):
    for row in stopped.rows_of(stopped.mine):
        _, value = stopped.value_of(row)
        changed = {
            "cut": value[:-1],
            "halved": value[: len(value) // 2],
            "emptied": b"",
            "extended": value + b"\x00",
        }[change]
        stopped.edit("update records set value = ? where key = ?", changed, row)
        assert_found_out(stopped, row)
        stopped.restore()


@pytest.mark.parametrize("difference", [1, -1])
def test_the_version_of_any_row(stopped, difference):
    for row in stopped.rows_of(stopped.mine):
        stopped.edit("update records set version = version + ? where key = ?", difference, row)
        assert_found_out(stopped, row)
        stopped.restore()


def test_a_row_put_in_the_place_of_another(stopped):
    """A copy of the neighbour's record, version and all, is still not this key's record."""
    twins = {bytes(row).split(b"/")[0]: row for row in stopped.rows_of(stopped.neighbour)}
    for row in stopped.rows_of(stopped.mine):
        version, value = stopped.value_of(twins[bytes(row).split(b"/")[0]])
        stopped.edit("update records set version = ?, value = ? where key = ?", version, value, row)
        assert_found_out(stopped, row)
        stopped.restore()


def test_a_row_moved_to_another_key(stopped):
    """Its record key changed, a row opens neither under the new name nor under the old one."""
    for key in stopped.rows_of(stopped.mine):
        moved = bytes(key[:-1]) + (b"1" if key[-1:] == b"0" else b"0")
        stopped.edit("update records set key = ? where key = ?", moved, key)
        server = stopped.server.start()
        kms = kms_client(server, server.caller)
        for use in uses(kms, stopped.neighbour, stopped.blobs[stopped.neighbour]):
            use()
        opened = is_listed(kms, stopped.mine) and all(
            works(use) for use in uses(kms, stopped.mine, stopped.blobs[stopped.mine])
        )
        assert server.stop() == 0
        doctor = server.run("doctor", expect=None)
        # Without its record of the last use a key was never used, as far as anybody knows.
        opened = opened and not bytes(key).startswith(b"last-use/")
        assert not opened and doctor.returncode != 0 and moved.decode() in doctor.stdout, (key, doctor.stdout)
        stopped.restore()


def test_an_alias_is_protected_like_a_key(stopped):
    with sqlite3.connect(stopped.path) as database:
        rows = [bytes(key) for (key,) in database.execute("select key from records") if b"tampering" in bytes(key)]
    database.close()
    assert rows
    for key in rows:
        _, value = stopped.value_of(key)
        stopped.edit("update records set value = ? where key = ?", value[:-1] + bytes([value[-1] ^ 1]), key)
    server = stopped.server.start()
    kms = kms_client(server, server.caller)
    with refused("KMSInternalException"):
        kms.encrypt(KeyId="alias/tampering", Plaintext=b"p")
    kms.encrypt(KeyId=stopped.neighbour, Plaintext=b"p")


def test_an_untouched_database_opens(stopped):
    server = stopped.server.start()
    kms = kms_client(server, server.caller)
    for arn in (stopped.mine, stopped.neighbour):
        assert refused_uses(kms, arn, stopped.blobs[arn]) == 0
    assert kms.encrypt(KeyId="alias/tampering", Plaintext=b"p")["KeyId"] == stopped.neighbour
