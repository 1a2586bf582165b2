"""A refresh token that another sign-in took the place of stops working at Zoho, however long that takes."""

from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from cryptography.fernet import Fernet
from sqlalchemy import update

from tests.jobs.worker import work
from tests.people import Person
from tests.sandbox_server import SandboxServer
from zbweb import config
from zbweb.clock import now
from zbweb.crm import grants
from zbweb.crm.credentials import CrmCredential, grant_in
from zbweb.crm.grants import sign_in_with_refresh_token, sign_in_with_zsc
from zbweb.crm.port import CrmOrganisation, CrmUser
from zbweb.db import db, unit_of_work, work_for
from zbweb.jobs import queue, schedule
from zbweb.sandbox import oauth
from zbweb.sync import connection as connections
from zbweb.sync import withdrawal
from zbweb.sync.connection import Proof
from zbweb.sync.models import Connection

CLIENT = {"client_id": "demo-client", "client_secret": "demo-secret"}
FIRST = "demo-refresh"
AWAY = {"fail_next": [{"status": 503, "count": 50, "path": "/oauth/v2/token/revoke"}]}


@pytest.fixture(scope="module")
def crm_server():
    with SandboxServer() as server:
        yield server


@pytest.fixture
def crm(crm_server):
    crm_server.reset()
    crm_server.faults(token_throttle=False)
    return crm_server


@pytest.fixture
def settings(settings, crm):
    return replace(settings, crm_accounts_url=crm.url, crm_api_url=crm.url)


@pytest.fixture
def second(crm) -> str:
    """A second refresh token of the same client."""
    sandbox = crm.sandbox
    with sandbox.store.write() as connection:
        first = oauth.find_token(connection, FIRST, oauth.TokenKind.REFRESH)
        return oauth.issue(connection, replace(first, token=oauth.new_text())).token


def works(crm, token) -> bool:
    with crm.sandbox.store.write() as connection:
        return oauth.find_token(connection, token, oauth.TokenKind.REFRESH) is not None


def connect(person, token="", *, to="o1") -> int:
    """Sign in with a refresh token, or with the key, to one CRM organisation; the connection's id."""
    grant = sign_in_with_refresh_token(token, **CLIENT) if token else by_key()
    organisation = CrmOrganisation(to, f"Zylker {to}", "professional", "USD", multi_currency=False, time_zone="UTC")
    user = CrmUser("u1", "Patricia Boyle", "admin@crm.example", active=True, admin=True)
    work_for(db.session(), person.organisation_id)
    with unit_of_work() as session:
        return connections.connect(session, grant, Proof(organisation, user), actor=person.actor, replace=True).id


def by_key():
    return sign_in_with_zsc("admin@crm.example", "ZSC-DEMO-KEY")


def tokens() -> list[str]:
    """The refresh tokens that are kept, oldest row first."""
    db.session.rollback()
    rows = db.session.query(CrmCredential).order_by(CrmCredential.id).populate_existing()
    return [grant_in(row).refresh_token for row in rows]


def lose_the_job():
    queue.redis_at(config.current().redis_url).flushdb()


def look_again(person):
    """The schedule's turn, and a worker's."""
    work_for(db.session(), None)
    schedule.wake_withdrawals()
    work_for(db.session(), person.organisation_id)
    work()


def test_the_token_that_was_replaced_is_withdrawn_and_the_new_one_works(asha, crm, second):
    first = connect(asha, FIRST)
    held = db.session.get(Connection, first).credential_id
    assert connect(asha, second) == first
    assert works(crm, FIRST), "Zoho is not asked before the commit"
    work()
    assert (works(crm, FIRST), works(crm, second)) == (False, True)
    assert tokens() == [second]
    assert db.session.get(Connection, first).credential_id == held


def test_a_key_that_takes_the_place_of_a_token_has_it_withdrawn_too(asha, crm):
    connect(asha, FIRST)
    connect(asha)
    work()
    assert not works(crm, FIRST)
    assert db.session.query(CrmCredential).one().kind == "zsc"


def test_what_a_key_gave_is_never_withdrawn(asha, crm):
    connect(asha)
    standing = tokens()
    connect(asha, FIRST)
    connect(asha, to="o2")
    connect(asha, to="o3")
    work()
    assert works(crm, standing[0])
    held = db.session.query(Connection).filter(Connection.credential_id.is_not(None)).order_by(Connection.id)
    assert [each.crm_organisation_id for each in held] == ["o2", "o3"]
    assert db.session.query(CrmCredential).count() == 2


def test_another_crm_organisation_in_its_place_has_the_token_withdrawn(asha, crm, second):
    first = connect(asha, FIRST)
    connect(asha, second, to="o2")
    work()
    assert (works(crm, FIRST), works(crm, second)) == (False, True)
    assert tokens() == [second]
    assert db.session.get(Connection, first, populate_existing=True).credential_id is None


def test_a_token_that_is_entered_again_goes_on_working(asha, crm):
    connect(asha, FIRST)
    connect(asha, FIRST)
    assert not queue.is_waiting(queue.INSTANT)
    work()
    assert works(crm, FIRST)
    assert tokens() == [FIRST]


