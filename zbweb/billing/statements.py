"""A customer's statement of account: every charge and payment of a period, with the balance after each.

What is sent is owed, whatever its date, and so counted in every balance as of today (receivables.py). A statement keeps
to its period; what is dated after it is told below the closing balance, so that the two agree.
"""

import datetime
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from zbweb.billing import books
from zbweb.billing.models import Customer, Payment, Refund, Transaction
from zbweb.billing.receivables import sent_invoices

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One event; `balance` is what the customer owes after it (less than zero: their credit)."""

    date: datetime.date
    what: str
    number: str
    charge: Decimal = ZERO
    payment: Decimal = ZERO
    balance: Decimal = ZERO
    transaction_id: int | None = None
    payment_id: int | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Sums of what is dated after a statement's end."""

    invoices: Decimal
    payments: Decimal
    refunds: Decimal

    @property
    def change(self) -> Decimal:
        """What all of it adds to the closing balance."""
        return self.invoices + self.refunds - self.payments


@dataclass(frozen=True, slots=True)
class Statement:
    """A period's events in the customer's currency, between two balances; `later` is none where nothing is dated so."""

    opening: Decimal
    rows: tuple[StatementRow, ...]
    closing: Decimal
    currency: str
    later: Later | None = None

    @property
    def outstanding(self) -> Decimal:
        """The balance with all that is dated later (less than zero: the customer's credit)."""
        return self.closing + (self.later.change if self.later else ZERO)


def statement(session: Session, customer_id: int, *, start: datetime.date, end: datetime.date) -> Statement:
    """The customer's statement from `start` to `end`, both included."""
    events = sorted(_events(session, customer_id, end), key=lambda row: (row.date, row.what != "Invoice"))
    balance, opening, rows = ZERO, ZERO, []
    for event in events:
        balance += event.charge - event.payment
        if event.date < start:
            opening = balance
        else:
            rows.append(replace(event, balance=balance))
    currency = books.currency_of(session, session.get_one(Customer, customer_id))
    return Statement(opening, tuple(rows), balance, currency, _later(session, customer_id, end))


def _later(session: Session, customer_id: int, end: datetime.date) -> Later | None:
    sums = (
        select(func.sum(Transaction.total)).where(*_invoices_of(customer_id), Transaction.date > end),
        select(func.sum(Payment.amount)).where(Payment.customer_id == customer_id, Payment.date > end),
        select(func.sum(Refund.amount)).join(Payment).where(Payment.customer_id == customer_id, Refund.date > end),
    )
    found = [session.scalar(each) or ZERO for each in sums]
    return Later(*found) if any(found) else None


def _invoices_of(customer_id: int) -> tuple[ColumnElement[bool], ...]:
    return *sent_invoices(), Transaction.customer_id == customer_id


def _events(session: Session, customer_id: int, end: datetime.date) -> list[StatementRow]:
    invoices = session.scalars(
        select(Transaction).where(*_invoices_of(customer_id), Transaction.date <= end).order_by(Transaction.id)
    )
    payments = session.scalars(
        select(Payment).where(Payment.customer_id == customer_id, Payment.date <= end).order_by(Payment.id)
    )
    refunds = session.execute(
        select(Refund, Payment.number)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.customer_id == customer_id, Refund.date <= end)
        .order_by(Refund.id)
    )
    return [
        *(
            StatementRow(each.date, "Invoice", each.number or "", charge=each.total, transaction_id=each.id)
            for each in invoices
        ),
        *(
            StatementRow(each.date, "Payment", each.number, payment=each.amount, payment_id=each.id)
            for each in payments
        ),
        *(
            StatementRow(each.date, "Refund", number, charge=each.amount, payment_id=each.payment_id)
            for each, number in refunds
        ),
    ]
