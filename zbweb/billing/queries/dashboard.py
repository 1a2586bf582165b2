"""The figures of the first page, in the base currency, each from an index that covers it."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zbweb.billing import books, receivables
from zbweb.billing.models import Transaction
from zbweb.billing.status import Shown, Status
from zbweb.billing.terms import add_months
from zbweb.billing.words import Kind

ZERO = Decimal(0)
_MONTHS = 12
_PIPELINE = (Status.DRAFT, Status.SENT, Status.ACCEPTED)


@dataclass(frozen=True, slots=True)
class MonthSales:
    """Invoices sent in a month that are not void; `month` is its first day."""

    month: datetime.date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Stage:
    """Quotes of one status that may still become money."""

    shown: Shown
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`ageing` in the order of receivables.BUCKETS; it sums to `outstanding`, its later cells to `overdue`."""

    ageing: tuple[Decimal, ...]
    credit: Decimal
    sales_by_month: tuple[MonthSales, ...]
    pipeline: tuple[Stage, ...]
    currency: str

    @property
    def outstanding(self) -> Decimal:
        """All that is owed."""
        return sum(self.ageing, ZERO)

    @property
    def overdue(self) -> Decimal:
        """What is owed past its due date."""
        return sum(self.ageing[1:], ZERO)


def dashboard(session: Session, *, today: datetime.date) -> Dashboard:
    """The figures as of now."""
    return Dashboard(
        ageing=receivables.ageing_totals(session),
        credit=sum(receivables.credits_by_customer(session).values(), ZERO),
        sales_by_month=_sales_by_month(session, today),
        pipeline=_pipeline(session),
        currency=books.own(session).base_currency,
    )


def _sales_by_month(session: Session, today: datetime.date) -> tuple[MonthSales, ...]:
    """The last twelve months, this one included; summed by day in the database, whose months differ in their SQL."""
    first = add_months(today.replace(day=1), 1 - _MONTHS)
    statement = (
        select(Transaction.date, func.sum(Transaction.base_total))
        .where(Transaction.kind == Kind.INVOICE, Transaction.status == Status.SENT, Transaction.date >= first)
        .group_by(Transaction.date)
    )
    sums = {add_months(first, months): ZERO for months in range(_MONTHS)}
    for day, amount in session.execute(statement):
        month = day.replace(day=1)
        if month in sums:
            sums[month] += amount
    return tuple(MonthSales(month, amount) for month, amount in sums.items())


def _pipeline(session: Session) -> tuple[Stage, ...]:
    statement = (
        select(Transaction.status, func.count(), func.sum(Transaction.base_total))
        .where(Transaction.kind == Kind.QUOTE, Transaction.status.in_(_PIPELINE))
        .group_by(Transaction.status)
    )
    found = {row_status: (count, amount) for row_status, count, amount in session.execute(statement)}
    return tuple(Stage(Shown(each.value), *found.get(each.value, (0, ZERO))) for each in _PIPELINE)
