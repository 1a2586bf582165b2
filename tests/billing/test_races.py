"""Two people who change what belongs together at the same moment, on both databases."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.transactions import bill, make_invoice, make_line, make_order, pay
from tests.people import Person
from tests.races import overtaken
from zbweb.billing import customers, fulfilment, members, merging, moves, standing, transaction_bulk, transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Membership, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind, Role
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict, Invalid


@pytest.fixture
def asha(any_app):
    return Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd")


def set_quantity(session, document_id, quantity):
    document = transactions.find(session, document_id)
    line = replace(from_transaction(document).lines[0], quantity=Decimal(quantity))
    draft = replace(from_transaction(document), lines=(line,))
    transactions.edit(session, document, draft, version=None, actor=SYSTEM)


@pytest.fixture
def ordered_ten(acme):
    """An order of ten, and two invoices of it for two each: for nothing, so that no total says that one was changed."""
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line("A", "10", "0")])
        return order.id, bill(session, order, {0: "2"}).id, bill(session, order, {0: "2"}).id


def test_two_invoices_raised_at_once_do_not_bill_more_than_was_ordered(any_app, ordered_ten):
    order_id, one, other = ordered_ten
    trouble = overtaken(
        any_app, lambda session: set_quantity(session, one, 8), lambda session: set_quantity(session, other, 8)
    )
    assert isinstance(trouble, Invalid)
    order = db.session().get_one(Transaction, order_id)
    assert fulfilment.invoiced(db.session(), [order.lines[0].id]) == {order.lines[0].id: 10}


def test_an_order_is_not_lessened_while_an_invoice_of_it_grows(any_app, ordered_ten):
    order_id, one, _ = ordered_ten
    trouble = overtaken(
        any_app, lambda session: set_quantity(session, one, 7), lambda session: set_quantity(session, order_id, 5)
    )
    assert isinstance(trouble, Invalid)
    assert db.session().get_one(Transaction, order_id).lines[0].quantity == 10


def test_an_invoice_does_not_grow_while_its_order_is_lessened(any_app, ordered_ten):
    order_id, one, _ = ordered_ten
    trouble = overtaken(
        any_app, lambda session: set_quantity(session, order_id, 5), lambda session: set_quantity(session, one, 8)
    )
    assert isinstance(trouble, Invalid)
    assert db.session().get_one(Transaction, one).lines[0].quantity == 2


def test_many_documents_and_one_of_them_are_sent_at_once(any_app, acme):
    with unit_of_work() as session:
        drafts = [make_invoice(session, acme, is_draft=True).id for _ in range(3)]
    skipped = []

    def send_all(session):
        skipped.extend(transaction_bulk.act(session, "first_step", Kind.INVOICE, drafts, actor=SYSTEM).skipped)

    trouble = overtaken(
        any_app,
        lambda session: standing.lock(session, drafts[1]),
        send_all,
        at_last=lambda session: moves.move(session, session.get_one(Transaction, drafts[1]), Status.SENT, SYSTEM),
    )
    assert (trouble, skipped) == (None, ["INV-000001: This invoice is sent already."])
    numbers = select(Transaction.number).where(Transaction.id.in_(drafts))
    assert sorted(db.session().scalars(numbers)) == [f"INV-{n:06d}" for n in (1, 2, 3)]


def test_many_documents_are_voided_while_one_of_them_is_paid(any_app, acme):
    with unit_of_work() as session:
        sent = [make_invoice(session, acme).id for _ in range(2)]
    done = []

    def void_all(session):
        done.append(transaction_bulk.act(session, "void", Kind.INVOICE, sent, actor=SYSTEM))

    def pay_one(session):
        pay(session, acme, "100", invoices={session.get_one(Transaction, sent[0]): "100"})

    assert overtaken(any_app, pay_one, void_all) is None
    assert [len(each.skipped) for each in done] == [0]
    statuses = select(Transaction.status, Transaction.paid).where(Transaction.id.in_(sent))
    assert [tuple(row) for row in db.session().execute(statuses)] == [("void", 0)] * 2


@pytest.mark.parametrize("which", [0, 1], ids=["an order", "an invoice of it"])
def test_two_customers_are_merged_while_a_document_of_theirs_is_edited(any_app, acme, ordered_ten, which):
    document_id = ordered_ten[which]
    with unit_of_work() as session:
        kept_id = make_customer(session, display_name="Acme Holding").id

    def merge(session):
        kept, other = (customers.locked(session, each) for each in (kept_id, acme.id))
        merging.merge(session, kept, other, actor=SYSTEM)

    trouble = overtaken(
        any_app,
        lambda session: standing.lock(session, document_id),
        merge,
        at_last=lambda session: set_quantity(session, document_id, 6),
    )
    document = db.session().get_one(Transaction, document_id)
    assert (trouble, document.customer_id, document.lines[0].quantity) == (None, kept_id, 6)


def test_two_admins_who_demote_each_other_leave_one(any_app, asha):
    Person.make(any_app, "ben@zylker.example", "Ben Okafor", "admin")
    one, other = db.session().scalars(select(Membership.id).order_by(Membership.id))

    def demote(membership_id):
        return lambda session: members.change_role(
            session, members.find(session, membership_id), Role.SALES, actor=SYSTEM
        )

    assert isinstance(overtaken(any_app, demote(one), demote(other)), Conflict)
    roles = select(Membership.role).order_by(Membership.id)
    assert list(db.session().scalars(roles)) == ["sales", "admin"]


def test_two_admins_who_shut_each_other_out_leave_one(any_app, asha):
    Person.make(any_app, "ben@zylker.example", "Ben Okafor", "admin")
    one, other = db.session().scalars(select(Membership.id).order_by(Membership.id))

    def shut_out(membership_id):
        return lambda session: members.set_active(
            session, members.find(session, membership_id), active=False, actor=SYSTEM
        )

    assert isinstance(overtaken(any_app, shut_out(one), shut_out(other)), Conflict)
    assert list(db.session().scalars(select(Membership.active).order_by(Membership.id))) == [False, True]
