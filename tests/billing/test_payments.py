"""Money in, allocated, kept as credit, given back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_line, pay
from zbweb.billing import balances, books, journal, payments, receivables
from zbweb.billing.models import Allocation, OutboxRow, Payment
from zbweb.billing.payment_drafts import PaymentDraft, RefundDraft
from zbweb.db import unit_of_work
from zbweb.errors import Conflict, Invalid


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd")


def test_a_payment_settles_invoices_and_the_rest_is_credit(session, asha, acme):
    with unit_of_work() as session:
        first, second = make_invoice(session, acme), make_invoice(session, acme)
        payment = pay(session, acme, "150", invoices={first: "100", second: "20"}, actor=asha.actor)
    session.expire_all()
    assert (payment.number, payment.unused) == ("PMT-000001", 30)
    assert (first.paid, first.balance, second.paid, second.balance) == (100, 0, 20, 80)
    assert payments.open_invoices(session, acme.id) == [second]


def test_a_payment_tells_the_journal_of_each_invoice_and_so_the_crm(session, asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
    with unit_of_work() as session:
        session.query(OutboxRow).delete()
        pay(session, acme, "100", invoices={invoice: "100"}, actor=asha.actor)
    entry = journal.history(session, "transaction", invoice.id)[0]
    assert (entry.action, entry.changes) == ("payment_applied", {"paid": ["0", "100"], "payment": [None, "PMT-000001"]})
    assert session.scalars(select(OutboxRow.entity_id).where(OutboxRow.entity == "transaction")).all() == [invoice.id]


@pytest.mark.parametrize(
    ("amount", "parts", "field"),
    [
        ("0", {}, "amount"),
        ("-5", {}, "amount"),
        ("50", {"first": "50.01"}, "allocations"),
        ("500", {"first": "100.01"}, "allocations-{first}"),
        ("500", {"first": "-1"}, "allocations-{first}"),
        ("50.005", {}, "amount"),
        ("50", {"first": "10.001"}, "allocations-{first}"),
    ],
)
def test_impossible_amounts_are_refused(session, asha, acme, amount, parts, field):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
    with pytest.raises(Invalid) as refused, unit_of_work() as session:
        pay(session, acme, amount, invoices={invoice: parts["first"]} if parts else {})
    assert list(refused.value.fields) == [field.format(first=invoice.id)]
    assert session.scalar(select(func.count(Payment.id))) == 0


def test_a_rate_at_which_a_payment_is_worth_nothing_is_refused_at_its_field(asha):
    with unit_of_work() as session:
        kyoto = make_customer(session, display_name="Kyoto KK", currency="JPY")
        with pytest.raises(Invalid, match=r"At this rate 50 JPY would be 0\.00 USD") as refused:
            pay(session, kyoto, "50", exchange_rate=Decimal("0.00004"))
    assert list(refused.value.fields) == ["exchange_rate"]


def test_a_payment_of_tomorrow_or_of_an_unknown_kind_is_refused(asha, acme):
    with unit_of_work() as session:
        with pytest.raises(Invalid, match="today or earlier"):
            pay(session, acme, "5", on=books.today(session) + timedelta(days=1))
        with pytest.raises(Invalid, match="year in full"):
            pay(session, acme, "5", on=date(26, 11, 23))
        with pytest.raises(Invalid, match="came in"):
            pay(session, acme, "5", mode="barter")


def test_drafts_and_other_peoples_invoices_are_not_paid(asha, acme):
    with unit_of_work() as session:
        draft = make_invoice(session, acme, is_draft=True)
        theirs = make_invoice(session, make_customer(session, display_name="Other"))
        for invoice in (draft, theirs):
            with pytest.raises(Conflict):
                pay(session, acme, "5", invoices={invoice: "5"})


def test_the_same_form_sent_twice_records_one_payment(session, asha, acme):
    with unit_of_work() as session:
        first = pay(session, acme, "5", request_key="k1")
    with unit_of_work() as session:
        assert pay(session, acme, "5", request_key="k1").id == first.id
    assert session.scalar(select(func.count(Payment.id))) == 1


def test_credit_is_applied_oldest_first(session, asha, acme):
    with unit_of_work() as session:
        today = books.today(session)
        newer = pay(session, acme, "70", on=today)
        older = pay(session, acme, "50", on=today - timedelta(days=9))
        invoice = make_invoice(session, acme)
        assert payments.apply_credit(session, invoice, actor=asha.actor) == 100
    session.expire_all()
    assert (older.unused, newer.unused, invoice.balance) == (0, 20, 0)


def test_credit_is_applied_no_further_than_it_reaches(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        with pytest.raises(Conflict, match="no credit"):
            payments.apply_credit(session, invoice, actor=asha.actor)
        pay(session, acme, "30")
        with pytest.raises(Invalid, match="At most 30"):
            payments.apply_credit(session, invoice, actor=asha.actor, amount=Decimal(31))
        assert payments.apply_credit(session, invoice, actor=asha.actor, amount=Decimal(10)) == 10
        assert payments.apply_credit(session, invoice, actor=asha.actor) == 20
        assert invoice.paid == 30


def test_an_allocation_taken_back_becomes_credit(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        payment = pay(session, acme, "100", invoices={invoice: "60"})
        payments.unallocate(session, payment, invoice.id, actor=asha.actor)
        assert (payment.unused, invoice.paid, invoice.base_balance) == (100, 0, 100)
        with pytest.raises(Conflict):
            payments.unallocate(session, payment, invoice.id, actor=asha.actor)


def test_a_refund_comes_out_of_what_is_unused(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        payment = pay(session, acme, "100", invoices={invoice: "60"})
        today = books.today(session)
        with pytest.raises(Invalid, match="40"):
            payments.refund(session, payment, RefundDraft(Decimal("40.01"), today), actor=asha.actor)
        for day in (today + timedelta(days=1), payment.date - timedelta(days=1)):
            with pytest.raises(Invalid, match="and today"):
                payments.refund(session, payment, RefundDraft(Decimal(25), day), actor=asha.actor)
        payments.refund(session, payment, RefundDraft(Decimal(25), today), actor=asha.actor)
        assert payment.unused == 15
        with pytest.raises(Conflict, match="refunded"):
            payments.delete(session, payment, actor=asha.actor)


def test_deleting_a_payment_leaves_exact_balances(session, asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        gone = pay(session, acme, "60", invoices={invoice: "60"})
        pay(session, acme, "10", invoices={invoice: "10"})
        payments.delete(session, gone, actor=asha.actor)
    session.expire_all()
    assert (invoice.paid, invoice.balance) == (10, 90)
    assert receivables.balance(session, acme.id).credit == 0


def test_an_edited_payment_covers_at_least_what_it_settles(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        payment = pay(session, acme, "100", invoices={invoice: "60"})
        draft = PaymentDraft(acme.id, payment.date, Decimal("59.99"), reference="wire")
        with pytest.raises(Invalid, match="60"):
            payments.edit(session, payment, draft, version=payment.version, actor=asha.actor)
        draft = PaymentDraft(acme.id, payment.date, Decimal(80), reference="wire")
        payments.edit(session, payment, draft, version=payment.version, actor=asha.actor)
        assert (payment.amount, payment.unused, payment.reference) == (80, 20, "wire")


steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 12000)), max_size=14)


@given(steps)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_the_books_agree_with_the_allocations(asha, acme, steps):
    """Random payments, allocations, refunds and deletions, refused or not: the stored sums equal the allocations'."""
    with unit_of_work() as session:
        invoices = [make_invoice(session, acme, lines=[make_line(rate=rate)]) for rate in ("40", "75.5", "0.01")]
        for what, which, cents in steps:
            try:
                _step(session, acme, asha.actor, what, invoices[which], Decimal(cents).scaleb(-2))
            except (Conflict, Invalid):
                continue
        session.flush()
        session.expire_all()
        for invoice in invoices:
            of = session.scalar(select(func.sum(Allocation.amount)).where(Allocation.transaction_id == invoice.id))
            assert 0 <= invoice.paid <= invoice.total
            assert invoice.paid == (of or 0)
            assert invoice.base_balance == invoice.balance
        for payment in session.scalars(select(Payment)):
            used = balances.allocated(session, payment) + balances.refunded(session, payment)
            assert payment.unused == payment.amount - used >= 0
        owed = sum(invoice.balance for invoice in invoices)
        assert receivables.balance(session, acme.id).outstanding >= owed


def _step(session, acme, actor, what, invoice, amount):
    unused = payments.unused_payments(session, acme.id)
    if what == 0 or not unused:
        pay(session, acme, amount)
    elif what == 1:
        payments.allocate(session, unused[0], {invoice.id: amount}, actor=actor)
    elif what == 2:
        payments.refund(session, unused[-1], RefundDraft(amount, books.today(session)), actor=actor)
    else:
        payments.delete(session, unused[0], actor=actor)
