"""Answers that are JSON and still not what the contract promises: told as such, never handed on."""

import pytest

from tests.crm.scripted import says
from zbweb.crm import errors

READS = {
    "organisation": lambda client: client.organisation(),
    "modules": lambda client: client.modules(),
    "fields": lambda client: client.fields("Accounts"),
    "views": lambda client: client.views("Accounts"),
    "users": lambda client: client.users(),
    "stages": lambda client: client.stage_kinds(),
    "pages": lambda client: list(client.pages("Accounts", ["Account_Name"])),
    "one record": lambda client: client.get("Accounts", "1"),
    "some records": lambda client: client.get_many("Accounts", ["1"], ["Account_Name"]),
    "search": lambda client: client.search("Accounts", word="acme", fields=["Account_Name"]),
    "related": lambda client: client.related("Accounts", "1", "Deals", ["Deal_Name"]),
    "query": lambda client: client.coql("select id from Accounts where id is not null"),
    "deleted": lambda client: list(client.deleted("Accounts")),
    "count": lambda client: client.count("Accounts"),
    "export": lambda client: client.bulk_job("1"),
}
KEYS = ("org", "modules", "fields", "custom_views", "users", "layouts", "data", "count")
ANSWERS = {
    "nothing of what was asked": {},
    "a list": [],
    "null instead of a list": dict.fromkeys(KEYS) | {"info": {}},
    "texts instead of objects": {key: ["x"] for key in KEYS} | {"info": {}},
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_read_that_is_answered_in_another_shape_says_so(crm, client, read, answer):
    crm.play(says(answer))
    with pytest.raises(errors.MalformedAnswer):
        read(client)


@pytest.mark.parametrize("read", [READS["pages"], READS["one record"], READS["related"]])
def test_a_record_without_an_id_is_none(crm, client, read):
    crm.play(says({"data": [{"Account_Name": "Acme"}], "info": {"more_records": False}}))
    with pytest.raises(errors.MalformedAnswer):
        read(client)


def test_an_insert_that_does_not_tell_the_new_id_is_lost(crm, client):
    crm.play(says({"data": [{"status": "success", "code": "SUCCESS", "message": "record added", "details": {}}]}, 201))
    with pytest.raises(errors.AnswerLost):
        client.insert("Accounts", [{"Account_Name": "Acme"}])


def test_a_refusal_in_odd_words_is_still_a_refusal(crm, client):
    crm.play(says({"code": "INVALID_DATA", "status": "error", "details": {"param_name": ["cvid"]}}, 400))
    with pytest.raises(errors.Refused):
        client.organisation()
