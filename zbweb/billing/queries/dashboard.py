"""The figures of the first page, in the base currency, each from an index that covers it.

They sum every open invoice and a year of sales, so they are kept until something changes. Whatever changes is in the
journal, so its newest entry says whether anything did. An older entry of a slower unit of work may be committed after
it; what such a one changed is seen after KEPT at the latest.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.orm import Session

from zbweb.billing import books, receivables
from zbweb.billing.models import JournalEntry, Transaction
from zbweb.billing.status import Shown, Status
from zbweb.billing.terms import add_months
from zbweb.billing.words import Kind
from zbweb.clock import now
from zbweb.db import organisation_of

ZERO = Decimal(0)
KEPT = datetime.timedelta(minutes=1)
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


@dataclass(frozen=True, slots=True)
class _Kept:
    """Figures as of the journal's entry `newest`, of a day."""

    newest: int
    today: datetime.date
    until: datetime.datetime
    figures: Dashboard


_kept: WeakKeyDictionary[Engine | Connection, dict[int, _Kept]] = WeakKeyDictionary()


def dashboard(session: Session, *, today: datetime.date) -> Dashboard:
    """The figures as of now."""
    newest = session.scalar(select(func.max(JournalEntry.id))) or 0  # before the figures, lest they look newer
    of_organisations = _kept.setdefault(session.get_bind(), {})
    kept = of_organisations.get(organisation_of(session))
    if kept is None or (kept.newest, kept.today) != (newest, today) or now() >= kept.until:
        kept = _Kept(newest, today, now() + KEPT, _summed(session, today))
        of_organisations[organisation_of(session)] = kept
    return kept.figures


def _summed(session: Session, today: datetime.date) -> Dashboard:
    return Dashboard(
        ageing=receivables.ageing_totals(session, today=today),
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
