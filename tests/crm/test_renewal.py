"""Access is renewed by one at a time, for all, within the CRM's allowance."""

import multiprocessing
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crm import other_process
from tests.crm.scripted import Move, refuses, says, stalls
from zbweb import config
from zbweb.billing.models import Organisation
from zbweb.clock import now
from zbweb.crm import errors
from zbweb.crm.credentials import CrmCredential, grant_in, save_credential
from zbweb.crm.grants import Grant, GrantKind
from zbweb.crm.patience import Patience
from zbweb.crm.renewal import RENEWALS_ALLOWED, StoredTokens, wait_before_renewal
from zbweb.crm.tokens import client_for, client_for_grant
from zbweb.db import db, unit_of_work


def fresh(number):
    return says({"access_token": f"access-{number}", "expires_in": 3600})


@pytest.fixture
def settings(settings, crm):
    return replace(settings, crm_accounts_url=crm.url, crm_api_url=crm.url)


@pytest.fixture
def organisation_id(app):
    return make_organisation()


def make_organisation():
    with unit_of_work() as session:
        organisation = Organisation(name="Zylker Ltd", base_currency="USD", time_zone="America/New_York")
        session.add(organisation)
        session.flush()  # for its id
        return organisation.id


@pytest.fixture
def credential(signs_in, organisation_id):
    """A saved ZSC credential whose token still works."""
    return saved(signs_in, organisation_id)


def saved(crm, organisation_id, **changes):
    values = {"accounts_url": crm.url, "api_url": crm.url, "access_token": "access-0", "email": "admin@crm.example"}
    values |= {"kind": GrantKind.ZSC, "zsc_key": "ZSC-DEMO-KEY", "expires_at": now() + timedelta(hours=1)}
    with unit_of_work() as session:
        return save_credential(session, Grant(**values | changes), organisation_id)


def stored(credential_id):
    db.session.expire_all()
    return db.session.get(CrmCredential, credential_id)


def patience(seconds=10.0):
    return Patience(seconds)


# The allowance


@pytest.mark.parametrize(
    ("renewals", "wait"),
    [
        ([], 0),
        ([1000.0] * 9, 0),
        ([1000.0] * 10, 600),
        ([400.0] * 10, 0),
        ([*range(401, 411)], 1),
        ([*range(401, 421)], 11),
    ],
)
def test_ten_renewals_in_ten_minutes(renewals, wait):
    assert wait_before_renewal(renewals, 1000.0) == wait


@given(st.lists(st.floats(0, 200), max_size=60))
def test_renewing_whenever_it_is_allowed_never_exceeds_the_allowance(pauses):
    at, renewals = 0.0, []
    for pause in pauses:
        at += pause
        at += wait_before_renewal(renewals, at)
        renewals.append(at)
        assert sum(moment > at - 600 + 1e-6 for moment in renewals) <= RENEWALS_ALLOWED


# One process


def test_secrets_are_stored_encrypted(credential):
    columns = [str(getattr(credential, column.key)) for column in CrmCredential.__table__.columns]
    assert not any("ZSC-DEMO-KEY" in text or "access-0" in text for text in columns)
    assert grant_in(credential).zsc_key == "ZSC-DEMO-KEY"


def test_a_good_token_is_used_as_it_is(signs_in, credential, http):
    tokens = StoredTokens(db.engine, credential.id, http=http)
    assert tokens.access(patience()) == "access-0"
    assert signs_in.heard == []


def test_an_ending_token_is_renewed_and_shared(signs_in, organisation_id, http):
    credential = saved(signs_in, organisation_id, expires_at=now())
    signs_in.play(fresh(1))
    assert StoredTokens(db.engine, credential.id, http=http).access(patience()) == "access-1"
    assert StoredTokens(db.engine, credential.id, http=http).access(patience()) == "access-1"
    assert len(signs_in.heard) == 1


def test_a_rejected_token_is_replaced_by_what_another_process_has_brought(signs_in, credential, http):
    one, other = (StoredTokens(db.engine, credential.id, http=http) for _ in range(2))
    one.access(patience())
    other.access(patience())
    signs_in.play(fresh(1))
    assert one.renew("access-0", patience()) == "access-1"
    assert other.renew("access-0", patience()) == "access-1"
    assert len(signs_in.heard) == 1


def test_a_refused_key_marks_the_credential_and_is_not_tried_again_at_once(signs_in, credential, http):
    signs_in.play(says({"error": "invalid_grant"}, 400))
    with pytest.raises(errors.WrongKey):
        StoredTokens(db.engine, credential.id, http=http).renew("access-0", patience())
    with pytest.raises(errors.AuthExpired, match="ZSC key"):
        StoredTokens(db.engine, credential.id, http=http).access(patience())
    assert len(signs_in.heard) == 1
    assert stored(credential.id).refused_reason


def test_a_refused_key_that_is_accepted_again_later_works_again(signs_in, credential, http):
    with unit_of_work() as session:
        row = session.get(CrmCredential, credential.id)
        row.refused_reason, row.refresh_not_before = "the user is not active", now() - timedelta(seconds=1)
    signs_in.play(fresh(1))
    assert StoredTokens(db.engine, credential.id, http=http).access(patience()) == "access-1"
    assert not stored(credential.id).refused_reason


def test_trouble_at_the_sign_in_leaves_the_credential_as_it_was(signs_in, credential, http):
    signs_in.play(Move(500, b""), fresh(1))
    with pytest.raises(errors.Unavailable):
        StoredTokens(db.engine, credential.id, http=http).renew("access-0", patience())
    assert (stored(credential.id).refreshing_until, stored(credential.id).refused_reason) == (None, "")
    assert StoredTokens(db.engine, credential.id, http=http).renew("access-0", patience()) == "access-1"


