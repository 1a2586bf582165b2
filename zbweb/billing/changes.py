"""What an edit really changes: compared before it is applied, so that the journal tells old and new.

A change is named by its column, or `custom.<key>` for a value of a custom field.
"""

import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from zbweb.errors import Invalid, Stale

Changes = dict[str, tuple[Any, Any]]
"""Field → (old, new)."""

CUSTOM = "custom."


def differences(row: Any, values: Mapping[str, Any]) -> Changes:
    """Those of `values` that differ from what the row holds; no custom value and an empty one are the same."""
    held = {name: _held(row, name) for name in values}
    return {name: (held[name], new) for name, new in values.items() if held[name] != new}


def apply(row: Any, changes: Changes) -> None:
    """Write the new values. `custom` is replaced, not edited in place, since the database watches for that."""
    custom = dict(row.custom) if any(name.startswith(CUSTOM) for name in changes) else None
    for name, (_, new) in changes.items():
        if custom is None or not name.startswith(CUSTOM):
            setattr(row, name, new)
        elif new is None:
            custom.pop(name.removeprefix(CUSTOM), None)
        else:
            custom[name.removeprefix(CUSTOM)] = new
    if custom is not None:
        row.custom = custom


def jsonable(changes: Changes) -> Changes:
    """The same for the journal, which keeps JSON: dates as text, decimals as text without idle zeros."""
    return {name: (_json(old), _json(new)) for name, (old, new) in changes.items()}


def ensure_current(row: Any, version: int | None) -> None:
    """Raise Stale if somebody saved the row after this `version` was read; None asks for no check."""
    if version is not None and row.version != version:
        raise Stale(
            "Somebody else saved this record while you were editing it. Open it again to see their changes, "
            "then make yours."
        )


def ensure_fits(model: Any, values: Mapping[str, Any]) -> None:
    """Raise Invalid for texts longer than their columns: PostgreSQL refuses them with words nobody understands."""
    columns = model.__table__.c
    too_long = {
        name: f"Use at most {columns[name].type.length} characters."
        for name, value in values.items()
        if isinstance(value, str) and name in columns and _length(columns[name]) < len(value)
    }
    if too_long:
        raise Invalid("A value is too long: " + ", ".join(sorted(too_long)) + ".", too_long)


def _held(row: Any, name: str) -> Any:
    if name.startswith(CUSTOM):
        return (row.custom or {}).get(name.removeprefix(CUSTOM))
    return getattr(row, name)


def _length(column: Any) -> int:
    length: int | None = getattr(column.type, "length", None)
    return sys.maxsize if length is None else length


def _json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
