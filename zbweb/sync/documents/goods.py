"""Which items here the products of incoming lines are: their pairs, else those of their code or name, else new ones.

Items are recognised among all of them and not by the database, which folds no letters but ASCII on SQLite. Only
products that nobody has met before cost that look, since an item is paired with its product from then on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from zbweb.billing import items
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import Actor
from zbweb.billing.models import Item
from zbweb.billing.naming import name_key
from zbweb.crm.port import Record
from zbweb.sync.core.goods import Good, same_good
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Entity, LinkState, Outcome
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.documents.products import MODULE, OTHER_CODE, OTHER_ID, OTHER_NAME
from zbweb.sync.models import Link
from zbweb.sync.pairs import links_of

_LONGEST_NAME, _LONGEST_CODE = 255, 64


@dataclass(frozen=True, slots=True)
class Stock:
    """The items by product id, without the product that stands for lines without an item; and what was made of it."""

    items: dict[str, Item] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)


def of_products(session: Session, connection_id: int, products: Collection[Good[str]]) -> dict[str, Item]:
    """The items that these products are, by product id; none is made."""
    paired = _paired(session, connection_id, [each.id for each in products])
    strangers = [each for each in products if each.id not in paired]
    shelf = _shelf(session, connection_id, strangers)
    ids = {each.id: known.id for each in strangers if (known := same_good(each, shelf)) is not None}
    return _loaded(session, {**paired, **ids})


def ensure(desk: Desk, rows: Sequence[Record], *, actor: Actor) -> Stock:
    """The items of a document's rows; those that are not here are made, and each is paired with its product."""
    session = desk.session
    products = {str(row["Product_Name"]["id"]): row["Product_Name"] for row in rows if row.get("Product_Name")}
    ids = _paired(session, desk.connection_id, products)
    goods = [good_of(key, product.get("name"), product.get("Product_Code")) for key, product in products.items()]
    strangers = [each for each in goods if each.id not in ids]
    shelf = _shelf(session, desk.connection_id, strangers)
    stock = Stock()
    for each in strangers:
        known = Good(OTHER_ID, OTHER_NAME, OTHER_CODE) if _is_other(each) else same_good(each, shelf)
        if known is None:
            made = items.create(session, _draft(each, products[each.id]), actor=actor)
            known = Good(made.id, made.name, made.sku)
            shelf.append(known)
            stock.fates.append(_made(each, made.id))
        ids[each.id] = known.id
        _pair(desk, each, known.id)
    stock.items.update(_loaded(session, ids))
    return stock


def good_of(product_id: str, name: Any, code: Any) -> Good[str]:
    """A product of the CRM as it is recognised."""
    return Good(product_id, str(name or "").strip() or "Product", str(code or "").strip())


def _is_other(product: Good[str]) -> bool:
    return same_good(product, [Good(OTHER_ID, OTHER_NAME, OTHER_CODE)]) is not None


def _paired(session: Session, connection_id: int, product_ids: Iterable[str]) -> dict[str, int]:
    statement = select(Link.crm_id, Link.entity_id).where(
        Link.connection_id == connection_id, Link.entity == Entity.ITEM, Link.crm_module == MODULE,
        Link.crm_id.in_(list(product_ids)), Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    return dict(session.execute(statement).all())


def _shelf(session: Session, connection_id: int, products: Collection[Good[str]]) -> list[Good[int]]:
    """Items that may be one of the products: first those without a pair, of these first those that are offered."""
    if not products:
        return []
    names, codes = {name_key(each.name) for each in products}, {name_key(each.code) for each in products} - {""}
    is_paired = exists().where(
        Link.connection_id == connection_id, Link.entity == Entity.ITEM, Link.entity_id == Item.id,
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    statement = select(Item.id, Item.name, Item.sku).order_by(is_paired, Item.active.desc(), Item.id)
    rows = session.execute(statement).all()
    return [Good(key, name, sku) for key, name, sku in rows if name_key(name) in names or name_key(sku) in codes]


def _loaded(session: Session, ids: Mapping[str, int]) -> dict[str, Item]:
    found = {item.id: item for item in session.scalars(select(Item).where(Item.id.in_(ids.values())))}
    return {product_id: found[item_id] for product_id, item_id in ids.items() if item_id in found}


def _draft(good: Good[str], product: Mapping[str, Any]) -> ItemDraft:
    code = good.code if len(good.code) <= _LONGEST_CODE else ""
    return ItemDraft(good.name[:_LONGEST_NAME], sku=code, rate=max(Decimal(product.get("Unit_Price") or 0), Decimal(0)))


def _made(good: Good[str], item_id: int) -> Fate:
    return Fate(Outcome.ADDED, Reason.NEW, Entity.ITEM, MODULE, good.id, good.name, item_id)


def _pair(desk: Desk, product: Good[str], item_id: int) -> None:
    """An item has one product; another one of its code or name is the item, too, and nobody's pair."""
    if links_of(desk.session, desk.connection_id, Entity.ITEM, [item_id]):
        return
    desk.add_links([
        desk.link_row(Entity.ITEM, item_id, MODULE, product.id, crm_name=product.name[:255], seen_run_id=None)
    ])  # fmt: skip
