"""What customers owe: balances, statements, ageing, and the four metrics the CRM is told.

One rule for all: an invoice counts while it is sent and not paid, also one that is dated later: what is sent is owed.
Credit is what payments have left, and is shown apart. Sums over customers are in the base currency, each document
converted once at its own rate.
"""

import datetime
from dataclasses import dataclass, replace
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
    customer_name: str
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
    ).where(*sent_invoices(), Transaction.customer_id == customer_id)
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
    unused = select(func.sum(Payment.unused)).where(Payment.customer_id == customer_id).scalar_subquery()
    is_overdue = Transaction.due_date < books.today(session)
    statement = select(func.sum(left), func.sum(case((is_overdue, left))), unused).where(
        *sent_invoices(), Transaction.paid < Transaction.total, Transaction.customer_id == customer_id
    )
    outstanding, overdue, left_over = session.execute(statement).one()
    currency = books.currency_of(session, session.get_one(Customer, customer_id))
    return Balance(outstanding or ZERO, overdue or ZERO, left_over or ZERO, currency)


def credit(session: Session, customer_id: int) -> Decimal:
    """What the customer's payments have left, in their currency."""
    return session.scalar(select(func.sum(Payment.unused)).where(Payment.customer_id == customer_id)) or ZERO


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
    """Who owes how much by age, by name. As of a past day, documents and payments dated after it are left out."""
    rows: dict[int, AgeingRow] = {}
    for each in _open_balances(session, as_of):
        row = rows.get(each.customer_id) or _empty(each.customer_id, each.customer_name)
        column = bucket(each.due_date, as_of)
        cells = tuple(cell + each.amount if index == column else cell for index, cell in enumerate(row.cells))
        rows[each.customer_id] = replace(row, cells=cells)
    for customer_id, (name, amount) in _credits_as_of(session, as_of).items():
        rows[customer_id] = replace(rows.get(customer_id) or _empty(customer_id, name), credit=amount)
    return sorted(rows.values(), key=lambda row: (row.customer_name.casefold(), row.customer_id))


def _empty(customer_id: int, name: str) -> AgeingRow:
    return AgeingRow(customer_id, name, (ZERO,) * len(BUCKETS), ZERO)


def ageing_totals(session: Session, *, today: datetime.date) -> tuple[Decimal, ...]:
    """The bottom row of ageing as of today, summed by the database day by day, as its index has them."""
    statement = (
        select(Transaction.due_date, func.sum(Transaction.base_balance))
        .where(*sent_invoices(), Transaction.paid < Transaction.total)
        .group_by(Transaction.due_date)
    )
    totals = [ZERO] * len(BUCKETS)
    for due_date, amount in session.execute(statement):
        if due_date:  # every invoice has one
            totals[bucket(due_date, today)] += amount
    return tuple(totals)


def sent_invoices() -> tuple[ColumnElement[bool], ...]:
    """For `where()` on transactions: what is owed, or was until it was paid."""
    return Transaction.kind == Kind.INVOICE, Transaction.status == Status.SENT


def _open_balances(session: Session, as_of: datetime.date) -> list[_Open]:
    if as_of < books.today(session):
        return _open_balances_then(session, as_of)
    statement = (
        select(
            Transaction.customer_id,
            Customer.display_name,
            func.coalesce(Transaction.due_date, Transaction.date),
            Transaction.base_balance,
        )
        .join(Customer, Customer.id == Transaction.customer_id)
        .where(*sent_invoices(), Transaction.paid < Transaction.total)
    )
    return [_Open(*row) for row in session.execute(statement)]


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
        select(Transaction, Customer.display_name, since.c.amount)
        .join(Customer, Customer.id == Transaction.customer_id)
        .outerjoin(since, since.c.transaction_id == Transaction.id)
        .where(*sent_invoices(), Transaction.date <= as_of, Transaction.paid - later < Transaction.total)
    )
    return [
        _Open(
            invoice.customer_id,
            name,
            invoice.due_date or invoice.date,
            to_base(invoice.balance + (paid_since or ZERO), invoice.exchange_rate, base),
        )
        for invoice, name, paid_since in session.execute(statement)
    ]


def _credits_as_of(session: Session, as_of: datetime.date) -> dict[int, tuple[str, Decimal]]:
    """Name and credit by customer; on a past day, what was refunded, or went to invoices dated, since counts still."""
    base = books.own(session).base_currency
    refunds = (
        select(func.sum(Refund.amount)).where(Refund.payment_id == Payment.id, Refund.date > as_of).scalar_subquery()
    )
    applied = (
        select(func.sum(Allocation.amount))
        .join(Transaction, Transaction.id == Allocation.transaction_id)
        .where(Allocation.payment_id == Payment.id, Transaction.date > as_of)
        .scalar_subquery()
    )
    since = func.coalesce(refunds, ZERO) + func.coalesce(applied, ZERO)
    columns = (Payment.customer_id, Customer.display_name, Payment.unused, Payment.exchange_rate, since)
    statement = select(*columns).join(Customer, Customer.id == Payment.customer_id)
    is_past = as_of < books.today(session)
    statement = statement.where(Payment.date <= as_of if is_past else Payment.unused > 0)
    found: dict[int, tuple[str, Decimal]] = {}
    for customer_id, name, unused, rate, used_since in session.execute(statement):
        if left := unused + (used_since if is_past else ZERO):
            amount = found.get(customer_id, (name, ZERO))[1] + to_base(left, rate, base)
            found[customer_id] = (name, amount)
    return found
