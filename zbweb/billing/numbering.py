"""Numbers of documents: consecutive, without gaps, and never twice.

The counter's row is locked until the unit of work ends (SQLite's is the only writer anyway), so a number
taken by a unit that rolls back is given to the next. UNIQUE constraints on the documents stand behind it.
"""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from zbweb.billing.models import NumberSeries, Payment, Transaction
from zbweb.billing.words import Kind
from zbweb.db import organisation_of, tolerant_insert
from zbweb.errors import Invalid

PAYMENTS = "payments"
LARGEST = 2**31 - 1
"""As far as a series counts."""
PREFIXES = {Kind.QUOTE: "QT-", Kind.SALES_ORDER: "SO-", Kind.INVOICE: "INV-", PAYMENTS: "PMT-"}
"""Every series there is, with the prefix it starts with."""


def take(session: Session, kind: str) -> str:
    """The next number of a series, whose row stays locked until the unit of work ends."""
    series = _locked(session, kind)
    while True:
        number = f"{series.prefix}{series.next_number:0{series.padding}d}"
        series.next_number += 1
        if not is_used(session, kind, number):  # a person may have typed it before its turn came
            return number


def reserve(session: Session, kind: str, number: str, *, owner_id: int | None) -> None:
    """Make sure that a typed number is free (or the owner's own); raises Invalid. The counter does not move yet."""
    _locked(session, kind)
    if is_used(session, kind, number, except_id=owner_id):
        raise Invalid(f"The number {number} is taken. Type another or leave it empty.", {"number": "Taken already."})


def settle(session: Session, kind: str, number: str) -> None:
    """Have the counter go on after a typed number that is now in force, if it is one of the series."""
    series = _locked(session, kind)
    digits = number.removeprefix(series.prefix)
    is_counted = number.startswith(series.prefix) and digits.isdecimal() and digits.isascii()
    if is_counted and int(digits) < LARGEST:
        series.next_number = max(series.next_number, int(digits) + 1)


def is_used(session: Session, kind: str, number: str, *, except_id: int | None = None) -> bool:
    """Whether a document other than `except_id` carries the number."""
    if kind == PAYMENTS:
        statement = select(exists().where(Payment.number == number, Payment.id != (except_id or 0)))
    else:
        statement = select(
            exists().where(Transaction.kind == kind, Transaction.number == number, Transaction.id != (except_id or 0))
        )
    return bool(session.scalar(statement))


def _locked(session: Session, kind: str) -> NumberSeries:
    statement = (
        select(NumberSeries)
        .where(NumberSeries.kind == kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    series = session.scalar(statement)
    if series is None:
        _start(session, kind)
        series = session.scalars(statement).one()
    return series


def _start(session: Session, kind: str) -> None:
    """Begin a series; of two who begin it at once, one finds the other's row."""
    row = {"organisation_id": organisation_of(session), "kind": str(kind), "prefix": PREFIXES[kind]}
    statement = tolerant_insert(session, NumberSeries).values(**row, next_number=1, padding=6).on_conflict_do_nothing()
    session.connection().execute(statement)
