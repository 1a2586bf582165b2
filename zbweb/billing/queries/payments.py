"""The list of payments, and one payment with what it settles."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select, or_, select, text
from sqlalchemy.orm import Session, joinedload, selectinload

from zbweb.billing import journal, payments
from zbweb.billing.models import Allocation, Customer, JournalEntry, Payment, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.naming import number_key
from zbweb.billing.queries import customers
from zbweb.billing.queries.paging import Order, Page, Window, fetch, portions

_MATCHES = 1_000
_NEWEST_FIRST = Order(Payment.date, Payment.id, descending=True)


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is asked for; newest first."""

    search: str = ""
    customer_id: int | None = None
    unused_only: bool = False


@dataclass(frozen=True, slots=True)
class PaymentDetail:
    """A payment's page; `open_invoices` are those it could still settle."""

    payment: Payment
    allocations: tuple[Allocation, ...]
    refunded: Decimal
    open_invoices: tuple[Transaction, ...]
    history: tuple[JournalEntry, ...]


def page(session: Session, wanted: Filter, window: Window) -> Page[Payment]:
    """One page of payments with their customers loaded."""
    return fetch(session, _filtered(session, wanted), order=_NEWEST_FIRST, window=window)


def csv_rows(session: Session, wanted: Filter) -> Iterator[list[str]]:
    """The whole list as rows of text, a header first."""
    yield ["Number", "Date", "Customer", "Mode", "Reference", "Currency", "Amount", "Credit Left"]
    for portion in portions(session, _filtered(session, wanted), order=_NEWEST_FIRST):
        for each in portion:
            yield [
                each.number, each.date.isoformat(), each.customer.display_name,
                payments.MODES.get(each.mode, each.mode), each.reference, each.currency,
                f"{round_money(each.amount, each.currency)}", f"{round_money(each.unused, each.currency)}",
            ]  # fmt: skip


def detail(session: Session, payment_id: int) -> PaymentDetail:
    """The payment's page, or NotFound."""
    payment = payments.get(session, payment_id)
    statement = (
        select(Payment)
        .where(Payment.id == payment.id)
        .options(
            joinedload(Payment.customer),
            selectinload(Payment.allocations).joinedload(Allocation.transaction),
            selectinload(Payment.refunds),
        )
        .execution_options(populate_existing=True)
    )
    payment = session.scalars(statement).one()
    is_usable = payment.unused > 0
    return PaymentDetail(
        payment=payment,
        allocations=tuple(payment.allocations),
        refunded=sum((each.amount for each in payment.refunds), Decimal(0)),
        open_invoices=tuple(payments.open_invoices(session, payment.customer_id)) if is_usable else (),
        history=tuple(journal.history(session, payments.ENTITY, payment.id)),
    )


def _filtered(session: Session, wanted: Filter) -> Select[Payment]:
    statement = select(Payment).options(joinedload(Payment.customer, innerjoin=True))
    if wanted.customer_id is not None:
        statement = statement.where(Payment.customer_id == wanted.customer_id)
    if wanted.unused_only:
        statement = statement.where(text("unused > 0"))  # in the words of the partial index
    if typed := wanted.search.strip():
        payers = session.scalars(select(Customer.id).where(customers.contains(typed)).limit(_MATCHES)).all()
        statement = statement.where(
            or_(Payment.number_key == number_key(typed), Payment.reference == typed, Payment.customer_id.in_(payers))
        )
    return statement
