"""The dashboard's figures are kept while nothing changes, and never longer than a minute."""

import pytest
from sqlalchemy import event, update

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, pay
from zbweb.billing import books, moves, payments
from zbweb.billing.models import Transaction
from zbweb.billing.queries import dashboard
from zbweb.billing.status import Status
from zbweb.clock import now
from zbweb.db import db, unit_of_work


@pytest.fixture
def today(asha):
    return books.today(db.session())


@pytest.fixture
def seen(asha, today):
    """What the first page says: owed, credit, sold."""

    def look():
        figures = dashboard.dashboard(db.session(), today=today)
        return figures.outstanding, figures.credit, sum(month.amount for month in figures.sales_by_month)

    return look


def test_the_figures_follow_every_change(asha, seen):
    assert seen() == (0, 0, 0)
    with unit_of_work() as session:
        acme = make_customer(session)
        invoice = make_invoice(session, acme)
    assert seen() == (100, 0, 100)
    with unit_of_work() as session:
        payment = pay(session, acme, "130", invoices={invoice: "60"})
    assert seen() == (40, 70, 100)
    with unit_of_work() as session:
        payments.delete(session, payment, actor=asha.actor)
    assert seen() == (100, 0, 100)
    with unit_of_work() as session:
        moves.move(session, invoice, Status.VOID, asha.actor)
    assert seen() == (0, 0, 0)


def test_figures_that_nothing_changed_are_not_summed_again(asha, seen):
    with unit_of_work() as session:
        make_invoice(session, make_customer(session))
    first, asked = seen(), []
    listen = lambda *details: asked.append(details[2])  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listen)
    assert seen() == first
    event.remove(db.engine, "before_cursor_execute", listen)
    assert [statement for statement in asked if "transactions" in statement] == []


def test_a_change_whose_entry_came_late_into_the_journal_is_seen_after_a_minute(asha, seen, monkeypatch):
    with unit_of_work() as session:
        invoice = make_invoice(session, make_customer(session))
    assert seen() == (100, 0, 100)
    with unit_of_work() as session:  # as seen from here, where its entry is older than the newest
        session.execute(update(Transaction).where(Transaction.id == invoice.id).values(base_total=90, base_balance=90))
    assert seen() == (100, 0, 100)
    monkeypatch.setattr(dashboard, "now", lambda: now() + dashboard.KEPT)
    assert seen() == (90, 0, 90)


def test_a_new_day_has_its_own_figures(asha, today):
    with unit_of_work() as session:
        invoice = make_invoice(session, make_customer(session))
    assert dashboard.dashboard(db.session(), today=today).overdue == 0
    late = invoice.due_date.replace(year=invoice.due_date.year + 1)
    assert dashboard.dashboard(db.session(), today=late).overdue == 100
