"""Two customers that are one: the one that is kept takes over what was billed to, paid by and known of the other.

Nothing is lost without a word: an empty field takes the other's value, and where both have one, the other's is
kept in the journal. The other customer is deleted; contact persons are handed over before, by who knows their links.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books, customers, journal, payments, standing
from zbweb.billing.changes import CUSTOM, Changes
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer, Payment, Transaction
from zbweb.billing.words import Kind
from zbweb.errors import Conflict

_PARTS = ("street", "city", "state", "code", "country")
_ADDRESSES = tuple(tuple(f"{kind}_{part}" for part in _PARTS) for kind in ("billing", "shipping"))
_OWN = ("type", "display_name", "currency")
"""Fields that every customer has, so that none is ever taken over."""


def ensure_alike(session: Session, kept: Customer, other: Customer) -> None:
    """Raise Conflict, with what to do, for two customers who cannot become one."""
    if kept.id == other.id:
        raise Conflict(f"{kept.display_name} cannot be merged with itself. Choose another customer.")
    if kept.type != other.type:
        raise Conflict(
            f"One of {kept.display_name} and {other.display_name} is a business, the other one an individual. "
            "Give both the same customer type, then merge them."
        )
    ours, theirs = books.currency_of(session, kept), books.currency_of(session, other)
    if ours != theirs:
        raise Conflict(
            f"{kept.display_name} is billed in {ours} and {other.display_name} in {theirs}, so they cannot become one."
        )


def merge(session: Session, kept: Customer, other: Customer, *, actor: Actor) -> None:
    """Give `kept` the other's transactions, payments and what it lacks, then delete the other. Both are locked.

    Raises Conflict as `ensure_alike` does.
    """
    ensure_alike(session, kept, other)
    _hold_documents(session, other)
    _hand_over(session, kept, other, actor=actor)
    ours, theirs = _values(kept), _values(other)
    customers.change(session, kept, values=_lacking(ours, theirs), actor=actor)
    told: Changes = {"customer": (other.display_name, kept.display_name)}
    told |= {name: (theirs[name], ours[name]) for name in theirs if name in ours and ours[name] != theirs[name]}
    journal.record(
        session, customers.ENTITY, kept.id, action="merged", actor=actor, changes=customers.in_words(session, told)
    )
    customers.delete(session, other, actor=actor)


def _hold_documents(session: Session, other: Customer) -> None:
    """Hold what changes hands before anything is written, and an invoice before its order, the order before its
    quote: whoever edits one of them does the same, so that the two do not wait in a circle."""
    for kind in reversed(Kind):
        ids = select(Transaction.id).where(Transaction.customer_id == other.id, Transaction.kind == kind)
        standing.lock_all(session, session.scalars(ids).all())


def _hand_over(session: Session, kept: Customer, other: Customer, *, actor: Actor) -> None:
    changes = {"customer": (other.display_name, kept.display_name)}
    documents = select(Transaction).where(Transaction.customer_id == other.id).order_by(Transaction.id)
    for document in session.scalars(documents.execution_options(populate_existing=True)):
        document.customer = kept
        standing.touch(document)
        journal.record(session, standing.ENTITY, document.id, action="updated", actor=actor, changes=changes)
    received = select(Payment).where(Payment.customer_id == other.id).order_by(Payment.id)
    for payment in session.scalars(received.execution_options(populate_existing=True)):
        payment.customer = kept
        payment.version += 1
        journal.record(session, payments.ENTITY, payment.id, action="updated", actor=actor, changes=changes)
    session.flush()  # the other has nothing left that forbids its deletion


def _values(customer: Customer) -> dict[str, Any]:
    """What is known of a customer, but for what it has of its own; only filled fields."""
    columns = {name: getattr(customer, name) for name in customers.FIELDS if name not in _OWN}
    custom = {CUSTOM + key: value for key, value in customer.custom.items()}
    return {name: value for name, value in (columns | custom).items() if value}


def _lacking(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The other's values that the kept one lacks; an address is one value, so that two are never mixed."""
    taken = {name for address in _ADDRESSES if _any(ours, address) for name in address}
    return {name: value for name, value in theirs.items() if name not in ours and name not in taken}


def _any(values: Mapping[str, Any], names: Iterable[str]) -> bool:
    return any(name in values for name in names)
