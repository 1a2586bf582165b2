"""How much of a sales order has been invoiced: summed from the invoices' lines each time it is asked."""

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zbweb.billing.models import Line, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import DiscountKind, Kind
from zbweb.errors import Invalid

ZERO = Decimal(0)


def invoiced(session: Session, line_ids: Iterable[int], *, except_id: int | None = None) -> dict[int, Decimal]:
    """Quantity invoiced by order line, drafts included and void invoices not; `except_id` leaves one invoice out."""
    statement = (
        select(Line.source_line_id, func.sum(Line.quantity))
        .join(Transaction, Transaction.id == Line.transaction_id)
        .where(
            Line.source_line_id.in_(list(line_ids)),
            Transaction.kind == Kind.INVOICE,
            Transaction.status != Status.VOID,
            Transaction.id != (except_id or 0),
        )
        .group_by(Line.source_line_id)
    )
    return {line_id: quantity for line_id, quantity in session.execute(statement) if line_id is not None}


def discounted(session: Session, line_ids: Iterable[int]) -> dict[int, Decimal]:
    """Discount given as an amount, by order line, on the lines of live invoices."""
    statement = (
        select(Line.source_line_id, Line.discount_value)
        .join(Transaction, Transaction.id == Line.transaction_id)
        .where(
            Line.source_line_id.in_(list(line_ids)), Line.discount_kind == DiscountKind.AMOUNT,
            Transaction.kind == Kind.INVOICE, Transaction.status != Status.VOID,
        )
    )  # fmt: skip
    found: dict[int, Decimal] = {}
    for line_id, discount in session.execute(statement):
        if line_id is not None:
            found[line_id] = found.get(line_id, ZERO) + discount
    return found


def billed(invoice: Transaction) -> dict[int, Decimal]:
    """Quantity that one invoice bills, by order line."""
    here: dict[int, Decimal] = {}
    for line in invoice.lines:
        if line.source_line_id:
            here[line.source_line_id] = here.get(line.source_line_id, ZERO) + line.quantity
    return here


def remaining(session: Session, order: Transaction) -> dict[int, Decimal]:
    """Quantity still to invoice by the order's line id; never below zero."""
    done = invoiced(session, [line.id for line in order.lines])
    return {line.id: max(line.quantity - done.get(line.id, ZERO), ZERO) for line in order.lines}


def live_invoices(session: Session, source_id: int) -> list[Transaction]:
    """The invoices made from a document, but for void ones, oldest first."""
    statement = (
        select(Transaction)
        .where(Transaction.source_id == source_id, Transaction.kind == Kind.INVOICE, Transaction.status != Status.VOID)
        .order_by(Transaction.id)
    )
    return list(session.scalars(statement))


def made_from(session: Session, source_id: int) -> Transaction | None:
    """A document made from another one that is not void."""
    statement = select(Transaction).where(Transaction.source_id == source_id, Transaction.status != Status.VOID)
    return session.scalars(statement.order_by(Transaction.id)).first()


def ensure_within_order(session: Session, invoice: Transaction) -> None:
    """Raise Invalid if the invoice now bills more of an order's line than was ordered; the caller holds the order."""
    sources = [line.source_line_id for line in invoice.lines if line.source_line_id]
    if not sources:
        return
    wanted = select(Line.id, Line.quantity).where(Line.id.in_(sources))
    ordered = {line_id: quantity for line_id, quantity in session.execute(wanted)}  # noqa: C416  typed rows
    elsewhere = invoiced(session, sources, except_id=invoice.id)
    here: dict[int, Decimal] = {}
    for line in invoice.lines:
        source_id = line.source_line_id
        if source_id not in ordered:
            continue
        here[source_id] = here.get(source_id, ZERO) + line.quantity
        left = ordered[source_id] - elsewhere.get(source_id, ZERO)
        if here[source_id] > left:
            sentence = f"Only {left.normalize():f} of {line.name} is left to invoice on the sales order."
            raise Invalid(sentence, {f"lines-{line.position}-quantity": sentence})


def ensure_covers_invoices(session: Session, order: Transaction) -> None:
    """Raise Invalid if an edited order no longer covers what its invoices bill."""
    done = invoiced(session, [line.id for line in order.lines])
    for line in order.lines:
        if line.quantity < done.get(line.id, ZERO):
            sentence = f"{done[line.id].normalize():f} of {line.name} is invoiced already; the order cannot be less."
            raise Invalid(sentence, {f"lines-{line.position}-quantity": sentence})