def test_a_throttled_sign_in_is_left_alone_for_as_long_as_it_asks(signs_in, credential, http):
    signs_in.play(says({"error": "Access Denied", "error_description": "too many requests"}))
    for _ in range(3):
        with pytest.raises(errors.RateLimited) as caught:
            StoredTokens(db.engine, credential.id, http=http).renew("access-0", patience())
        assert 50 < caught.value.retry_after <= 60
    assert len(signs_in.heard) == 1


def test_the_eleventh_renewal_in_ten_minutes_is_not_asked_for(signs_in, credential, http):
    tokens = StoredTokens(db.engine, credential.id, http=http)
    token = tokens.access(patience())
    for number in range(1, 11):
        signs_in.play(fresh(number))
        token = tokens.renew(token, patience())
    with pytest.raises(errors.RateLimited) as caught:
        tokens.renew(token, patience())
    assert 590 < caught.value.retry_after <= 600
    assert len(signs_in.heard) == 10


def test_a_lease_that_its_holder_left_behind_runs_out(signs_in, credential, http):
    with unit_of_work() as session:
        session.get(CrmCredential, credential.id).refreshing_until = now() + timedelta(seconds=0.3)
    signs_in.play(fresh(1))
    assert StoredTokens(db.engine, credential.id, http=http).renew("access-0", patience()) == "access-1"


def test_waiting_for_another_process_ends_with_the_patience(signs_in, credential, http):
    with unit_of_work() as session:
        session.get(CrmCredential, credential.id).refreshing_until = now() + timedelta(seconds=30)
    with pytest.raises(errors.TimedOut, match="Another process"):
        StoredTokens(db.engine, credential.id, http=http).renew("access-0", patience(0.3))


def test_a_renewal_does_not_touch_the_callers_unit_of_work(signs_in, credential, http, session):
    signs_in.play(fresh(1))
    session.get(CrmCredential, credential.id).email = "half@written.example"
    StoredTokens(db.engine, credential.id, http=http).renew("access-0", patience())
    assert session.dirty
    session.rollback()
    assert stored(credential.id).email == "admin@crm.example"


# Several at once


def ask_at_once(credential_id, how_many, http):
    """Tokens that as many independent holders get when all of them find theirs rejected."""
    engine, start, got = db.engine, threading.Barrier(how_many), []

    def ask():
        tokens = StoredTokens(engine, credential_id, http=http)
        start.wait()
        got.append(tokens.renew("access-0", patience()))

    threads = [threading.Thread(target=ask) for _ in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_of_many_that_need_a_token_one_asks_and_all_get_it(crm, any_app, http):
    config.use(replace(config.current(), crm_accounts_url=crm.url, crm_api_url=crm.url))
    credential = saved(crm, make_organisation())
    slow = stalls(0.3)
    slow.body = fresh(1).body
    crm.play(slow)
    assert ask_at_once(credential.id, 6, http) == ["access-1"] * 6
    assert len(crm.heard) == 1


def test_processes_share_one_renewal(signs_in, credential):
    slow = stalls(0.5)
    slow.body = fresh(1).body
    signs_in.play(slow)
    spawn = multiprocessing.get_context("spawn")
    together, results = spawn.Barrier(2), spawn.Queue()
    arguments = (config.current(), credential.id, together, results)
    processes = [spawn.Process(target=other_process.renew, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    assert [results.get(timeout=60) for _ in processes] == ["access-1", "access-1"]
    for process in processes:
        process.join()
    results.close()
    assert len(signs_in.heard) == 1


# Grants and credentials


def test_a_grant_that_is_not_saved_renews_in_memory(signs_in, timing, http):
    grant = Grant(GrantKind.ZSC, signs_in.url, signs_in.url, "access-0", now() + timedelta(hours=1), zsc_key="k")
    signs_in.play(refuses(401, "INVALID_TOKEN"), fresh(1), says({"count": 3}))
    assert client_for_grant(grant, timing=timing, http=http).count("Accounts") == 3
    assert [heard.path for heard in signs_in.heard] == [
        "/crm/v8/Accounts/actions/count",
        "/oauth/v2/token",
        "/crm/v8/Accounts/actions/count",
    ]


def test_a_saved_credential_answers_through_its_client(signs_in, credential, timing, http):
    signs_in.play(refuses(401, "INVALID_TOKEN"), fresh(1), says({"count": 3}))
    assert client_for(credential.id, timing=timing, http=http).count("Accounts") == 3
    assert grant_in(stored(credential.id)).access_token == "access-1"


def test_new_credentials_take_the_place_of_old_ones_under_the_same_id(signs_in, credential, organisation_id, http):
    with unit_of_work() as session:
        row = session.get(CrmCredential, credential.id)
        row.refused_reason = "old key"
        grant = replace(grant_in(row), zsc_key="ZSC-NEW", access_token="access-9")
        again = save_credential(session, grant, organisation_id, replaces=row)
    assert (again.id, again.refused_reason) == (credential.id, "")
    assert StoredTokens(db.engine, credential.id, http=http).access(patience()) == "access-9"


def test_a_credential_that_is_gone_is_told_in_a_sentence(signs_in, organisation_id, http):
    with pytest.raises(errors.AuthExpired, match="Connect again"):
        StoredTokens(db.engine, 999, http=http).access(patience())
