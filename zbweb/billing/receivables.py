"""What customers owe: balances, statements, ageing, and the four metrics the CRM is told.

One rule for all: an invoice counts while it is sent and not paid; credit is what payments have left, and is
shown apart. Sums over customers are in the base currency, each document converted once at its own rate.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from zbweb.billing import books
from zbweb.billing.models import Allocation, Customer, Payment, Refund, Transaction
from zbweb.billing.money import to_base
from zbweb.billing.status import Status
from zbweb.billing.words import Kind

ZERO = Decimal(0)
BUCKETS = ("Current", "1-15 days", "16-30 days", "31-45 days", "Over 45 days")
"""The columns of ageing: days past the due date."""
_LAST_DAYS = (0, 15, 30, 45)


@dataclass(frozen=True, slots=True)
class Metrics:
    """A customer's figures in the base currency; `total_sales` counts invoices sent and not void."""

    outstanding: Decimal
    overdue: Decimal
    total_sales: Decimal
    last_invoice_date: datetime.date | None
    credit: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Balance:
    """A customer's figures in the currency they are billed in."""

    outstanding: Decimal
    overdue: Decimal
    credit: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class AgeingRow:
    """What a customer owes by age, in the base currency; `cells` in the order of BUCKETS."""

    customer_id: int
    customer_name: str
    cells: tuple[Decimal, ...]
    credit: Decimal

    @property
    def total(self) -> Decimal:
        """All that is owed; credit is not taken off."""
        return sum(self.cells, ZERO)


@dataclass(frozen=True, slots=True)
class _Open:
    """An open balance as of a day."""

    customer_id: int
    due_date: datetime.date
    amount: Decimal


def bucket(due_date: datetime.date, as_of: datetime.date) -> int:
    """Which of BUCKETS a document due on `due_date` belongs to."""
    days = (as_of - due_date).days
    return sum(days > last for last in _LAST_DAYS)


def metrics(session: Session, customer_id: int) -> Metrics:
    """The customer's metrics as of now; what the dashboard sums and what the CRM is told."""
    today = books.today(session)
    is_open = Transaction.paid < Transaction.total
    statement = select(
        func.sum(case((is_open, Transaction.base_balance))),
        func.sum(case((and_(is_open, Transaction.due_date < today), Transaction.base_balance))),
        func.sum(Transaction.base_total),
        func.max(Transaction.date),
    ).where(*_sent_invoices(), Transaction.customer_id == customer_id)
    outstanding, overdue, sales, last = session.execute(statement).one()
    return Metrics(
        outstanding=outstanding or ZERO,
        overdue=overdue or ZERO,
        total_sales=sales or ZERO,
        last_invoice_date=last,
        credit=credits_by_customer(session, customer_id=customer_id).get(customer_id, ZERO),
        currency=books.own(session).base_currency,
    )


def balance(session: Session, customer_id: int) -> Balance:
    """What the customer owes and has left, in their currency."""
    left = Transaction.total - Transaction.paid
    statement = select(func.sum(left), func.sum(case((Transaction.due_date < books.today(session), left)))).where(
        *_sent_invoices(), Transaction.paid < Transaction.total, Transaction.customer_id == customer_id
    )
    outstanding, overdue = session.execute(statement).one()
    credit = session.scalar(select(func.sum(Payment.unused)).where(Payment.customer_id == customer_id))
    customer = session.get_one(Customer, customer_id)
    return Balance(outstanding or ZERO, overdue or ZERO, credit or ZERO, books.currency_of(session, customer))


def credits_by_customer(session: Session, *, customer_id: int | None = None) -> dict[int, Decimal]:
    """Unused payments by customer, in the base currency."""
    base = books.own(session).base_currency
    statement = select(Payment.customer_id, Payment.unused, Payment.exchange_rate).where(Payment.unused > 0)
    if customer_id is not None:
        statement = statement.where(Payment.customer_id == customer_id)
    found: dict[int, Decimal] = {}
    for owner_id, unused, rate in session.execute(statement):
        found[owner_id] = found.get(owner_id, ZERO) + to_base(unused, rate, base)
    return found


