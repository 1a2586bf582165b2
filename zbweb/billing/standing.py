"""Where a document stands: its row held, its status written with all that follows for the document it came from.

Whether a status may be reached is decided before (status.py, by moves.py and convert.py); here it is done.
"""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import fulfilment, journal, numbering
from zbweb.billing.journal import Actor
from zbweb.billing.models import Transaction
from zbweb.billing.status import Facts, Status
from zbweb.billing.words import Kind, Origin
from zbweb.clock import now
from zbweb.errors import NotFound

ENTITY = "transaction"


def lock(session: Session, transaction_id: int) -> Transaction:
    """The document as it is now, held until the unit of work ends; NotFound if it has gone meanwhile."""
    statement = (
        select(Transaction)
        .where(Transaction.id == transaction_id)
        .with_for_update(of=Transaction)
        .execution_options(populate_existing=True)
    )
    held = session.scalar(statement)
    if held is None:
        raise NotFound("The document was deleted meanwhile.")
    return held


def lock_all(session: Session, ids: Iterable[int]) -> None:
    """Hold many documents, in the order of their ids: two who want the same ones do not wait in a circle."""
    if not (wanted := set(ids)):
        return
    statement = select(Transaction).where(Transaction.id.in_(wanted)).order_by(Transaction.id)
    session.scalars(statement.with_for_update(of=Transaction).execution_options(populate_existing=True)).all()


def touch(transaction: Transaction) -> None:
    """Count a change, so that an editor who opened the document before it is told."""
    transaction.version += 1
    transaction.updated_at = now()


def what_became(session: Session, transaction: Transaction) -> str:
    """What a quote has become, as a sentence: changed or declined, it would not agree with that any more. Empty for a
    quote that is open still, and for other documents."""
    made = fulfilment.made_from(session, transaction.id) if transaction.kind == Kind.QUOTE else None
    if made is None:
        return ""
    noun = Kind(made.kind).noun
    what = f"{noun} {made.number}" if made.number else f"a draft {noun}"
    return f"This quote has become {what}. Void or delete that first, or change it there."


def facts(transaction: Transaction, *, is_partly_invoiced: bool = False) -> Facts:
    """What status.py asks about a document."""
    return Facts(
        kind=Kind(transaction.kind),
        status=Status(transaction.status),
        due_date=transaction.due_date,
        total=transaction.total,
        paid=transaction.paid,
        is_partly_invoiced=is_partly_invoiced,
    )


def take_number(session: Session, transaction: Transaction) -> None:
    """Give a document the next number of its series, or have the series go on after the one it has."""
    if transaction.number:
        numbering.settle(session, transaction.kind, transaction.number)
    else:
        transaction.number = numbering.take(session, transaction.kind)


def set_status(session: Session, transaction: Transaction, to: Status, *, actor: Actor, action: str = "") -> None:
    """Write a status that was decided; a document that leaves draft takes its number, unless it is voided."""
    old_status, old_number = transaction.status, transaction.number
    if old_status == Status.DRAFT and to is not Status.VOID:
        take_number(session, transaction)
    transaction.status = to
    if to is Status.SENT:
        transaction.sent_at = now()
    if actor.origin is Origin.USER:
        transaction.status_by_person = True
    touch(transaction)
    changes = {"status": (str(old_status), to.value), "number": (old_number, transaction.number)}
    journal.record(
        session,
        ENTITY,
        transaction.id,
        action=action or to.value,
        actor=actor,
        changes={name: pair for name, pair in changes.items() if pair[0] != pair[1]},
    )


def settle_source(session: Session, source_id: int | None, *, actor: Actor) -> None:
    """Close or reopen what a changed, voided or deleted document was made from: its quantities can be sold again."""
    if source_id is None:
        return
    source = lock(session, source_id)
    if source.kind == Kind.SALES_ORDER:
        settle_order(session, source, actor=actor)
    elif source.status == Status.INVOICED and not fulfilment.live_invoices(session, source.id):
        set_status(session, source, Status.ACCEPTED, actor=_following(actor), action="reopened")


def settle_order(session: Session, order: Transaction, *, actor: Actor) -> None:
    """Close an order of which nothing remains to be invoiced; reopen a closed one of which something does."""
    session.flush()  # the quantities must count what was invoiced in this unit of work
    is_open = any(fulfilment.remaining(session, order).values())
    if order.status == Status.CONFIRMED and not is_open:
        set_status(session, order, Status.CLOSED, actor=_following(actor))
    elif order.status == Status.CLOSED and is_open:
        set_status(session, order, Status.CONFIRMED, actor=_following(actor), action="reopened")


def _following(actor: Actor) -> Actor:
    """Who a consequence is put down to: not the CRM, which knows of the cause only and must be told of the rest."""
    return replace(actor, origin=Origin.SYSTEM)
