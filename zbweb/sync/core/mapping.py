"""From a CRM record to billing values and back, by the rows of a mapping. Nothing else happens here.

A mapping is compiled once per run (`compile_rows`) and then applied to every record.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zbweb.sync.core.fields import ALWAYS_READ, BillingField, Table
from zbweb.sync.core.fieldtypes import TYPES, Unmappable, Value, can_read, can_write, to_crm
from zbweb.sync.core.reasons import Reason


@dataclass(frozen=True, slots=True)
class Row:
    """One compiled row: billing field ← CRM field. `writes` says whether it also goes the other way."""

    key: str
    label: str
    crm: str
    crm_type: str
    crm_length: int | None
    max_length: int | None
    required: bool
    writes: bool
    parse: Callable[[Any], Value]


@dataclass(frozen=True, slots=True)
class Issue:
    """Why a record cannot be mapped, and the field at fault."""

    reason: Reason
    field: str
    words: str


@dataclass(frozen=True, slots=True)
class CrmField:
    """What the mapping needs to know of a CRM field (api_name, data type, length, whether it can be written)."""

    api_name: str
    data_type: str
    length: int | None = None
    writable: bool = True


def compile_rows(
    chosen: Iterable[Mapping[str, str]], fields: Sequence[BillingField], crm_fields: Mapping[str, CrmField]
) -> list[Row]:
    """The usable rows of a mapping: those whose CRM field is gone, or of another type now, are left out.

    When several billing fields name one CRM field, the first of them is the one that is pushed.
    """
    by_key = {field.key: field for field in fields}
    rows: list[Row] = []
    pushed: set[str] = set()
    for choice in chosen:
        field, crm = by_key.get(choice["field"]), crm_fields.get(choice["crm"])
        if field is None:
            continue  # a custom field that was deleted here: nothing to fill
        if crm is None or not can_read(field.type, crm.data_type):
            continue
        writes = crm.writable and can_write(field.type, crm.data_type) and crm.api_name not in pushed
        if writes:
            pushed.add(crm.api_name)
        rows.append(_row(field, crm, writes=writes))
    return rows


def _row(field: BillingField, crm: CrmField, *, writes: bool) -> Row:
    return Row(
        key=field.key,
        label=field.label,
        crm=crm.api_name,
        crm_type=crm.data_type,
        crm_length=crm.length,
        max_length=field.max_length,
        required=field.required,
        writes=writes,
        parse=TYPES[field.type].parse,
    )


def to_local(record: Mapping[str, Any], rows: Sequence[Row]) -> tuple[dict[str, Value], Issue | None]:
    """The billing values of a CRM record, or the first issue that keeps it out.

    A field that is null is empty; a field that the record does not have at all was removed from the CRM
    or hidden from us, and leaves our value alone.
    """
    values: dict[str, Value] = {}
    for row in rows:
        if row.crm not in record and not row.required:
            continue
        try:
            value = row.parse(record.get(row.crm))
        except Unmappable as error:
            return values, Issue(Reason.INVALID_VALUE, row.label, str(error))
        if row.max_length is not None and isinstance(value, str) and len(value) > row.max_length:
            return values, _too_long(value, row)
        if row.required and value in ("", None):
            return values, Issue(Reason.MISSING_VALUE, row.label, f"{row.crm} is empty.")
        values[row.key] = value
    return values, None


def _too_long(value: str, row: Row) -> Issue:
    words = f"{len(value)} characters in {row.crm}; {row.label} holds {row.max_length}."
    return Issue(Reason.TOO_LONG, row.label, words)


def to_remote(values: Mapping[str, Value], rows: Sequence[Row]) -> tuple[dict[str, Any], Issue | None]:
    """The CRM's JSON for billing values, writable rows only, or the first issue that would be refused."""
    record: dict[str, Any] = {}
    for row in rows:
        if not row.writes or row.key not in values:
            continue
        value = to_crm(values[row.key], row.crm_type)
        if isinstance(value, str) and row.crm_length and len(value) > row.crm_length:
            words = f"{len(value)} characters in {row.label}; {row.crm} holds {row.crm_length}."
            return record, Issue(Reason.TOO_LONG_FOR_CRM, row.label, words)
        record[row.crm] = value
    return record, None


def crm_names(rows: Iterable[Row], always: Iterable[str]) -> list[str]:
    """The CRM fields to ask for, each once, in a stable order."""
    return list(dict.fromkeys([*always, *(row.crm for row in rows)]))


def fields_to_read(mapping: Mapping[Table, Sequence[Row]], crm_module: str) -> list[str]:
    """The fields of a CRM module that its tables map, and those the sync itself needs."""
    tables = [table for table in mapping if table.crm_module == crm_module]
    return crm_names(
        [row for table in tables for row in mapping[table]],
        [name for table in tables for name in ALWAYS_READ[table]],
    )