def test_a_token_that_serves_another_connection_goes_on_working(asha, dora, crm, second):
    connect(dora, FIRST, to="o2")
    connect(asha, FIRST)
    connect(asha, second)
    work()
    assert works(crm, FIRST)
    work_for(db.session(), None)
    assert tokens() == [FIRST, second]


def test_a_token_that_two_connections_gave_up_is_withdrawn_once_nobody_has_it(asha, dora, crm, second):
    connect(dora, FIRST, to="o2")
    connect(asha, FIRST)
    connect(dora, second, to="o2")
    connect(asha, second)
    work()
    assert not works(crm, FIRST)
    work_for(db.session(), None)
    assert tokens() == [second, second]


def test_disabling_keeps_the_access_for_enabling_again(asha, crm):
    connection_id = connect(asha, FIRST)
    with unit_of_work() as session:
        connections.disable(session, session.get(Connection, connection_id), actor=asha.actor)
    look_again(asha)
    assert works(crm, FIRST)
    assert tokens() == [FIRST]


def test_nothing_is_withdrawn_when_the_sign_in_was_not_saved(asha, crm, second):
    connect(asha, FIRST)

    def fail():
        with unit_of_work() as session:
            withdrawal.keep_what_is_replaced(session, session.query(CrmCredential).one(), by_key())
            raise ValueError("it rolls back")

    with pytest.raises(ValueError, match="rolls back"):
        fail()
    assert not queue.is_waiting(queue.INSTANT)
    assert tokens() == [FIRST]


def test_a_token_whose_job_was_lost_is_withdrawn_by_the_schedule(asha, crm, second):
    connect(asha, FIRST)
    connect(asha, second)
    lose_the_job()
    look_again(asha)
    assert not works(crm, FIRST)
    assert tokens() == [second]


def test_while_zoho_is_away_the_token_waits_and_the_schedule_tries_again(asha, crm, second):
    connect(asha, FIRST)
    connect(asha, second)
    crm.faults(**AWAY)
    work()
    assert queue.failed_jobs() == []
    assert (works(crm, FIRST), tokens()) == (True, [second, FIRST])
    crm.faults(fail_next=[])
    look_again(asha)
    assert (works(crm, FIRST), tokens()) == (False, [second])


def test_a_token_that_zoho_no_longer_knows_is_forgotten(asha, crm, second):
    connect(asha, FIRST)
    connect(asha, second)
    with crm.sandbox.store.write() as connection:
        oauth.revoke(connection, FIRST)
    work()
    assert tokens() == [second]


def test_after_a_week_in_vain_the_token_is_given_up_and_the_log_says_so_without_it(asha, crm, second):
    connect(asha, FIRST)
    connect(asha, second)
    lose_the_job()
    crm.faults(**AWAY)
    (left,) = left_over()
    for age, kept in ((timedelta(days=6), [second, FIRST]), (timedelta(days=8), [second])):
        wait(left, age)
        with structlog.testing.capture_logs() as lines:
            withdrawal.withdraw(left)
        assert tokens() == kept
    assert [(line["event"], line["credential_id"]) for line in lines] == [("withdrawal_given_up", left)]
    assert FIRST not in str(lines)


def test_both_databases_tell_what_is_left_over(any_app, crm, second):
    person = Person.make(any_app, "a@a.example", "A", "admin")
    config.use(replace(config.current(), crm_accounts_url=crm.url, crm_api_url=crm.url))
    connect(person, FIRST)
    connect(person, second)
    (left,) = left_over()
    withdrawal.withdraw(left)
    assert left_over() == []
    assert (works(crm, FIRST), tokens()) == (False, [second])


def left_over():
    work_for(db.session(), None)
    return withdrawal.waiting(db.session())


def wait(credential_id, age):
    with unit_of_work() as session:
        rows = update(CrmCredential).where(CrmCredential.id == credential_id)
        session.execute(rows.values(updated_at=now() - age))


def test_an_access_in_use_is_neither_withdrawn_nor_forgotten_whoever_asks(asha, crm):
    held = db.session.get(Connection, connect(asha, FIRST)).credential_id
    wait(held, timedelta(days=30))
    present = config.current()
    withdrawal.withdraw(held)
    config.use(replace(present, credential_keys=(Fernet.generate_key().decode(),)))
    withdrawal.withdraw(held)
    config.use(present)
    assert works(crm, FIRST)
    assert tokens() == [FIRST]


def test_old_secrets_that_cannot_be_read_do_not_keep_anybody_from_signing_in_anew(asha, crm, second):
    connect(asha, FIRST)
    config.use(replace(config.current(), credential_keys=(Fernet.generate_key().decode(),)))
    connect(asha, second)
    work()
    assert tokens() == [second]


def test_zoho_is_asked_while_no_unit_of_work_is_open(asha, crm, second, monkeypatch):
    seen = []

    def watched(grant):
        seen.append(db.session().in_transaction())
        ask(grant)

    ask = grants.withdraw
    monkeypatch.setattr(grants, "withdraw", watched)
    connect(asha, FIRST)
    connect(asha, second)
    work()
    assert seen == [False]
    assert not works(crm, FIRST)
