"""Find-and-merge: two records of one module become one, as people do who find a company entered twice."""

from zbweb.sandbox import queries, records
from zbweb.sandbox.queries import Row
from zbweb.sandbox.schema import Field, Kind, Module
from zbweb.sandbox.validation import BAD_ID
from zbweb.sandbox.work import Refused, Work


def merge(work: Work, module_name: str, survivor_id: int, *, duplicate_id: int) -> Row:
    """Everything that pointed at the duplicate points at the survivor afterwards; the duplicate is deleted.

    The survivor keeps its own values and takes the duplicate's where it has none. Raises Refused.
    """
    module = work.catalog.module(module_name)
    survivor = _existing(work, module, survivor_id)
    duplicate = _existing(work, module, duplicate_id)
    if survivor.id == duplicate.id:
        raise Refused("INVALID_DATA", "a record cannot be merged with itself", {"id": str(survivor.id)})
    _point_elsewhere(work, duplicate.id, survivor.id)
    records.delete(work, module_name, duplicate.id)
    survivor = _existing(work, module, survivor_id)
    return records.update(work, module_name, survivor.id, _gaps_filled(module, survivor, duplicate))


def _existing(work: Work, module: Module, record_id: int) -> Row:
    row = queries.get(work.connection, module.api_name, record_id)
    if row is None:
        raise Refused("INVALID_DATA", BAD_ID, {"id": str(record_id)})
    return row


def _point_elsewhere(work: Work, old: int, new: int) -> None:
    links = work.connection.execute("SELECT record_id, field FROM lookup WHERE target_id = ?", (old,)).fetchall()
    pointing = queries.by_ids(work.connection, [link["record_id"] for link in links])
    for link in links:
        other = pointing[link["record_id"]]
        target = None if other.id == new else {"id": str(new)}  # nothing points at itself
        records.update(work, other.module, other.id, {link["field"]: target})


def _gaps_filled(module: Module, survivor: Row, duplicate: Row) -> dict[str, object]:
    fields = (field for field in module.fields if _is_carried(field))
    return {
        field.api_name: duplicate.body[field.api_name]
        for field in fields
        if field.api_name in duplicate.body
        and field.api_name not in survivor.body
        and duplicate.body[field.api_name] != str(survivor.id)
    }


def _is_carried(field: Field) -> bool:
    return not field.read_only and field.kind not in (Kind.SUBFORM, Kind.OWNER) and field.api_name != "Tag"
