"""The address to which the CRM posts: what is kept, what is refused, and that nothing refused leaves a trace."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories.runs import make_connection
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.jobs import queue
from zbweb.sync.models import Connection, CrmEvent
from zbweb.sync.notifications import events

TOKEN, SECRET = "the-token-of-the-address", "the-secret-of-the-channel"
URL = f"/hooks/zoho/{TOKEN}"


@pytest.fixture
def connection(asha):
    with unit_of_work() as session:
        return make_connection(session, hook_token=TOKEN, channel_secret=SECRET)


@pytest.fixture
def woken():
    heard = []
    events.on_received(heard.append)
    yield heard
    events.on_received(queue.handle_event)


def said(**changes):
    return {
        "server_time": 1718117126473, "query_params": {}, "module": "Deals", "ids": ["5725767000003000064"],
        "affected_fields": [], "operation": "update", "channel_id": "1000000068001", "token": SECRET,
    } | changes  # fmt: skip


def kept():
    db.session.rollback()
    return db.session.query(CrmEvent).execution_options(unfenced=True, populate_existing=True).all()


def test_a_notification_is_kept_and_answered_at_once(client, connection, woken):
    answer = client.post(URL, json=said())
    assert (answer.status_code, answer.data) == (204, b"")
    (event,) = kept()
    assert (event.connection_id, event.organisation_id) == (connection.id, connection.organisation_id)
    assert (event.module, event.operation, event.crm_ids) == ("Deals", "update", ["5725767000003000064"])
    assert woken == [event.id]


def test_the_same_notification_again_is_answered_and_kept_once(client, connection):
    for _ in range(3):
        assert client.post(URL, json=said()).status_code == 204
    assert len(kept()) == 1


def test_no_csrf_token_is_asked_for(app, client, connection):
    app.config["WTF_CSRF_ENABLED"] = True
    assert client.post(URL, json=said()).status_code == 204


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("/hooks/zoho/another-token", said(), 404),
        (URL + "x", said(), 404),
        ("/hooks/zoho/%F0%9F%98%80", said(), 404),
        (URL, said(token="forged"), 403),
        (URL, said(token=""), 400),
        (URL, said(token=None), 400),
        (URL, said(token="\ud800"), 403),
        (URL, said(module="Leads"), 400),
        (URL, said(ids=["1 or 1=1"]), 400),
        (URL, [], 400),
        (URL, "text", 400),
    ],
)
def test_what_is_forged_or_malformed_is_refused_and_leaves_no_trace(client, connection, woken, url, body, status):
    assert client.post(url, data=json.dumps(body)).status_code == status
    assert kept() == woken == []


def test_a_body_that_is_too_large_is_refused(client, connection):
    assert client.post(URL, data=b" " * (256 * 1024 + 1)).status_code == 413
    assert kept() == []


def test_before_an_order_was_placed_nobody_knows_its_secret(client, connection):
    with unit_of_work() as session:
        session.get_one(Connection, connection.id).channel_secret = ""
    for token in ("", "x"):
        assert client.post(URL, json=said(token=token)).status_code in (400, 403)
    assert kept() == []


@pytest.mark.parametrize("status", ["disabled", "replaced"])
def test_a_connection_that_is_not_live_takes_nothing(client, connection, status):
    with unit_of_work() as session:
        session.get_one(Connection, connection.id).status = status
    assert client.post(URL, json=said()).status_code == 409
    assert kept() == []


def test_while_paused_notifications_are_kept(client, connection):
    with unit_of_work() as session:
        session.get_one(Connection, connection.id).paused_at = now()
    assert client.post(URL, json=said()).status_code == 204
    assert len(kept()) == 1


def test_the_address_answers_no_other_method(client, connection):
    assert client.get(URL).status_code == 405


def test_one_notification_posted_many_times_at_once_is_kept_once(app, connection):
    def post(_number):
        return app.test_client().post(URL, json=said()).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, range(8))) == {204}
    assert len(kept()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.binary(max_size=100) | (
    st.dictionaries(st.sampled_from(sorted(set(said()) - {"token"})), JSON).map(lambda more: json.dumps(said(**more)))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES)
def test_whatever_is_posted_is_kept_or_refused_and_never_breaks(client, connection, body):
    before = len(kept())
    status = client.post(URL, data=body).status_code
    assert status in (204, 400, 403)
    if status != 204:
        assert len(kept()) == before
