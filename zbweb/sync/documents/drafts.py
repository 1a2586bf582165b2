"""A document of the CRM as a draft of ours: a new one, or the present one with what people changed there.

Rows that did not change keep our lines as they are; a changed row keeps what the CRM knows nothing of (unit, tax).
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from zbweb.billing import books, transactions
from zbweb.billing.drafts import Draft, LineDraft, Potential, in_coins
from zbweb.billing.models import Customer, Item
from zbweb.billing.queries import offers
from zbweb.billing.words import DiscountKind, Kind
from zbweb.crm.port import Record
from zbweb.sync.core.documents import Shape, Values
from zbweb.sync.currency import ensure_same_currency, rate_of
from zbweb.sync.documents.products import OTHER_NAME

_TEXTS = ("reference", "terms", "notes")
_ADDRESSES = {"billing_address": "Billing", "shipping_address": "Shipping"}
_ADDRESS_PARTS = ("Street", "City", "State", "Code", "Country")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document as the CRM has it: its JSON, the same as values, and the items here that its products are."""

    kind: Kind
    record: Record
    values: Values
    shape: Shape
    items: Mapping[str, Item] = field(default_factory=dict)

    @property
    def crm_id(self) -> str:
        """The CRM's id of the document."""
        return str(self.record["id"])

    @property
    def name(self) -> str:
        """What people there call it."""
        return str(self.record.get("Subject") or self.crm_id)

    @property
    def currency(self) -> str:
        """The currency that it is in; a CRM that counts in one currency does not say so."""
        return str(self.record.get("Currency") or "")

    @property
    def rows(self) -> list[Record]:
        """The CRM's JSON of its rows."""
        return list(self.record.get(self.shape["lines"].crm) or ()) if "lines" in self.shape else []


def new(session: Session, arrival: Arrival, customer_id: int) -> Draft:
    """A draft that comes to the CRM's total: what its rows do not account for becomes the adjustment.

    Where the CRM has no field for a reference, its subject is the only thing to find the document by.
    """
    values, customer = arrival.values, session.get_one(Customer, customer_id)
    ensure_same_currency(session, named=arrival.currency, what="document", customer=customer)
    draft = Draft(
        kind=arrival.kind,
        customer_id=customer_id,
        exchange_rate=_rate(session, arrival, customer),
        date=_dated(session, arrival),
        due_date=_day(values.get("due_date")),
        lines=tuple(_line(arrival, index) for index in range(len(arrival.rows))),
        reference=(values["reference"] or "") if "reference" in values else arrival.name,
        discount_kind=DiscountKind.AMOUNT,
        discount_value=Decimal(values.get("discount") or 0),
        notes=values.get("notes") or "",
        terms=values.get("terms") or "",
        potential=_potential(arrival),
        billing_address=_address(arrival, "billing_address") or None,
        shipping_address=_address(arrival, "shipping_address") or None,
    )
    currency = books.currency_of(session, customer)
    total = transactions.preview(session, in_coins(draft, currency)).total
    return in_coins(replace(draft, adjustment=Decimal(arrival.record.get("Grand_Total") or 0) - total), currency)


def _rate(session: Session, arrival: Arrival, customer: Customer) -> Decimal:
    """The CRM's rate, else the one that was used last."""
    last = offers.last_rate(session, books.currency_of(session, customer))
    return rate_of(arrival.record) or last or Decimal(1)


def _dated(session: Session, arrival: Arrival) -> datetime.date:
    """The document's own date, else the day on which it was made; a quote that ended before was made by then."""
    if day := _day(arrival.values.get("date")):
        return day
    zone, due = ZoneInfo(books.own(session).time_zone), _day(arrival.values.get("due_date"))
    made = datetime.datetime.fromisoformat(arrival.record["Created_Time"]).astimezone(zone).date()
    return made if due is None or arrival.kind is Kind.SALES_ORDER else min(made, due)


def _address(arrival: Arrival, key: str) -> str:
    """An address as we write it, in lines; the CRM may keep its parts in fields of their own."""
    if key not in arrival.values:
        return ""
    parts = (str(arrival.record.get(f"{_ADDRESSES[key]}_{part}") or "").strip() for part in _ADDRESS_PARTS)
    return "\n".join(part for part in parts if part)


def changed(draft: Draft, arrival: Arrival, taken: Values, snapshot: Mapping[str, Any]) -> Draft:
    """The present draft with what is taken over."""
    changes: dict[str, Any] = {key: taken[key] or "" for key in _TEXTS if key in taken}
    changes |= {key: _address(arrival, key) for key in _ADDRESSES if key in taken}
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
    return in_coins(replace(draft, **changes), draft.currency)


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
