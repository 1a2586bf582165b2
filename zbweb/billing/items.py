"""Items: what is sold, at which price. Documents copy an item's values, so a change here rewrites no history."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import journal, money, removal
from zbweb.billing.changes import apply, differences, ensure_current, ensure_fits, jsonable
from zbweb.billing.journal import Actor
from zbweb.billing.models import Item, Line, Tax
from zbweb.clock import now
from zbweb.db import organisation_of
from zbweb.errors import Conflict, Invalid, NotFound

ENTITY = "item"
FIELDS = ("name", "sku", "description", "rate", "unit", "tax_id")


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item as typed; `rate` is its price in the base currency, to 6 places."""

    name: str
    sku: str = ""
    description: str = ""
    rate: Decimal = Decimal(0)
    unit: str = ""
    tax_id: int | None = None

    def values(self) -> dict[str, Any]:
        """Column → value."""
        return {name: getattr(self, name) for name in FIELDS}


def find(session: Session, item_id: int) -> Item:
    """One item; raises NotFound."""
    return _or_not_found(session.scalar(select(Item).where(Item.id == item_id)))


def locked(session: Session, item_id: int) -> Item:
    """The item as it stands now, locked until this unit of work ends; raises NotFound."""
    statement = select(Item).where(Item.id == item_id).with_for_update(of=Item)
    return _or_not_found(session.scalar(statement.execution_options(populate_existing=True)))


def create(session: Session, draft: ItemDraft, *, actor: Actor) -> Item:
    """A new item; raises Invalid by field."""
    values = _checked(session, draft.values(), besides=None)
    item = Item(organisation_id=organisation_of(session), **values)
    session.add(item)
    session.flush()  # the journal needs its id
    journal.record(session, ENTITY, item.id, action="created", actor=actor, changes={"name": ("", item.name)})
    return item


def edit(session: Session, item: Item, draft: ItemDraft, *, actor: Actor, version: int | None = None) -> bool:
    """Make the item what the draft says; answers whether anything changed. Raises Stale, Invalid."""
    ensure_current(item, version)
    changes = differences(item, _checked(session, draft.values(), besides=item))
    if changes:
        apply(item, changes)
        _touch(item)
        told = dict(changes)
        if "tax_id" in told:
            old, new = told.pop("tax_id")
            told["tax"] = (_tax_name(session, old), _tax_name(session, new))
        journal.record(session, ENTITY, item.id, action="updated", actor=actor, changes=jsonable(told))
    return bool(changes)


def set_active(session: Session, item: Item, *, active: bool, actor: Actor) -> bool:
    """Offer the item in new documents, or stop offering it; answers whether that is new."""
    if item.active == active:
        return False
    item.active = active
    _touch(item)
    action = "marked_active" if active else "marked_inactive"
    journal.record(session, ENTITY, item.id, action=action, actor=actor, changes={"active": (not active, active)})
    return True


def delete(session: Session, item: Item, *, actor: Actor) -> None:
    """Delete an item that no document has used; raises Conflict otherwise."""
    if session.scalar(select(Line.id).where(Line.item_id == item.id).limit(1)) is not None:
        raise Conflict(f"{item.name} stands in transactions, so it cannot be deleted. Mark it as inactive instead.")
    removal.announce(session, ENTITY, item.id)
    journal.record(session, ENTITY, item.id, action="deleted", actor=actor, changes={"name": (item.name, "")})
    session.delete(item)
    session.flush()


def _checked(session: Session, values: Mapping[str, Any], *, besides: Item | None) -> dict[str, Any]:
    trimmed: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in values.items()
    }
    wrong = {}
    if not trimmed["name"]:
        wrong["name"] = "Enter a name."
    if trimmed["sku"] and _sku_taken(session, trimmed["sku"], besides):
        wrong["sku"] = f"Another item has the SKU {trimmed['sku']}. Choose a different one."
    if not 0 <= trimmed["rate"] < money.LIMIT:
        wrong["rate"] = "Enter a rate of 0 or more."
    if trimmed["tax_id"] and _tax_name(session, trimmed["tax_id"]) is None:
        wrong["tax_id"] = "That tax is not there any more. Choose another."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
    ensure_fits(Item, trimmed)
    return trimmed | {"rate": trimmed["rate"].quantize(money.PLACES)}


def _sku_taken(session: Session, sku: str, besides: Item | None) -> bool:
    others = select(Item.id).where(Item.sku == sku, Item.id != (besides.id if besides else 0))
    return session.scalar(others.limit(1)) is not None


def _tax_name(session: Session, tax_id: int | None) -> str | None:
    return session.scalar(select(Tax.name).where(Tax.id == tax_id)) if tax_id else None


def _touch(item: Item) -> None:
    item.version += 1
    item.updated_at = now()


def _or_not_found(item: Item | None) -> Item:
    if item is None:
        raise NotFound("There is no such item. It may have been deleted.")
    return item
