"""The demo's books are believable and obey the rules."""

import pytest
from sqlalchemy import func, select

from tests.product import DATABASE
from zbweb.billing import books, receivables
from zbweb.billing.models import Organisation, Payment, Transaction
from zbweb.billing.queries import dashboard, transactions
from zbweb.billing.words import Kind
from zbweb.db import db, work_for
from zbweb.demo.organisations import STUDIO, TRADING


@pytest.fixture
def first_database(demo_data):
    return demo_data / DATABASE


@pytest.fixture
def organisations(app):
    return {each.name: each for each in db.session().scalars(select(Organisation))}


@pytest.mark.parametrize("name", [TRADING, STUDIO])
def test_every_fate_of_a_document_is_in_the_demo(organisations, name):
    session = db.session()
    work_for(session, organisations[name].id)
    today = books.today(session)
    kinds = set(session.scalars(select(Transaction.kind).distinct()))
    assert kinds == set(Kind)
    if name == TRADING:
        for kind in (Kind.QUOTE, Kind.INVOICE):
            assert all(chip.count for chip in transactions.chips(session, kind, today=today) if chip.key != "invoiced")
    assert session.scalar(select(func.max(Transaction.date))) <= today
    assert session.scalar(select(func.max(Payment.date))) <= today


def test_the_demos_figures_agree_with_each_other(organisations):
    session = db.session()
    work_for(session, organisations[TRADING].id)
    today = books.today(session)
    figures = dashboard.dashboard(session, today=today)
    rows = receivables.ageing(session, as_of=today)
    assert figures.outstanding == sum(row.total for row in rows) > figures.overdue > 0
    assert sum(each.amount > 0 for each in figures.sales_by_month) >= 6


def test_numbers_of_the_demo_have_no_gap_and_follow_the_dates(organisations):
    session = db.session()
    work_for(session, organisations[TRADING].id)
    rows = session.execute(
        select(Transaction.number, Transaction.date)
        .where(Transaction.kind == Kind.INVOICE, Transaction.number.is_not(None))
        .order_by(Transaction.number)
    ).all()
    assert [row.number for row in rows] == [f"INV-{n:06d}" for n in range(1, len(rows) + 1)]
    assert [row.date for row in rows] == sorted(row.date for row in rows)
