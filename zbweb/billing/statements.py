"""A customer's statement of account: every charge and payment of a period, with the balance after each."""

import datetime
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books
from zbweb.billing.models import Customer, Payment, Refund, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind

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
class Statement:
    """A period's events in the customer's currency, between two balances."""

    opening: Decimal
    rows: tuple[StatementRow, ...]
    closing: Decimal
    currency: str


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
    return Statement(opening, tuple(rows), balance, currency)


def _events(session: Session, customer_id: int, end: datetime.date) -> list[StatementRow]:
    invoices = session.scalars(
        select(Transaction)
        .where(
            Transaction.customer_id == customer_id,
            Transaction.kind == Kind.INVOICE,
            Transaction.status == Status.SENT,
            Transaction.date <= end,
        )
        .order_by(Transaction.id)
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
