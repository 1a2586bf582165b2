"""What the schedule does for notifications: orders are placed and renewed, nothing that came is forgotten."""

import pytest

from tests.factories.potentials import WON, add_deal, switch_on
from tests.jobs.worker import work
from zbweb import config
from zbweb.billing.models import Transaction
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.jobs import queue, schedule
from zbweb.sync.core.notices import Notice
from zbweb.sync.models import Connection, CrmEvent
from zbweb.sync.notifications import events


@pytest.fixture
def won(pair):
    """A potential that was won since the automation was switched on."""
    account = pair.records("Accounts")[0]["id"]
    switch_on(pair)
    return add_deal(pair, account=account, stage=WON)


def do(pair, chore):
    organisation_id = pair.connection.organisation_id
    work_for(db.session(), None)
    chore()
    work_for(db.session(), organisation_id)
    work()


def posted(pair, *crm_ids):
    with unit_of_work() as session:
        events.receive(session, pair.connection, Notice("Deals", "update", crm_ids, "digest", "secret"))


def test_a_notification_is_handled_by_a_worker(pair, won):
    posted(pair, won)
    work()
    assert pair.count(Transaction) == 1


def test_one_whose_job_was_lost_is_found_again(pair, won):
    posted(pair, won)
    queue.redis_at(config.current().redis_url).flushdb()
    do(pair, schedule.wake_notifications)
    assert pair.count(Transaction) == 0  # it has only just come; its own job may be on the way
    with unit_of_work() as session:
        session.query(CrmEvent).one().retry_at = now()
    do(pair, schedule.wake_notifications)
    assert pair.count(Transaction) == 1


def test_the_schedule_places_the_order_for_notifications(pair, won):
    do(pair, schedule.keep_channels)
    connection = db.session.get_one(Connection, pair.connection_id, populate_existing=True)
    assert connection.channel_events == ["Accounts.all", "Deals.all"]
    assert pair.count(Transaction) == 1  # what was won before the order stood
    pair.forget_calls()
    do(pair, schedule.keep_channels)
    assert pair.sandbox.requests() == []
