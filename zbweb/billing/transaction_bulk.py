"""One action on many documents, each on its own: what one refuses is told and keeps none of the others from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import balances, moves, standing, transactions
from zbweb.billing.journal import Actor
from zbweb.billing.models import Transaction
from zbweb.billing.status import FIRST_STEP, Status
from zbweb.billing.words import Kind
from zbweb.errors import AppError, Invalid

LIMIT = 200
"""How many documents one bulk action may touch: it is done while the person waits."""
Act = Callable[[Session, Transaction, Actor], None]


@dataclass(frozen=True, slots=True)
class Done:
    """How many documents were asked for, and a sentence for each that was left out."""

    asked: int
    skipped: Sequence[str]


def chosen(session: Session, kind: Kind, ids: Sequence[int]) -> list[Transaction]:
    """The documents of these ids, oldest first; Invalid for none or too many."""
    if not ids or len(ids) > LIMIT:
        raise Invalid(f"Choose from 1 to {LIMIT} documents first.")
    statement = select(Transaction).where(Transaction.kind == kind, Transaction.id.in_(ids))
    return list(session.scalars(statement.order_by(Transaction.date, Transaction.id)))


def act(session: Session, wanted: str, kind: Kind, ids: Sequence[int], *, actor: Actor) -> Done:
    """Do the action of that name with every one of them that allows it."""
    documents = chosen(session, kind, ids)
    if wanted not in _ACTS:
        raise Invalid("There is no such action. Reload the page and try again.")
    _hold(session, wanted, documents)
    tried = [(document, _try(session, document, _ACTS[wanted], actor)) for document in documents]
    return Done(len(documents), [f"{document.number or 'A draft'}: {reason}" for document, reason in tried if reason])


def _hold(session: Session, wanted: str, documents: Sequence[Transaction]) -> None:
    """Hold every row the action may touch before it touches one.

    The rows come in the order in which a single document takes them, and of each sort by their ids. Else one who
    holds a later document and waits for the number series, which the first document took, waits in a circle.
    """
    if wanted == "void":
        balances.lock_customers(session, [document.customer_id for document in documents])
    standing.lock_all(session, [document.id for document in documents])
    if wanted in _FREEING:
        standing.lock_all(session, [document.source_id for document in documents if document.source_id])


def _try(session: Session, document: Transaction, do: Act, actor: Actor) -> str:
    """Do it in a savepoint of its own; the sentence why not, or nothing."""
    try:
        with session.begin_nested():
            do(session, document, actor)
    except AppError as refusal:
        return refusal.message
    return ""


def _first_step(session: Session, document: Transaction, actor: Actor) -> None:
    moves.move(session, document, FIRST_STEP[Kind(document.kind)], actor)


def _void(session: Session, document: Transaction, actor: Actor) -> None:
    moves.move(session, document, Status.VOID, actor)


def _delete(session: Session, document: Transaction, actor: Actor) -> None:
    transactions.delete(session, document, actor=actor)


_ACTS: Mapping[str, Act] = {"first_step": _first_step, "void": _void, "delete": _delete}
_FREEING = frozenset({"void", "delete"})
"""Actions that give quantities back to what a document was made from."""
