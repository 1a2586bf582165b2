"""Items as the CRM's products, on demand: found by SKU, then by name, else made.

Lines that were typed without an item share one product of ours and say in their description what they are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from zbweb.billing.models import Item
from zbweb.billing.words import Kind
from zbweb.crm import exactly
from zbweb.crm.port import Record, Verdict
from zbweb.db import db
from zbweb.sync.core.goods import Good, same_good
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import Refusal, refusal
from zbweb.sync.core.words import Direction, Entity, Outcome
from zbweb.sync.desk import Fate
from zbweb.sync.outbox.courier import Courier
from zbweb.sync.pairs import linked_crm_ids, links_of

MODULE = "Products"
OTHER_NAME, OTHER_CODE = "Other goods and services", "BILLING-OTHER"
OTHER_ID = 0
"""The id under which the product of lines without an item is linked; no item has it."""


@dataclass(frozen=True, slots=True)
class Products:
    """The CRM's product by item id (None: without an item), and why an item could not become one."""

    ids: Mapping[int | None, str]
    refused: Mapping[int | None, Refusal]


@dataclass(frozen=True, slots=True)
class _Wanted:
    item_id: int
    name: str
    code: str
    record: Record


def ensure(courier: Courier, kind: Kind, item_ids: Collection[int | None]) -> Products:
    """Products for all of these items; raises the CrmError of a CRM that could not be asked."""
    ids = {item_id or OTHER_ID for item_id in item_ids}
    linked = links_of(db.session(), courier.connection_id, Entity.ITEM, ids)
    known = {item_id: link.crm_id for item_id, link in linked.items()}
    missing = _wanted(ids - known.keys())
    refused: dict[int, Refusal] = {}
    if missing:
        found = _find(courier, missing)
        _link(courier, kind, [(each, found[each.item_id]) for each in missing if each.item_id in found], Reason.PAIRED)
        made, refused = _make(courier, kind, [each for each in missing if each.item_id not in found])
        known |= found | made
    return Products(
        {item_id or None: crm_id for item_id, crm_id in known.items()},
        {item_id or None: why for item_id, why in refused.items()},
    )


def _wanted(ids: Collection[int]) -> list[_Wanted]:
    items = db.session.scalars(select(Item).where(Item.id.in_(ids)).order_by(Item.id))
    wanted = [_Wanted(item.id, item.name, item.sku, _record(item)) for item in items]
    if OTHER_ID in ids:
        record = {"Product_Name": OTHER_NAME, "Product_Code": OTHER_CODE, "Product_Active": True}
        wanted.append(_Wanted(OTHER_ID, OTHER_NAME, OTHER_CODE, record))
    return wanted


def _record(item: Item) -> Record:
    record: Record = {"Product_Name": item.name, "Product_Active": item.active, "Unit_Price": item.rate}
    if item.sku:
        record["Product_Code"] = item.sku
    if item.description:
        record["Description"] = item.description
    return record


def _find(courier: Courier, wanted: Sequence[_Wanted]) -> dict[int, str]:
    columns = ("Product_Code", "Product_Name")
    there = [
        *exactly.having(courier.client, MODULE, "Product_Code", [each.code for each in wanted], columns=columns),
        *exactly.having(courier.client, MODULE, "Product_Name", [each.name for each in wanted], columns=columns),
    ]
    by_id = {str(record["id"]): record for record in there}
    taken = linked_crm_ids(db.session(), courier.connection_id, MODULE, by_id)
    free = [_good(record) for crm_id, record in sorted(by_id.items()) if crm_id not in taken]
    found: dict[int, str] = {}
    for each in wanted:
        product = same_good(Good(each.item_id, each.name, each.code), free)
        if product is not None:
            found[each.item_id] = product.id
            free.remove(product)
    return found


def _good(record: Record) -> Good[str]:
    return Good(str(record["id"]), record.get("Product_Name") or "", record.get("Product_Code") or "")


def _make(courier: Courier, kind: Kind, wanted: Sequence[_Wanted]) -> tuple[dict[int, str], dict[int, Refusal]]:
    if not wanted:
        return {}, {}
    trigger = courier.modules[kind].choices.fire_triggers
    verdicts = courier.client.insert(MODULE, [each.record for each in wanted], trigger=trigger)
    results = list(zip(wanted, verdicts, strict=True))
    made = {each.item_id: _id_of(verdict) for each, verdict in results if _id_of(verdict)}
    _link(courier, kind, [(each, made[each.item_id]) for each, _ in results if each.item_id in made], Reason.PUSHED_NEW)
    refused = {
        each.item_id: refusal(verdict.code, verdict.message, verdict.details)
        for each, verdict in results
        if each.item_id not in made
    }
    return made, refused


def _id_of(verdict: Verdict) -> str:
    """The product that was made, or the one that has the unique value already."""
    is_there = verdict.ok or verdict.code == "DUPLICATE_DATA"
    return verdict.crm_id or "" if is_there else ""


def _link(courier: Courier, kind: Kind, pairs: Sequence[tuple[_Wanted, str]], reason: Reason) -> None:
    if not pairs:
        return
    with courier.unit(kind) as desk:
        for each, crm_id in pairs:
            desk.add_links(
                [
                    desk.link_row(
                        Entity.ITEM, each.item_id, MODULE, crm_id, crm_name=each.name[:255], made_by="billing",
                        direction=Direction.OUT, seen_run_id=None,
                    )
                ]
            )  # fmt: skip
            if reason is Reason.PUSHED_NEW:
                desk.note(Fate(
                    Outcome.ADDED, reason, Entity.ITEM, MODULE, crm_id, each.name, each.item_id or None, Direction.OUT
                ))  # fmt: skip
