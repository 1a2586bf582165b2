"""Numbers without gaps or doubles, on both databases."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_quote
from tests.people import Person
from zbweb.billing import moves, number_series, numbering, transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import NumberSeries, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import unit_of_work, work_for
from zbweb.errors import Conflict, Invalid


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
    [
        ("INV-000007", "INV-000008"),
        ("INV-7", "INV-000008"),
        ("inv-7", "INV-000008"),
        ("INV-x", "INV-000001"),
        ("7", "INV-000001"),
        ("", "INV-000001"),
    ],
)
def test_the_counter_goes_on_after_a_typed_number_that_fits(asha, typed, following):
    with unit_of_work() as session:
        numbering.settle(session, Kind.INVOICE, typed)
        assert numbering.take(session, Kind.INVOICE) == following


def test_numbers_that_differ_by_case_alone_are_one_number(any_app):
    Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        customer = make_customer(session)
        make_invoice(session, customer, is_draft=True, number="inv-000001")
        for twin in ("INV-000001", "Inv-000001"):
            with pytest.raises(Invalid, match=f"The number {twin} is taken"):
                make_invoice(session, customer, is_draft=True, number=twin)
        assert make_invoice(session, customer).number == "INV-000002"
        assert make_quote(session, customer, number="inv-000001").number == "inv-000001"
        made = make_invoice(session, customer, is_draft=True, number="ÄB-1")
        with pytest.raises(Invalid, match="is taken"):
            make_invoice(session, customer, is_draft=True, number="äb-1")
        draft = replace(from_transaction(made), number="äb-1")
        assert transactions.edit(session, made, draft, version=None, actor=SYSTEM).number == "äb-1"


def test_a_series_ends_with_a_sentence_and_goes_on_under_another_prefix(any_app):
    asha = Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        customer = make_customer(session)
        series = number_series.locked(session, Kind.INVOICE)
        last = number_series.SeriesDraft("INV-", numbering.LARGEST, 6)
        number_series.edit(session, series, last, actor=asha.actor)
        assert make_invoice(session, customer).number == f"INV-{numbering.LARGEST}"
    with pytest.raises(Conflict, match="The number series INV- has counted to 2147483646"), unit_of_work() as session:
        make_invoice(session, customer)
    with unit_of_work() as session:
        series = number_series.locked(session, Kind.INVOICE)
        number_series.edit(session, series, number_series.SeriesDraft("I-", 1, 6), actor=asha.actor)
        assert make_invoice(session, customer).number == "I-000001"


def test_a_draft_that_the_numbers_have_gone_past_is_voided_and_not_deleted(asha):
    with unit_of_work() as session:
        customer = make_customer(session)
        passed, ahead, other = (
            make_invoice(session, customer, is_draft=True, number=number) for number in ("inv-000001", "INV-9", "X-1")
        )
        assert make_invoice(session, customer).number == "INV-000002"
        with pytest.raises(Conflict, match="The numbers have gone on after inv-000001"):
            transactions.delete(session, passed, actor=asha.actor)
        assert moves.move(session, passed, Status.VOID, asha.actor).number == "inv-000001"
        for draft in (ahead, other):
            transactions.delete(session, draft, actor=asha.actor)
        assert make_invoice(session, customer).number == "INV-000003"
