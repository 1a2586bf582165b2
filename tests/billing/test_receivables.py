"""Balances, ageing, statements and metrics."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_line, pay
from zbweb.billing import books, moves, payments, receivables
from zbweb.billing.payment_drafts import RefundDraft
from zbweb.billing.statements import Later, statement
from zbweb.billing.status import Status
from zbweb.db import unit_of_work

AS_OF = date(2026, 5, 31)


@pytest.mark.parametrize(
    ("days_late", "column"),
    [(-1, 0), (0, 0), (1, 1), (15, 1), (16, 2), (30, 2), (31, 3), (45, 3), (46, 4), (400, 4)],
)
def test_a_balance_ages_from_the_day_after_it_is_due(days_late, column):
    assert receivables.bucket(AS_OF - timedelta(days=days_late), AS_OF) == column


@pytest.mark.parametrize("days_late", [0, 1, 15, 16, 45, 46])
def test_the_database_ages_as_the_table_does(session, asha, days_late):
    with unit_of_work() as session:
        today = books.today(session)
        day = today - timedelta(days=days_late)
        make_invoice(session, make_customer(session), date=day, due_date=day)
        totals = receivables.ageing_totals(session, today=today)
        row = receivables.ageing(session, as_of=today)[0]
    assert totals == row.cells
    assert [bool(cell) for cell in totals].index(True) == receivables.bucket(day, day + timedelta(days=days_late))


def test_figures_are_in_the_base_currency_and_balances_in_the_customers(asha):
    with unit_of_work() as session:
        customer = make_customer(session, currency="EUR")
        day = books.today(session) - timedelta(days=3)
        invoice = make_invoice(session, customer, date=day, due_date=day, exchange_rate=Decimal("1.1"))
        make_invoice(session, customer, exchange_rate=Decimal("1.2"))
        make_invoice(session, customer, is_draft=True)
        pay(session, customer, "40", invoices={invoice: "30"}, exchange_rate=Decimal("1.1"))
        metrics = receivables.metrics(session, customer.id)
        balance = receivables.balance(session, customer.id)
        assert (metrics.outstanding, metrics.overdue, metrics.credit) == (197, 77, 11)
        assert (metrics.total_sales, metrics.last_invoice_date) == (230, books.today(session))
        assert (balance.outstanding, balance.overdue, balance.credit, balance.currency) == (170, 70, 10, "EUR")


def test_void_invoices_and_strangers_count_for_nothing(asha):
    with unit_of_work() as session:
        customer, other = make_customer(session), make_customer(session, display_name="Other")
        moves.move(session, make_invoice(session, customer), Status.VOID, asha.actor)
        make_invoice(session, other)
        metrics = receivables.metrics(session, customer.id)
    assert (metrics.outstanding, metrics.total_sales, metrics.last_invoice_date) == (0, 0, None)


def test_ageing_of_a_past_day_forgets_what_came_after(asha):
    with unit_of_work() as session:
        customer = make_customer(session)
        old = make_invoice(session, customer, date=date(2026, 5, 1), due_date=date(2026, 5, 11))
        make_invoice(session, customer, date=date(2026, 6, 1), due_date=date(2026, 6, 11))
        pay(session, customer, "10", invoices={old: "10"}, on=date(2026, 5, 20))
        pay(session, customer, "90", invoices={old: "90"}, on=date(2026, 6, 2))
        early = pay(session, customer, "5", on=date(2026, 5, 30))
        payments.refund(session, early, RefundDraft(Decimal(5), date(2026, 6, 5)), actor=asha.actor)
        (row,) = receivables.ageing(session, as_of=AS_OF)
    assert row.cells == (0, 0, Decimal(90), 0, 0)
    assert row.credit == 5


def test_a_statement_opens_with_the_past_and_balances_after_each_event(asha):
    with unit_of_work() as session:
        customer = make_customer(session)
        make_invoice(session, customer, date=date(2026, 4, 1), lines=[make_line(rate="70")])
        may = make_invoice(session, customer, date=date(2026, 5, 2))
        payment = pay(session, customer, "200", invoices={may: "100"}, on=date(2026, 5, 2))
        payments.refund(session, payment, RefundDraft(Decimal(30), date(2026, 5, 9)), actor=asha.actor)
        make_invoice(session, customer, date=date(2026, 6, 1))
        found = statement(session, customer.id, start=date(2026, 5, 1), end=AS_OF)
    assert (found.opening, found.closing, found.currency) == (70, 0, "USD")
    assert [(row.what, row.charge, row.payment, row.balance) for row in found.rows] == [
        ("Invoice", 100, 0, 170),
        ("Payment", 0, 200, -30),
        ("Refund", 30, 0, 0),
    ]


def test_a_statement_tells_what_is_dated_after_its_end_and_so_agrees_with_the_balance_of_today(asha):
    with unit_of_work() as session:
        acme, today = make_customer(session), books.today(session)
        make_invoice(session, acme, date=today, lines=[make_line(rate="70")])
        make_invoice(session, acme, date=today + timedelta(days=40), lines=[make_line(rate="30")])
        make_invoice(session, acme, date=today + timedelta(days=50), is_draft=True)
        payment = pay(session, acme, "20")
        payments.refund(session, payment, RefundDraft(Decimal(5), today), actor=asha.actor)

        def told(end):
            return statement(session, acme.id, start=end, end=end)

        balance = receivables.balance(session, acme.id)
        now, before = told(today), told(today - timedelta(days=1))
        assert (now.closing, now.later) == (55, Later(Decimal(30), Decimal(0), Decimal(0)))
        assert (before.closing, before.later) == (0, Later(Decimal(100), Decimal(20), Decimal(5)))
        assert now.outstanding == before.outstanding == balance.outstanding - balance.credit == 85
        assert told(today + timedelta(days=40)).later is None
        (row,) = receivables.ageing(session, as_of=today)
        assert (row.total, row.credit) == (balance.outstanding, balance.credit)


def test_ageing_of_a_past_day_counts_as_credit_what_went_to_later_invoices(asha):
    with unit_of_work() as session:
        acme = make_customer(session)
        early = pay(session, acme, "70", on=date(2026, 10, 1))
        later = make_invoice(session, acme, date=date(2026, 11, 20), lines=[make_line(rate="70")])
        payments.allocate(session, early, {later.id: Decimal(70)}, actor=asha.actor)
        (row,) = receivables.ageing(session, as_of=date(2026, 10, 15))
        told = statement(session, acme.id, start=date(2026, 10, 1), end=date(2026, 10, 15))
    assert (row.credit, row.total, told.closing) == (Decimal(70), 0, Decimal(-70))
