"""Many clients at once: every call is answered, and rightly."""

import threading

from support.clients import kms_client
from support.raw import Requester

CLIENTS = 64
CONNECTIONS = 2
CALLS = 12


def run_all(workers):
    """Starts all threads together and gives back what they raised."""
    errors, ready = [], threading.Barrier(len(workers))

    def run(work):
        try:
            ready.wait(60)
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test, whatever it is
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive(), "a client still waits for its answer"
    return errors


def test_sixty_four_clients_with_two_connections_each(server, key, second_key):
    def work(number):
        requester = Requester(server, server.caller)
        plaintext = b"client %d" % number
        for _ in range(CALLS):
            sealed = requester.call("Encrypt", {"KeyId": key, "Plaintext": plaintext})
            assert sealed.status == 200, sealed
            moved = requester.call(
                "ReEncrypt", {"CiphertextBlob": sealed.blob("CiphertextBlob"), "DestinationKeyId": second_key}
            )
            assert moved.status == 200, moved
            opened = requester.call("Decrypt", {"CiphertextBlob": moved.blob("CiphertextBlob")})
            assert opened.status == 200 and opened.blob("Plaintext") == plaintext, opened
        requester.close()

    assert run_all([lambda number=number: work(number) for number in range(CLIENTS * CONNECTIONS)]) == []


def test_changes_of_many_clients_at_once(server):
    """Each client makes, names, changes and schedules its own key; the writer of the store serves them together."""

    def work(number):
        kms = kms_client(server, server.caller, region="eu-south-1")
        for turn in range(4):
            arn = kms.create_key(Description=f"{number}")["KeyMetadata"]["Arn"]
            alias = f"alias/crowd/{number}/{turn}"
            kms.create_alias(AliasName=alias, TargetKeyId=arn)
            kms.update_key_description(KeyId=arn, Description=alias)
            kms.rotate_key_on_demand(KeyId=arn)
            metadata = kms.describe_key(KeyId=alias)["KeyMetadata"]
            assert (metadata["Arn"], metadata["Description"]) == (arn, alias)
            kms.delete_alias(AliasName=alias)
            kms.schedule_key_deletion(KeyId=arn)

    assert run_all([lambda number=number: work(number) for number in range(16)]) == []


def test_changes_of_one_key_by_many_clients(server, make_key, kms):
    """Every acknowledged tag is there in the end: no change overwrites another one unseen."""
    arn = make_key()

    def work(number):
        requester = Requester(server, server.caller)
        for turn in range(3):
            tags = [{"TagKey": f"{number}.{turn}", "TagValue": "v"}]
            answer = requester.call("TagResource", {"KeyId": arn, "Tags": tags})
            assert answer.status == 200, answer
        requester.close()

    assert run_all([lambda number=number: work(number) for number in range(16)]) == []
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=arn)
    assert len([tag for page in pages for tag in page["Tags"]]) == 48


def test_one_name_for_many_clients(server, make_key):
    """Of many who ask for the same alias at the same moment exactly one gets it."""
    arn = make_key()
    answers = []

    def work():
        requester = Requester(server, server.caller)
        answers.append(requester.call("CreateAlias", {"AliasName": "alias/contested", "TargetKeyId": arn}))
        requester.close()

    assert run_all([work] * 16) == []
    assert sorted(answer.status for answer in answers) == [200] + [400] * 15
    assert {answer.error for answer in answers if answer.status == 400} == {"AlreadyExistsException"}
    Requester(server, server.caller).call("DeleteAlias", {"AliasName": "alias/contested"})
