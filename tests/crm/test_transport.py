"""One call: what is sent, what is repeated, what is given up, and what never leaks."""

import logging
import os
import socket
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import structlog

from tests.crm.conftest import ACCESS, FixedTokens
from tests.crm.scripted import Move, cuts, drips, hangs_up, nothing, refuses, says, stalls
from zbweb.crm import errors, exchange
from zbweb.crm.transport import Ask, Timing, Transport

READ = Ask("GET", "/crm/v8/Accounts", {"fields": "Account_Name"}, subject="the module Accounts")
INSERT = Ask("POST", "/crm/v8/Accounts", body={"data": [{"Account_Name": "Acme"}]}, repeatable=False, verdicts="data")
UPDATE = Ask("PUT", "/crm/v8/Accounts", body={"data": [{"Account_Name": "Acme"}]}, verdicts="data")
DONE = says(
    {"data": [{"code": "SUCCESS", "status": "success", "details": {"id": "1"}, "message": "record added"}]}, 201
)
BROKEN_JSON = Move(200, b'{"data": [{"id"')


# What goes out and what comes back


def test_a_request_is_signed_and_an_answer_read(crm, transport):
    crm.play(says({"data": [{"id": "1", "Amount": 0.1}]}))
    assert transport.call(READ) == {"data": [{"id": "1", "Amount": Decimal("0.1")}]}
    heard = crm.heard[0]
    assert (heard.method, heard.path, heard.query) == ("GET", "/crm/v8/Accounts", {"fields": "Account_Name"})
    assert heard.headers["Authorization"] == f"Zoho-oauthtoken {ACCESS}"
    assert heard.headers["Accept-Encoding"] == "gzip"


def test_a_body_is_sent_as_json_with_exact_amounts(crm, transport):
    crm.play(says({"count": 1}))
    transport.call(Ask("POST", "/crm/v8/coql", body={"Amount": Decimal("0.10")}))
    assert crm.heard[0].body == b'{"Amount":0.10}'
    assert crm.heard[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [204, 304])
def test_an_empty_answer_is_none(crm, transport, status):
    crm.play(nothing(status))
    assert transport.call(READ) is None


def test_the_crms_clock_and_allowance_are_noted(crm, transport):
    assert (transport.server_time, transport.credits_remaining) == (None, None)
    crm.date = "Mon, 23 Nov 2026 12:00:00 GMT"
    crm.play(says({"data": []}, X_API_CREDITS_REMAINING="4321"), says({"data": []}))
    transport.call(READ)
    transport.call(READ)
    assert transport.server_time == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert transport.credits_remaining == 4321


def test_connections_are_kept(crm, transport):
    crm.play(says({"data": []}))
    for _ in range(5):
        transport.call(READ)
    assert crm.connections == 1


def test_a_forked_process_does_not_share_its_parents_connections():
    parents = exchange.pool()
    child = os.fork()
    if child == 0:
        os._exit(0 if exchange.pool() is not parents else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_redirect_is_not_followed_because_the_request_is_signed(crm, transport):
    crm.play(Move(302, b"", {"Location": f"{crm.url}/elsewhere"}))
    with pytest.raises(errors.Refused):
        transport.call(READ)
    assert [heard.path for heard in crm.heard] == ["/crm/v8/Accounts"]


# Reads, and writes that may be repeated


@pytest.mark.parametrize("ask", [READ, UPDATE], ids=["read", "update"])
@pytest.mark.parametrize(
    "trouble",
    [
        refuses(500, "INTERNAL_ERROR"),
        Move(502, b"<html>Bad gateway</html>"),
        Move(503, b""),
        refuses(429, "TOO_MANY_REQUESTS"),
        hangs_up(),
        stalls(0.6),
        cuts({"data": [{"id": "1"}]}, after=10),
        BROKEN_JSON,
    ],
    ids=["500", "502", "503", "429", "hangs up", "stalls", "is cut", "broken JSON"],
)
def test_trouble_is_waited_out(crm, transport, sleeps, ask, trouble):
    crm.play(trouble, trouble, DONE)
    assert transport.call(ask)["data"][0]["details"] == {"id": "1"}
    assert len(crm.heard) == 3
    assert len(sleeps) == 2
    assert sleeps[0] < sleeps[1]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (refuses(500, "INTERNAL_ERROR"), errors.Unavailable),
        (refuses(429, "TOO_MANY_REQUESTS"), errors.RateLimited),
        (hangs_up(), errors.Unreachable),
        (BROKEN_JSON, errors.MalformedAnswer),
    ],
)
def test_patience_ends(crm, transport, sleeps, trouble, kind):
    crm.play(trouble)
    with pytest.raises(kind) as caught:
        transport.call(READ)
    assert caught.value.retryable
    assert 20 < sum(sleeps) < 60


