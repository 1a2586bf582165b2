"""What is settled and what is left, always written anew from the allocations, never counted up or down."""

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zbweb.billing import books
from zbweb.billing.models import Allocation, Customer, Payment, Refund, Transaction
from zbweb.billing.money import to_base

ZERO = Decimal(0)


def lock_customer(session: Session, customer_id: int) -> None:
    """Let nobody else move this customer's money until the unit of work ends.

    Everything that allocates takes this lock first, so two of them cannot wait for each other.
    """
    lock_customers(session, [customer_id])


def lock_customers(session: Session, ids: Iterable[int]) -> None:
    """The same for many customers, in the order of their ids: two who want the same ones do not wait in a circle."""
    statement = select(Customer.id).where(Customer.id.in_(set(ids))).order_by(Customer.id)
    session.execute(statement.with_for_update(key_share=True))


def settle_invoice(session: Session, invoice: Transaction) -> None:
    """Write `paid` and `base_balance` from the invoice's allocations and total."""
    session.flush()  # the sum must see allocations made in this unit of work
    invoice.paid = _sum(session, Allocation, Allocation.transaction_id == invoice.id)
    base = books.own(session).base_currency
    if invoice.paid:
        invoice.base_balance = to_base(invoice.balance, invoice.exchange_rate, base)
    else:
        invoice.base_balance = invoice.base_total


def settle_payment(session: Session, payment: Payment) -> None:
    """Write `unused` from the payment's amount, allocations and refunds."""
    session.flush()  # the sums must see what was made in this unit of work
    payment.unused = payment.amount - allocated(session, payment) - refunded(session, payment)


def allocated(session: Session, payment: Payment) -> Decimal:
    """How much of a payment settles invoices."""
    return _sum(session, Allocation, Allocation.payment_id == payment.id)


def refunded(session: Session, payment: Payment) -> Decimal:
    """How much of a payment was given back."""
    return _sum(session, Refund, Refund.payment_id == payment.id)


def _sum(session: Session, model: type[Allocation] | type[Refund], where: object) -> Decimal:
    return session.scalar(select(func.sum(model.amount)).where(where)) or ZERO  # type: ignore[arg-type]
