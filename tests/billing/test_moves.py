"""Moving documents through their statuses, and what follows."""

from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import bill, make_invoice, make_order, make_quote, pay
from zbweb.billing import convert, journal, moves, payments
from zbweb.billing.journal import Actor
from zbweb.billing.status import Status
from zbweb.billing.words import Origin
from zbweb.db import unit_of_work
from zbweb.errors import Conflict


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd")


def test_a_document_takes_its_number_when_it_leaves_draft(asha, acme):
    with unit_of_work() as session:
        drafts = [make(session, acme, is_draft=True) for make in (make_quote, make_order, make_invoice)]
        assert [each.number for each in drafts] == [None, None, None]
        for draft, to in zip(drafts, (Status.ACCEPTED, Status.CONFIRMED, Status.SENT), strict=True):
            moves.move(session, draft, to, asha.actor)
        assert [each.number for each in drafts] == ["QT-000001", "SO-000001", "INV-000001"]


def test_a_voided_draft_uses_up_no_number(asha, acme):
    with unit_of_work() as session:
        moves.move(session, voided := make_invoice(session, acme, is_draft=True), Status.VOID, asha.actor)
        assert (voided.number, make_invoice(session, acme).number) == (None, "INV-000001")


def test_a_quote_declined_can_be_sent_again_and_keeps_its_number(asha, acme):
    with unit_of_work() as session:
        quote = make_quote(session, acme)
        number = quote.number
        for to in (Status.DECLINED, Status.SENT, Status.ACCEPTED):
            moves.move(session, quote, to, asha.actor)
        assert (quote.status, quote.number) == ("accepted", number)


def test_an_illegal_move_is_refused_with_a_sentence_and_changes_nothing(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        version = invoice.version
        with pytest.raises(Conflict, match=r"sent already\."):
            moves.move(session, invoice, Status.SENT, asha.actor)
        with pytest.raises(Conflict, match="cannot become accepted"):
            moves.move(session, invoice, Status.ACCEPTED, asha.actor)
        moves.move(session, invoice, Status.VOID, asha.actor)
        with pytest.raises(Conflict, match="void"):
            moves.move(session, invoice, Status.SENT, asha.actor)
    assert invoice.version == version + 1


def test_a_move_by_a_person_is_remembered_and_one_by_an_automation_is_not(asha, acme):
    robot = Actor("Won potential", origin=Origin.AUTOMATION)
    with unit_of_work() as session:
        by_person, by_robot = make_quote(session, acme), make_quote(session, acme)
        moves.move(session, by_person, Status.ACCEPTED, asha.actor)
        moves.move(session, by_robot, Status.ACCEPTED, robot)
    assert (by_person.status_by_person, by_robot.status_by_person) == (True, False)


def test_voiding_a_paid_invoice_returns_its_payments_to_credit(session, asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        first = pay(session, acme, "60", invoices={invoice: "60"})
        second = pay(session, acme, "50", invoices={invoice: "40"})
        moves.move(session, invoice, Status.VOID, asha.actor)
    session.expire_all()
    assert (invoice.status, invoice.paid) == ("void", 0)
    assert (first.unused, second.unused) == (Decimal(60), Decimal(50))
    assert payments.open_invoices(session, acme.id) == []
    actions = [entry.action for entry in journal.history(session, "transaction", invoice.id)]
    assert actions[:3] == ["void", "payment_removed", "payment_removed"]


def test_voiding_an_invoice_gives_the_quantity_back_and_reopens_the_order(session, asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme)
        invoice = bill(session, order)
        assert order.status == "closed"
        moves.move(session, invoice, Status.VOID, asha.actor)
        assert order.status == "confirmed"
        again = bill(session, order)
    assert (again.id != invoice.id, order.status) == (True, "closed")


def test_voiding_the_invoice_of_a_quote_lets_the_quote_be_invoiced_again(asha, acme):
    with unit_of_work() as session:
        quote = make_quote(session, acme)
        invoice = convert.to_invoice(session, quote, actor=asha.actor)
        assert quote.status == "invoiced"
        moves.move(session, invoice, Status.VOID, asha.actor)
        assert quote.status == "accepted"
        assert convert.to_invoice(session, quote, actor=asha.actor).id != invoice.id


def test_an_order_with_invoices_is_not_voided(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=None)
        invoice = bill(session, order, {0: "0.5"})
        with pytest.raises(Conflict, match="Void them first"):
            moves.move(session, order, Status.VOID, asha.actor)
        moves.move(session, invoice, Status.VOID, asha.actor)
        moves.move(session, order, Status.VOID, asha.actor)
    assert order.status == "void"
