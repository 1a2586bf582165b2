"""What the schedule finds in the outboxes when no job will come by itself."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.factories.customers import make_customer
from tests.factories.links import make_connection, make_link
from tests.factories.transactions import make_invoice
from zbweb.billing import books
from zbweb.billing.models import OutboxRow
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.jobs import queue, schedule
from zbweb.sync.models import Connection


@pytest.fixture
def woken(monkeypatch):
    """The organisations for which a job was asked."""
    asked = []
    monkeypatch.setattr(queue, "push_soon", asked.append)
    monkeypatch.setattr(queue, "is_waiting", lambda name: False)
    return asked


@pytest.fixture
def connection(asha):
    """A live connection with one invoice that waits."""
    with unit_of_work() as session:
        connection = make_connection(session)
        customer = make_customer(session)
        make_invoice(session, customer, due_date=books.today(session))
        make_link(session, connection, customer)
        return connection


def chore(work):
    work_for(db.session(), None)
    work()


def change(model, **values):
    with unit_of_work() as session:
        session.execute(update(model).values(**values))


def test_a_row_whose_job_was_lost_is_handed_on(connection, woken):
    chore(schedule.wake_outboxes)
    assert woken == [connection.organisation_id]


@pytest.mark.parametrize(
    ("values", "is_woken"),
    [
        ({"not_before": timedelta(minutes=1)}, False),
        ({"not_before": timedelta(minutes=-1)}, True),
        ({"claimed_until": timedelta(minutes=1)}, False),
        ({"claimed_until": timedelta(minutes=-1)}, True),
    ],
)
def test_a_row_waits_for_its_time_and_for_the_end_of_a_lease(connection, woken, asha, values, is_woken):
    work_for(db.session(), asha.organisation_id)
    change(OutboxRow, **{name: now() + distance for name, distance in values.items()})
    chore(schedule.wake_outboxes)
    assert bool(woken) is is_woken


@pytest.mark.parametrize("values", [{"status": "disabled"}, {"paused_at": now()}])
def test_nobody_is_woken_for_a_connection_that_may_not_speak(connection, woken, values):
    change(Connection, **values)
    chore(schedule.wake_outboxes)
    assert woken == []


def test_the_day_turns_once_for_every_organisation(connection, asha, monkeypatch):
    chore(schedule.turn_the_day)
    work_for(db.session(), asha.organisation_id)
    tomorrow = books.today(db.session()) + timedelta(days=1)
    monkeypatch.setattr(books, "today", lambda session: tomorrow)
    for _ in range(2):
        chore(schedule.turn_the_day)
    work_for(db.session(), asha.organisation_id)
    rows = db.session.query(OutboxRow).filter_by(entity="metrics").all()
    assert [(row.entity_id, row.stamp) for row in rows] == [(1, 1)]
