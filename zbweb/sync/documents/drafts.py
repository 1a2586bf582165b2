"""A document of the CRM as a draft of ours: a new one, or the present one with what people changed there.

Rows that did not change keep our lines as they are; a changed row keeps what the CRM knows nothing of (unit, tax).
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zbweb.billing import transactions
from zbweb.billing.drafts import Draft, LineDraft, Potential
from zbweb.billing.models import Item
from zbweb.billing.words import DiscountKind, Kind
from zbweb.crm.port import Record
from zbweb.sync.core.documents import Shape, Values
from zbweb.sync.core.words import Entity, LinkState
from zbweb.sync.documents.products import MODULE, OTHER_NAME
from zbweb.sync.models import Link

_TEXTS = ("reference", "billing_address", "shipping_address", "terms", "notes")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document as the CRM has it: its JSON, the same as values, and the items here that its products are."""

    kind: Kind
    record: Record
    values: Values
    shape: Shape
    items: Mapping[str, Item]

    @property
    def crm_id(self) -> str:
        """The CRM's id of the document."""
        return str(self.record["id"])

    @property
    def name(self) -> str:
        """What people there call it."""
        return str(self.record.get("Subject") or self.crm_id)

    @property
    def rows(self) -> list[Record]:
        """The CRM's JSON of its rows."""
        return list(self.record.get(self.shape["lines"].crm) or ()) if "lines" in self.shape else []


def items_of(session: Session, connection_id: int, rows: Sequence[Record]) -> dict[str, Item]:
    """The items by product id: those that are paired with the product, else those of its code or name."""
    products = {str(row["Product_Name"]["id"]): row["Product_Name"] for row in rows if row.get("Product_Name")}
    paired = (
        select(Link.crm_id, Item)
        .join(Item, Item.id == Link.entity_id)
        .where(
            Link.connection_id == connection_id, Link.entity == Entity.ITEM, Link.crm_module == MODULE,
            Link.crm_id.in_(products), Link.state == LinkState.ACTIVE,
        )
    )  # fmt: skip
    found: dict[str, Item] = dict(session.execute(paired).all())
    for product_id, product in products.items():
        item = found.get(product_id) or _like(session, product)
        if item is not None:
            found[product_id] = item
    return found


def _like(session: Session, product: Mapping[str, Any]) -> Item | None:
    code, name = str(product.get("Product_Code") or ""), str(product.get("name") or "")
    is_it = (Item.sku == code) if code else (func.lower(Item.name) == name.lower())
    return session.scalars(select(Item).where(is_it, Item.active).order_by(Item.id).limit(1)).first()


def new(session: Session, arrival: Arrival, customer_id: int, *, today: datetime.date) -> Draft:
    """A draft that comes to the CRM's total: what its rows do not account for becomes the adjustment."""
    values = arrival.values
    dated, due = _day(values.get("date")) or today, _day(values.get("due_date"))
    draft = Draft(
        kind=arrival.kind,
        customer_id=customer_id,
        date=dated,
        due_date=due if due is None or due >= dated else None,
        lines=tuple(_line(arrival, index) for index in range(len(arrival.rows))),
        reference=values.get("reference") or arrival.name,
        discount_kind=DiscountKind.AMOUNT,
        discount_value=Decimal(values.get("discount") or 0),
        notes=values.get("notes") or "",
        terms=values.get("terms") or "",
        potential=_potential(arrival),
    )
    total = transactions.preview(session, draft).total
    return replace(draft, adjustment=Decimal(arrival.record.get("Grand_Total") or 0) - total)


def changed(draft: Draft, arrival: Arrival, taken: Values, snapshot: Mapping[str, Any]) -> Draft:
    """The present draft with what is taken over."""
    changes: dict[str, Any] = {key: taken[key] or "" for key in _TEXTS if key in taken}
    if taken.get("date"):
        changes["date"] = _day(taken["date"])
    if "due_date" in taken:
        changes["due_date"] = _day(taken["due_date"])
    if "potential" in taken:
        changes["potential"] = _potential(arrival)
    if "discount" in taken:
        changes |= {"discount_kind": DiscountKind.AMOUNT, "discount_value": Decimal(taken["discount"])}
    if "adjustment" in taken:
        more = Decimal(taken["adjustment"]) - Decimal(snapshot.get("adjustment") or 0)
        changes["adjustment"] = draft.adjustment + more
    if "lines" in taken:
        changes["lines"] = _lines(draft.lines, arrival, snapshot.get("lines") or [])
    return replace(draft, **changes)


def _day(text: str | None) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None


def _potential(arrival: Arrival) -> Potential | None:
    column = arrival.shape.get("potential")
    deal = arrival.record.get(column.crm) if column else None
    return Potential(str(deal["id"]), str(deal.get("name") or "")) if deal else None


def _lines(present: Sequence[LineDraft], arrival: Arrival, agreed: Sequence[Values]) -> tuple[LineDraft, ...]:
    free = dict(enumerate(present))
    lines = []
    for index, row in enumerate(arrival.values["lines"]):
        same = next((at for at in [index, *free] if at in free and at < len(agreed) and agreed[at] == row), None)
        if same is not None:
            lines.append(free.pop(same))
        elif index in free and index < len(agreed) and agreed[index]["product"] == row["product"]:
            lines.append(_mended(free.pop(index), arrival, index, agreed[index]))
        else:
            lines.append(_line(arrival, index))
    return tuple(lines)


def _mended(line: LineDraft, arrival: Arrival, index: int, before: Values) -> LineDraft:
    """Our line with what was changed in its row."""
    now, fresh = arrival.values["lines"][index], _line(arrival, index)
    changes: dict[str, Any] = {}
    if (now["quantity"], now["price"]) != (before["quantity"], before["price"]):
        changes |= {"quantity": fresh.quantity, "rate": fresh.rate}
    if now["discount"] != before["discount"]:
        changes |= {"discount_kind": fresh.discount_kind, "discount_value": fresh.discount_value}
    if now["description"] != before["description"]:
        changes |= {"description": fresh.description} | ({"name": fresh.name} if line.item_id is None else {})
    if now["tax"] != before["tax"]:
        changes |= {"tax_id": None, "tax_name": fresh.tax_name, "tax_rate": fresh.tax_rate}
    return replace(line, **changes)


def _line(arrival: Arrival, index: int) -> LineDraft:
    row, values = arrival.rows[index], arrival.values["lines"][index]
    product = row.get("Product_Name") or {}
    item = arrival.items.get(values["product"])
    name, description = str(product.get("name") or "Product"), values["description"] or ""
    if name == OTHER_NAME and description:
        name, _, description = description.partition("\n")
    rate = Decimal(values["tax"])
    taxes = [str(tax.get("name") or "Tax") for tax in row.get("Line_Tax") or ()]
    return LineDraft(
        name=name[:255],
        quantity=Decimal(values["quantity"]),
        rate=Decimal(values["price"]),
        description=description,
        unit=item.unit if item else "",
        item_id=item.id if item else None,
        discount_kind=DiscountKind.AMOUNT,
        discount_value=Decimal(values["discount"]),
        tax_name=" + ".join(taxes)[:255] if rate else "",
        tax_rate=rate,
    )
