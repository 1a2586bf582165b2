"""Numbers without gaps or doubles, on both databases."""

import threading

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_quote
from tests.people import Person
from zbweb.billing import moves, numbering
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import NumberSeries, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import unit_of_work, work_for


def test_eight_finalisers_at_once_get_eight_consecutive_numbers(any_app):
    asha = Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        customer = make_customer(session)
        drafts = [make_invoice(session, customer, is_draft=True).id for _ in range(24)]
    gate = threading.Barrier(8)

    def finalise(ids):
        with any_app.app_context():
            gate.wait(30)
            for transaction_id in ids:
                with unit_of_work() as session:
                    work_for(session, asha.organisation_id)
                    moves.move(session, session.get_one(Transaction, transaction_id), Status.SENT, SYSTEM)

    threads = [threading.Thread(target=finalise, args=[drafts[i::8]]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        numbers = sorted(session.scalars(select(Transaction.number).where(Transaction.id.in_(drafts))))
    assert numbers == [f"INV-{n:06d}" for n in range(1, 25)]


def test_a_number_taken_by_work_that_failed_is_given_to_the_next(asha):
    def fail():
        with unit_of_work() as session:
            assert numbering.take(session, Kind.INVOICE) == "INV-000001"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with unit_of_work() as session:
        assert numbering.take(session, Kind.INVOICE) == "INV-000001"


def test_each_kind_and_each_organisation_counts_for_itself(asha, dora):
    taken = []
    for organisation_id in (asha.organisation_id, dora.organisation_id):
        with unit_of_work() as session:
            work_for(session, organisation_id)
            customer = make_customer(session)
            taken.append([make_invoice(session, customer).number, make_quote(session, customer).number])
    assert taken == [["INV-000001", "QT-000001"]] * 2


def test_the_series_decides_prefix_and_width(asha):
    with unit_of_work() as session:
        session.add(
            NumberSeries(
                organisation_id=asha.organisation_id, kind=Kind.INVOICE, prefix="2026/", next_number=99, padding=3
            )
        )
    with unit_of_work() as session:
        assert [numbering.take(session, Kind.INVOICE) for _ in range(2)] == ["2026/099", "2026/100"]


@pytest.mark.parametrize(
    ("typed", "following"),
    [("INV-000007", "INV-000008"), ("INV-7", "INV-000008"), ("INV-x", "INV-000001"), ("7", "INV-000001")],
)
def test_the_counter_goes_on_after_a_typed_number_that_fits(asha, typed, following):
    with unit_of_work() as session:
        numbering.settle(session, Kind.INVOICE, typed)
        assert numbering.take(session, Kind.INVOICE) == following
