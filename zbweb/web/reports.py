"""Reports: who owes how much and since when, and a customer's statement of account."""

import datetime
from collections.abc import Iterator
from decimal import Decimal

from babel.lists import format_list
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import books, customers, payments, receivables
from zbweb.billing import statements as accounts
from zbweb.billing.receivables import BUCKETS, AgeingRow
from zbweb.billing.statements import Statement
from zbweb.billing.terms import add_months
from zbweb.billing.words import LOCALE
from zbweb.db import db
from zbweb.web import access, htmx, spreadsheet
from zbweb.web.filters import day, money

bp = Blueprint("reports", __name__)

ZERO = Decimal(0)
_STATEMENT_MONTHS = 3
_FIRST_YEAR = 1900


@bp.get("/reports/receivables", endpoint="receivables")
@access.allow()
def ageing() -> ResponseReturnValue:
    """Ageing by customer as of a day."""
    session = db.session()
    as_of, today = _day("as_of", session), books.today(session)
    rows = receivables.ageing(session, as_of=as_of)
    return htmx.page(
        "reports/receivables.html", rows=rows, buckets=BUCKETS, as_of=as_of, is_today=as_of >= today,
        totals=[sum((row.cells[at] for row in rows), ZERO) for at in range(len(BUCKETS))],
        total=sum((row.total for row in rows), ZERO), credit=sum((row.credit for row in rows), ZERO),
        currency=books.own(session).base_currency,
    )  # fmt: skip


@bp.get("/reports/receivables.csv")
@access.allow()
def receivables_csv() -> Response:
    """The same for a spreadsheet."""
    session = db.session()
    as_of = _day("as_of", session)
    lines = _ageing_lines(receivables.ageing(session, as_of=as_of), books.own(session).base_currency)
    return spreadsheet.attachment(f"receivables-{as_of}", lines)


@bp.get("/reports/receivables/<int:customer_id>")
@access.allow()
def open_invoices(customer_id: int) -> ResponseReturnValue:
    """What stands behind a cell: the customer's open invoices, all or those of one column, as of today or later."""
    session = db.session()
    customer, today = customers.find(session, customer_id), max(_day("as_of", session), books.today(session))
    column = request.args.get("column", type=int)
    aged = [
        (invoice, receivables.bucket(invoice.due_date or invoice.date, today))
        for invoice in payments.open_invoices(session, customer_id)
    ]
    return htmx.page(
        "reports/open_invoices.html", customer=customer, buckets=BUCKETS, column=column, today=today,
        rows=[(invoice, at) for invoice, at in aged if column is None or at == column],
    )  # fmt: skip


@bp.get("/customers/<int:customer_id>/statement")
@access.allow()
def statement(customer_id: int) -> ResponseReturnValue:
    """Every charge and payment of a period with the balance after each; made to be printed."""
    session = db.session()
    customer, (start, end) = customers.find(session, customer_id), _period(session)
    told = accounts.statement(session, customer_id, start=start, end=end)
    return htmx.page(
        "reports/statement.html",
        customer=customer,
        statement=told,
        start=start,
        end=end,
        later=_later_in_words(told, end),
    )


@bp.get("/customers/<int:customer_id>/statement.csv")
@access.allow()
def statement_csv(customer_id: int) -> Response:
    """The statement for a spreadsheet."""
    session = db.session()
    customers.find(session, customer_id)
    start, end = _period(session)
    told = accounts.statement(session, customer_id, start=start, end=end)
    return spreadsheet.attachment(f"statement-{customer_id}-{end}", _statement_lines(told))


def _day(name: str, session: Session) -> datetime.date:
    """A day of the URL; today where there is none or nonsense."""
    day = request.args.get(name, type=datetime.date.fromisoformat)
    return day if day and day.year >= _FIRST_YEAR else books.today(session)


def _period(session: Session) -> tuple[datetime.date, datetime.date]:
    end = _day("to", session)
    asked = request.args.get("from", type=datetime.date.fromisoformat)
    start = asked or add_months(end.replace(day=1), 1 - _STATEMENT_MONTHS)
    return min(start, end), end


def _later_in_words(told: Statement, end: datetime.date) -> str:
    """What is dated after the statement's end and what is owed with it, as two sentences; empty where nothing is."""
    if told.later is None:
        return ""
    later = {"invoices": told.later.invoices, "payments": told.later.payments, "refunds": told.later.refunds}
    parts = [f"{what} of {money(amount, told.currency)}" for what, amount in later.items() if amount]
    amount = money(abs(told.outstanding), told.currency)
    in_all = f"{amount} is outstanding" if told.outstanding > 0 else f"there is a credit of {amount}"
    in_all = in_all if told.outstanding else "nothing is outstanding"
    return f"Dated after {day(end)}: {format_list(parts, locale=LOCALE)}. In all, {in_all}."


def _ageing_lines(rows: list[AgeingRow], currency: str) -> Iterator[list[str]]:
    yield ["Customer", *BUCKETS, "Total", "Credit", "Currency"]
    for row in rows:
        yield [row.customer_name, *map(str, row.cells), str(row.total), str(row.credit), currency]


def _statement_lines(told: Statement) -> Iterator[list[str]]:
    yield ["Date", "What", "Number", "Charge", "Payment", "Balance", "Currency"]
    yield ["", "Opening balance", "", "", "", str(told.opening), told.currency]
    for row in told.rows:
        figures = [str(row.charge), str(row.payment), str(row.balance)]
        yield [row.date.isoformat(), row.what, row.number, *figures, told.currency]
    yield ["", "Closing balance", "", "", "", str(told.closing), told.currency]
    if told.later:
        yield ["", "Invoices dated later", "", str(told.later.invoices), "", "", told.currency]
        yield ["", "Payments dated later", "", "", str(told.later.payments), "", told.currency]
        yield ["", "Refunds dated later", "", str(told.later.refunds), "", "", told.currency]
        yield ["", "Outstanding in all", "", "", "", str(told.outstanding), told.currency]
