"""Misbehaviour on demand: each fault does what it says, to whom it says, as often as it says."""

import json
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
import urllib3

ACCOUNTS = "/crm/v8/Accounts"


def listed(caller, path=ACCOUNTS):
    return caller.get(path, fields="id").status


def test_calls_take_as_long_as_asked_and_stop_doing_so(crm, caller):
    crm.faults(latency_ms=150)
    started = time.monotonic()
    listed(caller)
    assert time.monotonic() - started >= 0.15
    crm.faults(latency_ms=0, fail_next=[])
    started = time.monotonic()
    listed(caller)
    assert time.monotonic() - started < 0.15


def test_the_next_calls_to_a_path_fail_and_others_do_not(crm, caller):
    crm.faults(fail_next=[{"status": 500, "count": 2, "path": ACCOUNTS}])
    assert listed(caller, "/crm/v8/Contacts") == 200
    answer = caller.get(ACCOUNTS, fields="id")
    assert (answer.status, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert caller.get(f"{ACCOUNTS}/search", word="xx").status == 500
    assert listed(caller) == 200


def test_failures_may_be_meant_for_one_method_and_are_cleared_by_an_empty_list(crm, caller):
    crm.faults(fail_next=[{"status": 503, "count": 9, "method": "POST"}])
    assert listed(caller) == 200
    assert caller.post(ACCOUNTS, {"data": [{"Account_Name": "A"}]}).status == 503
    crm.faults(fail_next=[])
    assert caller.post(ACCOUNTS, {"data": [{"Account_Name": "A"}]}).status == 201


@pytest.mark.parametrize(
    "wish",
    [
        {"path": "Accounts"},
        {"path": "/Accounts/"},
        {"path": "/crm/v8/Accounts?fields=id"},
        {"path": "/crm/v8/*"},
        {"path": None},
        {"path": "", "method": "get"},
        {"count": None, "method": None, "code": None},
    ],
)
def test_a_failure_may_be_described_in_other_words_and_strikes_once(crm, caller, wish):
    crm.faults(fail_next=[{"status": 500, **wish}])
    assert [listed(caller), listed(caller)] == [500, 200]


def test_a_path_does_not_match_a_longer_name(crm, caller):
    crm.faults(fail_next=[{"status": 500, "count": 1, "path": "/crm/v8/Acc"}])
    assert listed(caller) == 200


def test_the_token_endpoint_fails_when_it_is_named(crm, caller):
    crm.faults(fail_next=[{"status": 502, "path": "/oauth/v2/token"}])
    assert listed(caller) == 200
    with urllib3.PoolManager(retries=False) as http:
        assert http.request("POST", f"{crm.url}/oauth/v2/token").status == 502


def test_retry_answers_429_with_a_hint(crm, caller):
    crm.faults(retry={"count": 1, "after_seconds": 7})
    answer = caller.get(ACCOUNTS, fields="id")
    assert (answer.status, answer.json()["code"], answer.headers["Retry-After"]) == (429, "TOO_MANY_REQUESTS", "7")
    assert listed(caller) == 200


def test_a_dropped_connection_gets_no_answer_and_nothing_is_done(crm, caller):
    crm.faults(drop_connections=1)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        caller.post(ACCOUNTS, {"data": [{"Account_Name": "Never"}]})
    assert caller.get(f"{ACCOUNTS}/search", criteria="(Account_Name:equals:Never)").status == 204
    assert crm.requests()[0]["status"] == 0


def test_a_write_may_be_applied_though_its_answer_is_lost(crm, caller):
    crm.faults(apply_then_drop=1)
    assert listed(caller) == 200  # reads are not concerned
    with pytest.raises(urllib3.exceptions.ProtocolError):
        caller.post(ACCOUNTS, {"data": [{"Account_Name": "Applied"}]})
    assert len(caller.records(f"{ACCOUNTS}/search", criteria="(Account_Name:equals:Applied)")) == 1


def test_a_write_may_be_applied_though_the_answer_says_500(crm, caller):
    crm.faults(fail_next=[{"status": 500, "method": "POST", "path": ACCOUNTS, "after_applying": True}])
    assert caller.post(ACCOUNTS, {"data": [{"Account_Name": "Applied"}]}).status == 500
    assert len(caller.records(f"{ACCOUNTS}/search", criteria="(Account_Name:equals:Applied)")) == 1


def test_an_answer_may_be_cut_off(crm, caller):
    crm.faults(malformed=1)
    with pytest.raises(json.JSONDecodeError):
        caller.get(ACCOUNTS, fields="id").json()
    assert caller.get(ACCOUNTS, fields="id").json()["data"]


def test_expired_tokens_are_refused_until_renewed(crm, caller):
    crm.faults(expire_tokens=True)
    answer = caller.get(ACCOUNTS, fields="id")
    assert (answer.status, answer.json()["code"]) == (401, "INVALID_TOKEN")
    caller.token = crm.token()
    assert listed(caller) == 200


def test_the_clock_may_run_ahead(crm, caller):
    crm.faults(clock_skew_seconds=600)
    date = parsedate_to_datetime(caller.get("/crm/v8/org").headers["Date"])
    assert 590 < (date - datetime.now(UTC)).total_seconds() < 610
    account = caller.insert("Accounts", Account_Name="A")
    created = datetime.fromisoformat(caller.record("Accounts", account)["Created_Time"])
    assert abs((created - date).total_seconds()) < 10


def test_credits_are_told_once_half_are_used_and_refused_when_none_are_left(crm, caller):
    assert "X-API-CREDITS-REMAINING" not in caller.get("/crm/v8/org").headers
    crm.faults(credits_remaining=4)
    view = caller.view_id("Accounts", "My Accounts")  # one credit
    answer = caller.get(ACCOUNTS, fields="id", cvid=view)  # three
    assert answer.headers["X-API-CREDITS-REMAINING"] == "0"
    refused = caller.get("/crm/v8/org")
    assert (refused.status, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    crm.faults(credits_remaining=None)
    assert caller.get("/crm/v8/org").status == 200


def test_a_forbidden_module_is_refused_and_the_right_is_named(crm, caller):
    crm.faults(forbid_module="Deals")
    answer = caller.get("/crm/v8/Deals", fields="id")
    assert (answer.status, answer.json()["code"]) == (403, "NO_PERMISSION")
    assert answer.json()["details"] == {"permissions": ["Crm_Implied_View_Deals"]}
    assert listed(caller) == 200
    crm.faults(forbid_module=None)
    assert listed(caller, "/crm/v8/Deals") == 200


def test_only_so_many_calls_run_at_once(crm, caller):
    crm.faults(concurrency=2, latency_ms=200)
    # The pause comes before the count, so the calls that run at once are those that wait for the writer.
    statuses = []
    with crm.sandbox.store.write():
        body = {"data": [{"Account_Name": "A"}]}
        threads = [
            threading.Thread(target=lambda: statuses.append(caller.post(ACCOUNTS, body).status)) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.8)
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 201, 429, 429, 429]


def test_faults_in_force_can_be_read_and_a_reset_clears_them(crm, caller):
    crm.faults(latency_ms=1, fail_next=[{"status": 500}], forbid_module=["Deals"], clock_skew_seconds=5)
    shown = crm.control("faults", method="GET")
    assert (shown["latency_ms"], shown["forbid_module"], shown["clock_skew_seconds"]) == (1, ["Deals"], 5)
    assert shown["fail_next"][0]["status"] == 500
    crm.reset()
    shown = crm.control("faults", method="GET")
    assert (shown["latency_ms"], shown["forbid_module"], shown["fail_next"]) == (0, [], [])


@pytest.mark.parametrize(
    "wishes", [{"nonsense": 1}, {"fail_next": [{"count": 1}]}, {"notifications": "whisper"}, {"latency_ms": "slow"}]
)
def test_a_fault_that_does_not_exist_is_refused(crm, wishes):
    with urllib3.PoolManager() as http:
        answer = http.request("POST", f"{crm.url}/_sandbox/faults", json=wishes)
    assert answer.status == 400
    assert answer.json()["error"]


def test_a_dropped_connection_leaves_no_noise_on_the_terminal(crm, caller, capfd):
    crm.faults(drop_connections=1)
    with pytest.raises(urllib3.exceptions.HTTPError):
        listed(caller)
    assert listed(caller) == 200
    assert capfd.readouterr().err == ""
