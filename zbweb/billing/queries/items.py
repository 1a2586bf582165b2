"""The list of items."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from zbweb.billing.models import Item
from zbweb.billing.queries.paging import Order, Page, Window, fetch, portions


class View(StrEnum):
    """The list's drop-down."""

    ALL = "all"
    ACTIVE = "active"
    INACTIVE = "inactive"


VIEW_LABELS = {View.ALL: "All Items", View.ACTIVE: "Active Items", View.INACTIVE: "Inactive Items"}

SORTS: dict[str, InstrumentedAttribute[Any]] = {"name": Item.name, "sku": Item.sku, "rate": Item.rate}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is asked for. `sort` is a key of SORTS, with "-" before it for descending."""

    view: View = View.ALL
    search: str = ""
    sort: str = "name"


def page(session: Session, wanted: Wanted, window: Window) -> Page[Item]:
    """One page of the list, each item with its tax."""
    return fetch(session, _filtered(wanted), order=_order(wanted), window=window)


def csv_rows(session: Session, wanted: Wanted, *, base_currency: str) -> Iterator[list[str]]:
    """The whole list as rows of text, a header first."""
    yield ["Name", "SKU", "Description", "Unit", "Tax", "Currency", "Rate", "Status"]
    for portion in portions(session, _filtered(wanted), order=_order(wanted)):
        for item in portion:
            yield [
                item.name, item.sku, item.description, item.unit, item.tax.name if item.tax else "", base_currency,
                f"{item.rate.normalize():f}", "Active" if item.active else "Inactive",
            ]  # fmt: skip


def _filtered(wanted: Wanted) -> Select[Item]:
    statement = select(Item).options(joinedload(Item.tax))
    if wanted.view is not View.ALL:
        statement = statement.where(Item.active.is_(wanted.view is View.ACTIVE))
    if typed := wanted.search.strip():
        columns = (Item.name, Item.sku, Item.description)
        statement = statement.where(or_(*(each.icontains(typed, autoescape=True) for each in columns)))
    return statement


def _order(wanted: Wanted) -> Order:
    column = SORTS.get(wanted.sort.removeprefix("-"), Item.name)
    return Order(column, Item.id, descending=wanted.sort.startswith("-"))
