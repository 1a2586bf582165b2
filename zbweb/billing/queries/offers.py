"""What a form offers while one types: customers and items by name, and the rate a currency was last billed at."""

from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from zbweb.billing import books
from zbweb.billing.models import Customer, Item, Transaction
from zbweb.billing.naming import name_key
from zbweb.billing.queries.customers import contains

LIMIT = 8
_Condition = ColumnElement[bool]


def customers(session: Session, typed: str, *, limit: int = LIMIT) -> list[Customer]:
    """Active customers whose name begins with what was typed; then those who only contain it somewhere."""
    statement = select(Customer).where(Customer.active).order_by(Customer.name_key, Customer.id)
    begins = Customer.name_key.startswith(name_key(typed), autoescape=True)
    return _first_then(session, (statement, Customer.id), begins, contains(typed), limit=limit)


def customers_named(session: Session, name: str) -> list[Customer]:
    """The active customers of exactly this name, but for case, accents and spaces."""
    statement = select(Customer).where(Customer.active, Customer.name_key == name_key(name))
    return list(session.scalars(statement.order_by(Customer.id).limit(LIMIT))) if name.strip() else []


def items(session: Session, typed: str, *, limit: int = LIMIT) -> list[Item]:
    """Active items whose name or SKU begins with what was typed; then those that only contain it."""
    typed = typed.strip()
    statement = select(Item).where(Item.active).order_by(Item.name, Item.id)
    begins = or_(Item.name.istartswith(typed, autoescape=True), Item.sku.istartswith(typed, autoescape=True))
    contains = or_(Item.name.icontains(typed, autoescape=True), Item.sku.icontains(typed, autoescape=True))
    return _first_then(session, (statement, Item.id), begins, contains, limit=limit)


def item_named(session: Session, name: str) -> Item | None:
    """The active item of exactly this name or SKU, if there is one and only one."""
    typed = name.strip()
    is_it = or_(func.lower(Item.name) == typed.lower(), Item.sku == typed)
    statement = select(Item).where(Item.active, is_it).limit(2)
    found = list(session.scalars(statement)) if typed else []
    return found[0] if len(found) == 1 else None


def rate_to_begin_with(session: Session, currency: str) -> Decimal | None:
    """The rate a form begins with: 1 for the base currency, the last one used, or none for a currency never billed."""
    return Decimal(1) if currency == books.own(session).base_currency else last_rate(session, currency)


def last_rate(session: Session, currency: str) -> Decimal | None:
    """The exchange rate of the latest document in that currency."""
    statement = select(Transaction.exchange_rate).where(Transaction.currency == currency)
    return session.scalar(statement.order_by(Transaction.id.desc()).limit(1))


def _first_then(
    session: Session, of: tuple[Select[Any], Any], begins: _Condition, contains: _Condition, *, limit: int
) -> list[Any]:
    statement, key = of
    found = list(session.scalars(statement.where(begins).limit(limit)))
    if len(found) < limit:
        others = statement.where(contains, key.not_in([row.id for row in found]))
        found += session.scalars(others.limit(limit - len(found)))
    return found