def ageing(session: Session, *, as_of: datetime.date) -> list[AgeingRow]:
    """Who owes how much by age, by name; documents and payments dated after a past `as_of` are left out."""
    cells: dict[int, list[Decimal]] = {}
    for each in _open_balances(session, as_of):
        row = cells.setdefault(each.customer_id, [ZERO] * len(BUCKETS))
        row[bucket(each.due_date, as_of)] += each.amount
    credit = _credits_as_of(session, as_of)
    ids = cells.keys() | credit.keys()
    names = _names(session, ids)
    rows = [
        AgeingRow(each, names[each], tuple(cells.get(each, [ZERO] * len(BUCKETS))), credit.get(each, ZERO))
        for each in ids
    ]
    return sorted(rows, key=lambda row: (row.customer_name.casefold(), row.customer_id))


def ageing_totals(session: Session) -> tuple[Decimal, ...]:
    """The bottom row of today's ageing, summed by the database."""
    today = books.today(session)
    edges = [today - datetime.timedelta(days=last) for last in _LAST_DAYS]
    which = case(*((Transaction.due_date >= edge, index) for index, edge in enumerate(edges)), else_=len(edges))
    statement = (
        select(which, func.sum(Transaction.base_balance))
        .where(*_sent_invoices(), Transaction.paid < Transaction.total)
        .group_by(which)
    )
    sums: dict[int, Decimal] = dict(session.execute(statement).all())
    return tuple(sums.get(index) or ZERO for index in range(len(BUCKETS)))


def _sent_invoices() -> tuple[ColumnElement[bool], ...]:
    return Transaction.kind == Kind.INVOICE, Transaction.status == Status.SENT


def _open_balances(session: Session, as_of: datetime.date) -> Iterable[_Open]:
    columns = (Transaction.customer_id, func.coalesce(Transaction.due_date, Transaction.date))
    if as_of >= books.today(session):
        statement = select(*columns, Transaction.base_balance).where(
            *_sent_invoices(), Transaction.paid < Transaction.total
        )
        return [_Open(*row) for row in session.execute(statement)]
    return _open_balances_then(session, as_of)


def _open_balances_then(session: Session, as_of: datetime.date) -> list[_Open]:
    """Open balances of a past day: what was paid since counts as open, so it is converted anew."""
    base = books.own(session).base_currency
    since = (
        select(Allocation.transaction_id, func.sum(Allocation.amount).label("amount"))
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(Payment.date > as_of)
        .group_by(Allocation.transaction_id)
        .subquery()
    )
    later = func.coalesce(since.c.amount, ZERO)
    statement = (
        select(Transaction, since.c.amount)
        .outerjoin(since, since.c.transaction_id == Transaction.id)
        .where(*_sent_invoices(), Transaction.date <= as_of, Transaction.paid - later < Transaction.total)
    )
    return [
        _Open(
            invoice.customer_id,
            invoice.due_date or invoice.date,
            to_base(invoice.balance + (paid_since or ZERO), invoice.exchange_rate, base),
        )
        for invoice, paid_since in session.execute(statement)
    ]


def _credits_as_of(session: Session, as_of: datetime.date) -> dict[int, Decimal]:
    if as_of >= books.today(session):
        return credits_by_customer(session)
    base = books.own(session).base_currency
    refunds = (
        select(func.sum(Refund.amount)).where(Refund.payment_id == Payment.id, Refund.date > as_of).scalar_subquery()
    )
    statement = select(Payment.customer_id, Payment.unused, refunds, Payment.exchange_rate).where(Payment.date <= as_of)
    found: dict[int, Decimal] = {}
    for owner_id, unused, refunded_since, rate in session.execute(statement):
        if left := unused + (refunded_since or ZERO):
            found[owner_id] = found.get(owner_id, ZERO) + to_base(left, rate, base)
    return found


def _names(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Display names by id, asked for in portions, since databases bound the values of a statement."""
    wanted = sorted(ids)
    found: dict[int, str] = {}
    for start in range(0, len(wanted), 500):
        portion = wanted[start : start + 500]
        statement = select(Customer.id, Customer.display_name).where(Customer.id.in_(portion))
        found.update(session.execute(statement).all())
    return found
