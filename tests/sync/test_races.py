"""What two processes or people do to the sync's rows at the same moment, on both databases."""

from datetime import timedelta

import pytest
import structlog
from sqlalchemy import create_engine, select
from sqlalchemy.pool import QueuePool

from tests.factories.customers import make_customer
from tests.factories.links import make_connection
from tests.factories.runs import make_run
from tests.factories.transactions import make_quote
from tests.people import Person
from tests.races import overtaken
from zbweb.billing import journal, transactions
from zbweb.billing.drafts import Potential
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import OutboxRow, Transaction
from zbweb.billing.words import Kind
from zbweb.db import db, organisation_of, unit_of_work
from zbweb.errors import Stale
from zbweb.sync import lease
from zbweb.sync.core.words import Extent, Winner
from zbweb.sync.desk import Desk
from zbweb.sync.documents import setups, vanished
from zbweb.sync.documents.setups import Choices
from zbweb.sync.models import Connection, ModuleSetup
from zbweb.sync.push import waiting


@pytest.fixture
def connection_id(any_app):
    Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        return make_connection(session).id


def save(connection_id, version, *, enabled=True):
    def saving(session):
        choices = Choices(
            enabled=enabled, extent=Extent.PUSH, winner=Winner.CRM, fire_triggers=False, with_existing=False,
            version=version,
        )  # fmt: skip
        connection = session.get_one(Connection, connection_id)
        setups.save(session, connection, Kind.INVOICE, choices, sight=setups.Sight({}, timedelta(0)), actor=SYSTEM)

    return saving


@pytest.mark.parametrize("saves_before", [0, 1])
def test_of_two_who_save_a_setup_at_once_the_second_is_told(any_app, connection_id, saves_before):
    for version in range(saves_before):
        with unit_of_work() as session:
            save(connection_id, version)(session)
    mine, theirs = save(connection_id, saves_before), save(connection_id, saves_before, enabled=False)
    assert isinstance(overtaken(any_app, mine, theirs), Stale)
    setup = db.session().scalars(select(ModuleSetup)).one()
    assert (setup.version, setup.enabled) == (saves_before + 1, True)


def test_a_customer_saved_during_the_first_push_waits_once(any_app, connection_id):
    with unit_of_work() as session:
        ids = [make_customer(session).id for _ in range(2)]
        session.query(OutboxRow).delete()
    trouble = overtaken(
        any_app,
        lambda session: journal.put_in_outbox(session, "customer", ids[:1]),
        lambda session: waiting.enrol_all(session, connection_id),
    )
    assert trouble is None
    assert sorted(db.session().scalars(select(OutboxRow.entity_id))) == ids


def test_a_heart_that_finds_no_connection_free_misses_a_beat_and_goes_on(tmp_path):
    engine = create_engine(
        f"sqlite:///{tmp_path / 'full.sqlite3'}", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05
    )
    with engine.connect(), structlog.testing.capture_logs() as told:
        lease._beat_once(engine, 7, "somebody")
    assert [each["event"] for each in told] == ["heartbeat_missed"]


def test_a_potential_that_somebody_associates_meanwhile_is_not_taken_for_the_one_that_is_gone(any_app, connection_id):
    with unit_of_work() as session:
        customer, run_id = make_customer(session), make_run(session, session.get_one(Connection, connection_id)).id
        quote_id, other_id = (make_quote(session, customer, potential=Potential("1", "Gone")).id for _ in range(2))

    def associate(session):
        quote = session.get_one(Transaction, quote_id)
        transactions.link_potential(session, quote, Potential("2", "Another"), actor=SYSTEM)
        session.flush()

    def dissociate(session):
        desk = Desk(session, organisation_of(session), connection_id, run_id, None, {})
        vanished.dissociate(desk, [("Deals", "1")])

    assert overtaken(any_app, associate, dissociate) is None
    quote, other = (db.session().get_one(Transaction, each) for each in (quote_id, other_id))
    assert (quote.potential_id, quote.potential_name, other.potential_id) == ("2", "Another", None)
