"""Standing orders for notifications."""

from datetime import UTC, datetime

import pytest

from tests.crm.scripted import nothing, refuses, says
from zbweb.crm import errors

NEXT_WEEK = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
TOKEN = "an-unguessable-token"
ORDER = {"events": ["Deals.edit"], "notify_url": "https://app/crm/notify", "token": TOKEN, "expires_at": NEXT_WEEK}


def granted(expiry):
    details = {"events": [{"channel_expiry": expiry, "resource_name": "Deals", "channel_id": "1000000068001"}]}
    return says({"watch": [{"code": "SUCCESS", "status": "success", "message": "ok", "details": details}]}, 201)


def refused(code, status=400):
    return says({"watch": [{"code": code, "status": "error", "message": "no", "details": {}}]}, status)


def test_an_order_is_placed(crm, client):
    crm.play(granted("2026-11-30T15:30:00+05:30"))
    channel = client.watch("1000000068001", **ORDER)
    assert (channel.id, channel.events, channel.expires_at) == ("1000000068001", ("Deals.edit",), NEXT_WEEK)
    assert crm.heard[0].json == {
        "watch": [
            {
                "channel_id": "1000000068001",
                "events": ["Deals.edit"],
                "channel_expiry": "2026-11-30T10:00:00+00:00",
                "token": TOKEN,
                "notify_url": "https://app/crm/notify",
                "return_affected_field_values": False,
            }
        ]
    }


def test_what_the_crm_granted_counts_not_what_was_asked_for(crm, client):
    crm.play(granted("2026-11-23T11:00:00+00:00"))
    assert client.watch("1", **ORDER).expires_at == datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


def test_the_token_is_not_shown(crm, client):
    crm.play(granted("2026-11-30T10:00:00+00:00"))
    assert TOKEN not in repr(client.watch("1", **ORDER))


@pytest.mark.parametrize(
    "answer", [refused("INVALID_DATA"), refused("INVALID_DATA", 202), refuses(400, "INVALID_DATA")]
)
def test_a_refused_order_says_why(crm, client, answer):
    crm.play(answer)
    with pytest.raises(errors.Refused, match="INVALID_DATA"):
        client.watch("1", **ORDER)


def test_no_answer_is_no_order(crm, client):
    crm.play(nothing())
    with pytest.raises(errors.MalformedAnswer):
        client.watch("1", **ORDER)


def test_an_order_is_cancelled(crm, client):
    crm.play(says({"watch": [{"code": "SUCCESS", "status": "success", "message": "ok", "details": {}}]}))
    client.unwatch("1000000068001")
    assert (crm.heard[0].method, crm.heard[0].query) == ("DELETE", {"channel_ids": "1000000068001"})


def test_an_order_that_is_not_there_is_cancelled_already(crm, client):
    crm.play(refused("NOT_SUBSCRIBED"))
    client.unwatch("1")
    assert len(crm.heard) == 1


def test_a_cancellation_that_is_refused_says_why(crm, client):
    crm.play(refused("NO_PERMISSION"))
    with pytest.raises(errors.Refused, match="NO_PERMISSION"):
        client.unwatch("1")