def test_a_page_that_waits_gives_up_soon(crm, tokens, http, sleeps):
    transport = Transport(tokens, timing=Timing(patience_seconds=3, sleep=sleeps.append), http=http)
    crm.play(refuses(503, "INTERNAL_ERROR"))
    with pytest.raises(errors.Unavailable):
        transport.call(READ)
    assert sum(sleeps) < 3


def test_a_stalling_crm_costs_no_more_than_the_patience(crm, tokens, http):
    transport = Transport(tokens, timing=Timing(patience_seconds=0.5, read_timeout=60), http=http)
    crm.play(stalls(5))
    began = datetime.now(UTC)
    with pytest.raises(errors.TimedOut):
        transport.call(READ)
    assert (datetime.now(UTC) - began).total_seconds() < 2


def test_an_answer_that_only_drips_costs_no_more_than_the_patience(crm, tokens, http):
    transport = Transport(tokens, timing=Timing(patience_seconds=0.5, read_timeout=60), http=http)
    crm.play(drips({"data": [list(range(200))]}, 0.05))
    began = datetime.now(UTC)
    with pytest.raises(errors.TimedOut):
        transport.call(READ)
    assert (datetime.now(UTC) - began).total_seconds() < 2


def test_the_crms_hint_when_to_come_back_is_honoured(crm, transport, sleeps):
    crm.play(refuses(429, "TOO_MANY_REQUESTS", Retry_After="17"), says({"data": []}))
    transport.call(READ)
    assert sleeps == [17]


def test_a_hint_beyond_the_patience_is_handed_to_the_caller(crm, transport, sleeps):
    crm.play(refuses(429, "TOO_MANY_REQUESTS", Retry_After="3600"))
    with pytest.raises(errors.RateLimited) as caught:
        transport.call(READ)
    assert (caught.value.retry_after, sleeps, len(crm.heard)) == (3600, [], 1)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_is_not_repeated(crm, transport, status):
    crm.play(refuses(status, "SOME_CODE"))
    with pytest.raises(errors.Answered) as caught:
        transport.call(READ)
    assert (caught.value.crm_status, caught.value.code, len(crm.heard)) == (status, "SOME_CODE", 1)


def test_a_success_status_with_a_refusal_inside_is_a_refusal(crm, transport):
    crm.play(refuses(200, "INVALID_MODULE"))
    with pytest.raises(errors.ModuleUnavailable):
        transport.call(READ)


# Bare inserts


@pytest.mark.parametrize(
    "trouble",
    [
        hangs_up(),
        stalls(0.6),
        cuts({"data": [{"id": "1"}]}, after=10),
        BROKEN_JSON,
        refuses(500, "INTERNAL_ERROR"),
        Move(502, b""),
        Move(504, b""),
    ],
    ids=["hangs up", "stalls", "is cut", "broken JSON", "500", "502", "504"],
)
def test_an_insert_that_may_have_been_carried_out_is_never_repeated(crm, transport, trouble):
    crm.play(trouble)
    with pytest.raises(errors.AnswerLost, match="looked up before it is sent again"):
        transport.call(INSERT)
    assert len(crm.heard) == 1


