"""Numbers of documents: consecutive, without gaps, and never twice.

The counter's row is locked until the unit of work ends (SQLite's is the only writer anyway), so a number
taken by a unit that rolls back is given to the next. UNIQUE constraints on the documents stand behind it. Numbers that
differ by case alone are one number to people, and so here; whoever takes or types one holds the counter, so no two
units find the same one free.
"""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from zbweb.billing.models import NumberSeries, Payment, Transaction
from zbweb.billing.naming import number_key
from zbweb.billing.words import Kind
from zbweb.db import organisation_of, tolerant_insert
from zbweb.errors import Conflict, Invalid

PAYMENTS = "payments"
LARGEST = 2**31 - 2
"""As far as a series counts; the number after it still fits where the next one is kept."""
PREFIXES = {Kind.QUOTE: "QT-", Kind.SALES_ORDER: "SO-", Kind.INVOICE: "INV-", PAYMENTS: "PMT-"}
"""Every series there is, with the prefix it starts with."""


def take(session: Session, kind: str) -> str:
    """The next number of a series, whose row stays locked until the unit of work ends; Conflict at its end."""
    series = _locked(session, kind)
    while True:
        if series.next_number > LARGEST:
            raise Conflict(
                f"The number series {series.prefix} has counted to {LARGEST}, as far as it goes. "
                "Give it another prefix and a lower next number in Settings > Number Series."
            )
        number = _written(series, series.next_number)
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
    place = _place(series, number)
    if place is not None and place <= LARGEST:
        series.next_number = max(series.next_number, place + 1)


def is_counted(session: Session, kind: str, number: str) -> bool:
    """Whether the series has counted past this number of its own: without its document there would be a gap."""
    series = _locked(session, kind)
    place = _place(series, number)
    if place is None or place >= series.next_number:
        return False
    return number_key(_written(series, place)) == number_key(number)


def is_used(session: Session, kind: str, number: str, *, except_id: int | None = None) -> bool:
    """Whether a document other than `except_id` carries the number, in whatever case."""
    key = number_key(number)
    if kind == PAYMENTS:
        statement = select(exists().where(Payment.number_key == key, Payment.id != (except_id or 0)))
    else:
        statement = select(
            exists().where(Transaction.kind == kind, Transaction.number_key == key, Transaction.id != (except_id or 0))
        )
    return bool(session.scalar(statement))


def _written(series: NumberSeries, place: int) -> str:
    return f"{series.prefix}{place:0{series.padding}d}"


def _place(series: NumberSeries, number: str) -> int | None:
    """Which number of the series this is, leading zeros or not; None if it is none of them."""
    prefix, digits = number[: len(series.prefix)], number[len(series.prefix) :]
    is_of_series = number_key(prefix) == number_key(series.prefix) and digits.isdecimal() and digits.isascii()
    return int(digits) if is_of_series else None


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
