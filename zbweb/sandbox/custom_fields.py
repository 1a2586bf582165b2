"""Fields that people or programs add to a module."""

import re
from dataclasses import replace
from typing import Any

from zbweb.sandbox.catalog import FIRST_RECORD_ID, add_custom_field
from zbweb.sandbox.schema import Field, Kind, Module
from zbweb.sandbox.state import Sandbox
from zbweb.sandbox.store import take_ids

MOST_CUSTOM_FIELDS = 300
CREATABLE = frozenset(
    {Kind.TEXT, Kind.TEXTAREA, Kind.EMAIL, Kind.PHONE, Kind.WEBSITE, Kind.PICKLIST, Kind.MULTIPICK, Kind.DATE,
     Kind.DATETIME, Kind.INTEGER, Kind.BIGINT, Kind.DOUBLE, Kind.CURRENCY, Kind.PERCENT, Kind.BOOLEAN, Kind.LOOKUP}
)  # fmt: skip
_FRACTIONS = frozenset({Kind.DOUBLE, Kind.CURRENCY, Kind.PERCENT})


class FieldRefused(Exception):
    """The field cannot be made; the attributes are what the wire says."""

    def __init__(self, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


def create_field(sandbox: Sandbox, module: Module, given: dict[str, Any], *, path: str = "$") -> Field:
    """Add a field as POST /settings/fields describes it (`field_label`, `data_type`, …). Raises FieldRefused."""
    field = _read(sandbox, module, given, path)
    with sandbox.store.write() as connection:
        number = take_ids(connection, "record", first=FIRST_RECORD_ID)
        made = replace(field, id=number)
        add_custom_field(connection, module, made)
    sandbox.refresh()
    return made


def _read(sandbox: Sandbox, module: Module, given: dict[str, Any], path: str) -> Field:
    label = given.get("field_label") or given.get("display_label")
    if not isinstance(label, str) or not label.strip():
        raise _refused("MANDATORY_NOT_FOUND", "required field not found", "field_label", path)
    if given.get("data_type") is None:
        raise _refused("MANDATORY_NOT_FOUND", "required field not found", "data_type", path)
    if given["data_type"] not in {kind.value for kind in CREATABLE}:
        raise _refused("INVALID_DATA", "invalid data", "data_type", path, expected_data_type="string")
    api_name = _free_name(module, label, path)
    kind = Kind(given["data_type"])
    choices = given.get("pick_list_values") or []
    return Field(
        api_name,
        kind,
        label=label.strip(),
        length=int(given.get("length") or 0),
        decimals=int(given.get("decimal_place", 2)) if kind in _FRACTIONS else None,
        choices=tuple(str(item.get("actual_value") or item.get("display_value")) for item in choices),
        target=_target(sandbox, given, kind, path),
        unique=bool(given.get("unique")),
        custom=True,
        searchable=kind in (Kind.TEXT, Kind.EMAIL, Kind.PHONE),
    )


def _free_name(module: Module, label: str, path: str) -> str:
    """`Outstanding Receivables` becomes `Outstanding_Receivables`; a label that is taken is refused."""
    name = re.sub(r"\W+", "_", label.strip(), flags=re.ASCII).strip("_") or f"Field{len(module.fields) + 1}"
    taken = {field.display_label.casefold() for field in module.fields}
    if name in module.by_name or label.strip().casefold() in taken:
        raise _refused("DUPLICATE_DATA", "duplicate data", "field_label", path)
    if sum(field.custom for field in module.fields) >= MOST_CUSTOM_FIELDS:
        due = [{"api_name": "field_label", "json_path": f"{path}.field_label"}]
        details = {"limit": MOST_CUSTOM_FIELDS, "limit_due_to": due}
        raise FieldRefused("LIMIT_EXCEEDED", "custom field limit exceeded", details)
    return name


def _target(sandbox: Sandbox, given: dict[str, Any], kind: Kind, path: str) -> str | None:
    if kind is not Kind.LOOKUP:
        return None
    name = ((given.get("lookup") or {}).get("module") or {}).get("api_name")
    if not sandbox.catalog.has_records(str(name)):
        raise _refused("INVALID_DATA", "invalid data", "lookup", path, expected_data_type="jsonobject")
    return str(name)


def _refused(code: str, message: str, api_name: str, path: str, **details: Any) -> FieldRefused:
    return FieldRefused(code, message, {"api_name": api_name, "json_path": f"{path}.{api_name}", **details})