@pytest.mark.parametrize("trouble", [refuses(429, "TOO_MANY_REQUESTS"), Move(503, b"")], ids=["429", "503"])
def test_an_insert_the_crm_did_not_take_is_repeated(crm, transport, trouble):
    crm.play(trouble, DONE)
    assert transport.call(INSERT)["data"][0]["status"] == "success"


def test_an_insert_that_found_no_connection_is_repeated(timing, http, sleeps):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    transport = Transport(FixedTokens(nobody), timing=timing, http=http)
    with pytest.raises(errors.Unreachable, match="Check the network"):
        transport.call(INSERT)
    assert len(sleeps) > 3


def test_per_item_results_count_whatever_the_status(crm, transport):
    mixed = {"data": [{"code": "MANDATORY_NOT_FOUND", "status": "error", "details": {}, "message": "m"}]}
    for status in (200, 201, 202, 207, 400, 412):
        crm.play(says(mixed, status))
        assert transport.call(INSERT) == mixed


# Access


def test_a_refused_token_is_renewed_once_and_the_call_repeated(crm, transport, tokens):
    crm.play(refuses(401, "INVALID_TOKEN"), says({"data": []}))
    assert transport.call(READ) == {"data": []}
    assert tokens.renewals == 1
    assert crm.heard[1].headers["Authorization"] == f"Zoho-oauthtoken {ACCESS}-1"


def test_a_token_refused_twice_is_the_end(crm, transport, tokens, sleeps):
    crm.play(refuses(401, "INVALID_TOKEN"))
    with pytest.raises(errors.AuthExpired):
        transport.call(READ)
    assert (tokens.renewals, len(crm.heard), sleeps) == (1, 2, [])


def test_an_insert_with_a_refused_token_is_sent_again(crm, transport):
    crm.play(refuses(401, "INVALID_TOKEN"), DONE)
    assert transport.call(INSERT)["data"][0]["status"] == "success"


def test_a_missing_scope_is_no_reason_to_renew(crm, transport, tokens):
    crm.play(refuses(401, "OAUTH_SCOPE_MISMATCH"))
    with pytest.raises(errors.ScopeMissing):
        transport.call(READ)
    assert tokens.renewals == 0


# Downloads


def test_a_download_starts_over_when_it_breaks(crm, transport, tmp_path):
    whole = says({"a": "long enough to be cut"})
    crm.play(Move(200, whole.body, cut_after=12), refuses(401, "INVALID_TOKEN"), whole)
    with (tmp_path / "file").open("wb+") as file:
        transport.download(READ, file)
    assert (tmp_path / "file").read_bytes() == whole.body


def test_a_download_that_is_refused_says_why(crm, transport, tmp_path):
    crm.play(refuses(404, "RESOURCE_NOT_FOUND"))
    with (tmp_path / "file").open("wb+") as file, pytest.raises(errors.Refused) as caught:
        transport.download(READ, file)
    assert caught.value.code == "RESOURCE_NOT_FOUND"


# What is counted, and what never leaks


def test_calls_are_counted_by_how_they_end(crm, transport, outcomes):
    crm.play(refuses(500, "INTERNAL_ERROR"), hangs_up(), refuses(401, "INVALID_TOKEN"), says({"data": []}))
    transport.call(READ)
    assert outcomes == ["500", "Unreachable", "401", "200"]


def test_the_token_shows_in_no_log_and_no_error(crm, transport, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    crm.play(refuses(401, "INVALID_TOKEN"))
    with structlog.testing.capture_logs() as events, pytest.raises(errors.AuthExpired) as caught:
        transport.call(READ)
    shown = f"{caplog.text}{events}{capsys.readouterr()}{caught.value!r}{caught.value.message}{caught.value.__dict__}"
    assert "crm_call" in shown
    assert "the-access-token" not in shown
