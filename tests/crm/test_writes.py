"""Writing records: what is sent, and that every record gets the verdict that is its own."""

import pytest

from tests.crm.scripted import Move, hangs_up, refuses, says
from zbweb.crm import errors

ADDED = {"code": "SUCCESS", "status": "success", "message": "record added"}


def results(*ids):
    """One result per id; None is a refusal."""
    refused = {"code": "MANDATORY_NOT_FOUND", "status": "error", "message": "required field not found"}
    items = [ADDED | {"details": {"id": each}} if each else refused | {"details": {}} for each in ids]
    return says({"data": items}, 207)


def records(number):
    return [{"Account_Name": f"Account {index}"} for index in range(number)]


def numbered(start, stop):
    return results(*[str(index) for index in range(start, stop)])


@pytest.mark.parametrize(
    ("write", "method", "path", "query", "body"),
    [
        (
            lambda client: client.insert("Accounts", [{"Account_Name": "A"}]),
            "POST", "/crm/v8/Accounts", {}, {"data": [{"Account_Name": "A"}]},
        ),
        (
            lambda client: client.insert("Accounts", [{"Account_Name": "A"}], trigger=False),
            "POST", "/crm/v8/Accounts", {}, {"data": [{"Account_Name": "A"}], "trigger": []},
        ),
        (
            lambda client: client.update("Accounts", [{"id": "1", "Phone": None}], trigger=False),
            "PUT", "/crm/v8/Accounts", {}, {"data": [{"id": "1", "Phone": None}], "trigger": []},
        ),
        (
            lambda client: client.delete("Accounts", ["1"]),
            "DELETE", "/crm/v8/Accounts", {"ids": "1"}, None,
        ),
        (
            lambda client: client.delete("Accounts", ["1"], trigger=False),
            "DELETE", "/crm/v8/Accounts", {"ids": "1", "wf_trigger": "false"}, None,
        ),
    ],
    ids=["insert", "quiet insert", "quiet update", "delete", "quiet delete"],
)  # fmt: skip
def test_what_a_write_sends(crm, client, write, method, path, query, body):
    crm.play(results("1"))
    assert [verdict.crm_id for verdict in write(client)] == ["1"]
    heard = crm.heard[0]
    assert (heard.method, heard.path, heard.query, heard.json if heard.body else None) == (method, path, query, body)


def test_mixed_results_are_told_apart_and_keep_their_order(crm, client):
    crm.play(results("1", None, "3"))
    verdicts = client.insert("Accounts", records(3))
    assert [(verdict.ok, verdict.crm_id) for verdict in verdicts] == [(True, "1"), (False, None), (True, "3")]
    assert verdicts[1].code == "MANDATORY_NOT_FOUND"


def test_any_number_of_records_goes_out_a_hundred_at_a_time(crm, client):
    crm.play(numbered(0, 100), numbered(100, 200), numbered(200, 250))
    verdicts = client.insert("Accounts", records(250))
    assert [verdict.crm_id for verdict in verdicts] == [str(index) for index in range(250)]
    assert [len(heard.json["data"]) for heard in crm.heard] == [100, 100, 50]
    assert crm.heard[2].json["data"][0] == {"Account_Name": "Account 200"}


def test_no_records_are_written_without_asking(crm, client):
    assert client.insert("Accounts", []) == []
    assert crm.heard == []


def test_a_request_that_fails_whole_is_raised(crm, client):
    crm.play(refuses(403, "NO_PERMISSION"))
    with pytest.raises(errors.PermissionDenied, match="the module Accounts"):
        client.insert("Accounts", records(250))


def test_what_the_first_hundred_achieved_is_not_forgotten_when_the_second_fails(crm, client):
    crm.play(numbered(0, 100), refuses(403, "NO_PERMISSION"))
    verdicts = client.insert("Accounts", records(250))
    assert [verdict.ok for verdict in verdicts] == [True] * 100 + [False] * 150
    assert {type(verdict.error) for verdict in verdicts[100:]} == {errors.PermissionDenied}
    assert {verdict.code for verdict in verdicts[100:]} == {"NO_PERMISSION"}


def test_only_what_was_under_way_counts_as_lost(crm, client):
    crm.play(numbered(0, 100), hangs_up())
    verdicts = client.insert("Accounts", records(250))
    assert [type(verdict.error) for verdict in verdicts] == (
        [type(None)] * 100 + [errors.AnswerLost] * 100 + [errors.NotAsked] * 50
    )
    assert verdicts[249].error.retryable
    assert len(crm.heard) == 2


@pytest.mark.parametrize(
    "answer",
    [results("1"), says({"data": [{"no": "status"}] * 2}), Move(200, b"[]"), Move(204, b"")],
    ids=["too few results", "results without status", "another shape", "no body"],
)
def test_an_insert_whose_results_cannot_be_read_is_lost(crm, client, answer):
    crm.play(answer)
    with pytest.raises(errors.AnswerLost):
        client.insert("Accounts", records(2))


def test_an_update_whose_results_cannot_be_read_is_told_as_such(crm, client):
    crm.play(results("1"))
    with pytest.raises(errors.MalformedAnswer):
        client.update("Accounts", [{"id": "1"}, {"id": "2"}])
