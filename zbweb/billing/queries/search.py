"""Quick search: whatever a few typed words may mean, a handful of each kind, from indexes only.

A number may be typed whole ("INV-000042"), from its beginning ("INV-0000") or as its bare digits ("42").
Six queries at most, however large the books are.
"""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, load_only

from zbweb.billing import standing, status
from zbweb.billing.models import Customer, Item, NumberSeries, Payment, Transaction
from zbweb.billing.naming import number_key
from zbweb.billing.numbering import PAYMENTS
from zbweb.billing.queries import customers
from zbweb.billing.queries.transactions import partly_invoiced
from zbweb.billing.status import Shown
from zbweb.billing.words import Kind

HITS = 8
"""How many of each kind are shown; the lists have the rest."""
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class DocumentHit:
    """A quote, order or invoice that was found."""

    id: int
    kind: Kind
    number: str | None
    date: datetime.date
    customer_name: str
    reference: str
    shown: Shown
    currency: str
    total: Decimal


@dataclass(frozen=True, slots=True)
class Found:
    """What the words may mean."""

    customers: tuple[Customer, ...] = ()
    items: tuple[Item, ...] = ()
    documents: tuple[DocumentHit, ...] = ()
    payments: tuple[Payment, ...] = ()

    @property
    def count(self) -> int:
        """How many records there are in all."""
        return len(self.customers) + len(self.items) + len(self.documents) + len(self.payments)


def find(session: Session, typed: str, *, today: datetime.date) -> Found:
    """Everything the words may mean; nothing where nothing is typed."""
    words = typed.strip()
    if not words:
        return Found()
    numbers = _numbers(session, words)
    return Found(
        customers=tuple(session.scalars(_customers(words))),
        items=tuple(session.scalars(_items(words))),
        documents=tuple(_documents(session, words, numbers, today)),
        payments=tuple(session.scalars(_payments(words, numbers.get(PAYMENTS, "")))),
    )


def _numbers(session: Session, words: str) -> dict[str, str]:
    """Bare digits as each series would write them."""
    if not (words.isdecimal() and words.isascii()):
        return {}
    return {
        each.kind: f"{each.prefix}{words.lstrip('0'):0>{each.padding}}"
        for each in session.scalars(select(NumberSeries))
    }


def _customers(words: str) -> Select[Customer]:
    return (
        select(Customer)
        .options(load_only(Customer.id, Customer.display_name, Customer.email, Customer.phone, Customer.active))
        .where(customers.contains(words))
        .order_by(Customer.name_key, Customer.id)
        .limit(HITS)
    )


def _items(words: str) -> Select[Item]:
    matches = (each.icontains(words, autoescape=True) for each in (Item.name, Item.sku))
    return select(Item).where(or_(*matches)).order_by(Item.name, Item.id).limit(HITS)


def _documents(session: Session, words: str, numbers: dict[str, str], today: datetime.date) -> Iterator[DocumentHit]:
    parts: list[Select[int]] = []
    for kind in Kind:
        for column, text in ((Transaction.number_key, number_key(words) or ""), (Transaction.reference, words)):
            parts.append(_beginning(Transaction.id, column, text, Transaction.kind == kind))
        if kind in numbers:
            parts.append(
                select(Transaction.id).where(Transaction.kind == kind, Transaction.number == numbers[kind]).limit(1)
            )
    statement = (
        select(Transaction, Customer.display_name, partly_invoiced())
        .join(Customer, Customer.id == Transaction.customer_id)
        .where(Transaction.id.in_(_any_of(parts)))
        .order_by(Transaction.date.desc(), Transaction.id.desc())
        .limit(HITS)
    )
    for document, customer_name, is_partly_invoiced in session.execute(statement):
        facts = standing.facts(document, is_partly_invoiced=is_partly_invoiced)
        yield DocumentHit(
            id=document.id,
            kind=Kind(document.kind),
            number=document.number,
            date=document.date,
            customer_name=customer_name,
            reference=document.reference,
            shown=status.shown(facts, today),
            currency=document.currency,
            total=document.total,
        )


def _payments(words: str, number: str) -> Select[Payment]:
    texts = ((Payment.number_key, number_key(words) or ""), (Payment.reference, words))
    parts = [_beginning(Payment.id, column, text) for column, text in texts]
    if number:
        parts.append(select(Payment.id).where(Payment.number == number).limit(1))
    return (
        select(Payment)
        .options(joinedload(Payment.customer, innerjoin=True).load_only(Customer.display_name))
        .where(Payment.id.in_(_any_of(parts)))
        .order_by(Payment.date.desc(), Payment.id.desc())
        .limit(HITS)
    )


def _beginning(
    key: InstrumentedAttribute[int],
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    text: str,
    *conditions: ColumnElement[bool],
) -> Select[int]:
    """The last few whose column begins with `text`: a range that an index on the column answers."""
    return (
        select(key)
        .where(*conditions, column >= text, column < text + _LAST_CHARACTER)
        .order_by(column.desc())
        .limit(HITS)
    )


def _any_of(parts: Iterable[Select[int]]) -> Select[int]:
    """The ids that any part finds; each stands as a table of its own, which lets it keep its limit on SQLite."""
    found = union(*(select(part.subquery()) for part in parts)).subquery()
    return select(found)
