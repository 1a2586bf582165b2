"""One document with everything its page shows: what it came from, what was made of it, payments, e-mails, history."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from zbweb.billing import convert, journal, receivables, standing, status, transactions
from zbweb.billing.models import Allocation, EmailMessage, JournalEntry, Line, Transaction
from zbweb.billing.queries.transactions import Row, shown_rows
from zbweb.billing.status import PaymentStatus, Shown, Status
from zbweb.billing.words import Kind
from zbweb.errors import NotFound


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment's part in an invoice."""

    payment_id: int
    number: str
    date: datetime.date
    mode: str
    reference: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Detail:
    """A document and its surroundings; `why_not_editable` is empty when it can be edited."""

    transaction: Transaction
    shown: Shown
    payment_status: PaymentStatus | None
    moves: tuple[Status, ...]
    why_not_editable: str
    convertible: tuple[Kind, ...]
    made_from: Row | None
    made_into: tuple[Row, ...]
    allocations: tuple[Paid, ...]
    credit: Decimal
    emails: tuple[EmailMessage, ...]
    history: tuple[JournalEntry, ...]


def detail(session: Session, kind: Kind, transaction_id: int, *, today: datetime.date) -> Detail:
    """The document's page, or NotFound."""
    transaction = _loaded(session, kind, transaction_id)
    relatives = _relatives(session, transaction, today)
    made_into = tuple(row for row in relatives if row.id != transaction.source_id)
    is_invoice, is_sent = kind is Kind.INVOICE, transaction.status == Status.SENT
    is_partly_invoiced = any(row.kind is Kind.INVOICE and row.shown is not Shown.VOID for row in made_into)
    facts = standing.facts(transaction, is_partly_invoiced=is_partly_invoiced)
    return Detail(
        transaction=transaction,
        shown=status.shown(facts, today),
        payment_status=status.payment_status(transaction.total, transaction.paid) if is_invoice and is_sent else None,
        moves=status.allowed(kind, Status(transaction.status)),
        why_not_editable=transactions.why_not_editable(session, transaction),
        convertible=convert.convertible(session, transaction),
        made_from=next((row for row in relatives if row.id == transaction.source_id), None),
        made_into=made_into,
        allocations=_allocations(session, transaction) if transaction.paid else (),
        credit=receivables.credit(session, transaction.customer_id) if is_invoice and is_sent else Decimal(0),
        emails=_emails(session, transaction),
        history=tuple(journal.history(session, standing.ENTITY, transaction.id)),
    )


def _loaded(session: Session, kind: Kind, transaction_id: int) -> Transaction:
    statement = (
        select(Transaction)
        .where(Transaction.id == transaction_id, Transaction.kind == kind)
        .options(
            joinedload(Transaction.customer),
            selectinload(Transaction.lines).joinedload(Line.item),
        )
    )
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no such {kind.noun}. It may have been deleted.")
    return found


def _relatives(session: Session, transaction: Transaction, today: datetime.date) -> tuple[Row, ...]:
    """What the document was made from and what was made of it, oldest first."""
    made = select(Transaction).where(Transaction.source_id == transaction.id).order_by(Transaction.id)
    source = session.get(Transaction, transaction.source_id) if transaction.source_id else None
    found = [source] if source else []
    return shown_rows(session, [*found, *session.scalars(made)], today=today)


def _allocations(session: Session, transaction: Transaction) -> tuple[Paid, ...]:
    statement = (
        select(Allocation)
        .where(Allocation.transaction_id == transaction.id)
        .options(joinedload(Allocation.payment))
        .order_by(Allocation.id)
    )
    return tuple(
        Paid(each.payment_id, payment.number, payment.date, payment.mode, payment.reference, each.amount)
        for each in session.scalars(statement)
        if (payment := each.payment)
    )


def _emails(session: Session, transaction: Transaction) -> tuple[EmailMessage, ...]:
    statement = select(EmailMessage).where(EmailMessage.transaction_id == transaction.id)
    return tuple(session.scalars(statement.order_by(EmailMessage.id.desc()).limit(20)))
