"""Documents read from our books as the sync speaks of them, detached from the session."""

from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from zbweb.billing.models import Line, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.status import Status
from zbweb.billing.words import Kind, TaxMode
from zbweb.sync.core.documents import Paper, PaperLine


def read(session: Session, ids: Collection[int]) -> dict[int, Paper]:
    """Those of the documents that exist, by id."""
    statement = (
        select(Transaction)
        .where(Transaction.id.in_(ids))
        .options(selectinload(Transaction.lines))
        .execution_options(populate_existing=True)
    )
    return {each.id: paper_of(each) for each in session.scalars(statement)}


def paper_of(transaction: Transaction) -> Paper:
    """One document with its lines."""
    return Paper(
        id=transaction.id,
        kind=Kind(transaction.kind),
        customer_id=transaction.customer_id,
        number=transaction.number or "",
        status=Status(transaction.status),
        date=transaction.date,
        total=transaction.total,
        currency=transaction.currency,
        lines=tuple(_line(line, transaction.currency) for line in transaction.lines),
        due_date=transaction.due_date,
        discount=transaction.discount_total,
        tax=transaction.tax_total if transaction.tax_mode == TaxMode.EXCLUSIVE else Decimal(0),
        reference=transaction.reference,
        notes=transaction.notes,
        terms=transaction.terms,
        billing_address=transaction.billing_address,
        shipping_address=transaction.shipping_address,
        potential_id=transaction.potential_id or "",
        source_id=transaction.source_id,
    )


def _line(line: Line, currency: str) -> PaperLine:
    gross = round_money(line.quantity * line.rate, currency)
    return PaperLine(
        item_id=line.item_id,
        name=line.name,
        description=line.description,
        quantity=line.quantity,
        rate=line.rate,
        gross=gross,
        discount=gross - line.amount,
    )
